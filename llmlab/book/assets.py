"""The files a page loads, written into the site from installed packages.

Each module of a view is written once for the whole site and loaded by the pages that show it.
"""

from __future__ import annotations

import importlib.resources
import json
import shutil
from collections.abc import Iterable
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx

from llmlab.views import module_sources

from .font import write_math_font
from .renderer import HTML_BUILDERS, ChartNode, ViewNode

STATIC = Path(__file__).parent / "static"
FOLDER = "llmlab"  # under _static
STYLE = "llmlab.css"
VIEW_SCRIPT = "views.js"
CHART_SCRIPT = "charts.js"
SEARCH_SCRIPT = "search.js"
OFFLINE_SCRIPT = "offline.js"
PLOTLY = "plotly.min.js"


def write_modules(folder: Path, sources: dict[str, str]) -> None:
    """Write each module as a classic script that hands its text over.

    `<script type="module" src>` and `import` are blocked on file://; a classic script is not, and
    its text can be imported from a blob.
    """
    target = folder / "esm"
    target.mkdir(parents=True, exist_ok=True)
    for name, source in sources.items():
        call = f"llmlabRegister({json.dumps(name)},{json.dumps(source)});\n"
        (target / f"{name}.js").write_text(call, encoding="utf-8")


def write_assets(folder: Path, sources: dict[str, str] | None = None) -> None:
    """Write what every page with views needs into a folder.

    Args:
        folder: made if it is not there.
        sources: modules by name; those of llmlab.views unless given.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name in (STYLE, VIEW_SCRIPT, CHART_SCRIPT, SEARCH_SCRIPT, OFFLINE_SCRIPT):
        shutil.copy(STATIC / name, folder)
    write_modules(folder, module_sources() if sources is None else sources)
    write_math_font(folder)


def write_plotly(folder: Path) -> None:
    """Copy the installed plotly's script beside ours, once."""
    if not (folder / PLOTLY).exists():
        bundle = importlib.resources.files("plotly") / "package_data" / PLOTLY
        (folder / PLOTLY).write_bytes(bundle.read_bytes())


def _folder(app: Sphinx) -> Path:
    return Path(app.outdir) / "_static" / FOLDER


def _write_to_site(app: Sphinx) -> None:
    if app.builder.name in HTML_BUILDERS:
        write_assets(_folder(app))


def holds(doctree: nodes.document | None, kind: type[nodes.Element]) -> bool:
    """Whether a page has such an element."""
    found: Iterable[nodes.Node] = doctree.findall(kind) if doctree else ()
    return any(True for _ in found)


def _scripts_of_page(app, pagename, templatename, context, doctree) -> None:
    """Load a script only on the pages that have something for it to do."""
    if pagename == "search":
        app.add_js_file(f"{FOLDER}/{SEARCH_SCRIPT}")
    if holds(doctree, ViewNode):
        app.add_js_file(f"{FOLDER}/{VIEW_SCRIPT}", loading_method="defer")
    if holds(doctree, ChartNode):
        write_plotly(_folder(app))
        app.add_js_file(f"{FOLDER}/{CHART_SCRIPT}", loading_method="defer")


def setup(app: Sphinx) -> None:
    """Register the style and the scripts."""
    app.connect("builder-inited", _write_to_site)
    app.connect("html-page-context", _scripts_of_page)
    app.add_css_file(f"{FOLDER}/{STYLE}", priority=900)
