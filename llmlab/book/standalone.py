"""A single page with views, written without Sphinx: the same element and the same scripts."""

from __future__ import annotations

import html
from collections.abc import Iterable
from pathlib import Path

from llmlab.views import MIME, View, module_sources

from . import live, markup
from .assets import FOLDER, STYLE, VIEW_SCRIPT, write_assets


def element(view: View) -> str:
    """A view's element with its picture, as in the book."""
    bundle, _ = view._repr_mimebundle_()
    content = bundle[MIME]
    state = content["state"]
    digest = markup.version(module_sources()[content["esm"]])
    image = (
        f'<img alt="{markup.attribute(state["alt"])}" '
        f'src="data:image/png;base64,{bundle["image/png"]}">'
    )
    start = markup.view_start(content["esm"], markup.script_json(state), digest)
    return start + image + markup.END


def write_page(
    folder: Path, views: Iterable[View], title: str = "Views", models: Iterable[Path] = ()
) -> Path:
    """Write index.html and what it loads into a folder.

    Args:
        models: folders that ``export_web`` wrote, of the models that readers can run.

    Returns:
        The page's path; it opens from a file as well as from a server.
    """
    write_assets(folder / FOLDER)
    page = folder / "index.html"
    wake = ""
    if models := list(models):
        data = markup.attribute(live.publish(folder / FOLDER, models))
        wake = f'<script defer src="{FOLDER}/{live.SCRIPT}" data-live="{data}"></script>\n'
    body = "\n".join(element(view) for view in views)
    page.write_text(
        f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>{html.escape(title)}</title>
<link rel="stylesheet" href="{FOLDER}/{STYLE}">
{wake}<script defer src="{FOLDER}/{VIEW_SCRIPT}"></script>
<main>
{body}
</main>
</html>
""",
        encoding="utf-8",
    )
    return page
