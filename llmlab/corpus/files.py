"""Reading the world's YAML files, and what is said when something in one is wrong."""

from __future__ import annotations

import difflib
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

Base = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
CORPUS = Path(__file__).parent


@dataclass(frozen=True)
class Problem:
    """What is wrong, and where: the file's name, and the word or frame in it."""

    file: str
    where: str
    message: str

    def __str__(self) -> str:
        return ": ".join(part for part in (self.file, self.where, self.message) if part)


class Loader(Base):
    """YAML's plain values only; a key given twice is an error, not a silent replacement."""


def _mapping(loader: Loader, node: yaml.MappingNode) -> dict:
    pairs = loader.construct_pairs(node, deep=True)
    for i, (key, _) in enumerate(pairs):
        if not isinstance(key, Hashable) or key in (earlier for earlier, _ in pairs[:i]):
            raise yaml.constructor.ConstructorError(
                None, None, f"the key {key!r} stands here twice", node.start_mark
            )
    return dict(pairs)


Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def read_files(folder: Path, problems: list[Problem]) -> Iterator[tuple[str, object]]:
    """The name (without .yaml) and content of each file, in the order of their names.

    A file that cannot be read is left out and added to `problems`.
    """
    for path in sorted(folder.glob("*.yaml")):
        try:
            content = yaml.load(path.read_text(encoding="utf-8"), Loader)  # noqa: S506, safe
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            problems.append(Problem(path.name, "", " ".join(str(error).split())))
        else:
            yield path.stem, content


def unknown(kind: str, name: str, known: Iterable[str]) -> str:
    """A sentence for a name that is not there, with the near ones or else all of them."""
    known = sorted(known)
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.6)
    if near:
        return f"there is no {kind} {name!r}; did you mean {', '.join(near)}?"
    return f"there is no {kind} {name!r}; known are: {', '.join(known[:20]) or 'none'}"


def check_text(name: str, value: object) -> str:
    """The value, if it is a text.

    Raises:
        ValueError: something else, such as the yes, no, on and off that YAML reads as booleans.
    """
    if value is None:
        raise ValueError(f"{name} has no value; a text with a comma or a colon needs quotes")
    if not isinstance(value, str):
        raise ValueError(f"{name} must be a text, not {value!r}; put it into quotes")
    return value
