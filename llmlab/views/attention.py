"""Attention, layer by layer and head by head, with every number that makes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import traitlets

from .base import View, array, percent, visible

if TYPE_CHECKING:
    from ..tracing import Trace

LONGEST = 256  # tokens; a map is drawn from a table with a cell for each pair of them

# The names under which vocabularies keep the token that begins a text.
BEGINNINGS = frozenset({"<bos>", "<s>", "[CLS]", "<|endoftext|>", "<|begin_of_text|>"})


class AttentionView(View):
    """Where each token looks: all heads small, one large, and the steps to its weights.

    The reader chooses layer, head and query; with a kernel, Python reads and sets the same
    choice through `view.layer`, `view.head`, `view.query` and `view.hide_bos`.

    Args:
        trace: a trace recorded with "attention"; with "scores" as well, the steps from q·k to
            the weights are shown.
        layer, head: the map shown large, counted from 0; negative numbers count from the end.
        query: the position whose row is explained; -1 is the last.
        hide_bos: begin with the text's first token hidden where it is a special one.
        precision: "float32" shows the model's own numbers; "float16" halves the page.

    Raises:
        ValueError: a trace without attention, with attention that is not a number, or with more
            than 256 tokens; a layer, head or query that is not in it.
    """

    _name: ClassVar[str] = "attention"

    layer = traitlets.Int(0).tag(sync=True)
    head = traitlets.Int(0).tag(sync=True)
    query = traitlets.Int(0).tag(sync=True)
    hide_bos = traitlets.Bool(False).tag(sync=True)

    model_name = traitlets.Unicode().tag(sync=True)
    tokens = traitlets.List(traitlets.Dict()).tag(sync=True)
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
        precision: str = "float32",
        **kwargs: Any,
    ) -> None:
        weights = _recorded_attention(trace)
        self._sizes = dict(zip(("layer", "head", "query"), weights.shape))
        self._trace = trace
        config = trace.config
        super().__init__(
            layer=self._counted("layer", layer),
            head=self._counted("head", head),
            query=self._counted("query", query),
            hide_bos=hide_bos,
            model_name=trace.model_name,
            tokens=[{"id": token.id, "text": visible(token.text)} for token in trace.tokens],
            has_bos=trace.tokens[0].text in BEGINNINGS,
            weights=array(weights, precision),
            scores=None if trace.scores is None else array(trace.scores, precision),
            scale=config.attention_scale,
            causal=config.is_causal,
            windows=[config.window(index) for index in range(weights.shape[0])],
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

        return attention_picture(self._trace, self.layer, self.head, self.query, self._hides_bos)

    def alt(self) -> str:
        row = self._trace.attention[self.layer, self.head, self.query]
        texts = [f"“{visible(token.text)}”" for token in self._trace.tokens]
        strongest = row.argsort(descending=True)[:3].tolist()
        looks = ", ".join(f"at {texts[key]} with {percent(row[key].item())}" for key in strongest)
        text = (
            f"Attention of {self.model_name}, layer {self.layer}, head {self.head} (from 0), "
            f"over {len(texts)} tokens: {texts[self.query]} looks {looks}"
        )
        if not self.has_bos or len(texts) == 1:
            return text + "."
        share = percent(self._trace.attention[self.layer, self.head, 1:, 0].mean().item())
        hidden = ", which is hidden here" if self.hide_bos else ""
        return f"{text}; {share} of the other tokens' attention is on {texts[0]}{hidden}."

    @property
    def _hides_bos(self) -> bool:
        return self.hide_bos and self.has_bos

    def __repr__(self) -> str:
        return f"<AttentionView of {self.model_name}: layer {self.layer}, head {self.head}>"


def _recorded_attention(trace: Trace):
    """The trace's attention, (layer, head, query, key)."""
    if trace.attention is None:
        raise ValueError(
            "This trace holds no attention; record it: "
            'llmlab.trace(model, text, record=("attention", "scores")).'
        )
    if len(trace.tokens) > LONGEST:
        raise ValueError(
            f"This trace has {len(trace.tokens)} tokens, and a map is drawn for at most {LONGEST}; "
            "trace a shorter text."
        )
    layers_without_numbers = trace.attention.isnan().flatten(1).any(dim=1).nonzero()
    if len(layers_without_numbers):
        raise ValueError(
            f"The attention of layer {layers_without_numbers[0].item()} is not a number: the model "
            'overflowed its dtype; load it with dtype="float32" and trace again.'
        )
    return trace.attention
