"""NormView in Python: its state, picture and words, and what it refuses."""

import io
import json
import math

import pytest
import torch
from PIL import Image
from torch import nn

from llmlab.views.base import MIME
from llmlab.views.norm import NormView
from tests.small_models import HOSTILE

SCALE, SHIFT = [2.0, 1.0, 0.5, -1.0], [0.0, 0.5, -2.0, 1.0]


@pytest.fixture
def view():
    return NormView([9, 3, 3, 1], weight=SCALE, bias=SHIFT, examples={"equal": [3, 3, 3, 3]})


def test_state_is_plain_and_whole(view):
    state = view.state()
    assert json.loads(json.dumps(state)) == state
    assert state["numbers"] == [9, 3, 3, 1] and state["weight"] == SCALE and state["bias"] == SHIFT
    assert state["eps"] == 1e-5 and state["limits"] == [-10, 10]
    assert state["examples"] == [{"name": "equal", "numbers": [3, 3, 3, 3]}]
    assert not any(name.startswith("_") for name in state)
    plain = NormView(torch.tensor([1.0, -2.0]), limits=(-3, 3)).state()
    assert plain["weight"] == [1, 1] and plain["bias"] == [0, 0] and plain["limits"] == [-3, 3]


def test_the_result_is_torchs(view):
    x = torch.tensor([9.0, 3.0, 3.0, 1.0], dtype=torch.float64)
    layer, rms = nn.LayerNorm(4, eps=1e-5).double(), nn.RMSNorm(4, eps=1e-5).double()
    with torch.no_grad():
        torch.testing.assert_close(view.result.standard, layer(x))
        torch.testing.assert_close(view.result.unit, rms(x))
        layer.weight.copy_(torch.tensor(SCALE))
        layer.bias.copy_(torch.tensor(SHIFT))
        rms.weight.copy_(torch.tensor(SCALE))
        torch.testing.assert_close(view.result.layer_norm, layer(x))
        torch.testing.assert_close(view.result.rms_norm, rms(x))
    assert (view.result.mean, view.result.variance, view.result.mean_square) == (4, 9, 25)


def test_words_have_the_numbers(view):
    assert view.alt() == (
        "The numbers 9, 3, 3, 1: mean 4, variance 9, deviation 3, root mean square 5. LayerNorm "
        "gives 3.333, 0.1667, −2.167, 2; RMSNorm gives 3.6, 0.6, 0.3, −0.2."
    )
    view.numbers, view.eps = [3, 3, 3, 3], 0.0
    assert "LayerNorm gives not a number, not a number" in view.alt()
    assert repr(view) == "<NormView of 4 numbers>"


def test_picture_is_the_same_each_time(view):
    picture = view.picture()
    assert picture == view.picture() and len(picture) < 40_000
    assert Image.open(io.BytesIO(picture)).format == "PNG"
    view.numbers = [900, 3, 3, 1]
    assert view.picture() != picture
    for numbers in ([0.0] * 8, [3.0, 3.0], [-1e6, 1e-6]):
        assert NormView(numbers, eps=0.0).picture().startswith(b"\x89PNG")
    bundle, metadata = view._repr_mimebundle_()
    assert bundle[MIME]["esm"] == "norm"
    assert metadata["image/png"]["alt"] == view.alt()


def test_hostile_names_travel_as_text():
    view = NormView([1.0, 2.0], examples={name: [3.0, 4.0] for name in HOSTILE})
    state = json.dumps(view.state(), ensure_ascii=False)
    state.encode("utf-8")  # a lone surrogate would not pass
    assert not any(char in state for char in "\0\u202e")


@pytest.mark.parametrize(
    ("numbers", "options", "message"),
    [
        ([1], {}, "1 numbers were given; the view has room for 2 to 8"),
        ([1] * 9, {}, "9 numbers were given"),
        ([1, math.inf], {}, "values of numbers must be finite numbers, not inf"),
        ([1, "2"], {}, "must be finite numbers, not '2'"),
        ([1, 2], dict(weight=[1]), "1 values of weight were given; there must be 2"),
        ([1, 2], dict(bias=[1, 2, 3]), "3 values of bias were given; there must be 2"),
        ([1, 2], dict(eps=-1e-5), "eps must be a number from 0, not -1e-05"),
        ([1, 2], dict(eps=math.nan), "eps must be a number from 0, not nan"),
        ([1, 2], dict(limits=(1, 1)), r"limits are \(least, most\), not \(1.0, 1.0\)"),
        ([1, 2], dict(examples={"a": [1]}), "1 numbers of an example were given"),
    ],
)
def test_bad_input_is_told_in_one_sentence(numbers, options, message):
    with pytest.raises(ValueError, match=message):
        NormView(numbers, **options)


def test_wrong_changes_are_refused(view):
    for name in ("numbers", "weight", "bias"):
        with pytest.raises(ValueError, match=f"3 values of {name} were given"):
            setattr(view, name, [1, 2, 3])
    assert view.numbers == [9, 3, 3, 1]
