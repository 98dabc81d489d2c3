"""How the chapters' notebooks are compared when they are run again (pytest --nbval).

What a cell prints must be the same on every machine. The numbers inside a view or a chart are
float32 sums, whose last digits differ between processors: the tests of each view, and those of
the built pages, compare them with torch's within a tolerance.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

DRAWN = ("application/vnd.llmlab.view+json", "application/vnd.plotly.v1+json")


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> Iterator:
    """Leave what is drawn out of nbval's comparison."""
    collectors = yield
    for collector in collectors:
        if hasattr(collector, "skip_compare"):
            collector.skip_compare = (*collector.skip_compare, *DRAWN)
    return collectors
