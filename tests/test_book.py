"""The book's side of Sphinx: markup of views and charts, formulas, icons, launch button."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser
from pathlib import Path
from textwrap import dedent

import pytest
from fontTools.ttLib import TTFont

from llmlab.book import assets, font, icons, launch, markup, mathml

HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "</script><script>alert(1)</script>",
    "<!--",
    "${alert(1)}",
    "\u202eright to left\u202c",
    "\x00",
    "\ud800",
    "\u2028",
    '" onload="alert(1)',
    "a & b &lt; c",
]


class Elements(HTMLParser):
    """The tags of a text, and the data of its script elements, as a browser reads them."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict]] = []
        self.data = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.data += data


@pytest.mark.parametrize("text", HOSTILE)
def test_state_is_data_and_comes_back_whole(text: str) -> None:
    state = {"tokens": [text], "alt": text}
    written = markup.view_start("attention", markup.script_json(state)) + markup.END
    parsed = Elements(written)
    assert [tag for tag, _ in parsed.tags] == ["div", "script"]
    assert json.loads(parsed.data) == state
    written.encode("utf-8")  # no lone surrogate, which no file could hold


@pytest.mark.parametrize("text", [t for t in HOSTILE if t != "\ud800"])
def test_attribute_comes_back_whole(text: str) -> None:
    parsed = Elements(f'<img alt="{markup.attribute(text)}">')
    assert parsed.tags == [("img", {"alt": text})]


def test_version_follows_the_source() -> None:
    assert markup.version("a") != markup.version("b")
    assert markup.version("a") == markup.version("a")


FORMULAS = [
    r"\mathrm{softmax}\left(\frac{QK^\top}{\sqrt{d_k}}\right)V",
    r"\begin{pmatrix} 1 & 0 \\ 0.4 & 0.6 \end{pmatrix}",
    r"\begin{aligned} q &= x W_Q \\ k &= x W_K \end{aligned}",
    r"\sum_{i=1}^{n} p_i = 1",
    r"\text{<img src=x onerror=alert(1)>} < 1",
    r"P(\text{门} \mid \text{我爱北京天安}) = 0.972",
]


def parse_mathml(written: str) -> ElementTree.Element:
    """The formula as a tree; fails where it is not well-formed."""
    return ElementTree.fromstring(written.replace("&ApplyFunction;", "\u2061"))


@pytest.mark.parametrize("latex", FORMULAS)
@pytest.mark.parametrize("display", [True, False])
def test_formula_is_well_formed_mathml(latex: str, display: bool) -> None:
    tree = parse_mathml(mathml.to_mathml(latex, display))
    assert tree.tag == "math"
    assert not list(tree.iter("img"))
    assert tree.find(".//annotation").text == latex  # what is copied is the formula as written


def test_matrix_has_its_cells() -> None:
    tree = parse_mathml(mathml.to_mathml(FORMULAS[1], display=True))
    cells = ["".join(cell.itertext()) for cell in tree.iter("mtd")]
    assert cells == ["1", "0", "0.4", "0.6"]


def test_lines_are_aligned_without_an_environment() -> None:
    tree = parse_mathml(mathml.to_mathml(r"a &= 1 \\ b &= 2", display=True))
    assert len(list(tree.iter("mtr"))) == 2


def test_formula_has_no_number_of_its_own() -> None:
    latex = r"\begin{align} a &= 1 \\ b &= 2 \end{align}"
    formula = parse_mathml(mathml.to_mathml(latex, display=True)).find("semantics")[0]
    assert "".join(formula.itertext()) == "a=1b=2"


@pytest.mark.parametrize(("latex", "accent"), [(r"\vec{v}", "→"), (r"\overline{x}", "‾")])
def test_accents_are_spacing_characters(latex: str, accent: str) -> None:
    tree = parse_mathml(mathml.to_mathml(latex, display=False))
    assert tree.find(".//mover/mo").text == accent


@pytest.mark.parametrize("latex", [r"\frac{a", r"\nosuchcommand", "a & b"])
def test_unreadable_formula_is_named(latex: str) -> None:
    with pytest.raises(ValueError, match=re.escape(repr(latex))):
        mathml.to_mathml(latex, display=False)


def test_font_has_what_formulas_use() -> None:
    cut = TTFont(io.BytesIO(font.math_font()))
    assert "MATH" in cut, "without a MATH table brackets and roots do not stretch"
    written = "".join(
        "".join(parse_mathml(mathml.to_mathml(latex, True)).find("semantics")[0].itertext())
        for latex in FORMULAS
    )
    drawn = {c for c in written if not "\u4e00" <= c <= "\u9fff"}  # Chinese: the reader's fonts
    italic = {chr(0x1D434 + i) for i in range(26)} - {"\U0001d455"}  # an <mi>'s letter is italic
    missing = (drawn | italic) - {chr(code) for code in cut.getBestCmap()}
    assert not missing


def test_icon_script_is_cut_from_the_installed_theme() -> None:
    template = icons.theme_template()
    changed = icons.without_script(template)
    assert "fontawesome.js" not in changed
    assert "bootstrap.js" in changed
    with pytest.raises(RuntimeError, match="pin pydata-sphinx-theme"):
        icons.without_script(changed)


@pytest.mark.parametrize(
    ("remote", "address"),
    [
        ("https://github.com/a-b/c.d.git\n", "https://github.com/a-b/c.d"),
        ("git@github.com:a/b.git", "https://github.com/a/b"),
        ("ssh://git@github.com/a/b", "https://github.com/a/b"),
        ("https://user@example.org/a/b", ""),
        ("/srv/git/book.git", ""),
        ("", ""),
    ],
)
def test_repository_address(remote: str, address: str) -> None:
    assert launch.github_address(remote) == address


