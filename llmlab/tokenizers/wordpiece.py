"""WordPiece: of each word the longest piece that fits, again and again, as in BERT.

Source: Schuster and Nakajima (2012) for the training, Devlin et al. (2019) for the use.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from .corpus_words import alphabet, check_room, count_words
from .pretokenize import HAN, compiled, split
from .token import Token, bytes_of
from .tokenizer_json import describe, isolate, pieces_in_order, sequence
from .trained import SPECIAL, UNKNOWN, TrainedTokenizer, check_special
from .wordpiece_training import CONTINUES, learn_pieces

# As BERT cuts a text: at spaces, which no token keeps, and around every sign and every ideograph.
WORDS = rf"[{HAN}]|(?:(?![{HAN}])[\p{{L}}\p{{M}}\p{{N}}])+|[\s]+|[^\s\p{{L}}\p{{M}}\p{{N}}]"
LONGEST_WORD = 100  # a longer one is unknown; matching takes the square of a word's length


class WordPiece(TrainedTokenizer):
    """Pieces of words; those inside a word begin with "##".

    Spaces are not kept, so that `decode` writes one before every word, as BERT does, and a word
    that the pieces do not spell becomes one ``<unk>``.

    Args:
        vocab: the special tokens, ``<unk>`` among them, and the pieces.
        pattern: cuts a text into pre-tokens; those of spaces are left out.
        others: special, add_bos, add_eos, record, as every trained tokenizer has them.

    Raises:
        ValueError: a vocabulary without ``<unk>``.
    """

    algorithm = "wordpiece"

    def __init__(self, vocab: Sequence[str], pattern: str = WORDS, **others) -> None:
        super().__init__(vocab, **others)
        if UNKNOWN not in self.special:
            raise ValueError(f"the vocabulary lacks {UNKNOWN!r}, for words it does not spell")
        self.pattern = pattern
        self._unknown = self._ids[UNKNOWN]
        # Not among the words: whoever types "<eos>" means no special token.
        self._pieces = {p: id for p, id in self._ids.items() if id not in self._special_ids}

    @classmethod
    def train(
        cls,
        texts: Iterable[str | Sequence[str]],
        vocab_size: int,
        *,
        min_count: int = 2,
        character_coverage: float = 1.0,
        pattern: str = WORDS,
        special: Sequence[str] = (*SPECIAL, UNKNOWN),
        add_bos: bool = True,
        add_eos: bool = False,
    ) -> WordPiece:
        """Learn pieces from texts.

        Args:
            texts: strings, or lists of words.
            vocab_size: pieces in all, special tokens and characters (each as the beginning of a
                word and, where it stands there, inside) among them.
            min_count: how often a pair must stand to be merged.
            character_coverage: how much of the text the alphabet covers.
            pattern: cuts texts into pre-tokens; see `pretokenize`.

        Raises:
            ValueError: no text, or a vocabulary too small for its characters.
        """
        special = check_special(special)

        def words(text: str | Sequence[str]) -> list[str]:
            parts = (text,) if isinstance(text, str) else text
            return [word for part in parts for word in words_of(pattern, part)]

        found = count_words(texts, words)
        kept = set(alphabet(found, character_coverage))
        inside = {letter for word in found.counts for letter in word[1:]}
        first = {word[0] for word in found.counts}
        vocab = [*special, *sorted(kept & first), *sorted(CONTINUES + c for c in kept & inside)]
        check_room(vocab_size, len(vocab), "the special tokens and the alphabet")
        merges = learn_pieces(found.counts, vocab, vocab_size, min_count, set(special))
        return cls(
            vocab, pattern, special=special, add_bos=add_bos, add_eos=add_eos,
            record=found.record(cls.algorithm, merges),
        )  # fmt: skip

    def words(self, text: str) -> list[str]:
        """The pre-tokens of a text, those of spaces left out."""
        return words_of(self.pattern, text)

    def decode(self, ids: Iterable[int]) -> str:
        """The words of `ids` with spaces between them, special tokens left out."""
        pieces = [self.token(id).text for id in ids if int(id) not in self._special_ids]
        text = "".join(" " + piece for piece in pieces[1:]).replace(" " + CONTINUES, "")
        return "".join(pieces[:1]) + text

    def _token(self, id: int) -> Token:
        piece = self.vocab[id]
        return Token(id, piece, bytes_of(piece.removeprefix(CONTINUES)))

    def _encode_word(self, word: str) -> list[int]:
        if len(word) > LONGEST_WORD:
            return [self._unknown]
        ids, start = [], 0
        while start < len(word):
            prefix = CONTINUES if start else ""
            for end in range(len(word), start, -1):
                id = self._pieces.get(prefix + word[start:end])
                if id is not None:
                    break
            else:
                return [self._unknown]
            ids.append(id)
            start = end
        return ids

    def _description(self) -> dict:
        model = {
            "type": "WordPiece",
            "unk_token": UNKNOWN,
            "continuing_subword_prefix": CONTINUES,
            "max_input_chars_per_word": LONGEST_WORD,
            "vocab": self._ids,
        }
        drop = isolate(r"[\s]+") | {"behavior": "Removed"}
        decoder = {"type": "WordPiece", "prefix": CONTINUES, "cleanup": False}
        cut = sequence("pretokenizers", [isolate(self.pattern), drop])
        return describe(model, **self._around(), pre_tokenizer=cut, decoder=decoder)

    @classmethod
    def _from_parts(cls, description: Mapping, **others) -> WordPiece:
        pattern = description["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"]
        return cls(pieces_in_order(description["model"]["vocab"]), pattern, **others)


def words_of(pattern: str, text: str) -> list[str]:
    """The pre-tokens of a text without the spaces in and between them."""
    unspaced = compiled(r"[^\s]+").findall
    return [word for part in split(pattern, text) for word in unspaced(part)]
