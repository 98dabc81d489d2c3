"""The same gradient descent in PyTorch: the same numbers, for those who want to see it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from .descent import Moment, TrainingRecord, check_table
from .network import Network

ACTIVATIONS = {"linear": lambda x: x, "relu": torch.relu, "tanh": torch.tanh,
               "sigmoid": torch.sigmoid}  # fmt: skip


def forward(network: Network, parameters: Sequence[Tensor], inputs: Tensor) -> Tensor:
    """The outputs, (row, output), for inputs (row, input).

    Args:
        network: for its shape and activations.
        parameters: a weight (neuron, input) and a bias (neuron,) for each layer in turn.
    """
    for i, layer in enumerate(network.layers):
        inputs = ACTIVATIONS[layer.activation](F.linear(inputs, *parameters[2 * i : 2 * i + 2]))
    return inputs


def descend_torch(
    network: Network,
    rows: Sequence[Sequence[float]],
    labels: Sequence[int],
    learning_rate: float = 0.5,
    steps: int = 300,
    every: int = 5,
) -> TrainingRecord:
    """`descend` with tensors in float64 and PyTorch's gradients; the arguments are the same."""
    check_table(network, rows, labels)
    parameters = _tensors(network)
    inputs, targets = torch.tensor(rows, dtype=torch.float64), torch.tensor(labels)
    losses, moments = [], []
    for step in range(steps + 1):
        if step % every == 0 or step == steps:
            moments.append(Moment(step, network.with_parameters(_flat(parameters))))
        outputs = forward(network, parameters, inputs)
        if outputs.size(1) == 1:
            outputs = torch.cat([outputs, torch.zeros_like(outputs)], dim=1)
        loss = F.cross_entropy(outputs, targets)
        losses.append(loss.item())
        if step == steps:
            break
        gradients = torch.autograd.grad(loss, parameters)
        parameters = [
            (p - learning_rate * gradient).detach().requires_grad_()
            for p, gradient in zip(parameters, gradients)
        ]
    return TrainingRecord(learning_rate, tuple(losses), tuple(moments))


def _tensors(network: Network) -> list[Tensor]:
    numbers = [part for layer in network.layers for part in (layer.weights, layer.biases)]
    return [torch.tensor(each, dtype=torch.float64, requires_grad=True) for each in numbers]


def _flat(parameters: Sequence[Tensor]) -> list[float]:
    return torch.cat([p.detach().flatten() for p in parameters]).tolist()
