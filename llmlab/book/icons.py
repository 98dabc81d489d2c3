"""Icons without Font Awesome's script.

The theme loads 1.5 MB of script that turns each icon into SVG. Its style sheet draws the same
icons from web fonts (0.15 MB) with no script at all, so the script is left out of every page.
"""

from __future__ import annotations

import importlib.resources
import re
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.config import Config

TEMPLATE = "static/webpack-macros.html"
SCRIPT = re.compile(r"<script[^>]*scripts/fontawesome\.js[^>]*>\s*</script>")
# What no page loads once the script is gone: it, source maps, and templates that the themes keep
# among their static files.
UNUSED = (
    "scripts/fontawesome.js*",
    "vendor/fontawesome/webfonts/*.ttf",
    "**/*.map",
    "*webpack-macros.html",
)


def theme_template() -> str:
    """The theme's template that names its scripts."""
    theme = importlib.resources.files("pydata_sphinx_theme") / "theme" / "pydata_sphinx_theme"
    return (theme / TEMPLATE).read_text(encoding="utf-8")


def without_script(template: str) -> str:
    """The template without Font Awesome's script.

    Raises:
        RuntimeError: the script is not in it; the theme has changed.
    """
    changed, count = SCRIPT.subn("", template)
    if count != 1:
        raise RuntimeError(
            f"The theme's {TEMPLATE} names scripts/fontawesome.js {count} times, expected once: "
            "pin pydata-sphinx-theme to the version in requirements.txt."
        )
    return changed


def override_template(app: Sphinx, config: Config) -> None:
    """Let a changed copy of the theme's template stand before the theme's own."""
    folder = Path(app.doctreedir) / "llmlab-templates"
    path = folder / TEMPLATE
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(without_script(theme_template()), encoding="utf-8")
    config.templates_path = [str(folder), *config.templates_path]


def remove_unused(app: Sphinx, error: Exception | None) -> None:
    """Take the files that no page loads out of the site."""
    static = Path(app.outdir) / "_static"
    for pattern in UNUSED:
        for path in static.glob(pattern):
            path.unlink()


def setup(app: Sphinx) -> None:
    """Register both steps."""
    app.connect("config-inited", override_template)
    app.connect("build-finished", remove_unused)
