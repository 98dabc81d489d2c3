"""The residual stream read out after every layer, at every position: the logit lens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import traitlets

from .base import View, after_layers, percent
from .residual_state import lens_state

if TYPE_CHECKING:
    from ..tracing import Trace


class ResidualView(View):
    """What a model would say if it stopped after each layer, and which part added what.

    A grid: the embedding, then each layer, down; positions across. A cell is the token that
    leads where the stream is read out there. A chosen cell shows its table, and for one token
    its probability through the layers and what each sub-layer adds to its final logit. With a
    kernel, Python reads and sets the same choice through `view.layer`, `view.position` and
    `view.target`.

    Args:
        trace: recorded with "residual", with its model; with "attention_output" and
            "feedforward_output" as well, the view shows what each part adds.
        layer: how many layers have run, 0 for the embedding alone; -1 is after the last.
        position: the position chosen first; -1 is the last.
        target: one token's text or id, to be followed at every position beside those that
            lead a row or stand in the last row's table; None begins with the final winner.
        k: rows of each cell's table.

    Raises:
        ValueError: a trace without the residual stream or its model, with a stream that is not
            a number, or with more than 32 positions; a k out of range; a layer, position or
            target that does not exist.
    """

    _name: ClassVar[str] = "residual"

    layer = traitlets.Int(0, help="layers that have run; 0: the embedding").tag(sync=True)
    position = traitlets.Int(0).tag(sync=True)
    target = traitlets.Int(
        None, allow_none=True, help="id of the token followed; None: the final winner"
    ).tag(sync=True)

    model_name = traitlets.Unicode().tag(sync=True)
    tokens = traitlets.List(help="{id, text}").tag(sync=True)
    words = traitlets.List(help="texts of all tokens that the view names").tag(sync=True)
    # Numbers are array objects: a notebook writes each entry of a list on a line of its own.
    word_ids = traitlets.Dict(help="(word,)").tag(sync=True)
    top = traitlets.Dict(help="places in words, (layer + 1, position, k)").tag(sync=True)
    probabilities = traitlets.Dict(help="of the same shape").tag(sync=True)
    targets = traitlets.Dict(help="places in words, (target,): the winner first").tag(sync=True)
    target_counts = traitlets.List(help="targets of each position").tag(sync=True)
    target_probabilities = traitlets.Dict(help="(target, layer + 1)").tag(sync=True)
    target_logits = traitlets.Dict(help="(target,): at the end").tag(sync=True)
    contributions = traitlets.Dict(
        None, allow_none=True, help="(target, 2 · layer + 2)"
    ).tag(sync=True)
    missing = traitlets.Unicode(help="why there are none: recorded, or sum").tag(sync=True)

    def __init__(
        self,
        trace: Trace,
        layer: int = -1,
        position: int = -1,
        *,
        target: str | int | None = None,
        k: int = 5,
        **kwargs: Any,
    ) -> None:
        state, self._numbers = lens_state(trace, k, target)
        self._sizes = dict(zip(("layer", "position"), self._numbers["top"].shape))
        followed = state.pop("followed")
        super().__init__(
            layer=self._counted("layer", layer),
            position=self._counted("position", position),
            target=followed,
            **state,
            **kwargs,
        )

    def _counted(self, axis: str, index: int) -> int:
        """A row or a position of the grid, from 0."""
        size = self._sizes[axis]
        if not -size <= index < size:
            what = "this model's rows, 0 for the embedding, are" if axis == "layer" else (
                "this trace's positions are"
            )
            raise ValueError(f"{axis} is {index}; {what} 0 to {size - 1}")
        return index % size

    @traitlets.validate("layer", "position")
    def _valid_choice(self, proposal: dict[str, Any]) -> int:
        return self._counted(proposal["trait"].name, proposal["value"])

    def picture(self) -> bytes:
        from .residual_picture import residual_picture  # matplotlib loads when it is needed

        return residual_picture(self)

    def alt(self) -> str:
        last = self._sizes["layer"] - 1
        pair, word = self._followed()
        name = f"“{self.words[word]}”"
        shares = self._numbers["target_probabilities"][pair].tolist()
        leading = self._numbers["top"][:, self.position, 0].tolist()
        leads = [row for row, other in enumerate(leading) if other == word]
        first = (
            f"leads first {after_layers(leads[0])} with {percent(shares[leads[0]])}"
            if leads
            else "never leads"
        )
        return (
            f"Logit lens of {self.model_name} over {len(self.tokens)} tokens and {last} layers: "
            f"at “{self.tokens[self.position]['text']}” {name} {first} and has "
            f"{percent(shares[-1])} after the last{self._largest(pair)}."
        )

    def _followed(self) -> tuple[int, int]:
        """The place of the followed token among all targets, and in words."""
        start = sum(self.target_counts[: self.position])
        here = self._numbers["targets"][start : start + self.target_counts[self.position]]
        ids = self._numbers["word_ids"][here].tolist()
        place = ids.index(self.target) if self.target in ids else 0
        return start + place, int(here[place])

    def _largest(self, pair: int) -> str:
        """The two parts that add most to the followed token's logit, in words."""
        if self.contributions is None:
            return ""
        parts = self._numbers["contributions"][pair, 1:-1]
        named = [
            f"{('attention', 'feed-forward')[i % 2]} of layer {i // 2 + 1} {parts[i]:+.2f}"
            for i in parts.argsort(descending=True)[:2].tolist()
        ]
        logit = self._numbers["target_logits"][pair].item()
        return f"; most is added to its logit, {logit:.2f}, by {' and '.join(named)}"

    def __repr__(self) -> str:
        return f"<ResidualView of {self.model_name}: {len(self.tokens)} tokens>"
