"""The directive ``chapter-references``: one list of all works that the chapters refer to.

A chapter ends in a section "References", a work a line: authors (year). *Title*. Where it
appeared. What it is for. The list is made of these lines when the book is built.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from .links import chapter_link

LINE = re.compile(r"- (?P<authors>.+?) \((?P<year>\d{4})\)\. \*(?P<title>.+?)\*[.,]? ?(?P<rest>.*)")
ARXIV = re.compile(r"arXiv:\d{4}\.\d{4,5}")


@dataclass
class Work:
    """One work, and the chapters that refer to it by their file names."""

    authors: str
    year: int
    title: str
    where: str  # an arXiv number, or nothing
    chapters: list[str] = field(default_factory=list)

    @property
    def key(self) -> str:
        """What is the same in two lines about one work."""
        return re.sub(r"\W", "", self.title).casefold()


def works_in(markdown: str) -> list[Work]:
    """The works of a section "References".

    Raises:
        ValueError: a line of it that is not of the form above.
    """
    found = []
    for line in markdown.partition("## References")[2].splitlines():
        if line.startswith("- "):
            match = LINE.fullmatch(line.strip())
            if match is None:
                raise ValueError(
                    f"{line!r} is no reference; expected - authors (year). *title*. where it is"
                )
            arxiv = ARXIV.search(match["rest"])
            where = arxiv[0] if arxiv else ""
            title = match["title"].removesuffix(".")
            found.append(Work(match["authors"], int(match["year"]), title, where))
    return found


def collect(notebooks: Iterable[Path]) -> list[Work]:
    """The works of all chapters, each once, by the first author's family name and year."""
    works: dict[str, Work] = {}
    for path in notebooks:
        for cell in nbformat.read(path, as_version=4).cells:
            if cell.cell_type == "markdown" and "## References" in cell.source:
                for work in works_in(cell.source):
                    known = works.setdefault(work.key, work)
                    known.authors = max(known.authors, work.authors, key=len)
                    known.where = known.where or work.where
                    if path.stem not in known.chapters:
                        known.chapters.append(path.stem)
    return sorted(works.values(), key=lambda work: (family_name(work.authors), work.year))


def family_name(authors: str) -> str:
    """Of the first author, to sort by."""
    first = re.split(r",| and ", authors)[0].removesuffix(" et al.")
    words = [word for word in first.split() if word not in ("Jr.", "Sr.", "Team")]
    return words[-1].casefold()


class ChapterReferences(SphinxDirective):
    """``{chapter-references}``, without arguments."""

    def run(self) -> list[nodes.Node]:
        chapters = Path(self.env.srcdir) / "chapters"
        paths = [chapters / f"{Path(name).name}.ipynb" for name in sorted(self.env.found_docs)]
        paths = [path for path in paths if path.exists()]
        for path in paths:
            self.env.note_dependency(str(path))
        listed = nodes.bullet_list()
        for work in collect(paths):
            listed += nodes.list_item("", self._paragraph(work))
        return [listed]

    def _paragraph(self, work: Work) -> nodes.paragraph:
        paragraph = nodes.paragraph("", f"{work.authors} ({work.year}). ")
        paragraph += nodes.emphasis("", work.title)
        paragraph += nodes.Text(". ")
        if work.where:
            address = f"https://arxiv.org/abs/{work.where.removeprefix('arXiv:')}"
            paragraph += nodes.reference("", work.where, refuri=address)
            paragraph += nodes.Text(". ")
        paragraph += nodes.Text("In ")
        for number, chapter in enumerate(work.chapters):
            if number:
                paragraph += nodes.Text(", ")
            paragraph += chapter_link(self.env, chapter, label(chapter))
        paragraph += nodes.Text(".")
        return paragraph


def label(chapter: str) -> str:
    """A chapter in a few letters: "chapter 7", or the page's name."""
    number = re.match(r"(\d+)_", chapter)
    return f"chapter {int(number[1])}" if number else chapter.replace("_", " ")


def setup(app: Sphinx) -> None:
    """Register the directive."""
    app.add_directive("chapter-references", ChapterReferences)
