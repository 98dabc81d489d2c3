"""The book's side of Sphinx: views, charts, formulas and icons from our own files.

A built page asks no other host for anything and works from `file://` as well as from a server.
Listed in `_config.yml` as the extension `llmlab.book`; the notebook renderer is found through
the entry point `myst_nb.renderers`.
"""

from __future__ import annotations

from typing import Any

from sphinx.application import Sphinx

from . import (
    assets,
    icons,
    launch,
    ledger,
    live,
    mathml,
    offline,
    pictures,
    playground,
    references,
    renderer,
)

PARTS = (
    renderer, pictures, mathml, assets, icons, launch, ledger, live, offline, playground,
    references,
)  # fmt: skip


def setup(app: Sphinx) -> dict[str, Any]:
    """Register every part with Sphinx."""
    for part in PARTS:
        part.setup(app)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
