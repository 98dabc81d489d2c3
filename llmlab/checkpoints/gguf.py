"""Read a GGUF file: its metadata, and where each tensor lies.

The format (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md), little-endian: the
four letters GGUF, a version, two counts; the metadata as pairs of a name and a typed value;
for each tensor its name, shape, type and offset; then, aligned, the tensors' data.
"""

from __future__ import annotations

import math
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from .dequantize import BLOCKS
from .metadata import Metadata, Strings

SCALARS = {  # GGUF's number for a type: struct's and numpy's letter for it
    0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d",
}  # fmt: skip
STRING, ARRAY = 8, 9
MAX_AXES, LONGEST_NAME, MAX_ALIGNMENT = 4, 2**16 - 1, 2**20
TENSOR_TYPES = {0: "F32", 1: "F16", 6: "Q5_0", 8: "Q8_0", 12: "Q4_K", 14: "Q6_K", 30: "BF16"}


@dataclass(frozen=True)
class TensorInfo:
    """Where a tensor lies. `shape` has the rows first, as torch has it."""

    name: str
    shape: tuple[int, ...]
    type: str  # a key of dequantize.BLOCKS
    offset: int  # from the beginning of the file

    @property
    def row_bytes(self) -> int:
        block, size = BLOCKS[self.type]
        return self.shape[-1] // block * size

    @property
    def n_rows(self) -> int:
        return math.prod(self.shape[:-1])


class GGUF:
    """The header of a GGUF file.

    Attributes:
        path: the file.
        metadata: name → value.
        tensors: name → `TensorInfo`.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not a GGUF file, a truncated or altered one, or a type of tensor we do not
            read. The message names the file.
    """

    def __init__(self, path: str | os.PathLike) -> None:
        self.path = Path(path)
        with open(self.path, "rb") as file:
            header = _Header(file, self.path)
            self.metadata = Metadata(self.path, header.metadata())
            alignment = self.metadata.integer("general.alignment", 1, MAX_ALIGNMENT, 32)
            self.tensors = {info.name: info for info in header.tensors(alignment)}
            size = header.size
        end = max((t.offset + t.n_rows * t.row_bytes for t in self.tensors.values()), default=0)
        if end > size:
            raise ValueError(
                f"{self.path} is truncated: its tensors end at byte {end:,} and the file has "
                f"{size:,}; fetch it again"
            )

    def read_rows(self, tensor: TensorInfo, start: int, stop: int) -> np.ndarray:
        """The stored bytes of rows `start` to `stop`: (row, row_bytes) uint8."""
        # Read, not memory-mapped: mapped pages would count as this process's memory.
        return np.fromfile(
            self.path,
            np.uint8,
            count=(stop - start) * tensor.row_bytes,
            offset=tensor.offset + start * tensor.row_bytes,
        ).reshape(stop - start, tensor.row_bytes)


class _Header:
    """Reads the header from front to back, and refuses to read past the end."""

    def __init__(self, file: BinaryIO, path: Path) -> None:
        self.file, self.path = file, path
        self.size = os.fstat(file.fileno()).st_size
        magic = file.read(4)
        if magic != b"GGUF":
            raise ValueError(f"{path} is not a GGUF file: it begins with {magic!r}, not b'GGUF'")
        (version,) = self.numbers("I")
        if version not in (2, 3):
            raise ValueError(f"{path} is GGUF version {version}; versions 2 and 3 can be read")
        self.n_tensors, self.n_pairs = self.numbers("QQ")

    def take(self, n: int) -> bytes:
        data = self.file.read(n) if n <= self.size else b""
        if len(data) < n:
            raise ValueError(
                f"{self.path} is truncated or altered: its header asks for {n:,} bytes that a "
                f"file of {self.size:,} bytes does not have; fetch it again"
            )
        return data

    def numbers(self, format: str) -> tuple:
        return struct.unpack("<" + format, self.take(struct.calcsize("<" + format)))

    def string(self) -> bytes:
        return self.take(self.numbers("Q")[0])

    def name(self) -> str:
        name = self.string()
        if len(name) > LONGEST_NAME:
            raise ValueError(f"{self.path} is altered: it has a name of {len(name):,} bytes")
        return name.decode("utf-8", errors="replace")

    def value(self, type: int):
        if type == STRING:
            return self.string().decode("utf-8", errors="replace")
        if type == ARRAY:
            item, length = self.numbers("IQ")
            if item == STRING:
                return Strings(self.string() for _ in range(length))
            if item not in SCALARS:  # arrays of arrays are allowed by the format; no model has one
                raise ValueError(
                    f"{self.path} is altered: its metadata has an array of type {item}; arrays of "
                    "numbers and of strings can be read"
                )
            dtype = np.dtype(SCALARS[item]).newbyteorder("<")
            return np.frombuffer(self.take(length * dtype.itemsize), dtype)
        if type not in SCALARS:
            raise ValueError(f"{self.path} is altered: its metadata has a value of type {type}")
        return self.numbers(SCALARS[type])[0]

    def metadata(self) -> Iterator[tuple[str, object]]:
        for _ in range(self.n_pairs):
            yield self.name(), self.value(*self.numbers("I"))

    def tensors(self, alignment: int) -> list[TensorInfo]:
        found = []
        for _ in range(self.n_tensors):
            name = self.name()
            this = f"tensor {name[:100]!r}"  # an altered name may be long and hold line ends
            (n_axes,) = self.numbers("I")
            if not 1 <= n_axes <= MAX_AXES:
                raise ValueError(f"{self.path} is altered: {this} has {n_axes:,} axes")
            shape = tuple(reversed(self.numbers("Q" * n_axes)))
            number, offset = self.numbers("IQ")
            if number not in TENSOR_TYPES:
                known = ", ".join(TENSOR_TYPES.values())
                raise ValueError(
                    f"{self.path}: {this} has type number {number}; these can be read: {known}"
                )
            block = BLOCKS[TENSOR_TYPES[number]][0]
            if not math.prod(shape) or shape[-1] % block:
                raise ValueError(
                    f"{self.path} is altered: {this} of shape {shape} is not made of whole "
                    f"blocks of {block}"
                )
            found.append((name, shape, TENSOR_TYPES[number], offset))
        data = -(-self.file.tell() // alignment) * alignment
        return [TensorInfo(n, shape, type, data + offset) for n, shape, type, offset in found]
