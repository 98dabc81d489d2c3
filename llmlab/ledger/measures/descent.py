"""Gradients, and the steps that are made with them."""

from __future__ import annotations

from ...lessons import SCALE, Value, initial_network, leaves_and_flowers
from ...lessons.descent import mean_loss
from ...lessons.descent_torch import descend_torch
from .simple_network import table

RATE = 0.5


def start_and_data():
    """The network before training, and 36 plants divided by SCALE."""
    rows, labels = table(leaves_and_flowers(36, seed=0))
    scaled = [[number / s for number, s in zip(row, SCALE)] for row in rows]
    return initial_network((4, 3, 2), 2), scaled, labels


def gradients_by_differences() -> dict:
    """Backpropagation held against wiggling each parameter."""
    network, rows, labels = start_and_data()
    values = network.map(Value)
    mean_loss(values, rows, labels).backward()
    parameters, step = list(network.parameters), 1e-5
    agree = 0
    for place, value in enumerate(values.parameters):
        around = []
        for sign in (1, -1):
            moved = [p + sign * step * (i == place) for i, p in enumerate(parameters)]
            other = network.with_parameters(moved).map(Value)
            around.append(mean_loss(other, rows, labels).data)
        slope = (around[0] - around[1]) / (2 * step)
        agree += abs(slope - value.gradient) < 1e-6
    sizes = sorted((abs(value.gradient) for value in values.parameters), reverse=True)
    return {
        "agree": agree,
        "parameters": len(parameters),
        "largest": sizes[0],
    }


def steps_of_descent() -> dict:
    """new = old − learning rate × gradient, once and 200 times."""
    network, rows, labels = start_and_data()
    values = network.map(Value)
    loss = mean_loss(values, rows, labels)
    loss.backward()
    record = descend_torch(network, rows, labels, RATE, 200, every=1)
    after = record.moments[1].network.parameters
    exact = sum(
        abs(new - (value.data - RATE * value.gradient)) < 1e-9
        for new, value in zip(after, values.parameters)
    )
    moved = max(abs(new - value.data) for new, value in zip(after, values.parameters))
    return {
        "exact": exact,
        "parameters": len(after),
        "moved": moved,
        "before": record.losses[0],
        "after_one": record.losses[1],
        "after_all": record.losses[-1],
        "steps": len(record.losses) - 1,
        "rose": sum(b > a for a, b in zip(record.losses, record.losses[1:])),
    }
