"""LLM Lab: a real Transformer whose every number can be looked at.

The names below are loaded when they are first used, so that ``import llmlab`` is quick.
"""

from importlib import import_module

__version__ = "0.1.0"

_HOME = {
    "Transformer": "transformer",
    "TransformerConfig": "config",
    "RopeScaling": "config",
    "preset": "presets",
    "parameter_table": "parameters",
    "load": "checkpoints",
    "LanguageModel": "model",
    "trace": "tracing",
    "Trace": "tracing",
    "generate": "generation",
    "stream": "generation",
    "Run": "generation",
    "Step": "sampling",
    "similarity": "embeddings",
    "nearest": "embeddings",
    "analogy": "embeddings",
    "projection": "embeddings",
    "check": "exercises",
    "AttentionView": "views",
    "NextTokenView": "views",
    "EmbeddingView": "views",
    "ContextView": "views",
    "DropoutView": "views",
    "NetworkView": "views",
    "NormView": "views",
    "ResidualView": "views",
    "TokenizerView": "views",
    "TrainingView": "views",
}

__all__ = sorted(_HOME)


def __getattr__(name: str):
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_HOME[name]}", __name__), name)
    globals()[name] = value  # so that the next look-up is a plain one
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME])
