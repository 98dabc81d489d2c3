"""A small vector, normalised: LayerNorm and RMSNorm beside each other, step by step."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
import traitlets
from torch import Tensor

from ..checks import is_number
from ..norm import layer_norm, rms_norm
from .base import View
from .network_state import as_list, finite, shown
from .network_words import number

FEWEST, MOST = 2, 8  # numbers that a drawing has room for
LIMITS = (-10.0, 10.0)


@dataclass(frozen=True)
class Normalised:
    """Both norms of one vector; ``standard`` and ``unit`` are before scale and shift."""

    mean: float
    variance: float
    mean_square: float
    standard: Tensor  # (number,)
    layer_norm: Tensor
    unit: Tensor
    rms_norm: Tensor


class NormView(View):
    """A few numbers to be changed by hand, with their LayerNorm and RMSNorm.

    Args:
        numbers: the vector, 2 to 8 numbers.
        weight: the scale of each place, for both norms; ones if left out.
        bias: the shift of each place, which LayerNorm alone has; zeros if left out.
        eps: what is added to the variance, or to the mean square, before the root.
        examples: name → numbers, to choose from.
        limits: (least, most) of the numbers' sliders.

    Raises:
        ValueError: too few or too many numbers, others that are not as many, a number that is
            not finite, or an eps below 0.
    """

    _name: ClassVar[str] = "norm"

    numbers = traitlets.List(help="the vector").tag(sync=True)
    weight = traitlets.List(help="the scale of each place").tag(sync=True)
    bias = traitlets.List(help="the shift of each place").tag(sync=True)
    eps = traitlets.Float(1e-5, help="added before the root").tag(sync=True)
    limits = traitlets.List(help="(least, most) of the sliders").tag(sync=True)
    examples = traitlets.List(help="{name, numbers}").tag(sync=True)

    def __init__(
        self,
        numbers: Sequence[float] | Tensor,
        *,
        weight: Sequence[float] | Tensor | None = None,
        bias: Sequence[float] | Tensor | None = None,
        eps: float = 1e-5,
        examples: Mapping[str, Sequence[float]] | None = None,
        limits: tuple[float, float] = LIMITS,
    ) -> None:
        given = as_list(numbers)
        self._count = len(given)
        if not FEWEST <= self._count <= MOST:
            raise ValueError(
                f"{self._count} numbers were given; the view has room for {FEWEST} to {MOST}"
            )
        least, most = finite("limits", as_list(limits), 2)
        if not least < most:
            raise ValueError(f"limits are (least, most), not {(least, most)}")
        rows = {name: as_list(row) for name, row in (examples or {}).items()}
        super().__init__(
            numbers=given,
            weight=[1.0] * self._count if weight is None else as_list(weight),
            bias=[0.0] * self._count if bias is None else as_list(bias),
            eps=eps,
            limits=[least, most],
            examples=[
                {"name": shown(name), "numbers": finite("numbers of an example", row, self._count)}
                for name, row in rows.items()
            ],
        )

    @property
    def result(self) -> Normalised:
        """Mean, variance and both norms of the numbers as they are now."""
        x, weight, bias = (
            torch.tensor(row, dtype=torch.float64)
            for row in (self.numbers, self.weight, self.bias)
        )
        one, zero = torch.ones_like(x), torch.zeros_like(x)
        return Normalised(
            mean=x.mean().item(),
            variance=x.var(correction=0).item(),
            mean_square=x.square().mean().item(),
            standard=layer_norm(x, one, zero, self.eps),
            layer_norm=layer_norm(x, weight, bias, self.eps),
            unit=rms_norm(x, one, self.eps),
            rms_norm=rms_norm(x, weight, self.eps),
        )

    @traitlets.validate("numbers", "weight", "bias")
    def _valid_row(self, proposal: dict[str, Any]) -> list[float]:
        return finite(f"values of {proposal['trait'].name}", proposal["value"], self._count)

    @traitlets.validate("eps")
    def _valid_eps(self, proposal: dict[str, Any]) -> float:
        eps = proposal["value"]
        if not is_number(eps) or not math.isfinite(eps) or eps < 0:
            raise ValueError(f"eps must be a number from 0, not {eps!r}")
        return float(eps)

    def picture(self) -> bytes:
        from .norm_picture import norm_picture  # matplotlib loads when it is needed

        return norm_picture(self)

    def alt(self) -> str:
        result = self.result
        deviation, rms = math.sqrt(result.variance), math.sqrt(result.mean_square)
        return (
            f"The numbers {_in_words(self.numbers)}: mean {number(result.mean, 5)}, variance "
            f"{number(result.variance, 5)}, deviation {number(deviation, 5)}, root mean square "
            f"{number(rms, 5)}. LayerNorm gives {_in_words(result.layer_norm.tolist())}; RMSNorm "
            f"gives {_in_words(result.rms_norm.tolist())}."
        )

    def __repr__(self) -> str:
        return f"<NormView of {self._count} numbers>"


def written(value: float) -> str:
    """A number of four digits; what float64 leaves of equal numbers is 0."""
    if not math.isfinite(value):
        return "not a number"
    return number(0.0 if abs(value) < 1e-9 else value, 4)


def _in_words(values: Sequence[float]) -> str:
    return ", ".join(map(written, values))
