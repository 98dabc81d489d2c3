"""WordPiece is learned: the merge that makes the text likeliest, again and again.

Source: Schuster and Nakajima (2012): "the one that increases the likelihood on the training data
the most", under a model in which every piece has its share of the text as its probability. With
n(x) the number of pieces x and N of all pieces, the log-likelihood is Σ n(x) log n(x) − N log N.
Merging c pairs a b lowers n(a), n(b) and N by c and adds a piece that stands c times; every term
is exact, and the likeliest merge is found anew each time.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from .byte_pair_training import RIGHT, SHIFT, Symbols
from .record import Merge

CONTINUES = "##"  # begins a piece that stands inside a word


def learn_pieces(
    word_counts: Mapping[str, int],
    vocab: list[str],
    vocab_size: int,
    min_count: int,
    reserved: set[str],
) -> list[Merge]:
    """Merges until the vocabulary has `vocab_size` pieces or no pair stands `min_count` times.

    Of two merges that are equally good the one with the smaller ids goes first.

    Args:
        word_counts: every pre-token and how often it stands in the text.
        vocab: the pieces so far, single characters among them; new pieces are added to it.
        reserved: pieces that are not formed.
    """
    ids = {piece: id for id, piece in enumerate(vocab)}

    def spell(word: str) -> list[int]:
        return [ids.get(CONTINUES * (i > 0) + letter, -1) for i, letter in enumerate(word)]

    symbols = Symbols(word_counts, spell)
    table = _Table(symbols, vocab_size)
    merges: list[Merge] = []
    while len(vocab) < vocab_size:
        best = table.best(max(min_count, 1))
        if best is None:
            break
        pair, gain = best
        left, right = vocab[pair >> SHIFT], vocab[pair & RIGHT]
        piece = left + right.removeprefix(CONTINUES)
        if piece in reserved:
            table.set(pair, 0)
            continue
        id = ids.setdefault(piece, len(vocab))
        if id == len(vocab):
            vocab.append(piece)
        change = symbols.merge(pair, id)
        symbols.counts[pair] = 0  # what overlaps left of it: "aaa" has the pair a a twice
        table.pieces[pair >> SHIFT] -= change.count
        table.pieces[pair & RIGHT] -= change.count
        table.pieces[id] += change.count
        for changed in (*change.grown, *change.shrunk, pair):
            table.set(changed, symbols.n_merges(changed))
        merges.append(Merge(left, right, id, change.count, gain))
    return merges


class _Table:
    """Pairs and their counts as arrays, and how often each piece stands in the text."""

    def __init__(self, symbols: Symbols, n_pieces: int) -> None:
        rows = sorted(symbols.counts)
        self.row_of = {pair: row for row, pair in enumerate(rows)}
        self.pairs = np.array(rows, np.int64)
        self.counts = np.array([symbols.n_merges(pair) for pair in rows], np.int64)
        ids = np.array(symbols.ids)
        weights = np.array(symbols.weights)
        self.pieces = np.bincount(ids[ids >= 0], weights[ids >= 0], n_pieces)

    def set(self, pair: int, count: int) -> None:
        """How often a pair stands now."""
        row = self.row_of.setdefault(pair, len(self.row_of))
        if row == len(self.pairs):  # grow by half, so that adding stays cheap
            more = np.zeros(row // 2 + 16, np.int64)
            self.pairs = np.concatenate([self.pairs, more])
            self.counts = np.concatenate([self.counts, more])
        self.pairs[row], self.counts[row] = pair, count

    def best(self, min_count: int) -> tuple[int, float] | None:
        """The merge with the largest gain in log-likelihood, and the gain in nats."""
        frequent = np.flatnonzero(self.counts >= min_count)
        if not len(frequent):
            return None
        pairs, count = self.pairs[frequent], self.counts[frequent].astype(float)
        left, right = self.pieces[pairs >> SHIFT], self.pieces[pairs & RIGHT]
        same = pairs >> SHIFT == pairs & RIGHT
        total = self.pieces.sum()
        rest = left - count * (1 + same)
        after = np.where(same, xlogx(rest), xlogx(rest) + xlogx(right - count))
        before = np.where(same, xlogx(left), xlogx(left) + xlogx(right))
        gain = xlogx(count) + after - before - xlogx(total - count) + xlogx(total)
        largest = gain.max()
        return int(pairs[gain == largest].min()), float(largest)


def xlogx(x):
    """x log x, with 0 for x = 0."""
    x = np.asarray(x, float)
    return x * np.log(np.where(x > 0, x, 1))
