"""What `pytest --nbval` compares of a chapter: all that is printed, not what is drawn."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
VIEW = "application/vnd.llmlab.view+json"
SOURCE = f"""\
print("printed")
from IPython.display import display
view = {{"esm": "attention", "state": {{"weight": 0.25}}}}
display({{"{VIEW}": view, "text/plain": "<View>"}}, raw=True)
"""


def run_notebook(folder: Path, printed: str, weight: float) -> subprocess.CompletedProcess:
    """Run a notebook whose stored outputs are given; its cell prints "printed", weight 0.25."""
    view = {VIEW: {"esm": "attention", "state": {"weight": weight}}, "text/plain": "<View>"}
    outputs = [
        {"output_type": "stream", "name": "stdout", "text": printed + "\n"},
        {"output_type": "display_data", "metadata": {}, "data": view},
    ]
    cell = {
        "cell_type": "code",
        "id": "cell",
        "execution_count": 1,
        "metadata": {},
        "source": SOURCE,
        "outputs": outputs,
    }
    notebook = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [cell]}
    (folder / "chapter.ipynb").write_text(json.dumps(notebook))
    shutil.copy(ROOT / "conftest.py", folder)
    command = [sys.executable, "-m", "pytest", "-q", "--nbval", "--nbval-current-env"]
    return subprocess.run(
        [*command, "-p", "no:cacheprovider", "chapter.ipynb"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.mark.parametrize(
    ("printed", "weight", "passes"),
    [
        ("printed", 0.25, True),
        ("printed", 0.2500001, True),  # the last digit of a float32 sum on another processor
        ("something else", 0.25, False),
    ],
)
def test_printed_text_is_compared_and_views_are_not(
    tmp_path: Path, printed: str, weight: float, passes: bool
) -> None:
    result = run_notebook(tmp_path, printed, weight)
    assert (result.returncode == 0) == passes, result.stdout + result.stderr
    assert ("1 passed" if passes else "1 failed") in result.stdout
