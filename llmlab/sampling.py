"""Temperature, top-k and top-p, and the draw that chooses a token.

The filters follow Hugging Face's warpers and their order (temperature, top-k, top-p). The functions
here are those filters as formulas on whole rows; `Distribution` gives the same probabilities for
one row much faster.
"""

import math

import torch
from torch import Tensor

from .checks import is_integer, is_number
from .distribution import Distribution
from .step import Candidate, Step, Tail

__all__ = [
    "Candidate",
    "Distribution",
    "Step",
    "Tail",
    "apply_temperature",
    "check_sampling",
    "draw",
    "keep_top_k",
    "keep_top_p",
    "splitmix64",
]

MASK_64 = (1 << 64) - 1


def draw(seed: int, step: int) -> float:
    """A number in [0, 1) from a seed and a step number (0, 1, 2, ...), the same on every machine.

    It is output number `step` of SplitMix64 (Steele, Lea and Flood, 2014) started with `seed`; all
    arithmetic is on unsigned 64-bit integers, modulo 2^64:

        z = seed + (step + 1) * 0x9E3779B97F4A7C15
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB
        z = z ^ (z >> 31)
        draw = (z >> 11) / 2^53        the top 53 bits, exact in a double

    In JavaScript: the same lines with BigInt, each product and sum through BigInt.asUintN(64, ...),
    and Number(z >> 11n) / 2 ** 53.
    """
    return (splitmix64(seed, step) >> 11) / (1 << 53)


def splitmix64(seed: int, step: int) -> int:
    """Output number `step` (from 0) of the generator SplitMix64 started with `seed`, 64 bits."""
    z = (seed + (step + 1) * 0x9E3779B97F4A7C15) & MASK_64
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK_64
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK_64
    return z ^ (z >> 31)


def apply_temperature(logits: Tensor, temperature: float) -> Tensor:
    """Logits divided by the temperature: below 1 sharpens the softmax, above 1 flattens it."""
    return logits / temperature


def keep_top_k(logits: Tensor, k: int) -> Tensor:
    """The k highest logits of each row, (..., vocab); the others become -inf.

    Logits equal to the k-th stay as well, except that k = 1 is greedy decoding and keeps exactly
    one: the lowest id among equals, as argmax does.
    """
    if k == 1:
        best = torch.zeros_like(logits, dtype=torch.bool)
        best.scatter_(-1, logits.argmax(dim=-1, keepdim=True), True)
        return logits.masked_fill(~best, -math.inf)
    kth = logits.topk(min(k, logits.size(-1)), dim=-1).values[..., -1:]
    return logits.masked_fill(logits < kth, -math.inf)


def keep_top_p(logits: Tensor, p: float) -> Tensor:
    """The fewest highest logits of each row whose probabilities reach p; the others become -inf.

    Nucleus sampling (Holtzman et al., 2020). A token stays while the mass before it is
    below p, so the first always stays.
    """
    ordered, ids = logits.sort(dim=-1, descending=True, stable=True)
    probabilities = ordered.double().softmax(dim=-1)
    mass_before = probabilities.cumsum(dim=-1) - probabilities
    dropped = (mass_before >= p) & (p < 1)
    dropped[..., 0] = False
    return logits.masked_fill(dropped.scatter(-1, ids, dropped), -math.inf)


def check_sampling(
    temperature: float, top_k: int | None, top_p: float | None, seed: int = 0
) -> None:
    """Raises ValueError, in one sentence, for a setting outside its range."""
    if not is_number(temperature) or not math.isfinite(temperature) or temperature <= 0:
        raise ValueError(
            f"temperature must be a number above 0, not {temperature!r}; "
            "for greedy decoding use top_k=1"
        )
    if top_k is not None and (not is_integer(top_k) or top_k < 1):
        raise ValueError(f"top_k must be a whole number from 1, or None for all, not {top_k!r}")
    if top_p is not None and (not is_number(top_p) or not 0 < top_p <= 1):
        raise ValueError(f"top_p must be above 0 and at most 1, or None for all, not {top_p!r}")
    if not is_integer(seed) or not 0 <= seed <= MASK_64:
        raise ValueError(f"seed must be a whole number from 0 to 2^64 - 1, not {seed!r}")
