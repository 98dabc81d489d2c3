"""Measurements as tables for a terminal, and as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, is_dataclass
from functools import singledispatch

from ..terminal import table
from .alignment import Alignment
from .calibration import Calibration
from .exact import ExactComparison
from .gap import Gaps
from .meanings import Meanings
from .pronouns import Pronouns
from .reliability import Reliability
from .translation import Translation

EXAMPLES = 5
WIDE = 110  # columns of a cell that holds text


def to_json(model_name: str, world: str, results: Mapping[str, object]) -> str:
    """All results of a model, by their names, with the fingerprint of the world."""
    values = {name: _plain(result) for name, result in results.items()}
    whole = {"model": model_name, "world": world, **values}
    return json.dumps(whole, ensure_ascii=False, indent=1) + "\n"


def _plain(result: object):
    if isinstance(result, (tuple, list)):
        return [_plain(each) for each in result]
    return asdict(result) if is_dataclass(result) else result


@singledispatch
def lines(result: object) -> list[str]:
    """A result as lines of text.

    Raises:
        TypeError: no result of an evaluation.
    """
    raise TypeError(f"{type(result).__name__} is no result of an evaluation")


@lines.register
def _(result: tuple) -> list[str]:  # of Check
    rows = [
        ("ok" if check.passed else "NO", check.prompt, check.wanted, one_line(check.found))
        for check in result
    ]
    return table(rows, most=WIDE)


@lines.register
def _(result: Meanings) -> list[str]:
    order = result.order
    chain = " > ".join(f"{w} {c:.3f}" for w, c in zip(order.others, order.cosines, strict=True))
    rows = [
        ("ok" if a.rank == 1 else "NO", f"{a.a} − {a.b} + {a.c}", f"{a.expected}: {a.rank}",
         ", ".join(text.strip() for text in a.first))
        for a in result.analogies
    ]  # fmt: skip
    return [f"{'ok' if order.holds else 'NO'}  cosine with {order.word}: {chain}", *table(rows)]


@lines.register
def _(result: Pronouns) -> list[str]:
    rows = [("language", "reason of", "right", "of", "accuracy")]
    rows += [
        (s.language or "both", s.kind or "both", str(s.right), str(s.n), f"{s.accuracy:.1%}")
        for s in result.groups
    ]
    wrong = [
        f"  {one_line(w.question.prompt)} → {one_line(w.continuation)} ({w.question.answer})"
        for w in result.wrong[:EXAMPLES]
    ]
    return [*table(rows, right="234"), f"{result.nameless} answers without a name", *wrong]


@lines.register
def _(result: Gaps) -> list[str]:
    head = ("", "texts", "world, nats", "model, nats", "gap, nats", "gap, %",
            "bits/character", "best")  # fmt: skip
    rows = [head]
    for group in result.groups:
        name = " · ".join(filter(None, (group.language, group.register)))
        rows.append(
            (name + (", unseen" if group.unseen else ""), str(group.n_texts),
             f"{group.world_nats:.2f} ± {group.world_error:.2f}",
             f"{group.model_nats:.2f} ± {group.model_error:.2f}",
             f"{group.gap_nats:.2f} ± {group.gap_nats_error:.2f}",
             f"{100 * group.gap:.1f} ± {100 * group.gap_error:.1f}",
             f"{group.model_bits:.3f}", f"{group.world_bits:.3f}")
        )  # fmt: skip
    worst = [
        f"  {nats:+.1f} nats: {one_line(text)}"
        for group in result.groups if group.register is None and not group.unseen
        for text, nats in group.worst
    ]  # fmt: skip
    return [*table(rows, right="1234567"), *worst]


@lines.register
def _(result: Calibration) -> list[str]:
    return [
        f"most probable token right at {result.accuracy:.1%} of {result.first.n:,} positions; "
        f"expected calibration error {100 * result.first.error:.2f} %",
        f"probability in a wrong bin, over all tokens: {100 * result.tokens.error:.2f} %",
        *_bins(result.tokens, "came next"),
    ]


@lines.register
def _(result: ExactComparison) -> list[str]:
    return [
        f"{result.n} places: divergence {result.divergence:.4f} nats on an entropy of "
        f"{result.entropy:.4f}; probability misplaced {100 * result.total_variation:.2f} %",
        *_bins(result.reliability, "true"),
    ]


@lines.register
def _(result: Translation) -> list[str]:
    unseen = ""
    if result.exact_unseen is not None:
        unseen = f" ({result.exact_unseen:.1%} of {result.n_unseen:,} not in training)"
    wrong = [
        line
        for w in result.wrong[:EXAMPLES]
        for line in (f"  {one_line(w.source)}", f"    expected {one_line(w.expected)}",
                     f"    found    {one_line(w.found)}")
    ]  # fmt: skip
    return [
        f"{result.direction}: exact {result.exact:.1%} of {result.n:,}{unseen}, "
        f"chrF {result.chrf:.1f}",
        *wrong,
    ]


@lines.register
def _(result: Alignment) -> list[str]:
    best = result.best
    rows = [("layer", "head", "when the word is", "aligned")]
    rows += [(str(h.layer), str(h.head), h.when, f"{h.share:.1%}") for h in result.heads[:EXAMPLES]]
    return [
        f"{result.direction}: the best head, {best.head} of layer {best.layer}, looks at the "
        f"aligned word for {best.share:.1%} of {result.n_words:,} content words "
        f"(by chance {result.chance:.1%})",
        *table(rows, right="013"),
    ]


def one_line(text: str) -> str:
    return text.replace("\n", "⏎")


def _bins(reliability: Reliability, what: str) -> Sequence[str]:
    rows = [("from", "to", "predictions", "mean predicted", what)]
    for each in reliability.bins:
        if each.n:
            rows.append((f"{each.low:g}", f"{each.high:g}", f"{each.n:,}",
                         f"{each.predicted:.5f}", f"{each.observed:.5f}"))  # fmt: skip
    return table(rows, right="01234")
