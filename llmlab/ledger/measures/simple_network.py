"""The network that tells a leaf from a flower."""

from __future__ import annotations

import functools
import math
from dataclasses import replace

from ...lessons import (
    FLOWER,
    LEAF,
    SCALE,
    Network,
    accuracy,
    collapse,
    exact,
    fold_scale,
    initial_network,
    leaves_and_flowers,
    one_output,
    sun_and_rain,
)
from ...lessons import worked_neuron as neuron_of_the_text
from ...lessons.descent_torch import descend_torch
from ...lessons.network import activate

NAMES = ("red", "green", "blue", "volume"), ("leaf", "flower")
SKY = ("cloud cover", "humidity", "pressure", "wind"), ("sun", "rain")
TOMATO = (200, 40, 30, 110)  # chosen: red, 110 ml
FRESH = 600


def table(measurements) -> tuple[list, list]:
    """The inputs, and for each the place of its right output."""
    return [each.inputs for each in measurements], [each.label for each in measurements]


def trained(rows, labels, steps, shape=(4, 3, 2), activation="relu") -> Network:
    """A network for plain inputs, trained on them divided by SCALE."""
    scaled = [[number / s for number, s in zip(row, SCALE)] for row in rows]
    start = initial_network(shape, 2, activation, *NAMES)
    record = descend_torch(start, scaled, labels, 0.5, steps, every=steps)
    return record.map(lambda network: fold_scale(network, SCALE)).network


@functools.cache
def plants() -> Network:
    """The network of chapter 1: 200 steps on 36 plants, its parameters in two digits."""
    network = trained(*table(leaves_and_flowers(36, seed=0)), steps=200)
    return network.map(lambda number: float(f"{number:.2g}"))


def fresh() -> tuple[list, list]:
    """Plants that took no part in the training."""
    return table(leaves_and_flowers(FRESH, seed=1))


def worked_neuron() -> dict:
    return {
        "sum": neuron_of_the_text().forward(LEAF)[0],
        "with_bias": neuron_of_the_text(bias=0.25).forward(LEAF)[0],
    }


def shape_and_parameters() -> dict:
    network = plants()
    weights = sum(len(row) for layer in network.layers for row in layer.weights)
    return {
        "shape": "–".join(map(str, network.shape)),
        "layers": len(network.shape),
        "with_weights": len(network.layers),
        "weights": weights,
        "biases": len(network.parameters) - weights,
        "parameters": len(network.parameters),
    }


def other_names() -> dict:
    rows = fresh()[0]
    renamed = plants().renamed(*SKY)
    same = sum(renamed.forward(row) == plants().forward(row) for row in rows)
    return {"same": same, "of": len(rows), "leaf": plants().read(LEAF), "sky": renamed.read(LEAF)}


def fresh_plants() -> dict:
    rows, labels = fresh()
    start = fold_scale(initial_network((4, 3, 2), 2, "relu", *NAMES), SCALE)
    first, second = plants().forward(TOMATO)
    return {
        "before": round(accuracy(start, rows, labels) * len(rows)),
        "after": round(accuracy(plants(), rows, labels) * len(rows)),
        "of": len(rows),
        "tomato": 1 / (1 + math.exp(second - first)),
        "leaf": plants().read(LEAF),
        "flower": plants().read(FLOWER),
    }


def one_output_or_two() -> dict:
    rows = fresh()[0]
    single = one_output(plants())
    return {"same": sum(single.read(r) == plants().read(r) for r in rows), "of": len(rows)}


def without_activation() -> dict:
    hidden, output = plants().layers
    linear = replace(plants(), layers=(replace(hidden, activation="linear"), output)).map(exact)
    layer = collapse(linear)
    rows = [[exact(number) for number in row] for row in fresh()[0]]
    weights, bias = layer.layers[0].weights[0], layer.layers[0].biases[0]
    return {
        "equal": sum(linear.forward(row) == layer.forward(row) for row in rows),
        "of": len(rows),
        "red": float(weights[0]),
        "green": float(weights[1]),
        "blue": float(weights[2]),
        "volume": float(weights[3]),
        "bias": float(bias),
    }


def with_and_without_relu() -> dict:
    rows, labels = table(leaves_and_flowers(36, seed=0))
    found = {}
    for name, shape, activation in (
        ("with_relu", (4, 3, 2), "relu"),
        ("without", (4, 3, 2), "linear"),
        ("one_layer", (4, 2), "relu"),
    ):
        found[name] = accuracy(trained(rows, labels, 2000, shape, activation), *fresh())
    negative = neuron_of_the_text(bias=0.25).forward(LEAF)[0]
    return found | {
        "negative": negative,
        "made_zero": activate("relu", negative),
        "kept": activate("relu", 2.5),
    }


def plants_and_weather() -> dict:
    rows, labels = table(leaves_and_flowers(36, seed=0))
    sky_rows, sky_labels = table(sun_and_rain(36, seed=0))
    weather = table(sun_and_rain(FRESH, seed=1))
    both = trained(rows + sky_rows, labels + sky_labels, 3000)
    both = both.map(lambda number: float(f"{number:.3g}"))
    return {
        "renamed": accuracy(plants().renamed(*SKY), *weather),
        "plants": accuracy(both, *fresh()),
        "weather": accuracy(both.renamed(*SKY), *weather),
    }
