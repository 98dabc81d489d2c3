"""Where pieces stand in words, for all words and all pieces at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class WordSymbols:
    """The characters of words, one word after another.

    Attributes:
        codes: (character,), a character's place in the alphabet, -1 for any other.
        word: (character,), which word it belongs to.
        ends: (character,), where that word ends.
        starts, lengths, counts: (word,), where it begins, how long it is, how often it stands in
            the text.
    """

    codes: np.ndarray
    word: np.ndarray
    ends: np.ndarray
    starts: np.ndarray
    lengths: np.ndarray
    counts: np.ndarray

    @property
    def spread(self) -> np.ndarray:
        """(character,), how often its word stands in the text."""
        return self.counts[self.word]


@dataclass(frozen=True)
class Found:
    """Where pieces stand in words: each from character `start` to before `end`, of `word`."""

    start: np.ndarray
    end: np.ndarray
    piece: np.ndarray
    word: np.ndarray

    def where(self, keep: np.ndarray) -> Found:
        """Some of them."""
        return Found(self.start[keep], self.end[keep], self.piece[keep], self.word[keep])


def word_symbols(word_counts: Mapping[str, int], letters: Sequence[str]) -> WordSymbols:
    """The characters of words as numbers."""
    number = {letter: i for i, letter in enumerate(letters)}
    codes = np.array([number.get(c, -1) for word in word_counts for c in word], np.int64)
    lengths = np.fromiter(map(len, word_counts), np.int64, len(word_counts))
    counts = np.fromiter(word_counts.values(), np.float64, len(word_counts))
    starts = np.cumsum(lengths) - lengths
    word = np.repeat(np.arange(len(lengths)), lengths)
    return WordSymbols(codes, word, (starts + lengths)[word], starts, lengths, counts)


def find_pieces(symbols: WordSymbols, pieces: Sequence[str], letters: Sequence[str]) -> Found:
    """Every place in the words where one of the pieces stands.

    The pieces make a trie, and all places go down it together, one character a step.
    """
    number = {letter: i for i, letter in enumerate(letters)}
    n_letters = len(letters)
    spelled = [[number[c] for c in piece] for piece in pieces]
    order = sorted(range(len(pieces)), key=lambda i: len(spelled[i]))
    at = np.flatnonzero(symbols.codes >= 0)
    node = np.zeros(len(at), np.int64)
    parts: list[tuple[np.ndarray, np.ndarray, int]] = []
    prefixes = np.zeros(len(pieces), np.int64)  # the node that each piece has come to
    length, alive = 0, np.array(order, np.int64)
    while len(alive) and len(at):
        nth = np.array([spelled[i][length] for i in alive], np.int64)
        keys = prefixes[alive] * n_letters + nth
        nodes, reached = np.unique(keys, return_inverse=True)
        prefixes[alive] = reached
        ending = np.full(len(nodes), -1, np.int64)
        complete = np.array([len(spelled[i]) == length + 1 for i in alive])
        ending[reached[complete]] = alive[complete]
        wanted = node * n_letters + symbols.codes[at + length]
        place = np.minimum(np.searchsorted(nodes, wanted), len(nodes) - 1)
        hit = nodes[place] == wanted
        at, node = at[hit], place[hit]
        length += 1
        whole = ending[node] >= 0
        parts.append((at[whole], ending[node[whole]], length))
        goes_on = at + length < symbols.ends[at]
        goes_on &= symbols.codes[np.minimum(at + length, len(symbols.codes) - 1)] >= 0
        at, node, alive = at[goes_on], node[goes_on], alive[~complete]
    start = np.concatenate([part[0] for part in parts])
    end = np.concatenate([part[0] + part[2] for part in parts])
    piece = np.concatenate([part[1] for part in parts])
    return Found(start, end, piece, symbols.word[start])
