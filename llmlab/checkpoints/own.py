"""The folders in which this project keeps models of its own.

``config.json`` (with "model_type": "llmlab"), ``model.safetensors``, ``tokenizer.json`` and
``training.json``, the record of the run that made it. Matrices are float32, bfloat16, or int8
with one float32 scale for each block of a row; norms and biases are float32.
"""

from __future__ import annotations

import difflib
import json
import shutil
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor

from ..config import TransformerConfig
from ..model import LanguageModel
from ..quantized import BlockQuantizedTensor, dense, quantize
from ..tokenizers import Tokenizer, load_trained
from ..training.files import full_disk_named, new_folder
from ..transformer import Transformer
from .empty import empty_transformer, put_blocks
from .tensors import SafetensorsFolder

MODEL_TYPE = "llmlab"
FORMAT = 1
CONFIG, WEIGHTS, RECORD = "config.json", "model.safetensors", "training.json"
STORED = {"float32": torch.float32, "bfloat16": torch.bfloat16, "int8": torch.int8}
SCALE = ".scale"  # behind a matrix's name
TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "tokenizer_record.json",
)


def save_model(
    folder: str | Path,
    transformer: Transformer,
    tokenizer: str | Path,
    stored: str = "bfloat16",
    record: Mapping | None = None,
) -> Path:
    """Write a model's folder; one that is there is replaced as a whole.

    Args:
        tokenizer: the tokenizer.json, or the folder it lies in; it is copied.
        stored: what the matrices become: "float32", "bfloat16" or "int8".
        record: of the training, as plain values.

    Raises:
        ValueError: another word for ``stored``.
        OSError: no tokenizer at its path, or the folder could not be written.
    """
    if stored not in STORED:
        raise ValueError(f"stored={stored!r} is not known; choose one of {tuple(STORED)}")
    folder, tokenizer = Path(folder), Path(tokenizer)
    if not (tokenizer / TOKENIZER_FILES[0] if tokenizer.is_dir() else tokenizer).is_file():
        raise FileNotFoundError(f"there is no tokenizer {tokenizer}; expected a tokenizer.json")
    config = transformer.config.to_dict()
    values = {
        "model_type": MODEL_TYPE, "format": FORMAT, "stored": stored, "transformer": config
    }  # fmt: skip
    with new_folder(folder) as partial, full_disk_named(folder):
        _write_json(partial / CONFIG, values)
        weights = packed(dict(transformer.named_parameters()), stored)
        (partial / WEIGHTS).write_bytes(save(weights))
        if record is not None:
            _write_json(partial / RECORD, record)
        if tokenizer.is_file():
            shutil.copyfile(tokenizer, partial / TOKENIZER_FILES[0])
        for name in TOKENIZER_FILES:
            if (beside := _folder_of(tokenizer) / name).is_file() and not (partial / name).exists():
                shutil.copyfile(beside, partial / name)
    return folder


