"""Files that are either whole or not there, whenever the process is killed."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
PARTIAL = ".partial"


def write_file(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Write beside the path, then take its place in one move.

    Raises:
        OSError: the disk is full (the sentence says so), or the folder cannot be written.
    """
    partial = path.with_name(path.name + PARTIAL)
    try:
        with full_disk_named(path), open(partial, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
    sync_folder(path.parent)


def write_json(path: Path, values: object) -> None:
    """``write_file`` of JSON, two spaces deep."""
    text = json.dumps(values, ensure_ascii=False, indent=2) + "\n"
    write_file(path, lambda file: file.write(text.encode()))


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """A folder to fill, which takes the path's place when everything in it lies on the disk."""
    partial = path.with_name(path.name + PARTIAL)
    remove_folder(partial)
    try:
        with full_disk_named(path):
            partial.mkdir(parents=True)
            yield partial
            for file in partial.iterdir():
                sync_file(file)
            sync_folder(partial)
            if path.exists():  # from a run that went on from an earlier checkpoint
                remove_folder(path)
            os.replace(partial, path)
    finally:
        if partial.exists():
            shutil.rmtree(partial)
    sync_folder(path.parent)


def remove_folder(path: Path) -> None:
    """Remove a folder so that, killed halfway, it does not look like a whole one."""
    if not path.exists():
        return
    if not path.name.endswith(PARTIAL):
        doomed = path.with_name(path.name + ".old" + PARTIAL)
        if doomed.exists():
            shutil.rmtree(doomed)
        os.replace(path, doomed)
        path = doomed
    shutil.rmtree(path)


def sync_file(path: Path) -> None:
    with open(path, "rb") as file:
        os.fsync(file.fileno())


def sync_folder(path: Path) -> None:
    """Make a move inside the folder last through a power cut."""
    if os.name == "nt":  # Windows opens no folders
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def full_disk_named(path: Path) -> Iterator[None]:
    """Turn "no space left" into a sentence that names the path and the room there is."""
    try:
        yield
    except OSError as error:
        if error.errno not in NO_SPACE:
            raise
        free = shutil.disk_usage(path.parent).free / 1e6 if path.parent.exists() else 0.0
        raise OSError(
            error.errno,
            f"the disk is full or the file may grow no further: {path} could not be written "
            f"({free:,.0f} MB are free there); make room, then go on with --resume",
        ) from error
