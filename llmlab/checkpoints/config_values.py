"""Values of Hugging Face's config.json that are written in more than one way."""

from __future__ import annotations

from ..config import RopeScaling

ACTIVATIONS = {
    "relu": "relu",
    "gelu": "gelu",
    "gelu_new": "gelu_tanh",
    "gelu_pytorch_tanh": "gelu_tanh",
    "silu": "silu",
    "swish": "silu",
}


def activation(values: dict, key: str, default: str) -> str:
    name = values.get(key) or default
    if name not in ACTIVATIONS:
        raise ValueError(
            f"config.json has {key}={name!r}; these can be computed: {', '.join(ACTIVATIONS)}"
        )
    return ACTIVATIONS[name]


def global_layers(values: dict, kinds: list[str]) -> tuple[int, ...]:
    """The layers without a window, from ``layer_types`` or else from the family's own rule."""
    kinds = values.get("layer_types") or kinds
    return tuple(layer for layer, kind in enumerate(kinds) if kind == "full_attention")


def rotary(values: dict, kind_of_layer: str) -> tuple[float, RopeScaling | None]:
    """Theta and scaling for layers of one kind."""
    found = values.get("rope_parameters")  # transformers 5
    if found is None and kind_of_layer == "sliding_attention":  # transformers 4, and so below
        found = {"rope_theta": values.get("rope_local_base_freq", 10_000.0)}
    elif found is None:
        theta = values.get("rope_theta", 10_000.0)
        found = {"rope_theta": theta, **(values.get("rope_scaling") or {})}
    found = found.get(kind_of_layer, found)
    kind = found.get("rope_type") or found.get("type") or "default"
    refuse(found, "partial_rotary_factor", unless=(None, 1.0))
    if kind == "default":
        return found["rope_theta"], None
    if kind == "linear":
        return found["rope_theta"], RopeScaling(kind="linear", factor=found["factor"])
    if kind == "llama3":
        return found["rope_theta"], RopeScaling(
            factor=found["factor"],
            low_freq_factor=found["low_freq_factor"],
            high_freq_factor=found["high_freq_factor"],
            original_context=found["original_max_position_embeddings"],
        )
    raise ValueError(
        f"config.json has rope_type {kind!r}; these can be computed: default, linear, llama3"
    )


def refuse(values: dict, *keys: str, unless: tuple = (None, False)) -> None:
    """Raise for what changes the model's numbers and is not built here."""
    for key in keys:
        if values.get(key) not in unless:
            raise ValueError(
                f"config.json has {key}={values[key]!r}, which llmlab does not compute; choose a "
                "checkpoint without it"
            )