def is_own(folder: str | Path) -> bool:
    """Whether a folder's config.json says that it is a model of this project's own."""
    try:
        values = json.loads((Path(folder) / CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(values, dict) and values.get("model_type") == MODEL_TYPE


def load_own(
    folder: str | Path,
    device: torch.device | str = "cpu",
    dtype: torch.dtype | None = torch.float32,
    name: str | None = None,
) -> LanguageModel:
    """The model in a folder that ``save_model`` wrote.

    Args:
        device: where the weights go.
        dtype: what the matrices become, whatever they are stored as; None: float32, but int8
            stays in its blocks on a CPU.
        name: of the model; None: the path.

    Raises:
        FileNotFoundError: a file that the folder lacks.
        ValueError: a config.json that is altered, or weights that do not fit it.
    """
    folder = Path(folder)
    config, stored = read_own_config(folder)
    device = torch.device(device)
    transformer = empty_transformer(config, device, dtype or torch.float32)
    stays_in_blocks = dtype is None and device.type == "cpu"
    tensors = SafetensorsFolder(folder)
    parameters = dict(transformer.named_parameters())
    matrices = [key for key, parameter in parameters.items() if parameter.dim() == 2]
    scales = {key + SCALE for key in matrices} if stored == "int8" else set()
    _check_names(set(parameters) | scales, set(tensors), folder)
    with torch.no_grad():
        for key, parameter in parameters.items():
            value = tensors[key]
            if key + SCALE in scales:
                value = _in_blocks(value, tensors[key + SCALE], folder)
            if value.shape != parameter.shape:
                raise ValueError(
                    f"{folder / WEIGHTS}: {key} has the shape {tuple(value.shape)} and config.json "
                    f"asks for {tuple(parameter.shape)}; they belong to different models"
                )
            if stays_in_blocks and isinstance(value, BlockQuantizedTensor):
                put_blocks(transformer, key, value)
            else:
                parameter.copy_(dense(value))
    transformer.lay_side_by_side()
    tokenizer = load_tokenizer(folder)
    if tokenizer.vocab_size > config.vocab_size:
        raise ValueError(
            f"{folder} has a tokenizer of {tokenizer.vocab_size:,} tokens and a model of "
            f"{config.vocab_size:,}; they do not belong together"
        )
    return LanguageModel(name or str(folder), transformer, tokenizer)


def read_own_config(folder: Path) -> tuple[TransformerConfig, str]:
    """The model's shape, and how its matrices are stored.

    Raises:
        ValueError: a value or a name that does not belong there.
    """
    file = folder / CONFIG
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
        version, stored, shape = values["format"], values["stored"], values["transformer"]
    except (ValueError, KeyError, TypeError):
        raise ValueError(f"{file} is not the config of an llmlab model; write it again") from None
    if version != FORMAT:
        raise ValueError(f"{file} is of format {version!r}; this version of llmlab reads {FORMAT}")
    if stored not in STORED or not isinstance(shape, dict):
        raise ValueError(f"{file} is altered: stored={stored!r}, expected one of {tuple(STORED)}")
    known = [field.name for field in fields(TransformerConfig)]
    for key in shape:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise ValueError(f"{file}: a Transformer has no {key}{hint}")
    try:
        return TransformerConfig(**shape), stored
    except TypeError as error:
        raise ValueError(f"{file} is altered: {error}") from None


def read_record(folder: str | Path) -> dict | None:
    """The record that ``save_model`` was given with a model; None if it was given none."""
    file = Path(folder) / RECORD
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else None


def load_tokenizer(path: str | Path) -> Tokenizer:
    """The tokenizer in a tokenizer.json, or in the folder of one.

    Raises:
        FileNotFoundError: nothing lies there.
        ValueError: it cannot be read.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"there is no tokenizer {path}; expected a tokenizer.json")
    try:
        return load_trained(path)
    except ValueError:  # not trained here: the `tokenizers` library reads it
        from ..tokenizers.huggingface import HuggingFaceTokenizer

        return HuggingFaceTokenizer(_folder_of(path))


def packed(weights: Mapping[str, Tensor], stored: str) -> dict[str, Tensor]:
    """The weights as a file stores them: matrices in few bits, vectors in float32."""
    tensors = {}
    for name, weight in weights.items():
        weight = weight.detach().float().cpu()
        if weight.dim() < 2 or stored != "int8":
            dtype = STORED[stored] if weight.dim() == 2 else torch.float32
            tensors[name] = weight.to(dtype).contiguous().clone()
            continue
        blocks = quantize(weight)
        tensors[name], tensors[name + SCALE] = blocks.quants.flatten(1), blocks.scales
    return tensors


def _in_blocks(quants: Tensor, scales: Tensor, folder: Path) -> BlockQuantizedTensor:
    rows, columns = quants.shape
    if len(scales) != rows or scales.dim() != 2 or columns % max(1, scales.size(1)):
        raise ValueError(
            f"{folder / WEIGHTS}: {rows} × {columns} integers have scales of the shape "
            f"{tuple(scales.shape)}; the file is altered"
        )
    return BlockQuantizedTensor(quants.view(rows, scales.size(1), -1), scales)


def _check_names(wanted: set[str], there: set[str], folder: Path) -> None:
    for names, what in ((wanted - there, "lacks"), (there - wanted, "has no place for")):
        if names:
            raise ValueError(
                f"{folder / WEIGHTS} and config.json belong to different models: one {what} "
                f"{len(names)} tensors, among them {min(names)}"
            )


def _folder_of(path: Path) -> Path:
    return path if path.is_dir() else path.parent


def _write_json(path: Path, values: object) -> None:
    path.write_text(json.dumps(values, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
