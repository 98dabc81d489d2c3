"""Where a token stands: sinusoidal and rotary positions.

Learned positions are one more embedding table; see ``vocabulary.Embedding``.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from .config import RopeScaling, TransformerConfig


def sinusoidal(positions: Tensor, d_model: int, *, halves: bool = False) -> Tensor:
    """Fixed position vectors (Vaswani et al., 2017, section 3.5).

    Dimension 2i holds sin(position / 10000^(2i / d_model)), dimension 2i + 1 the cosine.

    Args:
        positions: (position,), counted from 0.
        d_model: width of the vectors, even.
        halves: all sines first, then all cosines, as Marian lays them out.

    Returns:
        (position, d_model)
    """
    even = torch.arange(0, d_model, 2, device=positions.device, dtype=torch.float32)
    angle = positions[:, None].float() * torch.exp(-math.log(10_000.0) * even / d_model)
    pair = (angle.sin(), angle.cos())
    return torch.cat(pair, dim=-1) if halves else torch.stack(pair, dim=-1).flatten(-2)


def rotary_frequencies(
    d_head: int, theta: float, scaling: RopeScaling | None = None, device=None
) -> Tensor:
    """Angles by which one step turns each pair of dimensions, in radians: (d_head / 2,).

    Source: Su et al. (2021), equation 15, with theta in the place of 10000.
    """
    even = torch.arange(0, d_head, 2, device=device, dtype=torch.float32)
    frequency = theta ** (-even / d_head)
    if scaling is None:
        return frequency
    if scaling.kind == "linear":
        return frequency / scaling.factor
    turns = scaling.original_context * frequency / (2 * math.pi)  # over the original context
    kept = (turns - scaling.low_freq_factor) / (scaling.high_freq_factor - scaling.low_freq_factor)
    kept = kept.clamp(0, 1)
    return kept * frequency + (1 - kept) * frequency / scaling.factor


def rotary(positions: Tensor, config: TransformerConfig, layer: int) -> tuple[Tensor, Tensor]:
    """What ``rotate`` multiplies this layer's queries and keys with: (position, d_head) each.

    Both halves of a head turn by the same angles; the sines of the first half are negative.
    """
    theta, scaling = config.rotary_base(layer)
    frequency = rotary_frequencies(config.d_head, theta, scaling, positions.device)
    angle = positions[:, None].float() * frequency
    cosine, sine = angle.cos(), angle.sin()
    return torch.cat((cosine, cosine), dim=-1), torch.cat((-sine, sine), dim=-1)


def rotate(
    x: Tensor,  # (batch, head, position, d_head)
    cosine: Tensor,  # (position, d_head)
    sine: Tensor,  # (position, d_head), negative in its first half
) -> Tensor:
    """Turn each pair (i, i + d_head / 2) of dimensions by its position's angle.

    After it, query · key depends on the distance between two positions, not on where they
    stand. Source: Su et al. (2021), section 3.2.2; the pairing is GPT-NeoX's.
    """
    swapped = x.roll(x.size(-1) // 2, dims=-1)  # each dimension beside its partner
    return torch.addcmul(x * cosine, swapped, sine)
