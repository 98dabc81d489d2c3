"""Dropout on one layer: a mask is drawn in the page, and the sum behind it follows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import traitlets

from ..lessons.dropout import check_probability, dropout_mask
from .base import View, visible
from .dropout_state import check_draws, check_seed, finite, names_of, sums
from .network_words import number


class DropoutView(View):
    """A layer's values, those that a mask drops and keeps, and the sum that the next neuron gets.

    The page draws mask after mask and follows the average of the sums against the sum that
    evaluation mode gives. Masks are those of `llmlab.lessons.dropout_mask`: the same seed drops
    the same values here and in Python. With a kernel, Python reads and sets what is shown through
    `view.p`, `view.seed`, `view.draws` and `view.training`.

    Args:
        values: what the layer's neurons hand on, 1 to 12 numbers.
        weights: what the next neuron multiplies each by.
        bias: what it adds.
        p: the probability with which a value is dropped, at least 0 and at most 0.95.
        seed: of the masks, a whole number from 0 to 2^53 - 1.
        draws: how many masks are drawn at first; the last of them is shown.
        names: of the values; "neuron 1" and so on if left out.
        neuron: the name of the next neuron.
        training: whether the view begins in training mode, with masks.

    Raises:
        ValueError: not as many weights as values, too many of them, a number that is not finite,
            or a setting outside its range.
    """

    _name: ClassVar[str] = "dropout"

    values = traitlets.List(help="before the mask").tag(sync=True)
    weights = traitlets.List(help="of the next neuron, one for each value").tag(sync=True)
    bias = traitlets.Float(help="of the next neuron").tag(sync=True)
    names = traitlets.List(help="one for each value").tag(sync=True)
    neuron = traitlets.Unicode(help="the next neuron's name").tag(sync=True)
    p = traitlets.Float(help="the probability with which a value is dropped").tag(sync=True)
    seed = traitlets.Int(help="of all masks").tag(sync=True)
    draws = traitlets.Int(help="masks drawn; the last is shown").tag(sync=True)
    training = traitlets.Bool(help="False: evaluation mode, no mask").tag(sync=True)

    def __init__(
        self,
        values: Sequence[float],
        weights: Sequence[float],
        bias: float = 0.0,
        *,
        p: float = 0.5,
        seed: int = 0,
        draws: int = 1,
        names: Sequence[str] | None = None,
        neuron: str = "next neuron",
        training: bool = True,
    ) -> None:
        given = finite("values", values)
        factors = finite("weights", weights)
        if len(factors) != len(given):
            raise ValueError(f"{len(factors)} weights were given for {len(given)} values")
        super().__init__(
            values=given,
            weights=factors,
            bias=finite("bias", [bias])[0],
            names=names_of(names, len(given)),
            neuron=visible(neuron).replace("·", " "),
            p=p,
            seed=seed,
            draws=draws,
            training=training,
        )

    @property
    def mask(self) -> list[float]:
        """What each value is multiplied by now: 0, 1 / (1 − p), or 1 in evaluation mode."""
        if not self.training:
            return [1.0] * len(self.values)
        return dropout_mask(len(self.values), self.p, seed=self.seed, number=self.draws - 1)

    @property
    def sums(self) -> list[float]:
        """The next neuron's sum with each mask drawn so far."""
        return sums(self.values, self.weights, self.bias, self.p, self.seed, self.draws)

    @property
    def evaluation(self) -> float:
        """The next neuron's sum without a mask."""
        return sums(self.values, self.weights, self.bias, 0.0, 0, 1)[0]

    @traitlets.validate("p")
    def _valid_p(self, proposal: dict[str, Any]) -> float:
        check_probability(proposal["value"])
        if proposal["value"] > 0.95:
            raise ValueError(f"p is {proposal['value']}; this view shows at most 0.95")
        return float(proposal["value"])

    @traitlets.validate("seed")
    def _valid_seed(self, proposal: dict[str, Any]) -> int:
        return check_seed(proposal["value"])

    @traitlets.validate("draws")
    def _valid_draws(self, proposal: dict[str, Any]) -> int:
        return check_draws(proposal["value"])

    def picture(self) -> bytes:
        from .dropout_picture import dropout_picture  # matplotlib loads when it is needed

        return dropout_picture(self)

    def alt(self) -> str:
        evaluation = number(self.evaluation, 4)
        if not self.training:
            return (
                f"Dropout in evaluation mode: all {len(self.values)} values are kept as they are, "
                f"and the sum at {self.neuron} is {evaluation}."
            )
        dropped = [name for name, factor in zip(self.names, self.mask) if factor == 0]
        all_sums = self.sums
        average = number(sum(all_sums) / self.draws, 4)
        of = f"{len(dropped)} of {len(self.values)} values"
        listed = f" ({', '.join(dropped)})" if dropped else ""
        masks = "mask" if self.draws == 1 else "masks"
        return (
            f"Dropout with p {number(self.p)}, seed {self.seed}, mask {self.draws}: {of} are "
            f"dropped{listed}, the others are multiplied by {number(1 / (1 - self.p), 4)}. The sum "
            f"at {self.neuron} is {number(all_sums[-1], 4)}; its average over {self.draws} {masks} "
            f"is {average}, and evaluation mode gives {evaluation}."
        )

    def __repr__(self) -> str:
        return f"<DropoutView of {len(self.values)} values, p {self.p:g}>"
