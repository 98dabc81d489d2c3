"""SentencePiece byte-pair encoding with byte fallback, from the vocabulary in a GGUF file.

Byte-pair encoding (Sennrich et al., 2016) starts from single characters and joins, again and
again, the pair of neighbours whose merge was learned first. SentencePiece (Kudo and
Richardson, 2018) writes a space as "▁", so that no splitting into words is needed, and spells
a character that it does not know as its UTF-8 bytes. The vocabulary lists its pieces in the
order of the merges that made them, so an id is the rank of a merge and no list of merges is
needed.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from heapq import heapify, heappop, heappush
from zlib import crc32

import numpy as np

from . import Tokenizer
from .token import Token, bytes_of, escape, text_of

NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = range(1, 7)  # GGUF's kinds of tokens
SPACE = "▁".encode()


class SentencePieceBPE(Tokenizer):
    """Gemma's tokenizer.

    Args:
        pieces: every token's bytes, in the order of ids.
        kinds: every token's kind, as GGUF numbers them.
        bos_id, eos_id, pad_id: the tokens that begin a text, end it and fill a batch.
        add_bos, add_eos: what ``encode(text, special=True)`` adds.

    Raises:
        ValueError: a vocabulary that does not spell each of the 256 bytes, or has a special
            token whose name is not UTF-8.
    """

    def __init__(
        self,
        pieces: Sequence[bytes],
        kinds: Sequence[int],
        *,
        bos_id: int | None = None,
        eos_id: int | None = None,
        pad_id: int | None = None,
        add_bos: bool = True,
        add_eos: bool = False,
    ) -> None:
        self._pieces, self._kinds = pieces, np.asarray(kinds, np.uint8).tobytes()
        self.vocab_size = len(pieces)
        self.bos_id, self.pad_id = bos_id, pad_id
        self.eos_ids = frozenset(() if eos_id is None else (eos_id,))
        self._prefix = [bos_id] if add_bos and bos_id is not None else []
        self._suffix = [eos_id] if add_eos and eos_id is not None else []
        self._index_pieces()
        self._index_literals()

    def encode(self, text: str, special: bool = False) -> list[int]:
        """Ids of `text`; with `special`, what the model expects around it too.

        The name of a special token in `text`, such as "<start_of_turn>", gives that token.
        """
        ids = list(self._prefix) if special else []
        start = 0
        for begin, end, id in self._find_literals(text):
            ids += self._merge(text[start:begin])
            ids.append(id)
            start = end
        ids += self._merge(text[start:])
        return ids + self._suffix if special else ids

    def decode(self, ids: Iterable[int]) -> str:
        """The text of `ids`, special tokens left out and undecodable bytes written "<0xE5>"."""
        tokens = (self.token(id) for id in ids)
        return text_of(b"".join(t.bytes for t in tokens if self._kinds[t.id] != CONTROL))

    def token(self, id: int) -> Token:
        """The token of an id.

        Raises:
            IndexError: no such id.
        """
        id = int(id)
        if not 0 <= id < self.vocab_size:
            raise IndexError(f"token id {id} is not in the vocabulary, 0 to {self.vocab_size - 1}")
        piece = self._pieces[id]
        if self._kinds[id] == BYTE:
            data = bytes([self._byte(id)])
            return Token(id, escape(data), data)
        data = piece.replace(SPACE, b" ")
        return Token(id, text_of(data), data)

    @property
    def kinds(self) -> bytes:
        """The kind of every token, as GGUF numbers them."""
        return self._kinds

    def spelling(self, id: int) -> str:
        """A piece as the vocabulary spells it, each space as "▁"."""
        return text_of(self._spelling(id))

    def find(self, spelling: str) -> int | None:
        """The id of the piece that is spelled so; None where there is none that text can have."""
        return self._id(bytes_of(spelling))

    def describe(self) -> dict:
        """Everything that encoding and decoding need, as plain values."""
        return {
            "pieces": [text_of(piece) for piece in self._pieces],
            "kinds": list(self._kinds),
            "prefix": self._prefix,
            "suffix": self._suffix,
            "eos": sorted(self.eos_ids),
        }

    # The vocabulary is looked up once for every candidate merge. A dict of a quarter of a
    # million strings takes 30 MB; sorted checksums with the ids beside them take 2.

    def _index_pieces(self) -> None:
        self._byte_ids: dict[int, int] = {}
        ids, checksums = array("I"), array("I")
        for id, kind in enumerate(self._kinds):
            if kind == BYTE:
                self._byte_ids[self._byte(id)] = id
            elif kind in (NORMAL, USER_DEFINED):
                ids.append(id)
                checksums.append(crc32(self._spelling(id)))
        if len(self._byte_ids) < 256:
            raise ValueError(f"the vocabulary spells {len(self._byte_ids)} bytes, expected all 256")
        order = np.argsort(checksums, kind="stable")
        self._ids = array("I", np.asarray(ids)[order].tobytes())
        self._checksums = array("I", np.asarray(checksums)[order].tobytes())

    def _byte(self, id: int) -> int:
        """The byte that token `id` stands for: 0xE5 for b"<0xE5>"."""
        piece = self._pieces[id]
        if not re.fullmatch(rb"<0x[0-9A-F]{2}>", piece):
            raise ValueError(f"token {id} is {piece[:20]!r}, expected a byte such as b'<0xE5>'")
        return int(piece[3:5], 16)

    def _spelling(self, id: int) -> bytes:
        # GGUF writes runs of spaces, and only those, with real spaces.
        return self._pieces[id].replace(b" ", SPACE)

    def _id(self, piece: bytes) -> int | None:
        checksum = crc32(piece)
        at = bisect_left(self._checksums, checksum)
        while at < len(self._checksums) and self._checksums[at] == checksum:
            if self._spelling(self._ids[at]) == piece:
                return self._ids[at]
            at += 1
        return None

    # Special and user-defined tokens are found in the text before anything is merged, the
    # longest first. Runs of spaces are not: they are left to the merges.

    def _index_literals(self) -> None:
        self._literals: dict[str, int] = {}
        lengths: dict[str, set[int]] = {}
        for id, kind in enumerate(self._kinds):
            if kind in (CONTROL, USER_DEFINED) and (piece := self._pieces[id]).strip(b" "):
                try:
                    name = piece.decode()
                except UnicodeDecodeError:
                    raise ValueError(f"special token {id} is not UTF-8: {piece[:20]!r}") from None
                self._literals[name] = id
                lengths.setdefault(name[0], set()).add(len(name))
        self._literal_lengths = {first: sorted(of, reverse=True) for first, of in lengths.items()}
        self._literal_start = re.compile("|".join(map(re.escape, lengths)) or r"(?!)")

    def _find_literals(self, text: str) -> Iterator[tuple[int, int, int]]:
        """Where each literal token begins and ends in `text`, and its id."""
        at = 0
        while match := self._literal_start.search(text, at):
            at = match.start()
            for length in self._literal_lengths[text[at]]:
                id = self._literals.get(text[at : at + length])
                if id is not None:
                    yield at, at + length, id
                    at += length
                    break
            else:
                at += 1

    def _merge(self, text: str) -> list[int]:
        """Byte-pair encoding of a text without literal tokens.

        Symbol i spans ``data[starts[i] : starts[following[i]]]``. Candidate merges wait in a
        heap, so a text of n characters takes n log n steps, however few spaces it has.
        """
        data = bytes_of(text).replace(b" ", SPACE)
        starts = [at for at, byte in enumerate(data) if byte & 0xC0 != 0x80]  # of characters
        n = len(starts)
        starts.append(len(data))
        following = list(range(1, n + 1))
        previous = list(range(-1, n))
        known: dict[bytes, int | None] = {}

        def id_of(start: int, end: int) -> int | None:
            piece = data[starts[start] : starts[end]]
            if piece not in known:
                known[piece] = self._id(piece)
            return known[piece]

        def candidate(left: int) -> tuple[int, int, int, int, int] | None:
            right = following[left]
            if right == n or (id := id_of(left, following[right])) is None:
                return None
            # Earliest merge first; of two ways to the same piece the one with the longer
            # left half; then from left to right.
            return id, starts[left] - starts[right], left, right, following[right]

        ids = [id_of(i, i + 1) for i in range(n)]
        heap = [merge for i in range(n) if (merge := candidate(i))]
        heapify(heap)
        while heap:
            id, _, left, right, end = heappop(heap)
            if ids[left] == -1 or following[left] != right or following[right] != end:
                continue  # one of the two has been merged with another neighbour since
            ids[left], ids[right] = id, -1
            following[left] = end
            previous[end] = left
            for start in (previous[left], left):
                if start >= 0 and (merge := candidate(start)):
                    heappush(heap, merge)

        encoded: list[int] = []
        i = 0
        while i < n:
            if ids[i] is None:
                encoded += [self._byte_ids[b] for b in data[starts[i] : starts[following[i]]]]
            else:
                encoded.append(ids[i])
            i = following[i]
        return encoded
