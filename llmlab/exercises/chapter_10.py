"""Checks of chapter 10, layer normalisation."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from .answers import call_for_tensor, kind, near, numbers, sample

# Exercise 10.1, numbers chosen: the vector whose LayerNorm is asked for.
VECTOR = torch.tensor([4.0, -2.0, 2.0, 0.0, 1.0])

# Exercise 10.2: a vector, and the weights that a checkpoint of Gemma would hold for it.
GEMMA_VECTOR = torch.tensor([1.0, -1.0, 5.0, 3.0])
GEMMA_WEIGHT = torch.tensor([0.5, 0.0, 2.0, -1.0])

ROUNDED = 0.006  # a number given to two decimals


def check_10_1(answer: Any) -> str | None:
    """LayerNorm of five numbers, by hand."""
    row = numbers(answer)
    if row is None or len(row) != len(VECTOR):
        return f"expected five numbers, the LayerNorm of each, and got {kind(answer)}"
    centred = VECTOR - VECTOR.mean()
    variance = centred.square().mean()
    right = centred / variance.sqrt()
    if near(row, right, ROUNDED):
        return None
    mistakes = {
        "you divided by the variance: divide by its root, the deviation": centred / variance,
        "these are the differences from the mean: divide them by the deviation": centred,
        "this variance divides by 4: LayerNorm divides the sum of the squares by all 5":
            centred / VECTOR.std(),
        "this is RMSNorm: subtract the mean first": VECTOR / VECTOR.square().mean().sqrt(),
        "you divided the numbers as they are: subtract the mean first": VECTOR / variance.sqrt(),
        "you subtracted the mean and divided by the root mean square of the numbers before that":
            centred / VECTOR.square().mean().sqrt(),
        "you divided by the root of the sum of the squares: take their mean, then the root":
            centred / centred.norm(),
        "you divided by the mean distance: square the differences, and take the root of their mean":
            centred / centred.abs().mean(),
        "the signs are turned around: number minus mean, not mean minus number": -right,
    }  # fmt: skip
    for message, wrong in mistakes.items():
        if near(row, wrong, ROUNDED):
            return message
    mean = row.mean().item()
    if abs(mean) > 0.01:
        return f"after LayerNorm the mean is 0, and that of your numbers is {mean:.2f}"
    spread = row.square().mean().item()
    if abs(spread - 1) > 0.02:
        return f"after LayerNorm the mean of the squares is 1, and that of yours is {spread:.2f}"
    return "mean and variance are right, the numbers are not in the places of the vector's"


def check_10_2(answer: Any) -> str | None:
    """RMSNorm with the scale 1 + weight."""
    row = numbers(answer)
    if row is None or len(row) != len(GEMMA_VECTOR):
        return f"expected four numbers, the RMSNorm of each, and got {kind(answer)}"
    x, scale = GEMMA_VECTOR, 1 + GEMMA_WEIGHT
    mean_square = x.square().mean()
    unit = x / mean_square.sqrt()
    right = unit * scale
    if near(row, right, ROUNDED):
        return None
    centred = x - x.mean()
    layer = centred / centred.square().mean().sqrt()
    mistakes = {
        "you multiplied by the weight: Gemma multiplies by 1 + weight": unit * GEMMA_WEIGHT,
        "you added 1 + weight: it multiplies": unit + scale,
        "you added the weight: Gemma multiplies by 1 + weight": unit + GEMMA_WEIGHT,
        "the scale is missing: multiply each place by 1 + weight": unit,
        "the division is missing: divide by the root mean square first": x * scale,
        "this is LayerNorm: RMSNorm subtracts no mean": layer * scale,
        "you divided by the mean square: take its root": x / mean_square * scale,
        "you divided by the root of the sum of the squares: take their mean, then the root":
            x / x.norm() * scale,
        "you divided by the mean size: square, take the mean, take the root":
            x / x.abs().mean() * scale,
        "you scaled before the division: the root mean square is that of the vector as it comes":
            x * scale / (x * scale).square().mean().sqrt(),
    }  # fmt: skip
    for message, wrong in mistakes.items():
        if near(row, wrong, ROUNDED):
            return message
    place = int((row - right).abs().argmax())
    return (
        f"place {place + 1} is not right: divide {x[place]:g} by the root mean square, "
        f"then multiply by {scale[place]:g}"
    )


def check_10_3(answer: Any) -> str | None:
    """my_layer_norm(x, weight, bias, eps), for any number of axes."""
    cube = sample(3, 3, 3)  # all axes alike: a lost one shows in the numbers
    weight, bias = torch.tensor([2.0, -1.0, 0.5]), torch.tensor([0.0, 1.0, -3.0])
    for x, eps in ((cube, 0.3), (cube, 1e-5)):
        kept = x.clone()
        got, problem = call_for_tensor(answer, x, weight, bias, eps)
        if problem:
            return problem
        if not torch.equal(x, kept):
            return "your function changes the x it was given: make a new tensor, no -= and no /="
        if got.shape != x.shape:
            return f"expected the shape of x, {tuple(x.shape)}, and got {tuple(got.shape)}"
        if not near(got, _layer_norm(x, weight, bias, eps)):
            return _layer_norm_mistake(got, x, weight, bias, eps)
    return _other_shapes(answer)


def _layer_norm(x: Tensor, weight: Tensor, bias: Tensor, eps: float, dim: int = -1) -> Tensor:
    centred = x - x.mean(dim, keepdim=True)
    return centred / (centred.square().mean(dim, keepdim=True) + eps).sqrt() * weight + bias


def _layer_norm_mistake(got: Tensor, x: Tensor, weight: Tensor, bias: Tensor, eps: float) -> str:
    centred = x - x.mean(-1, keepdim=True)
    variance = centred.square().mean(-1, keepdim=True)
    sample_variance = x.var(-1, keepdim=True)
    root = (variance + eps).sqrt()
    mean_square = x.square().mean(-1, keepdim=True)
    whole = x - x.mean()
    mistakes = {
        "the variance divides by d - 1: take the mean of the squared differences":
            centred / (sample_variance + eps).sqrt() * weight + bias,
        "the deviation divides by d - 1, and epsilon stands outside the root":
            centred / (sample_variance.sqrt() + eps) * weight + bias,
        "epsilon stands outside the root: add it to the variance, then take the root":
            centred / (variance.sqrt() + eps) * weight + bias,
        "epsilon is missing: add it to the variance": centred / variance.sqrt() * weight + bias,
        "the root is missing: divide by the root of variance plus epsilon":
            centred / (variance + eps) * weight + bias,
        "this is RMSNorm: subtract the mean": x / (mean_square + eps).sqrt() * weight + bias,
        "the mean is not subtracted from what is divided": x / root * weight + bias,
        "scale and shift are missing": centred / root,
        "the shift is missing: add bias": centred / root * weight,
        "the scale is missing: multiply by weight": centred / root + bias,
        "the shift is added before the scale: multiply first": (centred / root + bias) * weight,
        "mean and variance run over the whole tensor: each vector has its own, dim=-1":
            whole / (whole.square().mean() + eps).sqrt() * weight + bias,
        "mean and variance run over the first axis: take the last, dim=-1":
            _layer_norm(x, weight, bias, eps, 0),
        "mean and variance run over the middle axis: take the last, dim=-1":
            _layer_norm(x, weight, bias, eps, 1),
    }  # fmt: skip
    for message, wrong in mistakes.items():
        if near(got, wrong):
            return message
    lost = x - x.mean(-1)
    for variance in (lost.square().mean(-1), lost.square().mean(-1, keepdim=True), x.var(-1)):
        if near(got, lost / (variance + eps).sqrt() * weight + bias):
            return "the mean has lost its axis, so it meets the wrong numbers: keepdim=True"
    return "not LayerNorm: subtract the mean, divide by the root of variance plus eps, scale, shift"


def _other_shapes(answer: Any) -> str | None:
    for shape in ((4,), (5, 4), (2, 1, 3, 4)):
        x, weight, bias = sample(*shape), sample(4), sample(4).flip(0)
        got, problem = call_for_tensor(answer, x.clone(), weight, bias, 1e-5)
        if problem or not near(got, _layer_norm(x, weight, bias, 1e-5)):
            reason = problem or "the numbers differ"
            return f"right for shape (3, 3, 3), but not for shape {shape}: {reason}"
    equal, one, zero = torch.full((2, 4), 3.0), torch.ones(4), torch.zeros(4)
    got, problem = call_for_tensor(answer, equal, one, zero, 1e-5)
    if problem or not near(got, torch.zeros(2, 4)):
        return "right, except where all numbers of a vector are equal: the result must be 0 there"
    return None


def check_10_4(answer: Any) -> str | None:
    """fold(matrix, scale): a matrix that needs no scale in front of it."""
    for rows in (3, 2):  # square first: there a wrong axis shows in the numbers, not the shape
        matrix, scale = sample(rows, 3), torch.tensor([2.0, 0.5, -3.0])
        kept = matrix.clone()
        got, problem = call_for_tensor(answer, matrix, scale)
        if problem:
            return problem if rows == 3 else f"for a matrix of shape (2, 3): {problem}"
        if not torch.equal(matrix, kept):
            return "your function changes the matrix it was given: return a new one"
        right = matrix * scale
        if got.shape == right.shape and near(got, right):
            continue
        if got.dim() == 1:
            return "this is a vector: return a matrix, (out, d), which is not multiplied yet"
        mistakes = {
            "you multiplied the rows: a column belongs to a place of the vector, scale the columns":
                matrix * scale[:rows, None],
            "you divided by the scale: the matrix has to do what the scale did":
                matrix / scale,
            "you added the scale: it multiplies": matrix + scale,
            "the matrix is as it was: multiply each column by the scale of its place": matrix,
            "this is the right matrix on its side: return (out, d), not (d, out)": right.T,
            "you scaled with 1 + scale: the scale is given as it multiplies": matrix * (1 + scale),
        }  # fmt: skip
        for message, wrong in mistakes.items():
            if near(got, wrong):
                return message
        if got.shape != right.shape:
            return f"expected a matrix of shape {tuple(right.shape)}, and got {tuple(got.shape)}"
        return "the product differs for some vectors: multiply each column by its place's scale"
    return None


CHECKS = {"10.1": check_10_1, "10.2": check_10_2, "10.3": check_10_3, "10.4": check_10_4}
