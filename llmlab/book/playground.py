"""The directive `playground`: where the form goes that drives all views of a page.

    ```{playground} 我爱北京天安
    ```

Its argument is the text to begin with. Without scripts the page shows its stored runs.
"""

from __future__ import annotations

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from . import markup

STILL = "Without scripts, or in a site without models, the views below show one stored run."


class PlaygroundNode(nodes.General, nodes.Element):
    """The form's place: attribute `text`."""


class PlaygroundDirective(SphinxDirective):
    """Reads the text."""

    optional_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        return [PlaygroundNode(text=(self.arguments or [""])[0])]


def visit(translator, node: PlaygroundNode) -> None:
    """Write the place, with a sentence that the form replaces."""
    text = markup.attribute(node["text"])
    place = f'<div class="llmlab-playground" data-text="{text}"><p>{STILL}</p>{markup.END}'
    translator.body.append(place)
    raise nodes.SkipNode


def skip(translator, node: PlaygroundNode) -> None:
    """Nothing, where there are no scripts to run it."""
    raise nodes.SkipNode


def setup(app: Sphinx) -> None:
    """Register the directive."""
    app.add_node(PlaygroundNode, html=(visit, None), latex=(skip, None), text=(skip, None))
    app.add_directive("playground", PlaygroundDirective)
