"""The notebooks as they are written: what a build or a run of them does not notice."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest

NOTEBOOKS = sorted((Path(__file__).parent.parent / "chapters").glob("*.ipynb"))
DRAWS = re.compile(r"plt\.(subplots|figure)|\bFigure\(")
TITLE = re.compile(r"set_title|suptitle|\btitle=")
LIMIT = 300_000  # bytes: larger ones load slowly and are hard to review


def broken_fences(text: str) -> list[str]:
    """Lines that open a directive and hold another backtick, which ends it at once."""
    return [line for line in text.splitlines() if line.startswith("```{") and "`" in line[3:]]


def test_a_broken_fence_is_noticed():
    assert broken_fences("```{dropdown} What is `<bos>`?\ntext\n```") != []
    assert broken_fences("```{dropdown} What is it?\na `word`\n```") == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_small_and_its_figures_have_titles(path):
    assert path.stat().st_size <= LIMIT
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "markdown":
            assert not broken_fences(cell.source), cell.id
        elif DRAWS.search(cell.source):
            assert TITLE.search(cell.source), f"{cell.id} draws a figure without a title"
