"""The leaf, the flower and made-up tables of more of them, to train on.

The leaf and the flower are the ones that the text quotes. All other measurements are made up:
nobody measured them. They come from the few kinds below, each a middle and a spread, and a
seed; every number can be made again.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..checks import check_count, is_integer
from ..sampling import draw
from .from_lists import dense
from .network import Network

LEAF = (32, 107, 56, 11.2)
FLOWER = (241, 200, 4, 59.5)
INPUT_NAMES = ("red", "green", "blue", "volume")
OUTPUT_NAMES = ("leaf", "flower")
WEATHER_INPUTS = ("cloud cover", "humidity", "pressure", "wind")
WEATHER_OUTPUTS = ("sun", "rain")
# What inputs are divided by before training, so that one learning rate suits all weights.
SCALE = (255, 255, 255, 100)


@dataclass(frozen=True)
class Kind:
    """A made-up kind of thing: its label, and the middle and half-width of each number."""

    name: str
    label: int
    middle: tuple[float, float, float, float]
    spread: tuple[float, float, float, float]


# Red, green and blue from 0 to 255; volume in millilitres. Label 0 is leaf, 1 is flower. The green
# flower has the green leaves' colours and a volume between theirs, so one layer cannot tell them
# apart.
PLANTS = (
    Kind("green leaf", 0, (60, 120, 58, 12), (30, 30, 25, 8)),
    Kind("autumn leaf", 0, (185, 105, 40, 9), (35, 35, 25, 6)),
    Kind("great green leaf", 0, (60, 120, 58, 92), (30, 30, 25, 12)),
    Kind("yellow flower", 1, (235, 195, 30, 50), (20, 30, 28, 20)),
    Kind("violet flower", 1, (120, 70, 180, 40), (35, 35, 40, 18)),
    Kind("green flower", 1, (65, 130, 62, 52), (30, 30, 25, 12)),
)
# Cloud cover and relative humidity in per cent, pressure in hectopascals above 950, wind in
# kilometres an hour. Label 0 is sun within the hour, 1 is rain.
WEATHER = (
    Kind("high pressure", 0, (15, 45, 75, 12), (14, 15, 10, 10)),
    Kind("fair and windy", 0, (35, 50, 65, 30), (18, 14, 10, 14)),
    Kind("front", 1, (92, 88, 45, 38), (8, 10, 14, 20)),
    Kind("shower", 1, (70, 80, 55, 25), (16, 12, 10, 14)),
)


@dataclass(frozen=True)
class Measurement:
    """Four numbers, the kind they were made from, and the label: 0 for the first output."""

    kind: str
    inputs: tuple[float, float, float, float]
    label: int


def leaves_and_flowers(count: int = 36, seed: int = 0) -> tuple[Measurement, ...]:
    """A made-up table: red, green, blue and volume of leaves (label 0) and flowers (label 1).

    Six kinds take turns. Each number is its kind's middle plus its spread times a number between
    −1 and 1, a sum of three uniform draws so that most lie near the middle. Colours are whole
    numbers from 0 to 255, volumes are rounded to 0.1 and at least 0.5.

    Raises:
        ValueError: a count or a seed that is no whole number, or a count below 1.
    """
    return _table(PLANTS, count, seed, _plant)


def sun_and_rain(count: int = 36, seed: int = 0) -> tuple[Measurement, ...]:
    """A made-up table of weather: cloud cover, humidity, pressure, wind; sun (0) or rain (1).

    Made as in `leaves_and_flowers`, of four kinds; rounded to whole numbers, 0 to 100.

    Raises:
        ValueError: as there.
    """
    return _table(WEATHER, count, seed, lambda numbers: tuple(_within(n, 100) for n in numbers))


def worked_neuron(bias: float = 0.0) -> Network:
    """The neuron that is worked by hand in the text, as a network of one: 4 weights, one output.

    For the leaf, 32 · 0.10 + 107 · (−0.29) + 56 · (−0.07) + 11.2 · 0.46 is exactly −26.598; the
    text rounds it to −26.6. With the bias 0.25 it is exactly −26.348, rounded to −26.35.
    """
    weights = [[[0.10, -0.29, -0.07, 0.46]]]
    return dense(weights, [[bias]], ["linear"], INPUT_NAMES, ("positive", "negative"))


def _table(kinds: tuple[Kind, ...], count: int, seed: int, finish) -> tuple[Measurement, ...]:
    check_count("count", count)
    if not is_integer(seed):
        raise ValueError(f"seed must be a whole number, not {seed!r}")
    rows = []
    for i in range(count):
        kind = kinds[i % len(kinds)]
        numbers = (
            middle + spread * _bell(seed, 12 * i + 3 * axis)
            for axis, (middle, spread) in enumerate(zip(kind.middle, kind.spread))
        )
        rows.append(Measurement(kind.name, finish(tuple(numbers)), kind.label))
    return tuple(rows)


def _bell(seed: int, start: int) -> float:
    """Between −1 and 1, from three draws."""
    return sum(draw(seed, start + i) for i in range(3)) / 1.5 - 1


def _plant(numbers: tuple[float, ...]) -> tuple[float, ...]:
    return (*(_within(n, 255) for n in numbers[:3]), max(round(numbers[3], 1), 0.5))


def _within(number: float, most: int) -> int:
    return min(max(round(number), 0), most)
