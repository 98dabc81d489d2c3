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
OWN_MODELS = Path(__file__).parent.parent / "models"  # one folder each, named as the model is
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
        dtype: of the matrices. "auto" leaves those of a GGUF file on a CPU in the blocks of
            integers that the file stores, and the book's own models too; otherwise it is float32
            for these and float16 for all others. Norms, biases and all sums are never below float32.

    Raises:
        TypeError: a name, device or dtype that is no text, path, torch.device or torch.dtype.
        ValueError: an unknown name, device or dtype, or a file that is not what it should be.
        FileNotFoundError: a path where nothing lies.
        ModuleNotFoundError: a package that must be installed first.
        ConnectionError: a Hugging Face name, and no way to reach the hub.
    """
    device = choose_device(device)
    dtype = None if isinstance(dtype, str) and dtype == "auto" else choose_dtype(dtype)
    given, name = name, os.fspath(name) if isinstance(name, os.PathLike) else name
    if not isinstance(name, str):
        raise TypeError(
            f"name={_short(given)} is no model; expected its name, such as 'gemma-3-270m', or a "
            "path"
        )
    path = Path(os.path.expanduser(name))
    if not name:
        raise ValueError(_unknown_name(name))
    if name in GGUF_MODELS:
        return _load_gguf(GGUF_MODELS[name](), device, dtype, name)
    if name in own_models():
        return _load_folder(OWN_MODELS / name, device, dtype, name)
    if os.path.isfile(path) and path.suffix == ".gguf":
        return _load_gguf(path, device, dtype, name)
    if os.path.isfile(path):
        raise ValueError(f"{path} is not a model: expected a .gguf file or a folder")
    if os.path.isdir(path):
        return _load_folder(path, device, dtype, name)
    if path.suffix == ".gguf" or path.is_absolute() or name.startswith("."):
        raise FileNotFoundError(f"there is no file or folder {path}")
    if re.fullmatch(r"[\w.-]+/[\w.-]+", name):
        return _load_folder(_download(name), device, dtype, name)
    raise ValueError(_unknown_name(name))


def choose_device(device: str | torch.device = "auto") -> torch.device:
    """The device of that name, or the fastest one for "auto".

    Raises:
        TypeError: neither a text nor a torch.device.
        ValueError: a device that is not there.
    """
    there = ["cpu"]
    if torch.backends.mps.is_available():
        there.insert(0, "mps")
    there[:0] = [f"cuda:{i}" for i in range(torch.cuda.device_count())]
    if not isinstance(device, (str, torch.device)):
        raise TypeError(f"device={_short(device)} is no device; expected 'auto', {_list(there)}")
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


def choose_dtype(dtype: str | torch.dtype) -> torch.dtype:
    """The matrices' dtype of that name; "auto" is float16, on every device.

    Raises:
        TypeError: neither a text nor a torch.dtype.
        ValueError: a dtype that is none of DTYPES.
    """
    if not isinstance(dtype, (str, torch.dtype)):
        raise TypeError(f"dtype={_short(dtype)} is no dtype; expected 'auto', {_list(DTYPES)}")
    if dtype == "auto":
        return torch.float16
    dtype = DTYPES.get(dtype, dtype)
    if dtype not in DTYPES.values():
        raise ValueError(f"dtype {dtype!r} is not known; expected 'auto', {_list(DTYPES)}")
    return dtype


def own_models() -> list[str]:
    """The names of the book's own models that are here."""
    return sorted(file.parent.name for file in OWN_MODELS.glob("*/config.json"))


def _load_gguf(path: Path, device, dtype: torch.dtype | None, name: str) -> LanguageModel:
    if dtype is None and device.type != "cpu":
        dtype = choose_dtype("auto")
    return load_gguf(path, device, dtype, name)


def _load_folder(path: Path, device, dtype: torch.dtype | None, name: str) -> LanguageModel:
    try:
        from .huggingface import load_folder
        from .own import is_own, load_own
    except ModuleNotFoundError as error:  # a GGUF file needs no safetensors
        raise ModuleNotFoundError(
            f"to read the folder {path}, run `pip install {error.name}`"
        ) from None
    if is_own(path):
        return load_own(path, device, dtype, name)
    return load_folder(path, device, dtype or choose_dtype("auto"), name)


def _download(name: str) -> Path:
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import (
            HTTPError,
            LocalEntryNotFoundError,
            RepositoryNotFoundError,
        )
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            f"to fetch {name!r} from Hugging Face, run `pip install huggingface_hub`"
        ) from None
    try:
        return Path(snapshot_download(name, allow_patterns=HUB_FILES))
    except RepositoryNotFoundError as error:
        raise ValueError(f"Hugging Face has no model {name!r} that is open to all") from error
    except (HTTPError, LocalEntryNotFoundError, ConnectionError, TimeoutError) as error:
        raise ConnectionError(
            f"the model {name!r} is not on this machine and Hugging Face cannot be reached; "
            "connect to the internet, or give the path of a folder or a .gguf file"
        ) from error


def _unknown_name(name: str) -> str:
    known = [*GGUF_MODELS, *own_models()]
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    meant = f"did you mean {_list(near)}?" if near else f"known are: {_list(known)}."
    return (
        f"there is no model {name!r}; {meant} A .gguf file, a Hugging Face folder and a name "
        "like 'openai-community/gpt2' can be given too"
    )


def _list(names) -> str:
    return ", ".join(f"'{name}'" for name in names)


def _short(value: object) -> str:
    """On one line, whatever was given."""
    return " ".join(repr(value).split())[:60]
