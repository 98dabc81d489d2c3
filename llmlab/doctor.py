"""``llmlab doctor``: what is installed, which devices there are, which models load."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import time
from importlib import metadata
from pathlib import Path

import torch

from .checkpoints import load
from .checkpoints.load import GGUF_MODELS
from .checkpoints.package import PACKAGE
from .terminal import Printer, table

PACKAGES = (
    "torch",
    "numpy",
    "matplotlib",
    "anywidget",
    "ipywidgets",
    "plotly",
    PACKAGE,
    "safetensors",
    "huggingface-hub",
    "jupyterlab",
    "jupyter-book",
    "transformers",
    "pytest",
)
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def examine(out: Printer) -> bool:
    """Print the findings; returns whether at least one model loads."""
    for title, rows in (
        ("This machine", machine()),
        ("Packages", packages()),
        ("For the tests", [("browser", browser() or "none found: install chromium")]),
    ):
        out.line(title, "bold")
        for line in table(rows, most=90):
            out.line("  " + line)
    out.line("Models", "bold")
    loaded = False
    for name in GGUF_MODELS:
        works, finding = try_model(name)
        loaded |= works
        out.line(f"  {name}  {finding}")
    return loaded


def machine() -> list[tuple[str, str]]:
    """Python, the processor and the devices that torch sees."""
    devices = [
        f"cuda:{i} ({torch.cuda.get_device_name(i)})" for i in range(torch.cuda.device_count())
    ]
    devices += ["mps"] if torch.backends.mps.is_available() else []
    return [
        ("python", f"{platform.python_version()} in {sys.prefix}"),
        ("system", f"{platform.system()} {platform.machine()}"),
        ("processor", f"{processor()}, {cores()} cores"),
        ("threads", f"{torch.get_num_threads()} of torch"),
        ("devices", ", ".join(["cpu", *devices])),
    ]


def packages() -> list[tuple[str, str]]:
    """Each package with its version."""
    rows = []
    for name in PACKAGES:
        try:
            rows.append((name, metadata.version(name)))
        except metadata.PackageNotFoundError:
            rows.append((name, "not installed"))
    return rows


def try_model(name: str) -> tuple[bool, str]:
    """Whether a model loads, and how, or why it does not."""
    try:
        path = GGUF_MODELS[name]()
        start = time.perf_counter()
        model = load(name)
        seconds = time.perf_counter() - start
    except (ImportError, OSError, ValueError, RuntimeError) as error:
        return False, f"does not load: {error}"
    return True, (
        f"loads in {seconds:.1f} s on {model.device} as {str(model.dtype).removeprefix('torch.')}; "
        f"SHA-256 as expected; {path}"
    )


def processor() -> str:
    """The processor's name."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown processor"


def cores() -> int:
    """How many cores this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # only Linux says
        return os.cpu_count() or 1


def browser() -> str | None:
    """The path of a Chromium or Chrome, if one is on the path."""
    return os.environ.get("LLMLAB_BROWSER") or next(filter(None, map(shutil.which, BROWSERS)), None)
