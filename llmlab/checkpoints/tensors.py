"""The tensors of a folder's safetensors files.

Only safetensors are read: a ``.bin`` or ``.pt`` file is a pickle, and a pickle can run any
program when it is opened.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from safetensors import SafetensorError, safe_open
from torch import Tensor


class SafetensorsFolder(Mapping[str, Tensor]):
    """Names → tensors, each read from its file when it is asked for.

    Raises:
        FileNotFoundError: no safetensors in the folder, or one missing that its index names.
        ValueError: a file that is not what it should be, or is cut short.
    """

    def __init__(self, path: Path) -> None:
        self._files = {}  # name of a tensor → the open file that holds it
        for file in _files(path):
            opened = _open(file)
            self._files.update(dict.fromkeys(opened.keys(), opened))

    def __getitem__(self, name: str) -> Tensor:
        return self._files[name].get_tensor(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)


def _files(path: Path) -> list[Path]:
    """The files that together hold the model."""
    index, single = path / "model.safetensors.index.json", path / "model.safetensors"
    if index.is_file():
        return [path / name for name in _names_in(index)]
    if single.is_file():
        return [single]
    if files := sorted(path.glob("*.safetensors")):
        return files
    pickles = sorted(p.name for p in path.iterdir() if p.suffix in (".bin", ".pt", ".pth"))
    hint = f" ({pickles[0]} is a pickle, which could run any program)" if pickles else ""
    raise FileNotFoundError(
        f"{path} has no .safetensors file{hint}; transformers' save_pretrained writes one"
    )


def _names_in(index: Path) -> list[str]:
    """The files that an index of several names."""
    try:
        names = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
    except (ValueError, KeyError, AttributeError, TypeError):
        raise ValueError(
            f"{index} is not an index of safetensors files; fetch it again"
        ) from None
    for name in names:
        if Path(name).name != name:
            raise ValueError(f"{index} names {name!r}, which is not a file of its own folder")
        if not (index.parent / name).is_file():
            raise FileNotFoundError(f"{index} names {name}, which is not there; fetch it too")
    return names


def _open(file: Path):
    try:
        return safe_open(file, framework="pt")
    except SafetensorError as error:
        raise ValueError(f"{file} cannot be read ({error}); fetch it again") from None
