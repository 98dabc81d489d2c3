"""A text in tokens: the same text under several tokenizers, and after each merge of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import traitlets

from ..tokenizers.byte_pair import BytePair
from .base import View, visible

if TYPE_CHECKING:
    from ..tokenizers import Token, Tokenizer

MOST_CHARACTERS = 400  # more is no longer read token by token


class TokenizerView(View):
    """A text in coloured pieces, each with its id and its bytes.

    With a kernel a reader may write another text. Where one of the tokenizers is byte-pair
    encoding that was trained here, a slider goes through the merges that change the text.

    Args:
        text: what is cut into tokens, at most 400 characters.
        tokenizers: by the names to show them under; a model stands for its tokenizer.
        merges_of: the name of the one whose merges are shown; the first that has merges, if None.

    Raises:
        ValueError: no text or too long a one, no tokenizer, or a name that has no merges.
    """

    _name: ClassVar[str] = "tokenizer"

    text = traitlets.Unicode(help="what is cut into tokens").tag(sync=True)
    rows = traitlets.List(help="{name, vocab_size, tokens: {id, text, bytes}}").tag(sync=True)
    merges_of = traitlets.Unicode("", help="whose merges; empty: nobody's").tag(sync=True)
    n_merges = traitlets.Int(0, help="how many it has in all").tag(sync=True)
    steps = traitlets.List(help="{merge, left, right, count, tokens}: text changes").tag(sync=True)
    step = traitlets.Int(0, help="the step shown; 0: before the first merge").tag(sync=True)
    status = traitlets.Unicode("", help="why a text could not be shown").tag(sync=True)

    def __init__(
        self,
        text: str,
        tokenizers: Mapping[str, Tokenizer],
        merges_of: str | None = None,
    ) -> None:
        check_text(text)
        self._tokenizers = {
            name: getattr(given, "tokenizer", given) for name, given in dict(tokenizers).items()
        }
        if not self._tokenizers:
            raise ValueError("tokenizers is empty; give at least one, such as {'Gemma': model}")
        with_merges = [n for n, given in self._tokenizers.items() if isinstance(given, BytePair)]
        if merges_of is not None and merges_of not in with_merges:
            raise ValueError(
                f"merges_of={merges_of!r} has no merges to show; choose from {with_merges}, or "
                "train a byte-pair encoding with llmlab.tokenizers.ByteLevelBPE.train"
            )
        name = merges_of or next(iter(with_merges), "")
        n_merges = len(self._tokenizers[name].merges) if name else 0
        rows, steps = self._cut(text, name)
        super().__init__(
            text=text.encode("utf-8", "replace").decode(), rows=rows, merges_of=name,
            n_merges=n_merges, steps=steps, step=max(len(steps) - 1, 0),
        )  # fmt: skip

    def _cut(self, text: str, merges_of: str) -> tuple[list[dict], list[dict]]:
        rows = [
            {"name": name, "vocab_size": each.vocab_size, "tokens": _tokens(each.pieces(text))}
            for name, each in self._tokenizers.items()
        ]
        return rows, merge_steps(self._tokenizers[merges_of], text) if merges_of else []

    @traitlets.validate("step")
    def _valid_step(self, proposal: dict[str, Any]) -> int:
        last = max(len(self.steps) - 1, 0)
        if not 0 <= proposal["value"] <= last:
            raise ValueError(f"step is {proposal['value']}; the steps are numbered 0 to {last}")
        return proposal["value"]

    @traitlets.observe("text")
    def _show_text(self, change: dict[str, Any]) -> None:
        if not self.rows:  # still being made
            return
        try:
            check_text(change["new"])
        except ValueError as error:
            self.status = str(error)
            return
        rows, steps = self._cut(change["new"], self.merges_of)
        with self.hold_trait_notifications():
            self.status, self.rows, self.steps = "", rows, steps
            self.step = max(len(steps) - 1, 0)

    def picture(self) -> bytes:
        from .tokenizer_picture import tokenizer_picture  # matplotlib loads when it is needed

        return tokenizer_picture(self.rows)

    def alt(self) -> str:
        cut = "; ".join(
            f"{row['name']}, {counted(row['tokens'])}: "
            + " | ".join(token["text"] for token in row["tokens"])
            for row in self.rows
        )
        return f"“{visible(self.text)}” in tokens. {cut}."

    def state(self) -> dict[str, Any]:
        """As every view's; a page without a kernel cannot change the text, only show it."""
        return super().state() | {"text": visible(self.text)}

    def __repr__(self) -> str:
        return f"<TokenizerView of {len(self.rows)} tokenizers>"


def counted(tokens: Sequence) -> str:
    """How many there are, such as "1 token"."""
    return f"{len(tokens)} token{'' if len(tokens) == 1 else 's'}"


def check_text(text: str) -> None:
    """Raise ValueError for a text that is none, or too long to be shown."""
    if not isinstance(text, str) or not text:
        raise ValueError("there is no text; give at least one character")
    if len(text) > MOST_CHARACTERS:
        raise ValueError(f"the text has {len(text)} characters; give at most {MOST_CHARACTERS}")


def merge_steps(tokenizer: BytePair, text: str) -> list[dict[str, Any]]:
    """The text before the first merge, and after every merge that changes it.

    Each merge only ever joins tokens, so where their number is the same before and after many
    merges, none of those changed the text.
    """

    def tokens_after(n_merges: int) -> list[Token]:
        return tokenizer.pieces_after(text, n_merges)

    def changes(low: int, n_low: int, high: int, n_high: int) -> list[int]:
        """The numbers of merges, over `low` and up to `high`, that change the text."""
        if n_low == n_high:
            return []
        if high == low + 1:
            return [high]
        middle = (low + high) // 2
        n_middle = len(tokens_after(middle))
        return changes(low, n_low, middle, n_middle) + changes(middle, n_middle, high, n_high)

    first, n_merges = tokens_after(0), len(tokenizer.merges)
    steps = [{"merge": 0, "left": "", "right": "", "count": None, "tokens": _tokens(first)}]
    for number in changes(0, len(first), n_merges, len(tokens_after(n_merges))):
        left, right = (tokenizer.token(tokenizer.id_of(p)) for p in tokenizer.merges[number - 1])
        count = tokenizer.record.merges[number - 1].count if tokenizer.record else None
        steps.append(
            {
                "merge": number,
                "left": visible(left.text),
                "right": visible(right.text),
                "count": count,
                "tokens": _tokens(tokens_after(number)),
            }
        )
    return steps


def _tokens(tokens: list[Token]) -> list[dict[str, Any]]:
    return [
        {"id": token.id, "text": visible(token.text), "bytes": token.bytes.hex(" ").upper()}
        for token in tokens
    ]
