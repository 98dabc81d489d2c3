"""A view's picture, with its alt text, inside the view's element.

It is what stands there until the view is drawn, and all that stands there where scripts are off.
"""

from __future__ import annotations

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform

from .renderer import ChartNode, ViewNode


def is_bundle(node: nodes.Node) -> bool:
    """Whether a node holds one output in several mime types."""
    return isinstance(node, nodes.container) and node.get("nb_element") == "mime_bundle"


def put_picture(bundle: nodes.container) -> None:
    """Move the PNG of a bundle into the view or the chart beside it."""
    by_mime = {child["mime_type"]: child for child in bundle.children}
    ours = next(bundle.findall(lambda n: isinstance(n, (ViewNode, ChartNode))), None)
    png = by_mime.get("image/png")
    if ours is None or png is None or not png.children:
        return
    picture = png.children[0].deepcopy()
    alt = ours.get("alt", "")
    if alt:
        picture["alt"] = alt.encode("utf-8", "backslashreplace").decode()
    ours.append(picture)


class PutPictures(SphinxPostTransform):
    """Runs before myst-nb's SelectMimeType (priority 4), which drops all but one mime type."""

    default_priority = 3
    formats = ("html",)

    def run(self, **kwargs: object) -> None:
        """Treat every output of the page."""
        for bundle in list(self.document.findall(is_bundle)):
            put_picture(bundle)


def setup(app: Sphinx) -> None:
    """Register the transform."""
    app.add_post_transform(PutPictures)
