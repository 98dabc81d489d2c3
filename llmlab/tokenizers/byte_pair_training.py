"""Byte-pair encoding is learned: the most frequent pair becomes a piece, again and again.

Source: Sennrich et al. (2016). Pairs are counted once, over the different pre-tokens; a merge
then changes only the counts of the pairs beside it, so that 8,000 merges of a text of many
megabytes take seconds.

Of two pairs that are equally frequent the one with the smaller ids goes first, its left half
before its right half: the order of the `tokenizers` library, whose merges these are.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Callable, Mapping
from heapq import heapify, heappop, heappush
from typing import NamedTuple

import numpy as np

from .record import Merge

SHIFT = 32  # a pair (left, right) is counted under the one number left << SHIFT | right
RIGHT = (1 << SHIFT) - 1


def learn_merges(
    word_counts: Mapping[str, int],
    vocab: list[str],
    vocab_size: int,
    min_count: int,
    allowed: Callable[[str], bool] = lambda piece: True,
) -> list[Merge]:
    """Merges until the vocabulary has `vocab_size` pieces or no pair stands `min_count` times.

    Args:
        word_counts: every pre-token and how often it stands in the text.
        vocab: the pieces so far, single characters among them; new pieces are added to it. A
            character that is not among them stays as it is: no piece reaches across it.
        allowed: whether a piece may be formed.
    """
    ids = {piece: id for id, piece in enumerate(vocab)}
    symbols = Symbols(word_counts, lambda word: [ids.get(letter, -1) for letter in word])
    heap = [(-count, pair) for pair, count in symbols.counts.items()]
    heapify(heap)
    merges: list[Merge] = []
    while heap and len(vocab) < vocab_size:
        negative, pair = heappop(heap)
        count = symbols.counts[pair]
        if not symbols.places[pair]:
            continue  # merged already, under another entry of the heap
        if count != -negative:
            heappush(heap, (-count, pair))
            continue
        if count < max(min_count, 1):
            break
        left, right = vocab[pair >> SHIFT], vocab[pair & RIGHT]
        piece = left + right
        if not allowed(piece):
            symbols.places[pair] = array("i")
            continue
        id = ids.setdefault(piece, len(vocab))
        if id == len(vocab):
            vocab.append(piece)
        merges.append(Merge(left, right, id, count))
        for changed in symbols.merge(pair, id).grown:
            if symbols.counts[changed] > 0:
                heappush(heap, (-symbols.counts[changed], changed))
    return merges


class Change(NamedTuple):
    """What a merge did: pairs that became more and less frequent, and how often it was made."""

    grown: set[int]
    shrunk: set[int]
    count: int


class Symbols:
    """The symbols of all different pre-tokens, one after another, and where each pair stands.

    Args:
        spell: the ids of a pre-token's characters; -1 for one that is never merged.

    Attributes:
        counts: how often each pair stands in the text.
        places: where, as the index of its left symbol.
    """

    def __init__(self, word_counts: Mapping[str, int], spell: Callable[[str], list[int]]) -> None:
        self.ids, lengths = array("i"), array("i")
        for word in word_counts:
            self.ids.extend(spell(word))
            self.ids.append(-1)  # a border: never part of a pair
            lengths.append(len(word) + 1)
        n_symbols = len(self.ids)
        weights = np.repeat(np.fromiter(word_counts.values(), np.int64, len(word_counts)), lengths)
        self.weights = array("q", weights.tobytes())
        self.following = array("i", range(1, n_symbols + 1))
        self.previous = array("i", range(-1, n_symbols - 1))
        symbols = np.array(self.ids, np.int64)
        self.counts, self.places = self._count_pairs(symbols, weights)

    @staticmethod
    def _count_pairs(symbols: np.ndarray, weights: np.ndarray):
        left, right = symbols[:-1], symbols[1:]
        at = np.flatnonzero((left >= 0) & (right >= 0))
        pairs = left[at] << SHIFT | right[at]
        order = np.argsort(pairs, kind="stable")
        different, starts = np.unique(pairs[order], return_index=True)
        counts: dict[int, int] = defaultdict(int)
        places: dict[int, array] = defaultdict(lambda: array("i"))
        if len(different):
            sums = np.add.reduceat(weights[at][order], starts)
            counts.update(zip(different.tolist(), sums.tolist()))
            where = np.split(at[order].astype(np.int32), starts[1:])
            for pair, of_pair in zip(different.tolist(), where):
                places[pair] = array("i", of_pair.tobytes())
        return counts, places

    def n_merges(self, pair: int) -> int:
        """How often a pair can be merged: "aaa" has the pair a a twice, but one merge."""
        left, right = pair >> SHIFT, pair & RIGHT
        if left != right:
            return self.counts[pair]
        total, taken = 0, -1
        for at in sorted(set(self.places[pair])):
            after = self.following[at]
            if self.ids[at] == left == self.ids[after] and at != taken:
                total += self.weights[at]
                taken = after
        return total

    def merge(self, pair: int, new: int) -> Change:
        """Replace a pair by `new` wherever it stands."""
        left, right = pair >> SHIFT, pair & RIGHT
        ids, following, previous = self.ids, self.following, self.previous
        weights, counts, places = self.weights, self.counts, self.places
        grown, shrunk, total = set(), set(), 0
        where, places[pair] = places[pair], array("i")
        for at in sorted(where):  # from left to right: of "aaa" the first two are merged
            after = following[at]
            if ids[at] != left or ids[after] != right:
                continue  # one of the two was merged with another neighbour
            weight, before, end = weights[at], previous[at], following[after]
            total += weight
            ids[at], ids[after] = new, -2
            following[at] = end
            previous[end] = at  # there is one: the last symbol is a border
            other = ids[before]  # at the very beginning, before is -1: the last, a border
            if other >= 0:
                shrunk.add(changed := other << SHIFT | left)
                counts[changed] -= weight
                grown.add(changed := other << SHIFT | new)
                counts[changed] += weight
                places[changed].append(before)
            other = ids[end]
            if other >= 0:
                shrunk.add(changed := right << SHIFT | other)
                counts[changed] -= weight
                grown.add(changed := new << SHIFT | other)
                counts[changed] += weight
                places[changed].append(at)
        return Change(grown, shrunk, total)
