"""Runs every chapter as Binder would: `make binder-check`.

A fresh environment from `.binder/requirements.txt`, a clean copy of the repository, JupyterLab in
a real browser, "Run All Cells" in each chapter. Fails where a cell raises an error, or a chapter
takes longer or more memory than Binder's smallest machine has to give.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
from tests.browser import ARGUMENTS, find_or_install  # noqa: E402 (after the path)
from tests.other_browsers import free_port  # noqa: E402

SECONDS, MEGABYTES = 60, 900  # a chapter's bounds
START, PATIENCE = 120, 900  # seconds for JupyterLab to answer, and for a chapter to end
TOKEN = "binder-check"


@dataclass(frozen=True)
class Outcome:
    """What one chapter took, and the first error in it."""

    name: str
    seconds: float
    megabytes: float
    error: str | None

    @property
    def complaints(self) -> list[str]:
        found = [self.error] if self.error else []
        if self.seconds > SECONDS:
            found.append(f"longer than {SECONDS} s")
        if self.megabytes > MEGABYTES:
            found.append(f"more than {MEGABYTES} MB")
        return found


def make_environment(folder: Path, copy: Path) -> Path:
    """A fresh environment with what Binder would install; returns its Python."""
    version = (ROOT / ".binder" / "runtime.txt").read_text().strip().replace("-", "")
    python = shutil.which(version) or sys.executable
    subprocess.run([python, "-m", "venv", str(folder)], check=True)
    inside = folder / "bin" / "python"
    install = [str(inside), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"]
    wanted = copy / ".binder" / "requirements.txt"
    text = wanted.read_text()
    index = re.search(r"--extra-index-url (\S+)\n", text)
    if index and not answers(index[1]):
        print(f"{index[1]} does not answer: any build of the same torch will do.", flush=True)
        wanted.write_text(text.replace(index[0], "").replace("+cpu", ""))
    subprocess.run([*install, str(wanted)], cwd=copy, check=True)
    path = f"{inside.parent}{os.pathsep}{os.environ['PATH']}"
    after = copy / ".binder" / "postBuild"
    subprocess.run(
        [after], cwd=copy, env={**os.environ, "PATH": path}, stdout=subprocess.DEVNULL, check=True
    )
    return inside


def answers(address: str) -> bool:
    """Whether another host can be reached."""
    try:
        urllib.request.urlopen(address, timeout=10).close()
    except OSError:
        return False
    return True


def clean_copy(folder: Path) -> Path:
    """The repository's files as git knows them, changed ones as they are now."""
    names = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, check=True,
    ).stdout.decode().split("\0")  # fmt: skip
    for name in filter(None, names):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    return folder


