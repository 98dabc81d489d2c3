"""Plain values, as YAML and JSON hold them, become dataclasses; what does not fit is named."""

from __future__ import annotations

import dataclasses
import difflib
import math
import typing
from collections.abc import Iterable, Mapping

from ..checks import is_integer, is_number


def from_values(kind: type, values: object, where: str):
    """A dataclass from plain values, each checked against the type of its field.

    Raises:
        ValueError: an unknown or missing key (near names offered), or another type.
    """
    if not isinstance(values, Mapping):
        raise ValueError(f"{where} must hold keys with values, not {values!r}")
    prefix = f"{where}." if where else ""
    fields = {f.name: f for f in dataclasses.fields(kind)}
    for key in values:
        if key not in fields:
            raise ValueError(f"unknown key {prefix}{key}; {near(str(key), fields)}")
    missing = [
        name
        for name, f in fields.items()
        if name not in values
        and f.default is dataclasses.MISSING
        and f.default_factory is dataclasses.MISSING
    ]
    if missing:
        raise ValueError(f"{prefix}{missing[0]} is missing; it has no default")
    types = typing.get_type_hints(kind)
    return kind(**{key: _converted(types[key], values[key], f"{prefix}{key}") for key in values})


def _converted(kind: type, value: object, where: str):
    """The value as the field's type, or a ValueError that says what was expected."""
    options = typing.get_args(kind)
    if type(None) in options:
        if value is None:
            return None
        kind = next(option for option in options if option is not type(None))
    if dataclasses.is_dataclass(kind):
        return value if isinstance(value, kind) else from_values(kind, value, where)
    if kind is bool and isinstance(value, bool):
        return value
    if kind is int and is_integer(value):
        return value
    if kind is float:
        # YAML 1.1 reads 1e-3, which has no point, as a text.
        number = _float(value) if isinstance(value, str) else value
        if is_number(number) and not math.isnan(number):
            return float(number)
    if kind in (str, dict) and isinstance(value, kind):
        return value
    if typing.get_origin(kind) is tuple and isinstance(value, (list, tuple)):
        return tuple(_converted(typing.get_args(kind)[0], item, where) for item in value)
    expected = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}
    expected = expected.get(kind, "keys with values" if kind is dict else "a list")
    raise ValueError(f"{where} must be {expected}, not {value!r}")


def _float(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def near(name: object, known: Iterable[str]) -> str:
    """The end of a sentence about an unknown name: which were near, or all there are."""
    known = list(known)
    found = difflib.get_close_matches(str(name), known, n=3, cutoff=0.5)
    return f"did you mean {', '.join(found)}?" if found else f"known are: {', '.join(known)}"
