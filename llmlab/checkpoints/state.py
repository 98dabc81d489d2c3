"""Hugging Face's tensors under our names and in our shapes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from ..config import TransformerConfig
from ..transformer import Transformer
from .layouts import LAYOUTS, Layout


def convert_state(
    family: str, state: Mapping[str, Tensor], config: TransformerConfig
) -> dict[str, Tensor]:
    """A Hugging Face state dict under our names and in our shapes.

    Args:
        family: the model_type of config.json.
        state: their names → tensors.
        config: from ``convert_config``.

    Raises:
        ValueError: a tensor that is missing, left over or of another shape.
    """
    with torch.device("meta"):  # shapes alone
        parameters = Transformer(config).named_parameters()
        shapes = {name: parameter.shape for name, parameter in parameters}
    return dict(converted(family, state, shapes))


def converted(
    family: str, state: Mapping[str, Tensor], shapes: Mapping[str, torch.Size]
) -> Iterator[tuple[str, Tensor]]:
    """``convert_state`` one tensor at a time, so that no second copy of the model stands."""
    layout = LAYOUTS[family]
    theirs = {_plain_name(name, layout): name for name in state}
    sources = {name: layout.source_of(name) for name in shapes}
    _check_names(set(sources.values()), theirs, layout)
    for name, shape in shapes.items():
        source = theirs[sources[name]]
        tensor = layout.convert(name, state[source])
        if tensor.shape != shape:
            raise ValueError(
                f"{source} has the shape {tuple(state[source].shape)}, which gives {name} the "
                f"shape {tuple(tensor.shape)} where config.json asks for {tuple(shape)}; the "
                "weights and config.json belong to different models"
            )
        yield name, tensor


def _plain_name(name: str, layout: Layout) -> str:
    """Their name without its prefix, and without TensorFlow's words for weight and bias."""
    prefix = next((p for p in layout.prefixes if name.startswith(p)), "")
    name = name.removeprefix(prefix)
    return re.sub(r"\.gamma$", ".weight", re.sub(r"\.beta$", ".bias", name))


def _check_names(wanted: set[str], theirs: dict[str, str], layout: Layout) -> None:
    """Every parameter has its tensor, and every tensor its parameter."""
    missing = sorted(wanted - set(theirs))
    if missing:
        raise ValueError(
            f"the checkpoint lacks {len(missing)} of the tensors that config.json asks for, among "
            f"them {missing[0]}; it is incomplete, or config.json belongs to another model"
        )
    twin = "lm_head.weight"  # where the embedding serves as head, some files hold it twice
    left = sorted(
        name
        for plain, name in theirs.items()
        if plain not in wanted | {twin} and not re.fullmatch(layout.left_out, plain)
    )
    if left:
        raise ValueError(
            f"the checkpoint holds {len(left)} tensors that config.json has no place for, among "
            f"them {left[0]}; config.json belongs to another model"
        )
