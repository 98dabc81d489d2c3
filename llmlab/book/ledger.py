"""The ledger's tables: a directive that turns the claims of one document into a table.

    ```{ledger} A
    ```

writes how many of document A's claims have each verdict, and a table of them; without a letter, the
counts of all documents. Every cell is made of nodes, so that no text of the file is read as markup.
On a phone each row is a card, whose cells bring their headings along (`static/llmlab.css`).
"""

from __future__ import annotations

from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from llmlab.ledger import Claim, Ledger, read
from llmlab.ledger.claims import CHAPTERS, counts

from .links import chapter_link

COLUMNS = ("Claim", "How it was tested", "Measured", "Verdict")
WIDTHS = (27, 25, 28, 20)


class LedgerDirective(SphinxDirective):
    """`ledger`: the counts of all claims; `ledger A`: counts and table of document A's."""

    optional_arguments = 1
    has_content = False

    def run(self) -> list[nodes.Node]:
        path = Path(self.env.srcdir, "chapters", "claims.yaml")
        self.env.note_dependency(str(path))
        self.env.note_dependency(str(Path(self.env.srcdir, "_toc.yml")))  # which chapters are there
        try:
            ledger = read(path)
            claims = ledger.of(self.arguments[0]) if self.arguments else ledger.claims
        except (ValueError, OSError) as error:
            raise self.error(str(error)) from error
        if not self.arguments:
            return [self.paragraph(summary(ledger))]
        return [self.paragraph(f"{len(claims)} claims: {in_words(claims)}."), self.table(claims)]

    def table(self, claims: tuple[Claim, ...]) -> nodes.table:
        table = nodes.table(classes=["llmlab-ledger", "colwidths-given"])
        group = nodes.tgroup(cols=len(COLUMNS))
        group += [nodes.colspec(colwidth=width) for width in WIDTHS]
        head = nodes.row("", *(nodes.entry("", self.paragraph(name)) for name in COLUMNS))
        group += nodes.thead("", head)
        group += nodes.tbody("", *map(self.row, claims))
        table += group
        return table

    def row(self, claim: Claim) -> nodes.row:
        said = nodes.entry("", self.paragraph(claim.claim), self.chapters(claim))
        how = self.labelled(COLUMNS[1] if claim.measure else "It would take", claim.how)
        if claim.measure:
            how += nodes.paragraph("", "", nodes.literal("", claim.measure), classes=["measure"])
        found = self.labelled(COLUMNS[2] if claim.measure else "Why not", claim.found)
        kind = claim.verdict.replace(" ", "-")
        verdict = nodes.inline("", claim.verdict, classes=["llmlab-verdict", f"verdict-{kind}"])
        last = nodes.entry("", nodes.paragraph("", "", verdict))
        row = nodes.row("", said, how, found, last, ids=[claim.id])
        self.state.document.note_explicit_target(row)
        return row

    def labelled(self, label: str, text: str) -> nodes.entry:
        """A cell with the heading that it shows where the table has none, on a phone."""
        heading = nodes.inline("", f"{label}: ", classes=["llmlab-label"])
        return nodes.entry("", self.paragraph(text, heading))

    def chapters(self, claim: Claim) -> nodes.paragraph:
        """The row's chapters and its own address."""
        parts: list[nodes.Node] = []
        for stem in claim.chapters:
            parts += [self.chapter(stem), nodes.Text(" · ")]
        address = nodes.reference("", f"#{claim.id}", refid=claim.id, internal=True)
        return nodes.paragraph("", "", *parts, address, classes=["llmlab-chapters"])

    def chapter(self, stem: str) -> nodes.Node:
        """A link where the chapter is in the book; its name where it is still to come."""
        if f"chapters/{stem}" not in self.env.found_docs:
            return nodes.inline("", CHAPTERS[stem])
        return chapter_link(self.env, stem, CHAPTERS[stem])

    def paragraph(self, text: str, before: nodes.Node | None = None) -> nodes.paragraph:
        paragraph = nodes.paragraph(text, "", *([before] if before else []), nodes.Text(text))
        self.set_source_info(paragraph)
        return paragraph


def summary(ledger: Ledger) -> str:
    """How many claims there are, and how many of each verdict."""
    measures = {claim.measure for claim in ledger.claims if claim.measure}
    return (
        f"{len(ledger.claims)} claims of {len(ledger.documents)} documents, tested by "
        f"{len(measures)} measurements: {in_words(ledger.claims)}."
    )


def in_words(claims: tuple[Claim, ...]) -> str:
    """The counts by verdict: "12 hold, 3 hold in kind, 5 are corrected, 1 not tested"."""
    verbs = {"holds": ("holds", "hold"), "holds in kind": ("holds in kind", "hold in kind"),
             "corrected": ("is corrected", "are corrected"),
             "not tested": ("could not be tested", "could not be tested")}  # fmt: skip
    parts = [
        f"{n} {verbs[verdict][n != 1]}" for verdict, n in counts(claims).items() if n
    ]
    return ", ".join(parts)


def setup(app: Sphinx) -> None:
    """Register the directive."""
    app.add_directive("ledger", LedgerDirective)
