"""Views: one Python class beside one JavaScript module, the same with a kernel and without.

A view computes no model. It reads a record (a Trace, a Run) and shows it: as a widget where there
is a kernel, as the same module on a static page, and as a picture with alt text elsewhere.
"""

from .attention import AttentionView
from .base import MIME, View, array, module_source, visible
from .context import ContextView
from .dropout import DropoutView
from .embedding import EmbeddingView
from .network import NetworkView
from .next_token import NextTokenView
from .norm import NormView
from .residual import ResidualView
from .tokenizer import TokenizerView
from .training import TrainingView

VIEWS: tuple[type[View], ...] = (
    AttentionView,
    NextTokenView,
    EmbeddingView,
    ContextView,
    NetworkView,
    NormView,
    ResidualView,
    DropoutView,
    TokenizerView,
    TrainingView,
)


def module_sources() -> dict[str, str]:
    """Each view's self-contained JavaScript module, by the name that its state is stored under."""
    return {view._name: module_source(view._name) for view in VIEWS}


__all__ = [
    "MIME",
    "VIEWS",
    "AttentionView",
    "ContextView",
    "DropoutView",
    "EmbeddingView",
    "NetworkView",
    "NextTokenView",
    "NormView",
    "ResidualView",
    "TokenizerView",
    "TrainingView",
    "View",
    "array",
    "module_source",
    "module_sources",
    "visible",
]
