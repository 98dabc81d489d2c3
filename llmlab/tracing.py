"""A trace: what one run of a model did with one text, for every view to read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from .checks import is_integer
from .config import TransformerConfig
from .model import LanguageModel
from .recording import RECORDABLE, names_of
from .tokenizers.token import Token

DEFAULT_RECORD = ("attention", "scores", "residual", "logits")


@dataclass(frozen=True)
class Row:
    """One line of a next-token table; ``probability`` is over the whole vocabulary."""

    id: int
    text: str
    logit: float
    probability: float


@dataclass(frozen=True, eq=False)
class Trace:
    """One record of one run; each quantity is None unless it was asked for.

    All tensors are float32 on the CPU.

    Attributes:
        tokens: what the model read, special tokens included.
        attention: weights after softmax, (layer, head, query, key).
        scores: query · key before scale and mask, (layer, head, query, key).
        cross_attention: (layer, head, target position, source position).
        encoder_attention: an encoder-decoder's encoder, (layer, head, query, key).
        residual: the residual stream before each layer and after the last, before the
            final norm, (layer + 1, position, d_model).
        attention_output: what attention adds to the stream, after a norm of its own where the
            model has one there, (layer, position, d_model).
        feedforward_output: what the feed-forward network adds, the same.
        heads: what each head adds to the stream, (layer, head, position, d_model).
        feedforward: activations between the two projections, (layer, position, d_ff).
        logits: (position, vocab).
        source: what the encoder read, for an encoder-decoder.
        model: the model that ran; None in a trace read from JSON without one.
    """

    model_name: str
    config: TransformerConfig
    tokens: tuple[Token, ...]
    attention: Tensor | None = None
    scores: Tensor | None = None
    cross_attention: Tensor | None = None
    encoder_attention: Tensor | None = None
    residual: Tensor | None = None
    attention_output: Tensor | None = None
    feedforward_output: Tensor | None = None
    heads: Tensor | None = None
    feedforward: Tensor | None = None
    logits: Tensor | None = None
    source: tuple[Token, ...] = ()
    model: LanguageModel | None = field(default=None, repr=False)

    @property
    def recorded(self) -> tuple[str, ...]:
        """The names of the quantities this trace holds."""
        return tuple(name for name in RECORDABLE if getattr(self, name) is not None)

    def top(self, k: int = 10, position: int = -1) -> list[Row]:
        """The k most probable next tokens after a position, most probable first.

        Raises:
            ValueError: logits were not recorded, or k is not between 1 and the vocabulary.
            IndexError: no such position.
        """
        return self._rows(self._get("logits")[self._index(position)], k)

    def lens(self, position: int = -1, k: int = 3) -> list[list[Row]]:
        """``top`` read out of the residual stream before each layer and after the last.

        Row 0 is the embedding alone, row n the stream after n layers
        (the logit lens; nostalgebraist, 2020).

        Raises:
            ValueError: the residual stream was not recorded, or the trace has no model.
        """
        stream = self._get("residual")[:, self._index(position)]
        model = self._need_model()
        stream = stream.to(model.device, model.transformer.stream_dtype)
        with torch.inference_mode():
            # Layer by layer: all layers at once would hold (layer + 1) · vocab logits.
            return [self._rows(model.transformer.readout(x), k) for x in stream]

    def to_json(self, precision: str = "float32") -> str:
        """This trace as JSON (``trace.schema.json``), arrays as base64.

        Args:
            precision: "float32" loses nothing; "float16" keeps 11 significant bits.
        """
        from .serialization import trace_to_json

        return trace_to_json(self, precision)

    @classmethod
    def from_json(cls, text: str, model: LanguageModel | None = None) -> Trace:
        """Read a trace back; with its model, ``top`` and ``lens`` work as before.

        Raises:
            ValueError: not a trace of this version, or arrays that do not fit their shapes.
        """
        from .serialization import trace_from_json

        return trace_from_json(text, model)

    def _get(self, name: str) -> Tensor:
        value = getattr(self, name)
        if value is None:
            raise ValueError(
                f"this trace holds {', '.join(self.recorded) or 'nothing'}, not {name}; "
                f"record it: trace(model, text, record=({name!r},))"
            )
        return value

    def _need_model(self) -> LanguageModel:
        if self.model is None:
            raise ValueError(
                "this trace was read without its model; give it: Trace.from_json(text, model=…)"
            )
        return self.model

    def _index(self, position: int) -> int:
        n = len(self.tokens)
        if not is_integer(position):
            raise IndexError(f"a position must be a whole number, not {position!r}")
        if not -n <= position < n:
            raise IndexError(f"position {position} is outside this trace of {n} tokens")
        return position % n - n  # from the end: a generated step records its last position alone

    def _rows(self, logits: Tensor, k: int) -> list[Row]:
        if not is_integer(k) or not 1 <= k <= logits.numel():
            raise ValueError(
                f"k={k!r} is outside the whole numbers 1 … {logits.numel():,}, the vocabulary"
            )
        logits = logits.float().cpu()
        tokenizer = self._need_model().tokenizer
        best = logits.topk(k)
        probability = (best.values - logits.logsumexp(dim=-1)).exp()
        return [
            Row(id, tokenizer.token(id).text, logit, p)
            for id, logit, p in zip(
                best.indices.tolist(), best.values.tolist(), probability.tolist(), strict=True
            )
        ]


def trace(
    model: LanguageModel,
    text: str,
    record: Iterable[str] = DEFAULT_RECORD,
    *,
    source: str | None = None,
) -> Trace:
    """Run a model over a text once and keep what was asked for.

    Args:
        model: from ``llmlab.load``.
        text: what the model reads; its tokenizer adds the special tokens. For an encoder-decoder
            it is what the decoder has written so far, and may be empty.
        record: names out of ``RECORDABLE``; what is not named costs nothing.
        source: the encoder's text, for an encoder-decoder.

    Raises:
        ValueError: an empty text, one longer than the context, an unknown name, or a name of a
            part that the model does not have.
    """
    record = names_of(record, model.config.architecture)
    has_encoder = model.config.architecture == "encoder-decoder"
    ids = model.encode_target(text) if has_encoder else model.encode(text)
    source_ids = None if source is None else model.encode(source)
    with torch.inference_mode():
        output = model.transformer(ids, source=source_ids, record=record, last_only=False)
    kept = {name: value[0].float().cpu() for name, value in output.recording.items()}
    token = model.tokenizer.token
    return Trace(
        model_name=model.name,
        config=model.config,
        tokens=tuple(token(id) for id in ids[0].tolist()),
        source=() if source_ids is None else tuple(token(id) for id in source_ids[0].tolist()),
        model=model,
        **kept,
    )
