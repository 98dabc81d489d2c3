"""The shape of a Transformer, as plain values."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

CHOICES = {
    "architecture": ("decoder", "encoder", "encoder-decoder"),
    "norm": ("layernorm", "rmsnorm"),
    "norm_placement": ("pre", "post", "sandwich"),
    "activation": ("relu", "gelu", "gelu_tanh", "silu"),
    "positions": ("learned", "sinusoidal", "sinusoidal_halves", "rotary", "none"),
}
SCALINGS = ("llama3", "linear")  # of rotary frequencies


@dataclass(frozen=True)
class RopeScaling:
    """Stretching of rotary frequencies to a longer context.

    kind "llama3": wavelengths above ``original_context / low_freq_factor`` positions are
    stretched by ``factor``; those below ``original_context / high_freq_factor`` stay; between
    the two the change is gradual. Source: the Llama 3.1 reference code (Meta, 2024).
    kind "linear": all are stretched by ``factor`` (Chen et al., 2023), as in the larger
    Gemma 3 models.

    Raises:
        ValueError: another kind, or numbers that stretch nothing.
    """

    kind: str = "llama3"
    factor: float = 8.0
    low_freq_factor: float = 1.0
    high_freq_factor: float = 4.0
    original_context: int = 8192

    def __post_init__(self) -> None:
        if self.kind not in SCALINGS:
            raise ValueError(f"kind={self.kind!r} is not known; choose one of {SCALINGS}")
        for field in ("factor", "low_freq_factor", "original_context"):
            if not getattr(self, field) > 0:  # nor NaN
                raise ValueError(f"{field}={getattr(self, field)!r} must be above 0")
        if not self.high_freq_factor > self.low_freq_factor:
            raise ValueError(
                f"high_freq_factor={self.high_freq_factor!r} must be above "
                f"low_freq_factor={self.low_freq_factor!r}"
            )


@dataclass(frozen=True)
class TransformerConfig:
    """Everything that decides the shape of a Transformer and the order of its sums.

    ``activation="silu", gated=True`` is SwiGLU; ``activation="gelu", gated=True`` is GeGLU
    (Shazeer, 2020). ``n_kv_heads`` below ``n_heads`` is grouped-query attention, and 1 is
    multi-query attention.

    Raises:
        ValueError: a choice that does not exist, or sizes that do not divide.
    """

    vocab_size: int
    context_length: int  # positions the model was made for
    n_layers: int  # of the decoder, or of the encoder where there is no decoder
    d_model: int
    n_heads: int
    d_ff: int
    n_kv_heads: int = 0  # 0: as many as n_heads
    d_head: int = 0  # 0: d_model / n_heads
    architecture: str = "decoder"
    n_encoder_layers: int = 0  # encoder-decoder only; 0: as many as n_layers

    norm: str = "layernorm"
    norm_placement: str = "pre"
    norm_eps: float = 1e-5
    embedding_norm: bool = False  # BERT normalises the embeddings' sum

    activation: str = "gelu"
    gated: bool = False
    feedforward_bias: bool = True

    attention_bias: bool = True  # on query, key and value
    output_bias: bool = True  # on attention's output projection
    attention_scale: float = 0.0  # multiplies q·k; 0: 1 / sqrt(d_head)
    qk_norm: bool = False
    sliding_window: int | None = None  # how many keys a query reaches, itself included
    global_layers: tuple[int, ...] = ()  # layers without the window

    positions: str = "learned"
    rope_theta: float = 10_000.0
    rope_theta_local: float | None = None  # for layers with a window, where it differs
    rope_scaling: RopeScaling | None = None

    embedding_scale: float = 1.0  # multiplies the token embedding
    n_token_types: int = 0  # BERT's sentence A and sentence B
    tied_embeddings: bool = True  # the head reuses the token embedding
    head_bias: bool = False
    head_transform: bool = False  # BERT's dense layer and norm before the head
    dropout: float = 0.0

    def __post_init__(self) -> None:
        for field, allowed in CHOICES.items():
            if getattr(self, field) not in allowed:
                raise ValueError(
                    f"{field}={getattr(self, field)!r} is not known; choose one of {allowed}"
                )
        sizes = ("vocab_size", "context_length", "n_layers", "d_model", "n_heads", "d_ff")
        for field in sizes + ("sliding_window",) * (self.sliding_window is not None):
            if getattr(self, field) < 1:
                raise ValueError(f"{field}={getattr(self, field)!r} must be at least 1")
        for field in ("n_kv_heads", "d_head", "n_encoder_layers", "n_token_types"):
            if getattr(self, field) < 0:
                raise ValueError(f"{field}={getattr(self, field)!r} must be at least 0")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout={self.dropout!r} must be at least 0 and below 1")
        fill = lambda field, value: object.__setattr__(self, field, value)  # noqa: E731 (frozen)
        if not self.d_head:
            if self.d_model % self.n_heads:
                raise ValueError(
                    f"d_model={self.d_model} does not divide into n_heads={self.n_heads}; "
                    "give d_head, or sizes that divide"
                )
            fill("d_head", self.d_model // self.n_heads)
        if not self.n_kv_heads:
            fill("n_kv_heads", self.n_heads)
        if self.n_heads % self.n_kv_heads:
            raise ValueError(
                f"n_heads={self.n_heads} is not a multiple of n_kv_heads={self.n_kv_heads}"
            )
        if not self.attention_scale:
            fill("attention_scale", self.d_head**-0.5)
        if self.architecture == "encoder-decoder" and not self.n_encoder_layers:
            fill("n_encoder_layers", self.n_layers)
        if self.positions == "rotary" and self.d_head % 2:
            raise ValueError(f"rotary positions turn pairs, so d_head={self.d_head} must be even")
        if self.positions.startswith("sinusoidal") and self.d_model % 2:
            raise ValueError(
                f"sinusoidal positions come in pairs, so d_model={self.d_model} must be even"
            )
        fill("global_layers", tuple(self.global_layers))
        if isinstance(self.rope_scaling, dict):  # read back from JSON
            fill("rope_scaling", RopeScaling(**self.rope_scaling))

    def window(self, layer: int) -> int | None:
        """How many keys a query of this layer reaches, itself included; None: all of them."""
        return None if layer in self.global_layers else self.sliding_window

    def rotary_base(self, layer: int) -> tuple[float, RopeScaling | None]:
        """Theta and scaling of this layer's rotary positions."""
        if self.window(layer) is not None and self.rope_theta_local is not None:
            return self.rope_theta_local, None  # a window needs no longer context
        return self.rope_theta, self.rope_scaling

    @property
    def is_causal(self) -> bool:
        """Whether a position may look at itself and to its left only."""
        return self.architecture != "encoder"

    def to_dict(self) -> dict:
        """Plain values, as JSON holds them; ``TransformerConfig(**values)`` reads them back."""
        values = dataclasses.asdict(self)
        values["global_layers"] = list(self.global_layers)
        return values
