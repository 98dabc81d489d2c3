"""Byte-pair encoding of characters with byte fallback, as SentencePiece and Llama have it.

The alphabet is the characters of the training text; any other is spelled as its UTF-8 bytes
(Kudo and Richardson, 2018). Pieces hold spaces as they are, without a "▁" in their place, so that
every text comes back exactly, one with a "▁" in it too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from .byte_pair import BytePair
from .byte_pair_training import learn_merges
from .corpus_words import alphabet, check_room, count_words
from .pretokenize import HAN, LETTER, SCRIPTS, compiled, split
from .token import Token, bytes_of, escape
from .tokenizer_json import describe, isolate, pieces_in_order, sequence
from .trained import SPECIAL, check_special

BYTES = tuple(f"<0x{byte:02X}>" for byte in range(256))
BEFORE_FIRST_WORD = rf"\A(?= |{LETTER})"
IDEOGRAPH = re.compile(f"[{HAN}]")


class ByteFallbackBPE(BytePair):
    """Byte-pair encoding of characters; a character that it does not have becomes bytes.

    Args:
        space_first: a text that begins with a letter (of a script other than Han) or a space is
            read with one more space before it, which `decode` takes away again. So a word is the
            same piece at the beginning of a text and inside; but the text of a continuation
            decoded by itself loses the space that it begins with.
        others: as BytePair has them.

    Raises:
        ValueError: a vocabulary that does not spell each of the 256 bytes.
    """

    def __init__(
        self,
        vocab: Sequence[str],
        merges: Iterable[Sequence[str]],
        pattern: str = SCRIPTS,
        *,
        space_first: bool = False,
        **others,
    ) -> None:
        super().__init__(vocab, merges, pattern, **others)
        self.space_first = space_first
        if missing := [name for name in BYTES if name not in self._ids]:
            raise ValueError(f"the vocabulary lacks the byte {missing[0]}, expected all 256")
        self._byte_ids = [self._ids[name] for name in BYTES]
        self._byte_of = {id: bytes([byte]) for byte, id in enumerate(self._byte_ids)}

    @classmethod
    def train(
        cls,
        texts: Iterable[str | Sequence[str]],
        vocab_size: int,
        *,
        min_count: int = 2,
        character_coverage: float = 1.0,
        initial_alphabet: str = "",
        max_han: int | None = None,
        space_first: bool = False,
        pattern: str = SCRIPTS,
        special: Sequence[str] = SPECIAL,
        add_bos: bool = True,
        add_eos: bool = False,
    ) -> ByteFallbackBPE:
        """Learn merges from texts.

        Args:
            texts: strings, or lists of words that joined are a text (in English with the space
                before a word: ["The", " king"]); then merges are counted inside words only.
            vocab_size: pieces in all, special tokens, bytes and characters among them. There are
                fewer where no pair is left that stands `min_count` times.
            min_count: how often a pair must stand to be merged.
            character_coverage: how much of the text the alphabet covers; the rarest characters
                beyond it become bytes.
            initial_alphabet: characters that are pieces whether or not the texts have them, such
                as string.printable: else a digit that no text has is a byte.
            max_han: no piece holds more Chinese characters than this. Words given are cut into
                parts of so many from the left (天安门: 天安, 门), so that a text without its last
                character has the same pieces as the whole one.
            space_first: see ByteFallbackBPE.
            pattern: cuts texts into pre-tokens; see `pretokenize`.

        Raises:
            ValueError: no text, a vocabulary too small for the alphabet, or a setting out of
                range.
        """
        if max_han is not None and max_han < 1:
            raise ValueError(f"max_han={max_han} is out of range: 1 or more, or None for no bound")
        special = check_special(special)

        def words(text: str | Sequence[str]) -> list[str]:
            if isinstance(text, str):
                return split(pattern, with_space(text) if space_first else text)
            parts = list(text)
            if space_first and parts:
                parts[0] = with_space(parts[0])
            cut = [word for part in parts for word in split(pattern, part)]
            return [piece for word in cut for piece in cut_han(word, max_han)]

        found = count_words(texts, words)
        letters = {*alphabet(found, character_coverage), *initial_alphabet}
        vocab = [*special, *BYTES, *sorted(letters)]
        check_room(vocab_size, len(vocab), "the special tokens, the bytes and the alphabet")
        reserved = {*special, *BYTES}

        def allowed(piece: str) -> bool:
            fits = max_han is None or len(IDEOGRAPH.findall(piece)) <= max_han
            return fits and piece not in reserved

        merges = learn_merges(found.counts, vocab, vocab_size, min_count, allowed)
        return cls(
            vocab, [(m.left, m.right) for m in merges], pattern, space_first=space_first,
            special=special, add_bos=add_bos, add_eos=add_eos,
            record=found.record(cls.algorithm, merges),
        )  # fmt: skip

    def words(self, text: str) -> list[str]:
        """The pre-tokens of a text: no piece reaches from one into another."""
        return split(self.pattern, with_space(text) if self.space_first else text)

    def decode(self, ids: Iterable[int]) -> str:
        """The text of `ids`, special tokens left out and undecodable bytes written "<0xE5>"."""
        text = super().decode(ids)
        return text.removeprefix(" ") if self.space_first else text

    def _symbols(self, word: str) -> list[int]:
        ids = []
        for character in word:
            id = self._ids.get(character)
            ids += [self._byte_ids[b] for b in bytes_of(character)] if id is None else [id]
        return ids

    def _token(self, id: int) -> Token:
        byte = self._byte_of.get(id)
        return super()._token(id) if byte is None else Token(id, escape(byte), byte)

    def _description(self) -> dict:
        decoders, normalizer = [{"type": "ByteFallback"}, {"type": "Fuse"}], None
        if self.space_first:
            first = {"Regex": BEFORE_FIRST_WORD}
            normalizer = {"type": "Replace", "pattern": first, "content": " "}
            decoders.append({"type": "Strip", "content": " ", "start": 1, "stop": 0})
        return describe(
            self._model(byte_fallback=True), **self._around(), normalizer=normalizer,
            pre_tokenizer=isolate(self.pattern), decoder=sequence("decoders", decoders),
        )  # fmt: skip

    @classmethod
    def _from_parts(cls, description: Mapping, **others) -> ByteFallbackBPE:
        model, pattern = description["model"], description["pre_tokenizer"]["pattern"]["Regex"]
        space_first = description["normalizer"] is not None
        vocab = pieces_in_order(model["vocab"])
        return cls(vocab, model["merges"], pattern, space_first=space_first, **others)


def with_space(text: str) -> str:
    """The text with a space before it, if it begins with a space or a letter that is not Han."""
    return " " + text if compiled(BEFORE_FIRST_WORD).match(text) else text


def cut_han(word: str, length: int | None) -> list[str]:
    """A run of Han in parts of `length` characters from the left; any other word whole."""
    if length is None or len(word) <= length or not IDEOGRAPH.match(word):
        return [word]
    return [word[i : i + length] for i in range(0, len(word), length)]
