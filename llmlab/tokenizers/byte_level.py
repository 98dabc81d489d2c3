"""Byte-level byte-pair encoding, as in GPT-2 (Radford et al., 2019)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from .byte_letters import LETTER_OF, spell, unspell
from .byte_pair import BytePair
from .byte_pair_training import learn_merges
from .corpus_words import check_room, count_words
from .pretokenize import GPT2, split
from .token import Token, text_of
from .tokenizer_json import describe, isolate, pieces_in_order, sequence
from .trained import SPECIAL, check_special


class ByteLevelBPE(BytePair):
    """Byte-pair encoding of bytes, as in GPT-2: 256 bytes spell every text.

    A piece may hold a part of a character, and the vocabulary spells each byte by a letter.
    """

    @classmethod
    def train(
        cls,
        texts: Iterable[str | Sequence[str]],
        vocab_size: int,
        *,
        min_count: int = 2,
        pattern: str = GPT2,
        special: Sequence[str] = SPECIAL,
        add_bos: bool = True,
        add_eos: bool = False,
    ) -> ByteLevelBPE:
        """Learn merges from texts.

        Args:
            texts: strings, or lists of words that joined are a text; then no merge is counted
                across words.
            vocab_size: pieces in all, special tokens and the 256 bytes among them. There are
                fewer where no pair is left that stands `min_count` times.
            min_count: how often a pair must stand to be merged.
            pattern: cuts texts into pre-tokens; see `pretokenize`.

        Raises:
            ValueError: no text, or a vocabulary too small for the bytes.
        """
        special = check_special(special)
        vocab = [*special, *sorted(LETTER_OF.values())]
        check_room(vocab_size, len(vocab), "the special tokens and the 256 bytes")

        def letters(text: str | Sequence[str]) -> list[str]:
            parts = (text,) if isinstance(text, str) else text
            return [spell(word) for part in parts for word in split(pattern, part)]

        found = count_words(texts, letters)
        reserved = set(special)
        merges = learn_merges(
            found.counts, vocab, vocab_size, min_count, lambda piece: piece not in reserved
        )
        return cls(
            vocab, [(m.left, m.right) for m in merges], pattern, special=special,
            add_bos=add_bos, add_eos=add_eos, record=found.record(cls.algorithm, merges),
        )  # fmt: skip

    def _symbols(self, word: str) -> list[int]:
        return [self._ids[letter] for letter in spell(word)]

    def _token(self, id: int) -> Token:
        data = unspell(self.vocab[id])
        return Token(id, text_of(data), data)

    def _description(self) -> dict:
        level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True}
        cut = level | {"use_regex": True}
        if self.pattern != GPT2:
            parts = [isolate(self.pattern), level | {"use_regex": False}]
            cut = sequence("pretokenizers", parts)
        return describe(
            self._model(byte_fallback=False), **self._around(),
            pre_tokenizer=cut, decoder=level | {"use_regex": True},
        )  # fmt: skip

    @classmethod
    def _from_parts(cls, description: Mapping, **others) -> ByteLevelBPE:
        cut, pattern = description["pre_tokenizer"], GPT2
        if cut["type"] == "Sequence":
            pattern = cut["pretokenizers"][0]["pattern"]["Regex"]
        model = description["model"]
        return cls(pieces_in_order(model["vocab"]), model["merges"], pattern, **others)
