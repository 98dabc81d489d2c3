"""What a site needs so that its views can run models: the engine's files, and the models.

All of it is plain files. The engine's folder carries a digest of its contents in its name, so that
a browser's cache never mixes two versions.
"""

from __future__ import annotations

import base64
import hashlib
import json
import posixpath
import re
from collections.abc import Iterable
from pathlib import Path

from .export import MANIFEST

WEB = Path(__file__).parent
COMMON = WEB.parent / "views" / "common.js"
KERNEL = "kernel.wasm"
# The first modules of a page and of its workers.
BEGINNINGS = ("live/live.js", "engine/worker.js", "engine/helper_worker.js")
ASKS_ABOVE = 10 * 10**6  # bytes: a larger model is fetched only when a reader asks for it
TITLES = {
    "mini": "mini, 5.5 million parameters",
    "mini-translate": "mini-translate, Chinese and English",
    "gemma-3-270m": "Gemma 3 270M",
}


def module_files() -> dict[str, str]:
    """The engine's modules and those that wake views, by their path in a site.

    The views' shared helpers are joined into each view and export nothing; here they are a module
    of their own, so they get the line that a module needs.
    """
    files = {
        f"{folder}/{path.name}": path.read_text(encoding="utf-8")
        for folder in ("engine", "live")
        for path in sorted((WEB / folder).glob("*.js"))
    }
    common = COMMON.read_text(encoding="utf-8")
    names = re.findall(r"^function (\w+)", common, flags=re.MULTILINE)
    files["views/common.js"] = f"{common}\nexport {{ {', '.join(names)} }};\n"
    return files


def reached(files: dict[str, str], path: str) -> list[str]:
    """The modules that a module imports, and those that they import, and so on."""
    found, new = set(), {path}
    while new:
        found |= new
        imports = {
            posixpath.normpath(posixpath.join(posixpath.dirname(module), name))
            for module in new
            for name in re.findall(r'\bfrom "(\..+?)"', files[module])
        }
        new = imports - found
    return sorted(found - {path})


def flattened(files: dict[str, str]) -> dict[str, str]:
    """The modules, with those that a page or a worker begins with naming all they will need.

    A browser finds an import when it has read the module that it stands in: four or five times the
    way to the server and back, one after the other. Named at once, all come together.
    """
    early = {}
    for path in BEGINNINGS:
        needed = (posixpath.relpath(name, posixpath.dirname(path)) for name in reached(files, path))
        early[path] = "".join(f'import "./{name}";\n' for name in needed)
    return {path: early.get(path, "") + text for path, text in files.items()}


def write_engine(folder: Path) -> str:
    """Write the engine's folder into the folder of a site's scripts.

    Returns:
        Its name, such as "web-1f3a5b7c".
    """
    files, kernel = module_files(), (WEB / KERNEL).read_bytes()
    everything = json.dumps(files).encode() + kernel
    target = folder / f"web-{hashlib.sha256(everything).hexdigest()[:8]}"
    for path, text in flattened(files).items():
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        (target / path).write_text(text, encoding="utf-8")
    (target / KERNEL).write_bytes(kernel)
    # For a page opened from a file, which may load scripts and nothing else.
    handed_over = {**files, KERNEL: base64.b64encode(kernel).decode()}
    script = f"window.llmlabFiles = {json.dumps(handed_over)};\n"
    (target / "files.js").write_text(script, encoding="utf-8")
    return target.name


def write_script(exported: Path) -> None:
    """Write an exported model as a script beside its files, for pages opened from a file."""
    manifest = json.loads((exported / MANIFEST).read_text(encoding="utf-8"))
    names = [manifest["tokenizer"]["file"], *(part["file"] for part in manifest["parts"])]
    files = {name: base64.b64encode((exported / name).read_bytes()).decode() for name in names}
    script = f"window.llmlabModel = {json.dumps({'manifest': manifest, **files})};\n"
    (exported / "model.js").write_text(script, encoding="utf-8")


def carried(exported: Path, address: str) -> dict:
    """What a page is told of a model that the site carries.

    Args:
        exported: a folder that ``export_web`` wrote.
        address: of that folder, relative to the site's scripts.
    """
    manifest = json.loads((exported / MANIFEST).read_text(encoding="utf-8"))
    size = sum(part["bytes"] for part in [manifest["tokenizer"], *manifest["parts"]])
    return {
        "name": manifest["name"],
        "title": TITLES.get(manifest["name"], manifest["name"]),
        "bytes": size,
        "isTranslator": manifest["config"]["architecture"] == "encoder-decoder",
        "asks": size > ASKS_ABOVE,
        "folder": address,
        "terms": manifest["terms"],
        "nKept": len(manifest["kept"]) if manifest["kept"] else None,
        "keptShare": manifest["kept_share"],
    }


def wake_data(engine: str, models: Iterable[dict]) -> str:
    """The value of the attribute that `wake.js` reads."""
    return json.dumps({"folder": engine, "models": list(models)})
