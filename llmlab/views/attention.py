"""Attention, layer by layer and head by head, with every number that makes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import traitlets

from .base import View, array, percent, visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from ..tokenizers.token import Token
    from ..tracing import Trace

LONGEST = 256  # tokens; a map is drawn from a table with a cell for each pair of them

# The names under which vocabularies keep the token that begins a text.
BEGINNINGS = frozenset({"<bos>", "<s>", "[CLS]", "<|endoftext|>", "<|begin_of_text|>"})

# Which of a trace's weights are shown, by kind.
NAMES = {"self": "Attention", "encoder": "Encoder attention", "cross": "Cross-attention"}
RECORDED = {"self": "attention", "encoder": "encoder_attention", "cross": "cross_attention"}


class AttentionView(View):
    """Where each token looks: all heads small, one large, and the steps to its weights.

    The reader chooses layer, head and query; with a kernel, Python reads and sets the same
    choice through `view.layer`, `view.head`, `view.query` and `view.hide_bos`.

    Args:
        trace: a trace recorded with "attention"; with "scores" as well, the steps from q·k to
            the weights are shown.
        layer, head: the map shown large, counted from 0; negative numbers count from the end.
        query: the position whose row is explained; -1 is the last.
        hide_bos: begin with the text's first token hidden where it is a special one; not in
            cross-attention, where that row writes the first word.
        kind: "self" shows a text's attention to itself, and of an encoder-decoder its decoder's;
            "encoder" its encoder's; "cross" that of its decoder to its encoder. The last two need
            a trace recorded with "encoder_attention" and with "cross_attention".
        precision: "float32" shows the model's own numbers; "float16" halves the page.

    Raises:
        ValueError: a trace without attention, with attention that is not a number, or with more
            than 256 tokens; a layer, head or query that is not in it; another kind.
    """

    _name: ClassVar[str] = "attention"

    layer = traitlets.Int(0).tag(sync=True)
    head = traitlets.Int(0).tag(sync=True)
    query = traitlets.Int(0).tag(sync=True)
    hide_bos = traitlets.Bool(False).tag(sync=True)

    model_name = traitlets.Unicode().tag(sync=True)
    kind = traitlets.Unicode("self").tag(sync=True)
    tokens = traitlets.List(traitlets.Dict()).tag(sync=True)  # that look
    # That are looked at; None: the same.
    source = traitlets.List(traitlets.Dict(), default_value=None, allow_none=True).tag(sync=True)
    has_bos = traitlets.Bool(False).tag(sync=True)
    weights = traitlets.Dict().tag(sync=True)  # array object, (layer, head, query, key)
    scores = traitlets.Dict(allow_none=True).tag(sync=True)  # the same; q·k, unscaled, unmasked
    scale = traitlets.Float().tag(sync=True)  # multiplies q·k
    causal = traitlets.Bool().tag(sync=True)
    windows = traitlets.List().tag(sync=True)  # a layer's reach in keys, None: all

    def __init__(
        self,
        trace: Trace,
        layer: int = 0,
        head: int = 0,
        query: int = -1,
        *,
        hide_bos: bool = False,
        kind: str = "self",
        precision: str = "float32",
        **kwargs: Any,
    ) -> None:
        weights = _recorded(trace, kind)
        self._sizes = dict(zip(("layer", "head", "query"), weights.shape))
        self._weights, self._queries, self._keys = weights, trace.tokens, trace.tokens
        if kind != "self":
            self._keys = trace.source
        if kind == "encoder":
            self._queries = trace.source
        config = trace.config
        scores = trace.scores if kind == "self" else None
        super().__init__(
            layer=self._counted("layer", layer),
            head=self._counted("head", head),
            query=self._counted("query", query),
            hide_bos=hide_bos,
            model_name=trace.model_name,
            kind=kind,
            tokens=_named(self._queries),
            source=_named(self._keys) if kind == "cross" else None,
            has_bos=kind != "cross" and self._queries[0].text in BEGINNINGS,
            weights=array(weights, precision),
            scores=None if scores is None else array(scores, precision),
            scale=config.attention_scale,
            causal=kind == "self" and config.is_causal,
            windows=[
                None if kind == "cross" else config.window(index)
                for index in range(weights.shape[0])
            ],
            **kwargs,
        )

    def _counted(self, axis: str, index: int) -> int:
        """An index along an axis of the trace, from 0."""
        size = self._sizes[axis]
        if not -size <= index < size:
            raise ValueError(
                f"{axis} is {index}, and this trace has {size}, counted from 0; "
                f"give {axis} from 0 to {size - 1}."
            )
        return index % size

    @traitlets.validate("layer", "head", "query")
    def _valid_choice(self, proposal: dict[str, Any]) -> int:
        return self._counted(proposal["trait"].name, proposal["value"])

    def picture(self) -> bytes:
        from .attention_picture import attention_picture  # matplotlib loads when it is needed

        prefix = "" if self.kind == "self" else f"{NAMES[self.kind].lower()}, "
        return attention_picture(
            self._weights[self.layer, self.head],
            [token.text for token in self._queries],
            [token.text for token in self._keys],
            title=f"{self.model_name}: {prefix}layer {self.layer}, head {self.head}",
            query=self.query,
            hide_first=self._hides_bos,
        )

    def alt(self) -> str:
        row = self._weights[self.layer, self.head, self.query]
        texts = [f"“{visible(token.text)}”" for token in self._keys]
        strongest = row.argsort(descending=True)[:3].tolist()
        looks = ", ".join(f"at {texts[key]} with {percent(row[key].item())}" for key in strongest)
        over = f"from {len(self._queries)} tokens to {len(texts)} of the source"
        text = (
            f"{NAMES[self.kind]} of {self.model_name}, layer {self.layer}, "
            f"head {self.head} (from 0), {over if self.kind == 'cross' else f'over {len(texts)} tokens'}: "
            f"“{visible(self._queries[self.query].text)}” looks {looks}"
        )
        if not self.has_bos or len(texts) == 1:
            return text + "."
        share = percent(self._weights[self.layer, self.head, 1:, 0].mean().item())
        hidden = ", which is hidden here" if self.hide_bos else ""
        return f"{text}; {share} of the other tokens' attention is on {texts[0]}{hidden}."

    @property
    def _hides_bos(self) -> bool:
        return self.hide_bos and self.has_bos

    def __repr__(self) -> str:
        return f"<AttentionView of {self.model_name}: layer {self.layer}, head {self.head}>"


def _named(tokens: Sequence[Token]) -> list[dict]:
    return [{"id": token.id, "text": visible(token.text)} for token in tokens]


def _recorded(trace: Trace, kind: str) -> Tensor:
    """The trace's attention of this kind, (layer, head, query, key)."""
    if kind not in RECORDED:
        raise ValueError(f"kind={kind!r} is not known; choose one of {tuple(RECORDED)}.")
    name = RECORDED[kind]
    weights = getattr(trace, name)
    if weights is None:
        names = '("attention", "scores")' if kind == "self" else f'("{name}",)'
        raise ValueError(
            f"This trace holds no {name.replace('_', ' ')}; record it: "
            f"llmlab.trace(model, text, record={names})."
        )
    longest = max(weights.shape[-2:])
    if longest > LONGEST:
        raise ValueError(
            f"This trace has {longest} tokens, and a map is drawn for at most {LONGEST}; "
            "trace a shorter text."
        )
    layers_without_numbers = weights.isnan().flatten(1).any(dim=1).nonzero()
    if len(layers_without_numbers):
        raise ValueError(
            f"The attention of layer {layers_without_numbers[0].item()} is not a number: the model "
            'overflowed its dtype; load it with dtype="float32" and trace again.'
        )
    return weights
