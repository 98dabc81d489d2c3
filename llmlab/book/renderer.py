"""Notebook outputs as Sphinx nodes: our views and plotly's charts.

Set by `nb_render_plugin: llmlab`. The nodes keep their data in attributes, not in text, so the
search index holds no base64.
"""

from __future__ import annotations

from docutils import nodes
from myst_nb.core.render import MimeData, NbElementRenderer
from sphinx.application import Sphinx
from sphinx.config import Config

from llmlab.views import MIME as VIEW_MIME
from llmlab.views import module_sources

from . import markup

PLOTLY_MIME = "application/vnd.plotly.v1+json"
HTML_BUILDERS = ("html", "dirhtml")


class ViewNode(nodes.General, nodes.Element):
    """A view: attributes `esm`, `state` (JSON for a script element) and `alt`."""


class ChartNode(nodes.General, nodes.Element):
    """A plotly chart: attribute `figure` (JSON for a script element)."""


class ElementRenderer(NbElementRenderer):
    """myst-nb's renderer, with views and charts added and ipywidgets' own scripts left out."""

    def render_mime_type(self, data: MimeData) -> list[nodes.Element]:
        """Render one mime type of an output."""
        if data.mime_type == VIEW_MIME:
            return [view_node(data.content)]
        if data.mime_type == PLOTLY_MIME:
            return [chart_node(data.content)]
        return super().render_mime_type(data)

    def render_nb_finalise(self, metadata: dict) -> None:
        """Emit nothing: no view goes through ipywidgets' manager, which is 4 MB from elsewhere."""


def view_node(content: dict) -> ViewNode:
    """The node of a view's mime value, {"esm": name, "state": {...}}."""
    state = content["state"]
    return ViewNode(
        esm=content["esm"], state=markup.script_json(state), alt=str(state.get("alt", ""))
    )


def chart_node(content: dict) -> ChartNode:
    """The node of a plotly figure; of its parts only those that draw."""
    parts = {key: content[key] for key in ("data", "layout", "config") if key in content}
    return ChartNode(figure=markup.script_json(parts))


def visit_view(translator, node: ViewNode) -> None:
    """Open a view's element; its picture, a child, follows."""
    source = module_sources().get(node["esm"], "")
    translator.body.append(
        markup.view_start(node["esm"], node["state"], markup.version(source))
    )


def visit_chart(translator, node: ChartNode) -> None:
    """Open a chart's element."""
    translator.body.append(markup.chart_start(node["figure"]))


def depart(translator, node: nodes.Element) -> None:
    """Close a view's or a chart's element."""
    translator.body.append(markup.END)


def prefer_ours(app: Sphinx, config: Config) -> None:
    """Put our mime types before all others, in HTML; other builders take the picture."""
    ours = [
        (builder, mime, place)
        for builder in HTML_BUILDERS
        for place, mime in enumerate((VIEW_MIME, PLOTLY_MIME), start=1)
    ]
    config.nb_mime_priority_overrides = [*config.nb_mime_priority_overrides, *ours]


def setup(app: Sphinx) -> None:
    """Register the nodes and the order of mime types."""
    app.add_node(ViewNode, html=(visit_view, depart))
    app.add_node(ChartNode, html=(visit_chart, depart))
    app.connect("config-inited", prefer_ours)
