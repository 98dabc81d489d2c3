"""Links from a directive's output to pages of the book."""

from __future__ import annotations

from docutils import nodes
from sphinx import addnodes
from sphinx.environment import BuildEnvironment


def chapter_link(env: BuildEnvironment, stem: str, text: str) -> addnodes.pending_xref:
    """A link to a page of ``chapters/``; the build warns where there is none."""
    return addnodes.pending_xref(
        "", nodes.inline("", text), refdomain="std", reftype="doc", reftarget=f"/chapters/{stem}",
        refdoc=env.docname, refexplicit=True, refwarn=True,
    )  # fmt: skip
