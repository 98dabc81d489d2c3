"""The list of references is made of the chapters' own lines."""

import pytest

from llmlab.book.references import collect, family_name, works_in
from tests.conftest import ROOT

LINES = """## References

- Guy L. Steele Jr., Doug Lea (2014). *Fast Splittable Generators*. OOPSLA 2014. SplitMix64.
- Vaswani et al. (2017). *Attention Is All You Need.* arXiv:1706.03762.
"""


def test_a_line_is_authors_year_title_and_place():
    first, second = works_in(LINES)
    assert (first.authors, first.year, first.where) == ("Guy L. Steele Jr., Doug Lea", 2014, "")
    assert (second.title, second.where) == ("Attention Is All You Need", "arXiv:1706.03762")


def test_another_line_is_named():
    with pytest.raises(ValueError, match="'- A paper of 2017' is no reference"):
        works_in("## References\n\n- A paper of 2017")


@pytest.mark.parametrize(
    "authors, name",
    [
        ("Guy L. Steele Jr., Doug Lea", "steele"),
        ("Vaswani et al.", "vaswani"),
        ("nostalgebraist", "nostalgebraist"),
        ("Ofir Press and others", "press"),
        ("Gemma Team, Google DeepMind", "gemma"),
    ],
)
def test_family_names(authors, name):
    assert family_name(authors) == name


def test_every_chapter_is_read_and_a_work_of_many_stands_once():
    chapters = sorted((ROOT / "chapters").glob("*.ipynb"))
    works = collect(chapters)
    attention = [work for work in works if work.where == "arXiv:1706.03762"]
    assert len(attention) == 1 and len(attention[0].chapters) >= 5
    assert "Vaswani" in attention[0].authors and "Polosukhin" in attention[0].authors
    used = {chapter for work in works for chapter in work.chapters}
    assert used == {path.stem for path in chapters} - {"playground"}  # which cites nothing
    assert [family_name(work.authors) for work in works] == sorted(
        family_name(work.authors) for work in works
    )
