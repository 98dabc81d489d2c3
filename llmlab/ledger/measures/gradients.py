"""Residual connections in training: gradients through deep stacks, and how fast they learn."""

from __future__ import annotations

import functools
import math

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

DEPTH, WIDTH, SEEDS = 50, 64, 10


def run(layers, x: Tensor, added: bool, scale: float, bend) -> Tensor:
    for layer in layers:
        change = bend(scale * layer(x))
        x = x + change if added else change
    return x


def first_gradient(added: bool, scale: float = 1.0, bend=torch.tanh, seeds: int = SEEDS) -> float:
    """The size of the gradient at the first layer of a stack, geometric mean over the seeds."""
    logarithms = []
    with torch.random.fork_rng(devices=[]):
        for seed in range(seeds):
            torch.manual_seed(seed)
            layers = [nn.Linear(WIDTH, WIDTH) for _ in range(DEPTH)]
            x, direction = torch.randn(WIDTH), torch.randn(WIDTH)
            result = run(layers, x, added, scale, bend) @ direction / direction.norm()
            result.backward()
            logarithms.append(math.log(layers[0].weight.grad.norm()))
    return math.exp(sum(logarithms) / seeds)


def through_fifty_layers() -> dict:
    return {
        "replaced": first_gradient(added=False),
        "added": first_gradient(added=True),
        "large_replaced": first_gradient(False, 3.0, torch.relu, seeds=5),
        "large_added": first_gradient(True, 3.0, torch.relu, seeds=5),
    }


@functools.cache
def spirals() -> tuple[Tensor, Tensor]:
    """Two spirals of 200 points each, and which one a point is on."""
    turn = torch.linspace(0.25, 1, 200)
    angle = 3 * math.pi * turn
    spiral = torch.stack((turn * angle.cos(), turn * angle.sin()), dim=1)
    return torch.cat((spiral, -spiral)), torch.cat((torch.zeros(200), torch.ones(200)))


def loss_after(steps: int, depth: int, added: bool) -> float:
    points, labels = spirals()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        first = nn.Linear(2, 32)
        layers = nn.ModuleList(nn.Linear(32, 32) for _ in range(depth))
        last = nn.Linear(32, 1)
    network = nn.ModuleList((first, layers, last))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.003)
    for _ in range(steps):
        scores = last(run(layers, first(points), added, 1.0, torch.tanh)).squeeze(-1)
        loss = binary_cross_entropy_with_logits(scores, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return float(loss.detach())


def learning_the_spirals() -> dict:
    return {
        "shallow_replaced": loss_after(100, 3, added=False),
        "shallow_added": loss_after(100, 3, added=True),
        "deep": 40,
        "deep_replaced": loss_after(100, 40, added=False),
        "deep_added": loss_after(100, 40, added=True),
    }
