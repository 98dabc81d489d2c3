"""The Transformer: decoder-only, encoder-only and encoder-decoder from one set of parts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from .attention import MultiHeadAttention, attention_mask
from .block import Block
from .cache import KeyValueCache
from .config import TransformerConfig
from .decoding import Decoder, decoder
from .feedforward import FeedForward
from .linear import lay_side_by_side
from .norm import make_norm
from .positions import rotary
from .recording import Recorder
from .vocabulary import Embedding, Head


@dataclass
class Output:
    """What a run returns.

    Attributes:
        logits: (batch, position, vocab), before softmax.
        recording: what was asked for by name, (batch, layer, …) each; see ``RECORDABLE``.
    """

    logits: Tensor
    recording: dict[str, Tensor] = field(default_factory=dict)


class Transformer(nn.Module):
    """A Transformer of the configured shape, with fresh random weights.

    Weights are drawn as GPT-2's are: normal with deviation 0.02, and smaller by
    sqrt(2 · layers) where a projection writes to the residual stream
    (Radford et al., 2019, section 2.3).
    """

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.config = config
        has_encoder = config.architecture == "encoder-decoder"
        self.embedding = Embedding(config)
        if has_encoder:
            self.encoder_blocks = nn.ModuleList(
                Block(config) for _ in range(config.n_encoder_layers)
            )
        self.blocks = nn.ModuleList(
            Block(config, cross_attention=has_encoder) for _ in range(config.n_layers)
        )
        # After post-norm blocks the stream is normalised already.
        ends_in_norm = config.norm_placement != "post"
        self.encoder_final_norm = make_norm(config) if ends_in_norm and has_encoder else None
        self.final_norm = make_norm(config) if ends_in_norm else None
        self.head = Head(config)
        # The meta device has no numbers to draw, and PyTorch would import its compiler for them.
        if not self.embedding.token.weight.is_meta:
            self._draw_weights()

    def _draw_weights(self) -> None:
        to_stream = (2 * self.config.n_layers) ** -0.5
        for name, parameter in self.named_parameters():
            if parameter.dim() == 2:
                writes_to_stream = name.endswith((".output.weight", ".down.weight"))
                nn.init.normal_(parameter, std=0.02 * (to_stream if writes_to_stream else 1.0))
            elif name.endswith("bias"):
                nn.init.zeros_(parameter)

    def forward(
        self,
        ids: Tensor,  # (batch, position)
        *,
        source: Tensor | None = None,  # (batch, source position): the encoder's ids
        cache: KeyValueCache | None = None,
        mask: Tensor | None = None,  # (batch, position), True where a real token stands
        source_mask: Tensor | None = None,  # (batch, source position), the same for the source
        token_types: Tensor | None = None,  # (batch, position)
        record: Iterable[str] | None = None,
        last_only: bool = False,  # logits of the last position only
    ) -> Output:
        """One run over ``ids``; with a cache, over what follows the cached positions.

        With a cache, ``mask`` covers the cached positions as well, and the source and its mask
        are needed at the first step only. A run of one position, or one that records attention,
        takes other kernels than a run of many: the last digits of its float32 sums may differ.

        Raises:
            ValueError: positions beyond a learned table, an unknown name in ``record``, a mask
                of another shape, or a source that is missing or not wanted.
        """
        recorder = Recorder(record) if record else None
        start = cache.length if cache is not None else 0
        _check_mask("mask", mask, (ids.size(0), start + ids.size(1)))
        encoded, source_mask = self._encoded(source, source_mask, cache, recorder)
        x = self._embed(ids, start, token_types)
        x = self._run_blocks(
            self.blocks,
            x,
            start=start,
            padding=mask,
            cache=cache,
            encoded=encoded,
            source_mask=source_mask,
            recorder=recorder,
        )
        if last_only:
            x = x[:, -1:]
        logits = self.readout(x)
        if recorder is not None:
            recorder.add("logits", logits)
        return Output(logits, _without_layer_axis(recorder))

    def readout(self, x: Tensor) -> Tensor:
        """Final norm and head: residual stream (…, d_model) → logits (…, vocab).

        Applied to an earlier layer's stream this is the logit lens (nostalgebraist, 2020).
        """
        x = x if self.final_norm is None else self.final_norm(x)
        return self.head(x, self.embedding.token)

    def before_head(
        self, ids: Tensor, *, source: Tensor | None = None, source_mask: Tensor | None = None
    ) -> Tensor:
        """What the head's matrix multiplies, (batch, position, d_model).

        For a loss that never holds the logits of all positions at once.
        """
        encoded, source_mask = self._encoded(source, source_mask, None, None)
        x = self._embed(ids, 0, None)
        x = self._run_blocks(self.blocks, x, encoded=encoded, source_mask=source_mask)
        return self.head.before(x if self.final_norm is None else self.final_norm(x))

    def encode(
        self, source: Tensor, mask: Tensor | None = None, recorder: Recorder | None = None
    ) -> Tensor:
        """The encoder's output, (batch, source position, d_model)."""
        x = self._embed(source, 0, None)
        recorder = recorder.for_encoder() if recorder is not None else None
        x = self._run_blocks(self.encoder_blocks, x, padding=mask, recorder=recorder)
        return x if self.encoder_final_norm is None else self.encoder_final_norm(x)

    def new_cache(self, batch: int, max_length: int) -> KeyValueCache:
        """An empty cache on this model's device, in its dtype."""
        return KeyValueCache(
            self.config,
            batch,
            max_length,
            dtype=self.stream_dtype,
            device=self.embedding.token.weight.device,
        )

    def lay_side_by_side(self) -> None:
        """Put matrices that multiply the same vector into one block of memory each.

        Worth it before generation: a token then takes four products a layer, not seven.
        """
        for module in self.modules():
            if isinstance(module, MultiHeadAttention):
                lay_side_by_side((module.query, module.key, module.value))
            elif isinstance(module, FeedForward) and module.gate is not None:
                lay_side_by_side((module.gate, module.up))

    @property
    def stream_dtype(self) -> torch.dtype:
        """The dtype of the residual stream and of every sum: that of the norms' weights.

        The matrices may be narrower; see ``linear.project``.
        """
        return self.blocks[0].attention_norm.weight.dtype

    def _decoder(self, x: Tensor, cache: KeyValueCache | None) -> Decoder | None:
        """What runs the blocks for one new token of a text, where compiled code can."""
        if cache is None or x.shape[:2] != (1, 1) or torch.is_grad_enabled():
            return None
        if cache.decoder is ...:
            cache.decoder = decoder(self.blocks, cache)
        return cache.decoder

    def _encoded(
        self,
        source: Tensor | None,
        source_mask: Tensor | None,
        cache: KeyValueCache | None,
        recorder: Recorder | None,
    ) -> tuple[Tensor | None, Tensor | None]:
        """The encoder's output and which of its positions are real, from the cache if there."""
        if self.config.architecture != "encoder-decoder":
            if source is not None:
                raise ValueError(f"a {self.config.architecture}-only model takes no source")
            return None, None
        if cache is not None and cache.encoded is not None:
            return cache.encoded, cache.source_mask
        if source is None:
            raise ValueError("an encoder-decoder needs source: the ids its encoder reads")
        _check_mask("source_mask", source_mask, tuple(source.shape))
        encoded = self.encode(source, source_mask, recorder)
        if cache is not None:
            cache.encoded, cache.source_mask = encoded, source_mask
        return encoded, source_mask

    def _embed(self, ids: Tensor, start: int, token_types: Tensor | None) -> Tensor:
        end = start + ids.size(1)
        if self.config.positions == "learned" and end > self.config.context_length:
            raise ValueError(
                f"{end} positions were given and this model has {self.config.context_length}; "
                "shorten the text"
            )
        positions = torch.arange(start, end, device=ids.device)
        return self.embedding(ids, positions, token_types, self.stream_dtype)

    def _run_blocks(
        self,
        blocks: nn.ModuleList,
        x: Tensor,  # (batch, position, d_model)
        *,
        start: int = 0,  # the position of x's first
        padding: Tensor | None = None,  # (batch, start + position), True where a token stands
        cache: KeyValueCache | None = None,
        encoded: Tensor | None = None,  # (batch, source position, d_model)
        source_mask: Tensor | None = None,  # (batch, source position)
        recorder: Recorder | None = None,
    ) -> Tensor:  # (batch, position, d_model)
        causal = self.config.is_causal and blocks is self.blocks
        if recorder is None and padding is None and (decode := self._decoder(x, cache)):
            return decode(x)
        positions = torch.arange(start, start + x.size(1), device=x.device)
        # Layers of one kind share their mask and their angles.
        masks: dict[int | None, dict] = {}
        rotations: dict[tuple, tuple[Tensor, Tensor]] = {}
        if source_mask is not None and encoded is not None:
            source_mask = source_mask[:, None, None, :].bool()
        for layer, block in enumerate(blocks):
            window, base = self.config.window(layer), self.config.rotary_base(layer)
            if window not in masks:
                masks[window] = _visible(x, start, causal, window, padding)
            if self.config.positions == "rotary" and base not in rotations:
                cosine, sine = rotary(positions, self.config, layer)
                rotations[base] = cosine.to(x.dtype), sine.to(x.dtype)
            if recorder is not None:
                recorder.add("residual", x)
            x = block(
                x,
                **masks[window],
                rotation=rotations.get(base),
                cache=cache.layers[layer] if cache is not None else None,
                encoded=encoded,
                source_mask=source_mask,
                cross_cache=cache.cross[layer] if cache is not None and cache.cross else None,
                recorder=recorder,
            )
        if recorder is not None:
            recorder.add("residual", x)
        return x


def _visible(
    x: Tensor, start: int, causal: bool, window: int | None, padding: Tensor | None
) -> dict[str, Tensor | bool | None]:
    """``mask`` or ``causal`` of one kind of layer, as attention takes them."""
    n_query, n_key = x.size(1), start + x.size(1)
    nothing_else_hides = padding is None and (window is None or n_key <= window)
    if causal and start == 0 and n_query > 1 and nothing_else_hides:
        return {"causal": True}  # without a tensor, faster kernels serve
    return {
        "mask": attention_mask(
            n_query, n_key, causal=causal, window=window, padding=padding, device=x.device
        )
    }


def _check_mask(name: str, mask: Tensor | None, shape: tuple[int, ...]) -> None:
    if mask is not None and tuple(mask.shape) != shape:
        raise ValueError(
            f"{name} has the shape {tuple(mask.shape)} and must have {shape}: one value for each "
            "position, those in the cache included"
        )


def _without_layer_axis(recorder: Recorder | None) -> dict[str, Tensor]:
    """The recording, with logits (which no layer owns) as (batch, position, vocab)."""
    if recorder is None:
        return {}
    recording = recorder.stacked()
    if "logits" in recording:
        recording["logits"] = recording["logits"].squeeze(1)
    return recording
