"""What all views share: visible text, arrays as JSON, modules that stand alone, the bundle."""

from __future__ import annotations

import base64
import json
import re
import sys
import unicodedata
from pathlib import Path

import numpy as np
import pytest
import torch

from llmlab import views
from llmlab.views import MIME, VIEWS, AttentionView, array, module_sources, visible
from llmlab.views.base import percent
from tests.small_models import HOSTILE, small_trace

COMMON = (Path(views.__file__).parent / "common.js").read_text(encoding="utf-8")


@pytest.fixture
def common(page):
    """A function that evaluates an expression with the helpers of common.js in scope."""
    return lambda expression, argument=None: page.evaluate(
        f"(argument) => {{ {COMMON}\n return {expression}; }}", argument
    )


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("苹果", "苹果"),
        (" apple", "·apple"),
        ("\n\t\r", "⏎⇥␍"),
        ("\x00\x1b\x7f", "␀␛␡"),
        ("a\u200fb", "aU+200Fb"),
        ("\u3000\xa0", "U+3000U+00A0"),
        ("\ud800", "U+D800"),
        ("\U000e0041", "U+E0041"),
        ("\u0301", "◌\u0301"),
        ("e\u0301", "e\u0301"),
        ("\u3164", "U+3164"),
        ("<0xE5>", "<0xE5>"),
        ("", ""),
    ],
)
def test_visible(text, shown):
    assert visible(text) == shown


def test_visible_twice_is_visible_once():
    assert [visible(visible(text)) for text in HOSTILE] == [visible(text) for text in HOSTILE]


def test_visible_hides_nothing_of_any_character():
    for code in range(sys.maxunicode + 1):
        for char in visible(chr(code)):
            assert unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Co", "Zs", "Zl", "Zp")


def test_every_character_is_as_visible_in_the_page(common):
    script = "Array.from({ length: argument }, (_, c) => visible(String.fromCodePoint(c)))"
    in_page = common(f'{script}.join("\\n")', sys.maxunicode + 1).split("\n")
    different = [
        hex(code)
        for code, shown in enumerate(in_page)
        # Python and the browser may know different versions of Unicode.
        if unicodedata.category(chr(code)) != "Cn" and shown != visible(chr(code))
    ]
    assert not different


def test_visible_text_is_the_same_in_the_page(common):
    texts = [*HOSTILE, "我 爱\n北京", "👨‍👩‍👧 ok", "مرحبا\u200f"]
    # Code points cross as numbers: a lone surrogate has no place in the protocol's UTF-8.
    codes = [list(map(ord, text)) for text in texts]
    script = "argument.map((codes) => visible(String.fromCodePoint(...codes)))"
    assert common(script, codes) == list(map(visible, texts))


def test_percent_is_the_same_in_the_page(common):
    shares = [0.0, 1e-9, 0.00049, 0.0006, 0.0123, 0.75312, 0.99951, 1.0]
    assert common("argument.map((share) => percent(share))", shares) == list(map(percent, shares))
    assert percent(0.75312) == "75.3 %"
    assert percent(1e-9) == "< 0.1 %"


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_array_holds_the_numbers(dtype):
    values = torch.randn(3, 4, generator=torch.Generator().manual_seed(0))
    stored = array(values, dtype)
    assert stored["shape"] == [3, 4]
    assert stored["dtype"] == dtype
    read = np.frombuffer(base64.b64decode(stored["data"]), dtype=np.dtype(dtype).newbyteorder("<"))
    np.testing.assert_array_equal(read.reshape(3, 4), values.numpy().astype(dtype))


def test_array_takes_numpy_and_lists():
    assert array(np.array([[1, 2]])) == array([[1.0, 2.0]]) == array(torch.tensor([[1, 2]]))


def test_array_refuses_what_it_cannot_keep():
    with pytest.raises(ValueError, match="70000 does not fit float16.*float32"):
        array([70_000.0])
    with pytest.raises(ValueError, match="int8"):
        array([1.0], "int8")


def test_page_reads_every_half_precision_number(common):
    halves = np.arange(65536, dtype="<u2").view("<f2")
    stored = {
        "shape": [65536],
        "dtype": "float16",
        "data": base64.b64encode(halves.tobytes()).decode(),
    }
    read = np.array(common("[...decodeArray(argument).data].map(String)", stored), dtype=float)
    np.testing.assert_array_equal(read, halves.astype(float))


def test_page_reads_arrays_by_index(common):
    values = torch.arange(24.0).reshape(2, 3, 4) / 7
    for dtype in ("float16", "float32"):
        found = common("decodeArray(argument).at(1, 2, 3)", array(values, dtype))
        assert found == float(values.numpy().astype(dtype)[1, 2, 3])


def test_ink_is_readable_on_every_colour(common):
    """WCAG 2 asks for a contrast of 4.5 between text and what it stands on."""
    for theme in ("light", "dark"):
        for share in np.linspace(0, 1, 101).tolist():
            colour = common(f"rampColour(argument, '{theme}')", share)
            ink = 0 if common("inkOn(argument)", colour) == "#000000" else 255
            assert contrast(colour, [ink] * 3) >= 4.5


def test_ramp_is_told_apart_by_lightness(common):
    """So it can be read without seeing any hue."""
    shares = np.linspace(0, 1, 51).tolist()
    for theme, direction in (("light", -1), ("dark", 1)):
        colours = common(f"argument.map((share) => rampColour(share, '{theme}'))", shares)
        steps = np.diff([luminance(colour) for colour in colours])
        assert (direction * steps > 0).all()


def luminance(colour) -> float:
    """Relative luminance (WCAG 2.2)."""
    share = np.array(colour) / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def contrast(one, other) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_modules_stand_alone():
    sources = module_sources()
    assert set(sources) == {view._name for view in VIEWS}
    for source in sources.values():
        assert not re.search(r"^\s*import\b|\bimport\(", source, re.MULTILINE)
        assert "export default { render }" in source
        assert "innerHTML" not in source
        assert "http://" not in source.replace("http://www.w3.org/2000/svg", "")
        assert "https://" not in source


def test_bundle_has_the_widget_the_state_and_the_picture():
    view = AttentionView(small_trace())
    data, metadata = view._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in data
    assert base64.b64decode(data["image/png"]).startswith(b"\x89PNG")
    assert data[MIME]["esm"] == "attention"
    state = data[MIME]["state"]
    assert state["kernel"] is False
    assert view.kernel is True
    assert state["alt"] == view.alt() == metadata["image/png"]["alt"]
    assert json.loads(json.dumps(state)) == state
    assert not any(name.startswith("_") or name in ("layout", "tooltip") for name in state)


def test_stored_output_is_the_same_each_time():
    first, second = (AttentionView(small_trace())._repr_mimebundle_()[0] for _ in range(2))
    first.pop("application/vnd.jupyter.widget-view+json")
    second.pop("application/vnd.jupyter.widget-view+json")
    assert first == second
    assert "0x" not in first["text/plain"]


def test_state_of_hostile_tokens_is_whole_utf8():
    state = AttentionView(small_trace(HOSTILE)).state()
    json.dumps(state, ensure_ascii=False).encode("utf-8")  # as a kernel sends it
