"""Read a Hugging Face folder: config.json, safetensors and the tokenizer's files."""

from __future__ import annotations

import json
from pathlib import Path

import torch

from ..model import LanguageModel
from ..tokenizers.huggingface import load_tokenizer
from ..transformer import Transformer
from .configs import convert_config
from .empty import empty_transformer
from .state import converted
from .tensors import SafetensorsFolder


def load_folder(
    path: str | Path,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
    name: str | None = None,
) -> LanguageModel:
    """The model in a folder as transformers writes it, with its tokenizer.

    Args:
        path: holds config.json, ``*.safetensors`` and the tokenizer's files.
        device: where the weights go.
        dtype: what they become, whatever they are stored as.
        name: of the model; None: the path.

    Raises:
        FileNotFoundError: no such folder, or a file that it lacks.
        ValueError: a family we do not know, or weights that do not fit config.json.
    """
    transformer = load_transformer(path, device, dtype)
    tokenizer = load_tokenizer(path, transformer.config.vocab_size)
    return LanguageModel(name or str(path), transformer, tokenizer)


def load_transformer(
    path: str | Path, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32
) -> Transformer:
    """As ``load_folder``, without a tokenizer."""
    path = Path(path)
    values = read_config(path)
    config = convert_config(values)
    checkpoint = SafetensorsFolder(path)
    transformer = empty_transformer(config, torch.device(device), dtype)
    parameters = dict(transformer.named_parameters())
    shapes = {name: parameter.shape for name, parameter in parameters.items()}
    with torch.no_grad():
        for name, tensor in converted(values["model_type"], checkpoint, shapes):
            parameters[name].copy_(tensor)
    transformer.lay_side_by_side()
    return transformer


def read_config(path: Path) -> dict:
    """config.json of a folder.

    Raises:
        FileNotFoundError: no folder, or no config.json in it.
        ValueError: it is not JSON.
    """
    if not path.is_dir():
        raise FileNotFoundError(f"there is no folder {path}")
    file = path / "config.json"
    if not file.is_file():
        raise FileNotFoundError(
            f"{path} has no config.json; give a folder as transformers' save_pretrained writes it"
        )
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{file} is not JSON ({error}); fetch it again") from None
    if not isinstance(values, dict):
        raise ValueError(f"{file} holds a {type(values).__name__}, not names with values")
    return values
