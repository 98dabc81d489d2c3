"""Models in the pages: what `llmlab_models` in `_config.yml` names is exported into the site.

A model whose weights are not on this machine is left out, and the pages show their stored runs.
An export is kept beside the site and made again when the exporter, the weights or the book's text
have changed.
"""

from __future__ import annotations

import ast
import hashlib
import json
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

import nbformat
from sphinx.application import Sphinx
from sphinx.util import logging

from llmlab.checkpoints import load
from llmlab.checkpoints.load import GGUF_MODELS, OWN_MODELS
from llmlab.web.export import export_web
from llmlab.web.site import WEB, carried, wake_data, write_engine, write_script

from .assets import FOLDER, STATIC, holds
from .renderer import HTML_BUILDERS, ViewNode

SCRIPT = "wake.js"
STORE = ".models"  # beside the built site
log = logging.getLogger(__name__)


def book_texts(source: Path) -> Iterator[str]:
    """What a reader may type again: the pages' prose, and the strings in their code."""
    for path in sorted(source.glob("chapters/*")):
        if path.suffix == ".md":
            yield path.read_text(encoding="utf-8")
        elif path.suffix == ".ipynb":
            for cell in nbformat.read(path, as_version=4).cells:
                yield from [cell.source] if cell.cell_type == "markdown" else strings(cell.source)


def strings(code: str) -> Iterator[str]:
    """The strings in Python code."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def weights_file(name: str) -> Path | None:
    """The file of a model's weights, None where it is not on this machine."""
    if name in GGUF_MODELS:
        try:
            return Path(GGUF_MODELS[name]())
        except (ImportError, FileNotFoundError):
            return None
    file = OWN_MODELS / name / "model.safetensors"
    return file if file.exists() else None


def exported(name: str, store: Path, texts: list[str]) -> Path | None:
    """The folder of an exported model, made if it is not there; None without its weights."""
    weights = weights_file(name)
    if weights is None:
        return None
    made_from = hashlib.sha256(json.dumps([name, *texts]).encode())
    for path in (*sorted(WEB.glob("*.py")), weights):
        made_from.update(path.read_bytes())
    folder = store / f"{name}-{made_from.hexdigest()[:8]}"
    if not (folder / "model.json").exists():
        for old in store.glob(f"{name}-????????"):
            shutil.rmtree(old)
        log.info("exporting %s for the pages ...", name)
        export_web(load(name, "cpu"), folder, texts=texts)
    return folder


def publish(folder: Path, exports: Iterable[Path]) -> str:
    """Write the engine and exported models into the folder of a site's scripts.

    Returns:
        What `wake.js` is told of them.
    """
    models = []
    for source in exports:
        target = folder / "models" / source.name
        if not target.exists():
            shutil.copytree(source, target)
        model = carried(target, f"models/{target.name}")
        if not model["asks"]:
            write_script(target)
        models.append(model)
    shutil.copy(STATIC / SCRIPT, folder)
    engine = write_engine(folder)
    current = {engine, *(Path(model["folder"]).name for model in models)}
    for old in {*folder.glob("web-*"), *folder.glob("models/*")}:
        if old.name not in current:  # of an earlier build
            shutil.rmtree(old)
    return wake_data(engine, models)


def write_models(app: Sphinx) -> None:
    """Write what the configuration names into the site, and keep what its pages are told."""
    app.env.llmlab_live = None
    names = app.config.llmlab_models
    if app.builder.name not in HTML_BUILDERS or not names:
        return
    texts = list(book_texts(Path(app.srcdir)))
    store = Path(app.outdir).parent / STORE
    found = {name: exported(name, store, texts) for name in names}
    for name in [name for name, folder in found.items() if folder is None]:
        log.info("%s is not installed: the pages do without it", name)
    exports = [folder for folder in found.values() if folder]
    if exports:
        app.env.llmlab_live = publish(Path(app.outdir) / "_static" / FOLDER, exports)


def script_of_page(app, pagename, templatename, context, doctree) -> None:
    """Load the script on the pages that have a view."""
    if app.env.llmlab_live and holds(doctree, ViewNode):
        attributes = {"data-live": app.env.llmlab_live}
        # Before views.js, which calls what it defines.
        app.add_js_file(f"{FOLDER}/{SCRIPT}", 400, loading_method="defer", **attributes)


def setup(app: Sphinx) -> None:
    """Register the names of the models and the steps."""
    app.add_config_value("llmlab_models", [], "html", types=(list, tuple))
    app.connect("builder-inited", write_models)
    app.connect("html-page-context", script_of_page)