def test_repository_named_by_github(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GITHUB_REPOSITORY", "someone/fork")
    assert launch.repository_address(tmp_path) == "https://github.com/someone/fork"
    monkeypatch.delenv("GITHUB_REPOSITORY")
    assert launch.repository_address(tmp_path) == ""


def test_module_is_handed_over_as_text(tmp_path: Path) -> None:
    source = 'export default { render() { return "</script>\u2028\\n`${1}`"; } };'
    assets.write_modules(tmp_path, {"some": source})
    written = (tmp_path / "esm" / "some.js").read_text(encoding="utf-8")
    arguments = re.fullmatch(r"llmlabRegister\((.*)\);\n", written, re.DOTALL)[1]
    assert json.loads(f"[{arguments}]") == ["some", source]


# A book of one notebook, built by Sphinx itself ------------------------------------------------

CONF = """
extensions = ["myst_nb", "llmlab.book"]
html_theme = "sphinx_book_theme"
html_context = {"default_mode": "auto"}  # the theme logs an error where it is not said
html_math_renderer = "mathml"
nb_render_plugin = "llmlab"
nb_execution_mode = "off"
myst_enable_extensions = ["dollarmath", "amsmath"]
"""

# The smallest PNG: one transparent pixel.
PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5E"
    "rkJggg=="
)


def output(**data: object) -> dict:
    """A code cell with one output."""
    shown = {"output_type": "display_data", "metadata": {}, "data": data}
    return {
        "cell_type": "code",
        "execution_count": 1,
        "id": f"cell-{len(str(data))}",
        "metadata": {},
        "source": "view",
        "outputs": [shown],
    }


def build(source: Path, target: Path, *options: str) -> subprocess.CompletedProcess:
    """Run Sphinx over a folder, with CONF as its configuration; a warning is an error."""
    (source / "conf.py").write_text(dedent(CONF))
    command = [sys.executable, "-m", "sphinx", "-W", "-q", *options, str(source), str(target)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a built book with a view, a chart and formulas in one page."""
    source = tmp_path_factory.mktemp("source")
    tokens = [text for text in HOSTILE if text != "\ud800"]  # a notebook file cannot hold it
    state = {"kernel": False, "alt": HOSTILE[0], "tokens": tokens}
    view = {"esm": "attention", "state": state}
    chart = {"data": [{"type": "bar", "y": [1, 2]}], "layout": {"title": {"text": HOSTILE[1]}}}
    text = "# Title\n\nText $x^2$ and\n\n$$\na < b\n$$ (small)\n\nsee {eq}`small`."
    cells = [
        {"cell_type": "markdown", "id": "a", "metadata": {}, "source": text},
        output(
            **{
                "application/vnd.llmlab.view+json": view,
                "application/vnd.jupyter.widget-view+json": {"model_id": "m", "version_major": 2},
                "image/png": PIXEL,
                "text/plain": "<AttentionView>",
            }
        ),
        output(**{"application/vnd.plotly.v1+json": chart}),
    ]
    python = {"language_info": {"name": "python", "pygments_lexer": "ipython3"}}
    notebook = {"nbformat": 4, "nbformat_minor": 5, "metadata": python, "cells": cells}
    (source / "index.ipynb").write_text(json.dumps(notebook))
    target = tmp_path_factory.mktemp("built")
    result = build(source, target, "-n")
    assert result.returncode == 0, result.stderr
    return target


def test_built_view_holds_its_state_and_picture(built: Path) -> None:
    page = Elements((built / "index.html").read_text(encoding="utf-8"))
    views = [a for tag, a in page.tags if a.get("class") == "llmlab-view"]
    assert [view["data-esm"] for view in views] == ["attention"]
    pictures = [a for tag, a in page.tags if tag == "img" and a["src"].startswith("_images/")]
    assert [picture["alt"] for picture in pictures] == [HOSTILE[0]]
    assert (built / pictures[0]["src"]).exists()
    assert not [a for tag, a in page.tags if "onerror" in a]


def test_built_page_loads_only_what_it_uses(built: Path) -> None:
    page = Elements((built / "index.html").read_text(encoding="utf-8"))
    scripts = [a["src"].split("?")[0] for tag, a in page.tags if tag == "script" and "src" in a]
    assert "_static/llmlab/views.js" in scripts
    assert "_static/llmlab/charts.js" in scripts
    assert not [s for s in scripts if "fontawesome" in s or "plotly" in s or s.startswith("http")]
    search = Elements((built / "search.html").read_text(encoding="utf-8"))
    names = [a.get("src", "").split("?")[0] for tag, a in search.tags if tag == "script"]
    assert "_static/llmlab/views.js" not in names
    assert (built / "_static/llmlab/plotly.min.js").exists()
    assert not list((built / "_static").glob("**/*.map"))


def test_built_formulas(built: Path) -> None:
    page = (built / "index.html").read_text(encoding="utf-8")
    assert page.count("<math") == 2
    assert re.search(r'<span class="eqno">\(1\)', page)


def test_search_index_holds_no_state(built: Path) -> None:
    assert "onerror" not in (built / "searchindex.js").read_text(encoding="utf-8")


def test_formula_that_cannot_be_read_fails_the_build(tmp_path: Path) -> None:
    (tmp_path / "index.md").write_text("# Title\n\n$\\nosuchcommand$\n")
    result = build(tmp_path, tmp_path / "out")
    assert result.returncode != 0
    assert "cannot read the formula" in result.stderr
    assert "index.md:3" in result.stderr
