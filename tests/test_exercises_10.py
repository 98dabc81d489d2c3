"""The checks of chapter 10: right answers pass, and each typical mistake is named."""

import json
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from llmlab.exercises import chapter_10

CHAPTER = Path(__file__).parent.parent / "chapters" / "10_layer_normalisation.ipynb"


def written_out(
    *,
    middle=lambda x: x.mean(-1, keepdim=True),
    spread=lambda x: x.square().mean(-1, keepdim=True),
    root=lambda variance, eps: (variance + eps).sqrt(),
    end=lambda unit, weight, bias: unit * weight + bias,
):
    """my_layer_norm(x, weight, bias, eps), with a place for every mistake."""

    def norm(x, weight, bias, eps):
        centred = x - middle(x)
        return end(centred / root(spread(centred), eps), weight, bias)

    return norm


def rms(x, weight, bias, eps):
    return x / (x.square().mean(-1, keepdim=True) + eps).sqrt() * weight + bias


def in_place(x, weight, bias, eps):
    x -= x.mean(-1, keepdim=True)
    return x / (x.square().mean(-1, keepdim=True) + eps).sqrt() * weight + bias


def not_centred(x, weight, bias, eps):
    return x / (x.var(-1, correction=0, keepdim=True) + eps).sqrt() * weight + bias


def of_equal_numbers(x, weight, bias, eps):
    variance = x.var(-1, correction=0, keepdim=True)
    right = F.layer_norm(x, weight.shape, weight, bias, eps)
    return torch.where(variance == 0, torch.nan, right)


RIGHT = {
    "10.1": [[1.5, -1.5, 0.5, -0.5, 0], torch.tensor([1.5, -1.5, 0.5, -0.5, 0.0])],
    "10.2": [[0.5, -1 / 3, 5, 0], [0.5, -0.33, 5.0, 0.0]],
    "10.3": [
        written_out(),
        lambda x, weight, bias, eps: F.layer_norm(x, weight.shape, weight, bias, eps),
    ],
    "10.4": [
        lambda matrix, scale: matrix * scale,
        lambda matrix, scale: matrix @ torch.diag(scale),
    ],
}

