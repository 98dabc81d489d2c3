"""Unigram's vocabulary: many pieces to begin with, and those that matter least are pruned.

Source: Kudo (2018) and SentencePiece (Kudo and Richardson, 2018). A round estimates the pieces'
probabilities by expectation–maximisation; then every piece is held against the best way to spell
it with others, and those are dropped whose loss lowers the likelihood of the text least.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from .lattice import Lattice
from .piece_search import find_pieces, word_symbols
from .record import Round
from .unigram_seed import seed_pieces

STEPS = 2  # of expectation and maximisation in a round
RARE = 0.5  # a piece expected less often than this is dropped
SLACK = 1.1  # pruning ends this much above the size; the rest goes by probability alone
SEEDS = 1_000_000
# Scores are whole multiples of this, in nats: so sums of them are exact in any order, two ways to
# cut a run of spaces really are equal, and a file holds them with few enough digits that every
# reader makes the same number of them.
EXACT = 2.0**-12


def learn_pieces(
    word_counts: Mapping[str, int],
    letters: Sequence[str],
    n_pieces: int,
    longest: int,
    shrink: float,
    reserved: frozenset[str],
) -> tuple[dict[str, float], list[Round]]:
    """Pieces with the natural logarithm of their probability, likeliest first, and the rounds.

    Args:
        word_counts: every pre-token and how often it stands in the text.
        letters: the alphabet; each of its characters stays a piece.
        n_pieces: at most, `letters` among them.
        longest: characters in a piece, at most.
        shrink: the share of the pieces that a round keeps.
        reserved: pieces that are not formed.
    """
    symbols = word_symbols(word_counts, letters)
    pieces, weights = seed_pieces(symbols, letters, longest, SEEDS)
    usable = np.array([piece not in reserved for piece in pieces])
    pieces, weights = [p for p, use in zip(pieces, usable) if use], weights[usable]
    scores = np.log(weights / weights.sum())
    lattice = Lattice.of(symbols, find_pieces(symbols, pieces, letters), len(pieces))
    n_letters, rounds = len(letters), []
    n_characters = int((symbols.counts * symbols.lengths).sum())
    limit = max(n_pieces, min(int(n_pieces * SLACK), len(pieces)))
    while True:
        size = len(pieces)
        for _ in range(STEPS):
            expected, likelihood = lattice.expected_counts(scores)
            keep = expected >= RARE
            keep[:n_letters] = True  # whatever happens, every text can be spelled
            pieces = [piece for piece, kept in zip(pieces, keep) if kept]
            lattice, expected = lattice.only(keep), expected[keep]
            counts = np.maximum(expected, RARE / 2)
            scores = digamma(counts) - digamma(counts.sum())
        done = len(pieces) <= limit
        if done:
            keep = _likeliest(scores, n_letters, n_pieces)
        else:
            n_kept = max(limit, int(len(pieces) * shrink))
            keep = _worth_most(pieces, letters, scores, expected, n_kept)
        rounds.append(
            Round(
                size, int(keep.sum()), likelihood / n_characters,
                float(expected.sum()) / n_characters,
            )  # fmt: skip
        )
        pieces = [piece for piece, kept in zip(pieces, keep) if kept]
        lattice, scores = lattice.only(keep), scores[keep]
        if done:
            break
    scores = np.round(scores / EXACT) * EXACT
    order = sorted(range(len(pieces)), key=lambda i: (-scores[i], pieces[i]))
    return {pieces[i]: float(scores[i]) for i in order}, rounds


def _likeliest(scores: np.ndarray, n_letters: int, n_pieces: int) -> np.ndarray:
    """The alphabet and the likeliest of the other pieces."""
    keep = np.zeros(len(scores), bool)
    keep[:n_letters] = True
    others = np.argsort(-scores[n_letters:], kind="stable")[: n_pieces - n_letters]
    keep[n_letters + others] = True
    return keep


def _worth_most(
    pieces: Sequence[str],
    letters: Sequence[str],
    scores: np.ndarray,
    counts: np.ndarray,
    n_kept: int,
) -> np.ndarray:
    """The alphabet and the pieces without which the text would lose most of its likelihood.

    Without a piece, its places go to the likeliest way to spell it with others, whose counts
    grow by them. A piece that is less probable than that way is worth nothing.
    """
    n_letters = len(letters)
    symbols = word_symbols(dict.fromkeys(pieces[n_letters:], 1), letters)
    found = find_pieces(symbols, pieces, letters)
    itself = found.end - found.start == symbols.lengths[found.word]
    lattice = Lattice.of(symbols, found.where(~itself), len(pieces))
    word, part = lattice.best_pieces(scores)
    of = word + n_letters
    total, own = counts.sum(), counts[n_letters:]
    n_parts = np.bincount(word, minlength=len(own))
    best = np.bincount(word, scores[part], len(own))
    log_total = np.log(total + own * (n_parts - 1))
    spelled = np.bincount(word, np.log(counts[part] + counts[of]), len(own)) - n_parts * log_total
    loss = own * (np.log(own) - np.log(total) - spelled)
    loss[best >= scores[n_letters:]] = -np.inf
    keep = np.zeros(len(pieces), bool)
    keep[:n_letters] = True
    order = np.argsort(-loss, kind="stable")[: n_kept - n_letters]
    keep[n_letters + order[loss[order] > -np.inf]] = True
    return keep


def digamma(x: np.ndarray) -> np.ndarray:
    """The derivative of log Γ: log of a count, lowered as Bayes has it for rare pieces."""
    x = np.array(x, float)
    shift = np.zeros_like(x)
    for _ in range(6):  # Γ(x + 1) = x Γ(x), until the series below is exact enough
        small = x < 6
        shift = np.where(small, shift - 1 / x, shift)
        x = np.where(small, x + 1, x)
    square = 1 / (x * x)
    series = square * (1 / 12 - square * (1 / 120 - square * (1 / 252 - square / 240)))
    return shift + np.log(x) - 0.5 / x - series
