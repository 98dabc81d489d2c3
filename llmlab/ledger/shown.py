"""How a measured value is written in a sentence, and what of it the writing keeps.

A finding holds placeholders such as ``{weight:.1%}``. The part after the colon is one of Python's
formats for numbers, in which ``%`` stands apart from its number, a final ``B`` writes billions and
a final ``M`` millions. Texts and whole numbers need none.
"""

from __future__ import annotations

from decimal import Decimal
from string import Formatter

SCALES = {"B": (1e9, " billion"), "M": (1e6, " million")}
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
EDGE = 0.01  # of the last digit that is shown: no value should be nearer to a rounding edge

Value = float | int | str


def placeholders(sentence: str) -> dict[str, str]:
    """The names in a sentence's placeholders and the format of each.

    Raises:
        ValueError: a placeholder that is not closed, has no name, or comes in two formats.
    """
    found: dict[str, str] = {}
    for _, name, spec, _ in Formatter().parse(sentence):
        if name is None:
            continue
        if not name.isidentifier():
            raise ValueError(f"a placeholder needs a name, not {{{name}}}, in {sentence!r}")
        if found.setdefault(name, spec or "") != (spec or ""):
            raise ValueError(f"{name!r} comes in two formats in {sentence!r}")
    return found


def filled(sentence: str, values: dict[str, Value]) -> str:
    """The sentence with its placeholders written out.

    Raises:
        KeyError: a value that is missing. ValueError: a value that does not fit its format.
    """
    parts = []
    for text, name, spec, _ in Formatter().parse(sentence):
        parts.append(text)
        if name is not None:
            parts.append(shown(values[name], spec or ""))
    return "".join(parts)


def shown(value: Value, spec: str = "") -> str:
    """A value as a reader sees it.

    Raises:
        ValueError: a format that the value does not fit.
    """
    if isinstance(value, str):
        if spec:
            raise ValueError(f"the text {value!r} takes no format, and {spec!r} was given")
        return value
    scale, unit = SCALES.get(spec[-1:], (1, ""))
    number = format(value / scale, spec[:-1]) if unit else format(value, spec)
    if "e" in number:
        mantissa, exponent = number.split("e")
        number = f"{mantissa} · 10{str(int(exponent)).translate(SUPERSCRIPTS)}"
    number = number.replace("%", "\N{NO-BREAK SPACE}%").replace("-", "−")
    return number + unit.replace(" ", "\N{NO-BREAK SPACE}")


def unit_of(value: Value, spec: str) -> float | None:
    """What one more in the last shown digit of a number is worth; None where all is shown."""
    if not isinstance(value, float):
        return None
    kind, scale = spec[-1:], 1.0
    if kind in SCALES:
        spec, scale = spec[:-1], SCALES[kind][0]
    elif kind == "%":
        scale = 0.01
    digits = int("".join(filter(str.isdigit, spec.partition(".")[2])) or 6)
    if spec[-1:] in ("e", "g"):
        digits -= spec[-1:] == "g"
        exponent = Decimal(repr(value)).adjusted() if value else 0
        return scale * 10.0 ** (exponent - digits)
    return scale * 10.0**-digits


def kept(value: Value, spec: str) -> Value:
    """A value rounded to the digits that are shown of it: what the file stores."""
    unit = unit_of(value, spec)
    if unit is None:
        return value
    steps = Decimal(repr(unit)).normalize()
    return float((Decimal(repr(value)) / steps).to_integral_value() * steps)


def is_steady(value: Value, spec: str) -> bool:
    """Whether a value stands so far from a rounding edge that another machine shows the same."""
    unit = unit_of(value, spec)
    if unit is None:
        return True
    return all(shown(value + d * unit * EDGE, spec) == shown(value, spec) for d in (-1, 1)) or (
        abs(value) < unit * EDGE  # −0.000 and 0.000 differ in writing only
    )
