"""What ``llmlab ledger`` does: measure every claim again and say what differs from the file."""

from __future__ import annotations

import argparse
import functools
import time

from ..terminal import Printer
from .claims import FILE, counts, read
from .recompute import differences, load, measure, write


def run(options: argparse.Namespace) -> int:
    """
    Args:
        options: ids, of the rows to measure, or none for all; file, or None for the book's;
            write, whether to store what differs.

    Raises:
        ValueError: a file that is wrong, or an unknown id.
        OSError: a file that cannot be read or written.
    """
    path, out, began = options.file or FILE, Printer(), time.monotonic()
    ledger = read(path, complete=not options.write)
    known = {claim.id for claim in ledger.claims}
    if unknown := [id for id in options.ids if id not in known]:
        raise ValueError(
            f"there is no row {unknown[0]!r} in {path}; a row's id stands at its end on the page"
        )
    claims = [claim for claim in ledger.claims if not options.ids or claim.id in options.ids]
    model, found, changed = functools.cache(load), {}, []
    for claim in claims:
        if not claim.measure:
            continue
        if claim.measure not in found:
            found[claim.measure] = measure(claim.measure, model)
        here = list(differences(claim, found[claim.measure]))
        for difference in here:
            out.line(str(difference), "yellow")
        changed += here
    verdicts = ", ".join(f"{n} {verdict}" for verdict, n in counts(tuple(claims)).items())
    seconds = time.monotonic() - began
    out.line(f"{len(claims)} claims ({verdicts}), {len(found)} measures, {seconds:.0f} s", "dim")
    if options.write and changed:
        write(path, found, changed)
        out.line(f"written to {path}", "dim")
    elif changed:
        out.line(f"{len(changed)} values differ; --write stores what was measured", "bold")
    return 1 if changed and not options.write else 0
