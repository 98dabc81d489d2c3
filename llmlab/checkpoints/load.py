"""``llmlab.load``: a name, a file or a folder becomes a language model."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Callable
from pathlib import Path

import torch

from ..model import LanguageModel
from . import package
from .gemma import load_gguf

GGUF_MODELS: dict[str, Callable[[], Path]] = {  # name: what finds its GGUF file
    "gemma-3-270m": package.gemma_270m,
}
DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
HUB_FILES = ["*.json", "*.safetensors", "*.spm", "*.model", "vocab.txt", "merges.txt"]


def load(
    name: str | os.PathLike,
    device: str | torch.device = "auto",
    dtype: str | torch.dtype = "auto",
) -> LanguageModel:
    """Load a language model.

    Args:
        name: a known name ("gemma-3-270m"), a .gguf file, a folder as Hugging Face writes it,
            or a Hugging Face name ("openai-community/gpt2"), which needs internet once.
        device: "auto" takes a CUDA device if there is one, else Apple's GPU, else the CPU.
        dtype: "auto" takes float16, or float32 where half precision is no gain.

    Raises:
        ValueError: an unknown name, device or dtype, or a file that is not what it should be.
        FileNotFoundError: a path where nothing lies.
        ModuleNotFoundError: a package that must be installed first.
        ConnectionError: a Hugging Face name, and no way to reach the hub.
    """
    device = choose_device(device)
    dtype = choose_dtype(dtype, device)
    name, path = os.fspath(name), Path(name).expanduser()
    if not name:
        raise ValueError(_unknown_name(name))
    if name in GGUF_MODELS:
        return load_gguf(GGUF_MODELS[name](), device, dtype, name)
    if path.is_file() and path.suffix == ".gguf":
        return load_gguf(path, device, dtype, name)
    if path.is_file():
        raise ValueError(f"{path} is not a model: expected a .gguf file or a folder")
    if path.is_dir():
        return _load_folder(path, device, dtype, name)
    if path.suffix == ".gguf" or path.is_absolute() or name.startswith("."):
        raise FileNotFoundError(f"there is no file or folder {path}")
    if re.fullmatch(r"[\w.-]+/[\w.-]+", name):
        return _load_folder(_download(name), device, dtype, name)
    raise ValueError(_unknown_name(name))


def choose_device(device: str | torch.device = "auto") -> torch.device:
    """The device of that name, or the fastest one for "auto".

    Raises:
        ValueError: a device that is not there.
    """
    there = ["cpu"]
    if torch.backends.mps.is_available():
        there.insert(0, "mps")
    there[:0] = [f"cuda:{i}" for i in range(torch.cuda.device_count())]
    if device == "auto":
        return torch.device(there[0])
    try:
        chosen = torch.device(device)
    except RuntimeError:
        message = f"device {device!r} is not known; here there are: {_list(there)}"
        raise ValueError(message) from None
    if chosen.type == "cuda" and chosen.index is None:
        chosen = torch.device("cuda:0")
    if str(chosen) not in there and chosen.type not in there:
        raise ValueError(f"device {str(device)!r} is not there; here there are: {_list(there)}")
    return chosen


def choose_dtype(dtype: str | torch.dtype, device: torch.device) -> torch.dtype:
    """The dtype of that name, or the one for that device where it is "auto".

    Raises:
        ValueError: a dtype that is none of DTYPES.
    """
    if dtype == "auto":
        return torch.float16
    dtype = DTYPES.get(dtype, dtype)
    if dtype not in DTYPES.values():
        raise ValueError(f"dtype {dtype!r} is not known; expected 'auto', {_list(DTYPES)}")
    return dtype


def _load_folder(path: Path, device, dtype, name: str) -> LanguageModel:
    try:
        from .huggingface import load_folder
    except ModuleNotFoundError as error:  # a GGUF file needs no safetensors
        raise ModuleNotFoundError(
            f"to read the folder {path}, run `pip install {error.name}`"
        ) from None
    return load_folder(path, device, dtype, name)


def _download(name: str) -> Path:
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            f"to fetch {name!r} from Hugging Face, run `pip install huggingface_hub`"
        ) from None
    try:
        return Path(snapshot_download(name, allow_patterns=HUB_FILES))
    except RepositoryNotFoundError as error:
        raise ValueError(f"Hugging Face has no model {name!r} that is open to all") from error
    except (HfHubHTTPError, OSError) as error:
        raise ConnectionError(
            f"the model {name!r} is not on this machine and Hugging Face cannot be reached; "
            "connect to the internet, or give the path of a folder or a .gguf file"
        ) from error


def _unknown_name(name: str) -> str:
    near = difflib.get_close_matches(name, GGUF_MODELS, n=3, cutoff=0.5)
    meant = f"did you mean {_list(near)}?" if near else f"known are: {_list(GGUF_MODELS)}."
    return (
        f"there is no model {name!r}; {meant} A .gguf file, a Hugging Face folder and a name "
        "like 'openai-community/gpt2' can be given too"
    )


def _list(names) -> str:
    return ", ".join(f"'{name}'" for name in names)
