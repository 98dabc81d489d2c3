"""All ways to cut words into pieces at once: Unigram's dynamic programming over many words.

Position for position, every word takes its step together with all others, so that numpy does
what a loop over characters would take minutes for.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from .piece_search import Found, WordSymbols


@dataclass(frozen=True)
class Lattice:
    """Pieces in words as edges between positions; position p of word w is number p + w.

    So a word of n characters has n + 1 positions. Edges are sorted by how far from the word's
    beginning they end; a character outside the alphabet is an edge without a piece.
    """

    source: np.ndarray  # (edge,), a position
    target: np.ndarray  # (edge,), a position
    piece: np.ndarray  # (edge,), or n_pieces for a character outside the alphabet
    depth: np.ndarray  # (edge,), of its target
    symbols: WordSymbols
    n_pieces: int

    @classmethod
    def of(cls, symbols: WordSymbols, found: Found, n_pieces: int) -> Lattice:
        """The lattice of the pieces found."""
        unknown = np.flatnonzero(symbols.codes < 0)
        start = np.concatenate([found.start, unknown])
        end = np.concatenate([found.end, unknown + 1])
        piece = np.concatenate([found.piece, np.full(len(unknown), n_pieces)])
        word = np.concatenate([found.word, symbols.word[unknown]])
        depth = end - symbols.starts[word]
        order = np.lexsort((start, end, depth))
        arrays = (start + word, end + word, piece, depth)
        return cls(*(array[order] for array in arrays), symbols, n_pieces)

    def only(self, keep: np.ndarray) -> Lattice:
        """The lattice without the pieces that are not kept; the others are numbered anew."""
        number = np.append(np.where(keep, np.cumsum(keep) - 1, -1), keep.sum())
        piece = number[self.piece]
        stays = piece >= 0
        return replace(
            self, source=self.source[stays], target=self.target[stays], piece=piece[stays],
            depth=self.depth[stays], n_pieces=int(keep.sum()),
        )  # fmt: skip

    def expected_counts(self, scores: np.ndarray) -> tuple[np.ndarray, float]:
        """How often each piece is expected in the text, and the text's log-likelihood.

        Every way to cut a word counts with its probability (forward and backward sums).

        Args:
            scores: (piece,), the natural logarithm of the probability.
        """
        score = np.append(scores, 0.0)[self.piece]  # what is no piece changes no probability
        forward = self._sums(self.source, self.target, score, self.depth)
        # Backwards the same way: from the end of a word, edges by where they begin.
        word = self._words()
        rest = self.symbols.lengths[word] - (self.source - self._first(word))
        order = np.lexsort((self.source, rest))
        backward = self._sums(
            self.target[order], self.source[order], score[order], rest[order], from_end=True
        )
        firsts = self._first(np.arange(len(self.symbols.lengths)))
        whole = backward[firsts]
        chance = np.exp(forward[self.source] + score + backward[self.target] - whole[word])
        expected = np.bincount(self.piece, chance * self.symbols.counts[word], self.n_pieces + 1)
        return expected[: self.n_pieces], float((whole * self.symbols.counts).sum())

    def best_pieces(self, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The likeliest way to cut each word: pairs of a word and a piece in it."""
        score = np.append(scores, 0.0)[self.piece]
        best = self._blank()
        chosen = np.zeros(len(best), np.int64)
        for edges, groups in self._steps(self.target, self.depth):
            total = best[self.source[edges]] + score[edges]
            largest = np.maximum.reduceat(total, groups)
            size = np.diff(np.append(groups, len(total)))
            first = np.flatnonzero(total == np.repeat(largest, size))
            targets = self.target[edges][first]
            targets, which = np.unique(targets, return_index=True)
            best[targets], chosen[targets] = total[first[which]], edges.start + first[which]
        n_words = len(self.symbols.lengths)
        word = np.arange(n_words)
        at, first = self._first(word) + self.symbols.lengths, self._first(word)
        words, pieces = [], []
        while len(word):
            edge = chosen[at]
            words.append(word)
            pieces.append(self.piece[edge])
            at = self.source[edge]
            on = at > first
            word, at, first = word[on], at[on], first[on]
        return np.concatenate(words), np.concatenate(pieces)

    def _first(self, word: np.ndarray) -> np.ndarray:
        """The first position of a word."""
        return self.symbols.starts[word] + word

    def _words(self) -> np.ndarray:
        """(edge,), the word that each edge is in."""
        n_words = len(self.symbols.lengths)
        return np.searchsorted(self._first(np.arange(n_words)), self.source, side="right") - 1

    def _blank(self, from_end: bool = False) -> np.ndarray:
        """(position,), the log of 1 where every word begins (or ends) and of 0 elsewhere."""
        values = np.full(len(self.symbols.codes) + len(self.symbols.lengths), -np.inf)
        ends = self._first(np.arange(len(self.symbols.lengths)))
        values[ends + self.symbols.lengths * from_end] = 0
        return values

    @staticmethod
    def _steps(target: np.ndarray, depth: np.ndarray):
        """Slices of edges of one depth, each with where the groups of one target begin."""
        new = np.flatnonzero(np.diff(target, prepend=-1))
        borders = np.searchsorted(depth, np.arange(1, depth[-1] + 2)) if len(depth) else []
        for start, end in zip(borders[:-1], borders[1:]):
            low, high = np.searchsorted(new, (start, end))
            if start < end:
                yield slice(start, end), new[low:high] - start

    def _sums(self, source, target, score, depth, from_end: bool = False) -> np.ndarray:
        """(position,), the log of the summed probabilities of all ways to get there."""
        values = self._blank(from_end)
        for edges, groups in self._steps(target, depth):
            total = values[source[edges]] + score[edges]
            largest = np.maximum.reduceat(total, groups)
            size = np.diff(np.append(groups, len(total)))
            share = np.exp(total - np.repeat(largest, size))
            values[target[edges][groups]] = largest + np.log(np.add.reduceat(share, groups))
        return values
