"""n-gram models: the next token from how often it followed the last few, over ids of any kind."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ..checks import check_count, is_integer
from ..sampling import draw
from .smoothing import AddK, KneserNey, Smoothing, WittenBell, discount_of

START = -1  # stands before every text; only in contexts, never predicted

Context = tuple[int, ...]
Rows = dict[Context, dict[int, int]]  # a context: how often each token followed it


@dataclass(frozen=True)
class Prediction:
    """A row of a next-token table: an id, its probability over the whole vocabulary, and how
    often it followed the last n − 1 tokens in training."""

    id: int
    probability: float
    count: int


class NGramModel:
    """Counts of n-grams, and the distribution of the next token that follows from them.

    Every text begins after a START of its own, so that beginnings are counted as such. Whether a
    text ends with a token that says so is for its ids to say.

    Args:
        texts: sequences of ids.
        order: n, the tokens counted together: with 3 the last two are the context.
        vocab_size: ids run from 0 to vocab_size - 1.
        smoothing: AddK, WittenBell or KneserNey.

    Attributes:
        counts: by length of context: each context seen, and how often each token followed.

    Raises:
        ValueError: nothing to count, an id outside the vocabulary, or a wrong setting.
    """

    def __init__(
        self,
        texts: Iterable[Sequence[int]],
        order: int,
        vocab_size: int,
        smoothing: Smoothing = KneserNey(),
    ) -> None:
        check_count("order", order)
        check_count("vocab_size", vocab_size)
        if not isinstance(smoothing, (AddK, WittenBell, KneserNey)):
            raise ValueError(f"smoothing is AddK, WittenBell or KneserNey, not {smoothing!r}")
        self.order, self.vocab_size, self.smoothing = order, vocab_size, smoothing
        self.counts = self._count(texts)
        if not self.counts[0]:
            raise ValueError("there is nothing to count; give at least one text with a token")
        continues = isinstance(smoothing, KneserNey)
        self._rows = _continuations(self.counts) if continues else self.counts
        self._totals = [{c: sum(row.values()) for c, row in rows.items()} for rows in self._rows]
        self._discounts = [discount_of(smoothing, rows.values()) for rows in self._rows]

    def probability(self, id: int, before: Sequence[int] = ()) -> float:
        """The probability of `id` after all the ids of a text `before` it."""
        (id,) = self._checked([id])
        p = 1 / self.vocab_size
        for row, discount, sum_, left in self._levels(before):
            seen = row.get(id, 0)
            p = left / sum_ * p + ((seen - discount) / sum_ if seen else 0.0)
        return p

    def probabilities(self, before: Sequence[int] = ()) -> np.ndarray:
        """The distribution of the next token, (vocab,), after all the ids of a text `before` it."""
        p = np.full(self.vocab_size, 1 / self.vocab_size)
        for row, discount, sum_, left in self._levels(before):
            p *= left / sum_
            for id, count in row.items():
                p[id] += (count - discount) / sum_
        return p

    def top(self, before: Sequence[int] = (), k: int = 10) -> list[Prediction]:
        """The k likeliest next tokens; of equals the lower id comes first."""
        check_count("k", k)
        p = self.probabilities(before)
        context = self._context(before)
        row = self.counts[len(context)].get(context, {})
        best = np.argsort(-p, kind="stable")[:k].tolist()
        return [Prediction(id, float(p[id]), row.get(id, 0)) for id in best]

    def log_probability(self, ids: Sequence[int]) -> float:
        """The natural logarithm of the probability of a whole text."""
        reach = self.order  # what lies further back changes nothing
        ids = self._checked(ids)
        return sum(
            math.log(self.probability(id, ids[max(0, i - reach) : i])) for i, id in enumerate(ids)
        )

    def perplexity(self, texts: Iterable[Sequence[int]]) -> float:
        """exp of the mean −log probability of a token.

        Raises:
            ValueError: no token in the texts.
        """
        texts = list(texts)
        count = sum(map(len, texts))
        if not count:
            raise ValueError("there is no token to predict; give at least one text with a token")
        return math.exp(-sum(map(self.log_probability, texts)) / count)

    def sample(
        self,
        before: Sequence[int] = (),
        max_new_tokens: int = 20,
        seed: int = 0,
        stop: Collection[int] = (),
    ) -> list[int]:
        """New ids drawn one by one from the distribution, up to and with an id in `stop`.

        The draws are those of `llmlab.generate`: one seed, one text, on every machine.
        """
        check_count("max_new_tokens", max_new_tokens)
        text, new = list(before), []
        for step in range(max_new_tokens):
            mass = np.cumsum(self.probabilities(text))
            # Rounding may leave the last sum a little below the draw's reach.
            id = int(min(np.searchsorted(mass, draw(seed, step) * mass[-1], "right"),
                         self.vocab_size - 1))  # fmt: skip
            text.append(id)
            new.append(id)
            if id in stop:
                break
        return new

    def _count(self, texts: Iterable[Sequence[int]]) -> list[Rows]:
        grams: list[Counter[Context]] = [Counter() for _ in range(self.order)]
        for ids in texts:
            padded = [START, *self._checked(ids)]
            grams[0].update(zip(padded[1:]))  # START is not predicted
            for length in range(1, self.order):
                grams[length].update(zip(*(padded[i:] for i in range(length + 1))))
        levels: list[Rows] = [{} for _ in range(self.order)]
        for rows, counted in zip(levels, grams):
            for (*context, id), count in counted.items():
                rows.setdefault(tuple(context), {})[id] = count
        return levels

    def _context(self, before: Sequence[int]) -> Context:
        """The last n − 1 ids, with START where the text is that short."""
        last = tuple(self._checked(before[max(0, len(before) - self.order + 1) :]))
        return last if len(last) == self.order - 1 else (START, *last)

    def _levels(self, before: Sequence[int]) -> Iterator[tuple[dict[int, int], float, float, float]]:
        """For each context that was seen, the shortest first: counts, D, N + A and A + D·T."""
        context = self._context(before)
        shortest = 0 if self.smoothing.shortens else len(context)
        for length in range(shortest, len(context) + 1):
            part = context[len(context) - length :]
            row = self._rows[length].get(part)
            if row is None:  # never seen: what the shorter context says stands
                return
            discount = self._discounts[length]
            added = self.smoothing.added(len(row), self.vocab_size)
            total = self._totals[length][part]
            yield row, discount, total + added, added + discount * len(row)

    def _checked(self, ids: Iterable[int]) -> list[int]:
        ids = list(ids)
        if set(map(type, ids)) == {int} and min(ids) >= 0 and max(ids) < self.vocab_size:
            return ids  # quick: this is asked of whole corpora
        for id in ids:
            if not is_integer(id) or not 0 <= id < self.vocab_size:
                last = self.vocab_size - 1
                raise ValueError(f"the id {id!r} is not in the vocabulary, 0 to {last}")
        return [int(id) for id in ids]


def _continuations(counts: list[Rows]) -> list[Rows]:
    """Counts for Kneser–Ney: below the longest contexts, after how many different tokens."""
    levels = []
    for length, plain in enumerate(counts[:-1]):
        rows = {context: row for context, row in plain.items() if context[:1] == (START,)}
        for context, row in counts[length + 1].items():
            kinds = rows.setdefault(context[1:], {})
            for id in row:
                kinds[id] = kinds.get(id, 0) + 1
        levels.append(rows)
    return [*levels, counts[-1]]
