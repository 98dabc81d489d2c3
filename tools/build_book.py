"""Runs the chapters and builds the site into _build/html. `make book` calls this.

Jupyter Book runs a notebook again when its code has changed, but does not see when the package
that it imports has: then everything is run again here. Likewise a page is written again only when
its text has changed, not when a script or the style has.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from run_chapters import CACHE, ROOT  # beside this script

BUILD = ROOT / "_build"
OPTIONS = ("-W", "-n", "--keep-going")


def digest(paths: Iterable[Path]) -> str:
    """A digest of some files' names and contents."""
    total = hashlib.sha256()
    for path in sorted(paths):
        total.update(f"{path.relative_to(ROOT)}\n".encode())
        total.update(path.read_bytes())
    return total.hexdigest()


def changed(name: str, paths: Iterable[Path]) -> bool:
    """Whether files differ from those of the last finished build."""
    stored = BUILD / f".{name}.sha256"
    return not stored.exists() or stored.read_text() != digest(paths)


def remember(name: str, paths: Iterable[Path]) -> None:
    """Store what a finished build was made from."""
    (BUILD / f".{name}.sha256").write_text(digest(paths))


def package_files() -> list[Path]:
    """What the chapters run: all Python but the Sphinx side and the browser's engine."""
    files = (ROOT / "llmlab").rglob("*.py")
    return [path for path in files if not {"book", "web"} & {*path.relative_to(ROOT).parts}]


def site_files() -> list[Path]:
    """What every page is made with."""
    package = ROOT / "llmlab"
    made_by = [*(package / "book").rglob("*.py"), *(package / "web").rglob("*.py")]
    scripts = [*package.rglob("*.js"), *package.rglob("*.css"), *made_by]
    return [*scripts, ROOT / "_config.yml", ROOT / "_toc.yml"]


def environment() -> dict[str, str]:
    """The chapters run with this Python, whatever kernels are installed elsewhere."""
    folder = str(Path(sys.executable).parent)
    path = os.pathsep.join([folder, os.environ.get("PATH", "")])
    return {**os.environ, "PATH": path, "JUPYTER_PREFER_ENV_PATH": "1"}


def build() -> int:
    """Build the book.

    Returns:
        The exit status of what failed first, 0 when nothing did.
    """
    package, site = package_files(), site_files()
    run_again = changed("package", package)
    if run_again:
        shutil.rmtree(CACHE, ignore_errors=True)
    run_chapters = [sys.executable, str(ROOT / "tools" / "run_chapters.py")]
    status = subprocess.run(run_chapters, env=environment()).returncode
    if status:
        return status
    write_again = ["--all"] if run_again or changed("site", site) else []
    command = [str(Path(sys.executable).parent / "jupyter-book"), "build", str(ROOT)]
    status = subprocess.run([*command, *OPTIONS, *write_again], env=environment()).returncode
    if status == 0:
        remember("package", package)
        remember("site", site)
    return status


def main() -> int:
    """Build, and say where the book is."""
    status = build()
    if status:
        print("\nThe book was not built; what went wrong stands above.", file=sys.stderr)
        return status
    print(
        f"\nThe book is built.\n"
        f"  Open it:   {BUILD / 'html' / 'index.html'}\n"
        f"  Serve it:  {sys.executable} -m http.server 8000 --directory {BUILD / 'html'}\n"
        f"             and go to http://localhost:8000/"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
