"""Unigram: of all ways to cut a text into pieces, the most probable one.

Source: Kudo (2018). Every piece has a probability; a text's probability under one way to cut it
is the product, and the likeliest way is found by dynamic programming (Viterbi, 1967).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from .byte_fallback import BYTES
from .corpus_words import alphabet, check_room, count_words
from .pretokenize import SCRIPTS, split
from .token import Token, bytes_of, escape
from .tokenizer_json import describe, isolate, sequence
from .trained import SPECIAL, UNKNOWN, TrainedTokenizer, check_special
from .unigram_training import learn_pieces

UNKNOWN_PENALTY = 10.0  # nats below the least probable piece, as in SentencePiece


class Unigram(TrainedTokenizer):
    """Pieces with probabilities; a character that no piece holds becomes bytes.

    Args:
        vocab: the special tokens, ``<unk>`` among them, the 256 bytes, and the pieces.
        scores: the natural logarithm of each one's probability; 0 for special tokens and bytes,
            which are never chosen by it.
        pattern: cuts a text into pre-tokens.
        others: special, add_bos, add_eos, record, as every trained tokenizer has them.

    Raises:
        ValueError: scores that are no numbers or too few, or a vocabulary that lacks a byte.
    """

    algorithm = "unigram"

    def __init__(
        self, vocab: Sequence[str], scores: Sequence[float], pattern: str = SCRIPTS, **others
    ) -> None:
        super().__init__(vocab, **others)
        self.scores, self.pattern = tuple(map(float, scores)), pattern
        if len(self.scores) != len(self.vocab) or not all(map(math.isfinite, self.scores)):
            raise ValueError(
                f"{len(self.scores)} scores for {len(self.vocab)} pieces; expected a finite one "
                "for each"
            )
        if missing := [name for name in (*BYTES, UNKNOWN) if name not in self._ids]:
            raise ValueError(f"the vocabulary lacks {missing[0]}, expected it and all 256 bytes")
        self._byte_ids = [self._ids[name] for name in BYTES]
        self._byte_of = {id: bytes([byte]) for byte, id in enumerate(self._byte_ids)}
        self._pieces = {
            piece: (id, self.scores[id])
            for piece, id in self._ids.items()
            if id not in self._special_ids and id not in self._byte_of
        }
        self._longest = max(map(len, self._pieces), default=1)
        self._unknown = min(self.scores) - UNKNOWN_PENALTY

    @classmethod
    def train(
        cls,
        texts: Iterable[str | Sequence[str]],
        vocab_size: int,
        *,
        character_coverage: float = 1.0,
        longest: int = 16,
        shrink: float = 0.75,
        pattern: str = SCRIPTS,
        special: Sequence[str] = (*SPECIAL, UNKNOWN),
        add_bos: bool = True,
        add_eos: bool = False,
    ) -> Unigram:
        """Learn pieces and their probabilities from texts.

        Args:
            texts: strings, or lists of words that joined are a text; then no piece reaches
                across words.
            vocab_size: pieces in all, special tokens, bytes and characters among them.
            character_coverage: how much of the text the alphabet covers; the rarest characters
                beyond it become bytes.
            longest: characters in a piece, at most.
            shrink: the share of the pieces that a round of pruning keeps.
            pattern: cuts texts into pre-tokens; see `pretokenize`.

        Raises:
            ValueError: no text, a vocabulary too small for the alphabet, or a setting out of
                range.
        """
        if not 0 < shrink < 1 or longest < 1:
            raise ValueError(
                f"shrink={shrink}, longest={longest} are out of range: between 0 and 1; 1 or more"
            )
        special = check_special(special)

        def words(text: str | Sequence[str]) -> list[str]:
            parts = (text,) if isinstance(text, str) else text
            return [word for part in parts for word in split(pattern, part)]

        found = count_words(texts, words)
        letters = alphabet(found, character_coverage)
        first = [*special, *BYTES]
        check_room(
            vocab_size, len(first) + len(letters), "the special tokens, the bytes and the alphabet"
        )
        pieces, rounds = learn_pieces(
            found.counts, letters, vocab_size - len(first), longest, shrink, frozenset(first)
        )
        return cls(
            [*first, *pieces], [0.0] * len(first) + list(pieces.values()), pattern,
            special=special, add_bos=add_bos, add_eos=add_eos,
            record=found.record(cls.algorithm, rounds=rounds),
        )  # fmt: skip

    def words(self, text: str) -> list[str]:
        """The pre-tokens of a text: no piece reaches from one into another."""
        return split(self.pattern, text)

    def log_likelihood(self, text: str) -> float:
        """The natural logarithm of the probability of `text`, cut in its likeliest way."""
        return sum(self._best(word)[1] for word in self.words(text))

    def _encode_word(self, word: str) -> list[int]:
        return self._best(word)[0]

    def _best(self, word: str) -> tuple[list[int], float]:
        """The likeliest way to cut a pre-token, and its log-probability.

        Of two equally likely ways the one whose last piece is longer, then the one before.
        """
        n, pieces = len(word), self._pieces
        best = [0.0] + [-math.inf] * n  # of the text up to each position
        begin, last = [-1] * (n + 1), [-1] * (n + 1)
        for start in range(n):
            here = best[start]
            for end in range(start + 1, min(start + self._longest, n) + 1):
                found = pieces.get(word[start:end])
                if found is None:
                    if end == start + 1 and self._unknown + here > best[end]:
                        best[end], begin[end], last[end] = self._unknown + here, start, -1
                elif found[1] + here > best[end]:
                    best[end], begin[end], last[end] = found[1] + here, start, found[0]
        ids: list[int] = []
        end = n
        while end:
            spelled = bytes_of(word[begin[end] : end]) if last[end] < 0 else ()
            ids += [self._byte_ids[byte] for byte in reversed(spelled)] or [last[end]]
            end = begin[end]
        return ids[::-1], best[n]

    def _token(self, id: int) -> Token:
        byte = self._byte_of.get(id)
        return super()._token(id) if byte is None else Token(id, escape(byte), byte)

    def _description(self) -> dict:
        model = {
            "type": "Unigram",
            "unk_id": self._ids[UNKNOWN],
            "vocab": [[piece, score] for piece, score in zip(self.vocab, self.scores)],
            "byte_fallback": True,
        }
        decoder = sequence("decoders", [{"type": "ByteFallback"}, {"type": "Fuse"}])
        cut = isolate(self.pattern)
        return describe(model, **self._around(), pre_tokenizer=cut, decoder=decoder)

    @classmethod
    def _from_parts(cls, description: Mapping, **others) -> Unigram:
        vocab, scores = zip(*description["model"]["vocab"])
        return cls(vocab, scores, description["pre_tokenizer"]["pattern"]["Regex"], **others)