WRONG = {
    "10.1": [
        ([0.75, -0.75, 0.25, -0.25, 0], "divided by the variance"),
        ([3, -3, 1, -1, 0], "these are the differences"),
        ([1.342, -1.342, 0.447, -0.447, 0], "divides by 4"),
        ([1.789, -0.894, 0.894, 0, 0.447], "this is RMSNorm"),
        ([2, -1, 1, 0, 0.5], "divided the numbers as they are"),
        ([1.342 - 0.0003, -1.3413, 0.4472, -0.4472, 0.006], "divides by 4"),
        ([0.671, -0.671, 0.224, -0.224, 0], "root of the sum of the squares"),
        ([1.875, -1.875, 0.625, -0.625, 0], "the mean distance"),
        ([-1.5, 1.5, -0.5, 0.5, 0], "the signs are turned"),
        ([1, 1, 1, 1, 1], "the mean is 0, and that of your numbers is 1.00"),
        ([1, -1, 0.5, -0.5, 0], "that of yours is 0.50"),
        ([-1.5, 1.5, 0.5, -0.5, 0], "not in the places"),
        ([1.5, -1.5], "expected five numbers"),
        ("two", "expected five numbers"),
    ],
    "10.2": [
        ([1 / 6, 0, 10 / 3, -1], "you multiplied by the weight"),
        ([11 / 6, 2 / 3, 14 / 3, 1], "you added 1 + weight"),
        ([5 / 6, -1 / 3, 11 / 3, 0], "you added the weight"),
        ([1 / 3, -1 / 3, 5 / 3, 1], "the scale is missing"),
        ([1.5, -1, 15, 0], "the division is missing"),
        ([-0.671, -1.342, 4.025, 0], "this is LayerNorm"),
        ([1 / 6, -1 / 9, 5 / 3, 0], "divided by the mean square"),
        ([0.25, -1 / 6, 2.5, 0], "root of the sum of the squares"),
        ([0.6, -0.4, 6, 0], "by the mean size"),
        ([0.199, -0.133, 1.99, 0], "scaled before the division"),
        ([0.5, -1 / 3, 5, 1], "place 4 is not right"),
        ([0.5], "expected four numbers"),
    ],
    "10.3": [
        (
            written_out(spread=lambda c: c.square().sum(-1, keepdim=True) / (c.size(-1) - 1)),
            "the variance divides by d - 1",
        ),
        (
            lambda x, w, b, eps: (x - x.mean(-1, keepdim=True)) / (x.std(-1, keepdim=True) + eps)
            * w + b,
            "divides by d - 1, and epsilon",
        ),
        (written_out(root=lambda variance, eps: variance.sqrt() + eps), "outside the root: add"),
        (written_out(root=lambda variance, eps: variance.sqrt()), "epsilon is missing"),
        (written_out(root=lambda variance, eps: variance + eps), "the root is missing"),
        (rms, "this is RMSNorm"),
        (not_centred, "the mean is not subtracted"),
        (written_out(end=lambda unit, w, b: unit), "scale and shift are missing"),
        (written_out(end=lambda unit, w, b: unit * w), "the shift is missing"),
        (written_out(end=lambda unit, w, b: unit + b), "the scale is missing"),
        (written_out(end=lambda unit, w, b: (unit + b) * w), "before the scale"),
        (
            written_out(middle=lambda x: x.mean(), spread=lambda c: c.square().mean()),
            "over the whole tensor",
        ),
        (
            written_out(
                middle=lambda x: x.mean(0, keepdim=True),
                spread=lambda c: c.square().mean(0, keepdim=True),
            ),
            "over the first axis",
        ),
        (
            written_out(
                middle=lambda x: x.mean(1, keepdim=True),
                spread=lambda c: c.square().mean(1, keepdim=True),
            ),
            "over the middle axis",
        ),
        (
            written_out(middle=lambda x: x.mean(-1), spread=lambda c: c.square().mean(-1)),
            "keepdim=True",
        ),
        (written_out(end=lambda unit, w, b: 2 * unit), "not LayerNorm"),
        (written_out(end=lambda unit, w, b: unit.sum(-1)), "expected the shape of x"),
        (lambda x, w, b, eps: written_out()(x.reshape(3, 3, 3), w, b, eps), "not for shape (4,)"),
        (of_equal_numbers, "all numbers of a vector are equal"),
        (in_place, "changes the x"),
        (lambda x: x, "stopped with TypeError"),
        (lambda x, w, b, eps: None, "returns nothing"),
        (1.0, "expected a function"),
    ],
    "10.4": [
        (lambda m, s: m * s[: len(m), None], "you multiplied the rows"),
        (lambda m, s: m / s, "you divided by the scale"),
        (lambda m, s: m + s, "you added the scale"),
        (lambda m, s: m.clone(), "the matrix is as it was"),
        (lambda m, s: (m * s).T, "on its side"),
        (lambda m, s: m * (1 + s), "1 + scale"),
        (lambda m, s: m @ s, "this is a vector"),
        (lambda m, s: m * s * s, "for some vectors: multiply"),
        (lambda m, s: (m * s)[:1], "expected a matrix of shape"),
        (lambda m, s: m.mul_(s), "changes the matrix"),
        (lambda m, s: m.reshape(3, 3) * s, "shape (2, 3)"),
        ([[1.0]], "expected a function"),
    ],
}


@pytest.mark.parametrize("eps", [1e-5, 0.3])
def test_the_reference_agrees_with_pytorch(eps):
    x, weight, bias = torch.randn(2, 5, 4), torch.randn(4), torch.randn(4)
    theirs = F.layer_norm(x, (4,), weight, bias, eps)
    torch.testing.assert_close(chapter_10._layer_norm(x, weight, bias, eps), theirs)


def test_the_numbers_are_the_chapters():
    """The checks compute with the numbers that the reader sees."""
    cells = json.loads(CHAPTER.read_text(encoding="utf-8"))["cells"]
    prose = "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")

    def listed(row):
        return "[" + ", ".join(f"{x:g}" for x in row.tolist()) + "]"

    assert f"Take the five numbers {listed(chapter_10.VECTOR)}" in prose
    assert f"A vector is {listed(chapter_10.GEMMA_VECTOR)}." in prose
    assert f"the weights {listed(chapter_10.GEMMA_WEIGHT)}" in prose
