"""One token in two sentences: how its vector parts on the way through the layers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import traitlets

from .base import View, after_layers, visible
from .context_state import context_state

if TYPE_CHECKING:
    from ..tracing import Trace


class ContextView(View):
    """The vector of one token in two sentences, compared after every layer.

    At the embedding both are the same row of the table. A row of the view's table for each layer
    has their cosine, the mean cosine with the other sentence's other tokens to hold it against,
    and the token that leads where the model's head reads each of the two. Vectors are taken
    after the final norm, as the head would read them there (the logit lens).

    Args:
        first, second: one model's traces of the two sentences, recorded with "residual".
        word: the text of a token in both, to begin with; None takes the longest.
        layer: how many layers have run, 0 for the embedding alone; -1 is after the last.
        k: rows of the tables of leading tokens.

    Raises:
        ValueError: a trace without the residual stream or its model, two models, an
            encoder-decoder's; more than 32 positions; sentences that share no token, or have
            nothing else; a word that is not shared, a layer that does not exist, k out of range.
    """

    _name: ClassVar[str] = "context"

    shown = traitlets.Int(0, help="the shared token shown, from 0").tag(sync=True)
    layer = traitlets.Int(0, help="layers that have run; 0: the embedding").tag(sync=True)

    model_name = traitlets.Unicode().tag(sync=True)
    causal = traitlets.Bool(help="whether a token reads only what is left of it").tag(sync=True)
    sentences = traitlets.List(help="the two sentences' token texts").tag(sync=True)
    shared = traitlets.List(help="texts of the tokens in both").tag(sync=True)
    words = traitlets.List(help="texts of all leading tokens").tag(sync=True)
    at = traitlets.Dict(help="positions, (shared, sentence)").tag(sync=True)
    cosines = traitlets.Dict(help="(shared, layer + 1)").tag(sync=True)
    others = traitlets.Dict(help="mean cosine with other tokens, the same").tag(sync=True)
    top = traitlets.Dict(help="places in words, (shared, sentence, layer + 1, k)").tag(sync=True)
    probabilities = traitlets.Dict(help="of the same shape").tag(sync=True)

    def __init__(
        self,
        first: Trace,
        second: Trace,
        word: str | None = None,
        layer: int = -1,
        *,
        k: int = 5,
        **kwargs: Any,
    ) -> None:
        state, self._numbers = context_state(first, second, k)
        self._rows = self._numbers["cosines"].size(1)
        shared = state["shared"]
        if word is not None and visible(word) not in shared:
            raise ValueError(
                f"{word!r} is not a token of both sentences; these are: {', '.join(shared)}"
            )
        longest = max(reversed(shared), key=len)  # of equal ones the last
        super().__init__(
            shown=shared.index(longest if word is None else visible(word)),
            layer=self._counted(layer),
            **state,
            **kwargs,
        )

    def _counted(self, layer: int) -> int:
        if not -self._rows <= layer < self._rows:
            raise ValueError(
                f"layer is {layer}; this model's rows, 0 for the embedding, are 0 to "
                f"{self._rows - 1}"
            )
        return layer % self._rows

    @traitlets.validate("layer")
    def _valid_layer(self, proposal: dict[str, Any]) -> int:
        return self._counted(proposal["value"])

    @traitlets.validate("shown")
    def _valid_shown(self, proposal: dict[str, Any]) -> int:
        if not 0 <= proposal["value"] < len(self.shared):
            raise ValueError(
                f"shown is {proposal['value']}; the shared tokens are numbered 0 to "
                f"{len(self.shared) - 1}"
            )
        return proposal["value"]

    def leader(self, sentence: int, layer: int) -> str:
        """The token that leads where the head reads a sentence's vector after some layers."""
        return self.words[self._numbers["top"][self.shown, sentence, layer, 0]]

    def picture(self) -> bytes:
        from .context_picture import context_picture  # matplotlib loads when it is needed

        return context_picture(self)

    def alt(self) -> str:
        cosines = self._numbers["cosines"][self.shown]
        others = self._numbers["others"][self.shown]
        lowest = int(cosines.argmin())
        one, other = ("".join(tokens) for tokens in self.sentences)
        leaders = [self.leader(sentence, self.layer) for sentence in (0, 1)]
        return (
            f"“{self.shared[self.shown]}” in “{one}” and in “{other}”, read by {self.model_name}: "
            f"the cosine of its two vectors is {cosines[0]:.3f} at the embedding, lowest "
            f"{after_layers(lowest)} with {cosines[lowest]:.3f}, where other tokens have "
            f"{others[lowest]:.3f}, and {cosines[-1]:.3f} after the last layer; "
            f"{after_layers(self.layer)} “{leaders[0]}” leads in the first and “{leaders[1]}” in the "
            "second."
        )

    def __repr__(self) -> str:
        return f"<ContextView of {self.model_name}: {len(self.shared)} shared tokens>"
