"""Byte-pair encoding: merges, made in the order in which they were learned.

Source: Sennrich et al. (2016).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from heapq import heapify, heappop, heappush

from .pretokenize import split
from .token import Token
from .trained import TrainedTokenizer


class BytePair(TrainedTokenizer):
    """Merges, made in the order in which they were learned.

    Args:
        vocab: the pieces in the order of their ids.
        merges: pairs of pieces, the first one first.
        pattern: cuts a text into pre-tokens.
        others: special, add_bos, add_eos, record, as every trained tokenizer has them.

    Raises:
        ValueError: a merge of or into something that is no piece.
    """

    algorithm = "byte-pair"

    def __init__(
        self, vocab: Sequence[str], merges: Iterable[Sequence[str]], pattern: str, **others
    ) -> None:
        super().__init__(vocab, **others)
        self.pattern = pattern
        self.merges = tuple((left, right) for left, right in merges)
        ids = self._ids
        try:
            self._ranks = {
                (ids[left], ids[right]): (rank, ids[left + right])
                for rank, (left, right) in enumerate(self.merges)
            }
        except KeyError as error:
            raise ValueError(
                f"the merges name {error.args[0]!r}, which is not in the vocabulary"
            ) from None

    def words(self, text: str) -> list[str]:
        """The pre-tokens of a text: no piece reaches from one into another."""
        return split(self.pattern, text)

    def pieces_after(self, text: str, n_merges: int) -> list[Token]:
        """The tokens of `text` as they are after the first `n_merges` merges.

        Raises:
            ValueError: a number of merges that is not from 0 to how many there are.
        """
        if not 0 <= n_merges <= len(self.merges):
            raise ValueError(f"n_merges={n_merges} is out of range: 0 to {len(self.merges)}")
        words = map(self._symbols, self.words(text))
        return [self.token(id) for word in words for id in merge(word, self._ranks, n_merges)]

    def _encode_word(self, word: str) -> list[int]:
        return merge(self._symbols(word), self._ranks)

    def _symbols(self, word: str) -> list[int]:
        """The ids that the merging of a pre-token begins with."""
        raise NotImplementedError

    def _model(self, byte_fallback: bool) -> dict:
        unused = ("dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix")
        return {"type": "BPE"} | dict.fromkeys(unused) | {
            "fuse_unk": False,
            "byte_fallback": byte_fallback,
            "ignore_merges": False,
            "vocab": self._ids,
            "merges": [list(pair) for pair in self.merges],
        }  # fmt: skip


def merge(
    ids: list[int], ranks: Mapping[tuple[int, int], tuple[int, int]], n_merges: int | None = None
) -> list[int]:
    """Merge neighbours until no more can be merged: the earliest learned first, from the left.

    Candidates wait in a heap, so n symbols take n log n steps.

    Args:
        ids: the symbols of one pre-token.
        ranks: pair → its place in the order of merges, and the piece it makes.
        n_merges: how many of the merges are known; all, if None.
    """
    n = len(ids)
    ids, following, previous = list(ids), list(range(1, n + 1)), list(range(-1, n))
    limit = len(ranks) if n_merges is None else n_merges
    heap = [
        (*found, i, i + 1)
        for i in range(n - 1)
        if (found := ranks.get((ids[i], ids[i + 1]))) and found[0] < limit
    ]
    heapify(heap)
    while heap:
        _, new, left, right = heappop(heap)
        end = following[left]
        if end != right or ids[left] < 0 or ranks.get((ids[left], ids[right]), (0, -1))[1] != new:
            continue  # one of the two has been merged with another neighbour since
        ids[left], ids[right] = new, -1
        end = following[left] = following[right]
        previous[end] = left
        for first, second in ((previous[left], left), (left, end)):
            if first >= 0 and second < n and (found := ranks.get((ids[first], ids[second]))):
                if found[0] < limit:
                    heappush(heap, (*found, first, second))
    return [id for id in ids if id >= 0]
