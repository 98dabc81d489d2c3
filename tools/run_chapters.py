"""Runs the chapters whose code has changed, several at a time.

Jupyter Book runs notebooks one after the other. It looks into a cache first, so what is run here
and put there is not run again.
"""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

import nbformat
import psutil
import yaml
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn, JupyterCacheAbstract
from jupyter_cache.executors.utils import ExecutionResult, single_nb_execution

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / "_build" / ".jupyter_cache"

GIGABYTES_A_CHAPTER = 1.5
"""What a chapter's kernel may take with a model in float32."""


def workers() -> int:
    """How many chapters to run at a time: what the cores and the memory carry, at least one."""
    memory = int(psutil.virtual_memory().available / 1e9 / GIGABYTES_A_CHAPTER)
    return max(1, min(os.cpu_count() or 1, memory))


def notebooks(root: Path) -> list[Path]:
    """The notebooks of the table of contents, in its order."""
    contents = yaml.safe_load((root / "_toc.yml").read_text())
    files = [chapter["file"] for part in contents["parts"] for chapter in part["chapters"]]
    paths = [root / f"{file}.ipynb" for file in files]
    return [path for path in paths if path.exists()]


def is_cached(cache: JupyterCacheAbstract, path: Path) -> bool:
    """Whether the cache holds the outputs of this very code."""
    try:
        cache.match_cache_notebook(nbformat.read(path, as_version=4))
    except KeyError:
        return False
    return True


def run(path: Path, timeout: int) -> tuple[nbformat.NotebookNode, ExecutionResult]:
    """Run one notebook in its own kernel and folder."""
    notebook = nbformat.read(path, as_version=4)
    result = single_nb_execution(
        notebook, cwd=str(path.parent), allow_errors=False, timeout=timeout, meta_override=True
    )
    return notebook, result


def run_chapters(root: Path, cache_folder: Path, timeout: int) -> list[Path]:
    """Run the chapters that are not in the cache and put them there.

    Args:
        root: The folder of `_toc.yml`.
        cache_folder: Jupyter Book's cache of outputs.
        timeout: Seconds a cell may take.

    Returns:
        The chapters that failed; what went wrong in each has been printed.
    """
    cache = get_cache(cache_folder)
    stale = [path for path in notebooks(root) if not is_cached(cache, path)]
    if not stale:
        return []
    count = min(workers(), len(stale))
    # Each kernel takes its share of the cores: threads that wait for a core spin on it.
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // count)))
    print(f"Running {len(stale)} chapters, {count} at a time.", flush=True)
    failed = []
    with ThreadPoolExecutor(count) as pool:
        running = {pool.submit(run, path, timeout): path for path in stale}
        for done in as_completed(running):
            path = running[done]
            notebook, result = done.result()
            if result.err is not None:
                failed.append(path)
                print(f"{path.name} failed:\n{result.exc_string}", flush=True)
                continue
            print(f"  {path.name}: {result.time:.0f} s", flush=True)
            bundle = CacheBundleIn(notebook, str(path), data={"execution_seconds": result.time})
            cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)
    return failed


def main() -> int:
    """Run them, and say which failed."""
    timeout = yaml.safe_load((ROOT / "_config.yml").read_text())["execute"]["timeout"]
    failed = run_chapters(ROOT, CACHE, timeout)
    if failed:
        print(f"Failed: {', '.join(path.name for path in failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
