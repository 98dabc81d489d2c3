"""The pieces that Unigram's training begins with: substrings that stand in the text repeatedly."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .piece_search import WordSymbols


def seed_pieces(
    symbols: WordSymbols, letters: Sequence[str], longest: int, most: int
) -> tuple[list[str], np.ndarray]:
    """The alphabet, then repeated substrings, and the weight of each.

    A substring counts if it stands twice or more and is not always followed by the same
    character: then the longer one would do. Its weight is its count times its length.

    Args:
        symbols: the different pre-tokens.
        letters: the alphabet.
        longest: characters in a piece, at most.
        most: substrings beside the alphabet.
    """
    codes, weights = symbols.codes, symbols.spread
    alone = np.bincount(codes[codes >= 0], weights[codes >= 0], len(letters))
    texts, totals = [], []
    # Substrings of one length more: a number for each that stands twice, and where they begin.
    at = np.flatnonzero(codes >= 0)
    group = codes[at].astype(np.int64)
    length, text_of_group, total_of_group = 1, list(letters), alone
    while length < longest and len(at):
        after = codes[np.minimum(at + length, len(codes) - 1)]
        inside = (after >= 0) & (at + length < symbols.ends[at])
        key = group[inside] * len(letters) + after[inside]
        at = at[inside]
        different, next_group = np.unique(key, return_inverse=True)
        total = np.bincount(next_group, weights[at], len(different))
        parent = different // len(letters)
        largest = np.zeros(len(text_of_group))
        np.maximum.at(largest, parent, total)
        if length > 1:
            branching = largest < total_of_group
            texts += [text for text, use in zip(text_of_group, branching) if use]
            totals += (total_of_group[branching] * length).tolist()
        repeated = total >= 2
        number = np.cumsum(repeated) - 1
        text_of_group = [
            text_of_group[p] + letters[c]
            for p, c in zip(parent[repeated], different[repeated] % len(letters))
        ]
        total_of_group = total[repeated]
        stays = repeated[next_group]
        at, group = at[stays], number[next_group[stays]]
        length += 1
    if length > 1:
        texts += text_of_group
        totals += (total_of_group * length).tolist()
    order = sorted(range(len(texts)), key=lambda i: (-totals[i], texts[i]))[:most]
    weights = np.concatenate([np.maximum(alone, 1), [totals[i] for i in order]])
    return [*letters, *(texts[i] for i in order)], weights
