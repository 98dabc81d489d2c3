"""The book without a connection: a service worker that keeps its pages on the reader's machine.

It stands in the site's first folder, since it serves what lies beside and below it, and is written
last, since it names what the site holds. The weights of models are not among that: the engine keeps
those that a reader has run.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

from sphinx.application import Sphinx

from .assets import FOLDER, OFFLINE_SCRIPT, STATIC
from .renderer import HTML_BUILDERS

WORKER = "offline_worker.js"
LEFT_OUT = ("_sources/*", "*/models/*/weights-*", "*/models/*/model.js", "*/vendor/*.ttf")


def kept_files(site: Path) -> Iterator[Path]:
    """What a reader needs of a site, relative to its folder."""
    for path in sorted(site.rglob("*")):
        name = path.relative_to(site)
        hidden = any(part.startswith(".") for part in name.parts)
        left_out = hidden or name == Path(OFFLINE_SCRIPT) or any(map(name.match, LEFT_OUT))
        if path.is_file() and not left_out:
            yield name


def worker(site: Path) -> str:
    """The worker's script for a built site; it changes when any file of the site does."""
    files = [*kept_files(site)]
    version = hashlib.sha256()
    for name in files:
        version.update(f"{name}\n".encode() + (site / name).read_bytes())
    # The front door is written after the pages; a server shows it for the folder too.
    addresses = {"./", "index.html", *(name.as_posix() for name in files)}
    book = {"version": version.hexdigest()[:8], "files": sorted(addresses)}
    script = (STATIC / WORKER).read_text(encoding="utf-8")
    return f"const book = {json.dumps(book)};\n{script}"


def _write(app: Sphinx, exception: Exception | None) -> None:
    if exception is None and app.builder.name in HTML_BUILDERS:
        site = Path(app.outdir)
        (site / OFFLINE_SCRIPT).write_text(worker(site), encoding="utf-8")


def setup(app: Sphinx) -> None:
    """Load the script on every page, and write the worker, of its name, when all pages are."""
    app.connect("build-finished", _write)
    app.add_js_file(f"{FOLDER}/{OFFLINE_SCRIPT}", loading_method="defer")
