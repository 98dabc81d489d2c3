"""What a run of the Transformer is asked to keep of itself."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

RECORDABLE = (
    "attention",  # weights after softmax, (layer, head, query, key)
    "scores",  # query · key, before scale and mask, (layer, head, query, key)
    "heads",  # what each head adds to the residual stream, (layer, head, position, d_model)
    "feedforward",  # activations between the two projections, (layer, position, d_ff)
    "residual",  # the residual stream, (layer + 1, position, d_model)
    "attention_output",  # what attention adds to the stream, (layer, position, d_model)
    "feedforward_output",  # what feed-forward adds to the stream, (layer, position, d_model)
    "cross_attention",  # (layer, head, target position, source position)
    "encoder_attention",  # an encoder-decoder's encoder, (layer, head, query, key)
    "logits",  # (position, vocab)
)


OF_AN_ENCODER = ("cross_attention", "encoder_attention")  # where a decoder reads one


def names_of(record: Iterable[str] | None, architecture: str) -> tuple[str, ...]:
    """The names in ``record``, each of which a Transformer of this architecture can record.

    Raises:
        ValueError: what is no collection of names, an unknown name, or one of a part that this
            architecture does not have.
    """
    names = tuple(Recorder(record or ()).names)
    missing = [name for name in OF_AN_ENCODER if name in names]
    if missing and architecture != "encoder-decoder":
        raise ValueError(
            f"an architecture {architecture!r} has no {' and no '.join(missing)} to record; "
            f"choose from {', '.join(name for name in RECORDABLE if name not in OF_AN_ENCODER)}"
        )
    return names


class Recorder:
    """Collects what was asked for, layer by layer; what was not asked for costs nothing.

    Raises:
        ValueError: what is no collection of names, or a name that is not in ``RECORDABLE``.
    """

    def __init__(self, names: Iterable[str], prefix: str = "") -> None:
        if not isinstance(names, Iterable):
            raise ValueError(f"record must be names out of {', '.join(RECORDABLE)}, not {names!r}")
        names = (names,) if isinstance(names, str) else tuple(names)
        unknown = [name for name in names if name not in RECORDABLE]
        if unknown:
            raise ValueError(
                f"cannot record {', '.join(map(repr, unknown))}; "
                f"choose from {', '.join(RECORDABLE)}"
            )
        self.names = frozenset(names)
        self.prefix = prefix
        self.layers: dict[str, list[Tensor]] = {}

    def __contains__(self, name: str) -> bool:
        return self.prefix + name in self.names

    def wants_attention(self, is_cross: bool) -> bool:
        """Whether this attention must be written out, because a part of it is kept."""
        if is_cross:
            return "cross_attention" in self
        return any(name in self for name in ("attention", "scores", "heads"))

    def add(self, name: str, value: Tensor) -> None:
        """Keep one layer's value, if it was asked for."""
        if name in self:
            self.layers.setdefault(self.prefix + name, []).append(value.detach())

    def for_encoder(self) -> Recorder:
        """The recorder of the encoder in an encoder-decoder; fills the same record."""
        recorder = Recorder(self.names, prefix="encoder_")
        recorder.layers = self.layers
        return recorder

    def stacked(self) -> dict[str, Tensor]:
        """Every recorded quantity with its layers on one axis: (batch, layer, …)."""
        # The logits of a large vocabulary are many: what stands alone is not copied.
        return {
            name: torch.stack(values, dim=1) if len(values) > 1 else values[0].unsqueeze(1)
            for name, values in self.layers.items()
        }