@contextmanager
def jupyterlab(python: Path, folder: Path) -> Iterator[tuple[str, psutil.Process]]:
    """JupyterLab on a free port of this machine: its address and its process."""
    port = free_port()
    options = ["--no-browser", "--ip=127.0.0.1", f"--port={port}"]
    options.append(f"--IdentityProvider.token={TOKEN}")
    root = ["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    settings = folder / "settings"  # an empty folder: what this machine's user has set is left out
    settings.mkdir()
    own = {"JUPYTER_PREFER_ENV_PATH": "1", "JUPYTER_CONFIG_DIR": str(settings)}
    start = folder / ".binder" / "start"  # Binder runs the command it is given through it
    process = subprocess.Popen(
        [str(start), str(python), "-m", "jupyterlab", *options, *root],
        cwd=folder,
        env={**os.environ, **own},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        wait_for(lambda: ask(address, "/api/status"), START, "JupyterLab")
        yield address, psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(30)


def ask(address: str, path: str, method: str = "GET"):
    """What the server answers, or None where it does not."""
    request = urllib.request.Request(address + path, method=method)
    request.add_header("Authorization", f"token {TOKEN}")
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            body = response.read()
    except OSError:
        return None
    return json.loads(body) if body else {}


def wait_for(condition, seconds: float, what: str):
    """Wait until a condition is true, and return its value."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > end:
            raise TimeoutError(f"{what} did not come within {seconds:.0f} s")
        time.sleep(0.25)
    return value


def run_chapter(page, address: str, lab: psutil.Process, path: Path) -> Outcome:
    """Open a chapter in JupyterLab, run all its cells, and read what it saved."""
    page.goto(f"{address}/lab/workspaces/{path.stem}/tree/chapters/{path.name}?token={TOKEN}")
    page.locator(".jp-Notebook").wait_for(timeout=START * 1000)
    wait_for(lambda: idle(address), START, "the kernel")
    kernel = max(lab.children(recursive=True), key=lambda child: child.create_time())
    begun, peak = time.monotonic(), 0.0
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    quiet = 0
    while quiet < 8:  # two seconds without work: every cell has been sent and has ended
        if time.monotonic() - begun > PATIENCE:
            raise TimeoutError(f"{path.name} was not done within {PATIENCE} s")
        peak = max(peak, memory(kernel))
        quiet = quiet + 1 if idle(address) else 0
        time.sleep(0.25)
    seconds = time.monotonic() - begun - 2
    page.keyboard.press("Control+s")
    error = wait_for(lambda: saved(path), 30, "the saved notebook")
    for session in ask(address, "/api/sessions") or []:
        ask(address, f"/api/sessions/{session['id']}", "DELETE")
    return Outcome(path.stem, seconds, peak, None if error == "none" else error)


def idle(address: str) -> bool:
    kernels = ask(address, "/api/kernels")
    return bool(kernels) and all(kernel["execution_state"] == "idle" for kernel in kernels)


def memory(process: psutil.Process) -> float:
    """Megabytes that a process holds; 0 when it has ended."""
    try:
        return process.memory_info().rss / 1e6
    except psutil.Error:
        return 0.0


def saved(path: Path) -> str:
    """The first error in a saved notebook, "none", or "" while it is not there as it was run."""
    try:
        notebook = json.loads(path.read_text("utf-8"))
    except json.JSONDecodeError:
        return ""  # it is just being written
    cells = [c for c in notebook["cells"] if c["cell_type"] == "code"]
    for cell in cells:
        for output in cell["outputs"]:
            if output["output_type"] == "error":
                return f"{output['ename']}: {output['evalue']}"
    return "none" if all(cell["execution_count"] for cell in cells) else ""


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("chapters", nargs="*", help="file names without ending; all, if none")
    wanted = options.parse_args().chapters
    names = sorted(path.stem for path in (ROOT / "chapters").glob("*.ipynb"))
    if unknown := set(wanted) - set(names):
        options.error(f"no chapter {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    outcomes = []
    with tempfile.TemporaryDirectory() as scratch:
        copy = clean_copy(Path(scratch) / "repository")
        python = make_environment(Path(scratch) / "environment", copy)
        paths = sorted((copy / "chapters").glob("*.ipynb"))
        for path in paths:  # without outputs, so that what is saved is what was run
            notebook = json.loads(path.read_text("utf-8"))
            for cell in notebook["cells"]:
                if cell["cell_type"] == "code":
                    cell.update(outputs=[], execution_count=None)
            path.write_text(json.dumps(notebook), "utf-8")
        from playwright.sync_api import sync_playwright

        with jupyterlab(python, copy) as (address, lab), sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=find_or_install(), args=list(ARGUMENTS)
            )
            for path in paths:
                if wanted and path.stem not in wanted:
                    continue
                page = browser.new_page(viewport={"width": 1400, "height": 900})
                outcome = run_chapter(page, address, lab, path)
                page.close()
                outcomes.append(outcome)
                print(
                    f"{outcome.name:32} {outcome.seconds:5.0f} s {outcome.megabytes:6.0f} MB  "
                    f"{'; '.join(outcome.complaints) or 'good'}",
                    flush=True,
                )
            browser.close()
    return 1 if any(outcome.complaints for outcome in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())
