"""The simplest tokenizer: every character is a token."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from .corpus_words import alphabet, check_room, count_words
from .pretokenize import CHARACTERS
from .tokenizer_json import describe, isolate, pieces_in_order
from .trained import SPECIAL, UNKNOWN, TrainedTokenizer, check_special


class Character(TrainedTokenizer):
    """One token a character; one that the training text did not have becomes ``<unk>``.

    ``<unk>`` stands for no text: `decode` leaves it out.

    Args:
        vocab: the special tokens, ``<unk>`` among them, and the characters.
        others: special, add_bos, add_eos, record, as every trained tokenizer has them.

    Raises:
        ValueError: a vocabulary without ``<unk>``.
    """

    algorithm = "character"

    def __init__(self, vocab: Sequence[str], **others) -> None:
        super().__init__(vocab, **others)
        if UNKNOWN not in self.special:
            raise ValueError(f"the vocabulary lacks {UNKNOWN!r}, for characters it does not have")
        self._unknown = self._ids[UNKNOWN]

    @classmethod
    def train(
        cls,
        texts: Iterable[str | Sequence[str]],
        vocab_size: int,
        *,
        character_coverage: float = 1.0,
        special: Sequence[str] = (*SPECIAL, UNKNOWN),
        add_bos: bool = True,
        add_eos: bool = False,
    ) -> Character:
        """Take the characters of texts.

        Args:
            texts: strings, or lists of words.
            vocab_size: the most pieces there may be, special tokens among them.
            character_coverage: how much of the text the characters cover; the rarest beyond it
                become ``<unk>``.

        Raises:
            ValueError: no text, or a vocabulary too small for its characters.
        """
        special = check_special(special)
        found = count_words(texts, lambda text: list("".join(text)))
        vocab = [*special, *alphabet(found, character_coverage)]
        check_room(vocab_size, len(vocab), "the special tokens and the alphabet")
        return cls(
            vocab, special=special, add_bos=add_bos, add_eos=add_eos,
            record=found.record(cls.algorithm),
        )  # fmt: skip

    def words(self, text: str) -> list[str]:
        """The characters of a text."""
        return list(text)

    def _encode_word(self, word: str) -> list[int]:
        return [self._ids.get(word, self._unknown)]

    def _description(self) -> dict:
        model = {"type": "WordLevel", "vocab": self._ids, "unk_token": UNKNOWN}
        cut = isolate(CHARACTERS)
        return describe(model, **self._around(), pre_tokenizer=cut, decoder={"type": "Fuse"})

    @classmethod
    def _from_parts(cls, description: Mapping, **others) -> Character:
        return cls(pieces_in_order(description["model"]["vocab"]), **others)
