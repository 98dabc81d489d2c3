"""The checks of chapter 9: right answers pass, and each typical mistake is named."""

import json
from pathlib import Path

import numpy as np
import torch

from llmlab.exercises import chapter_09

CHAPTER = Path(__file__).parent.parent / "chapters" / "09_residual_connections.ipynb"


def run_stack(layer):
    """run_stack(x, sublayers, norm), with a place for every mistake in one layer."""

    def run(x, sublayers, norm):
        for sublayer in sublayers:
            x = layer(x, sublayer, norm)
        return x

    return run


def recursive(x, sublayers, norm):
    if not sublayers:
        return x
    return recursive(torch.add(sublayers[0](norm(x)), x), sublayers[1:], norm)


def in_place(x, sublayers, norm):
    for sublayer in sublayers:
        x += sublayer(norm(x))
    return x


def returns_early(x, sublayers, norm):
    for sublayer in sublayers:
        x = x + sublayer(norm(x))
        return x


def with_numpy(stream):
    rows = stream.numpy().astype(np.float64)
    return torch.tensor(
        [np.linalg.norm(b - a) / np.linalg.norm(a) for a, b in zip(rows[:-1], rows[1:])]
    )


def size(x):
    return x.norm(dim=-1)


RIGHT = {
    "9.1": [[4, -7], torch.tensor([4.0, -7.0]), (4.0, -7.0)],
    "9.2": [[1.05**30, 0.05**30], (4.32, 9.31e-40)],
    "9.3": [run_stack(lambda x, f, norm: x + f(norm(x))), recursive],
    "9.4": [with_numpy, lambda s: size(s.diff(dim=0)) / size(s[:-1])],
}

WRONG = {
    "9.1": [
        ([5, -2], "after one layer"),
        ([-2, -1], "you handed on f alone"),
        ([-1, -5], "what the second layer adds"),
        ([6, -6], "both layers read the first vector"),
        ([3, -3], "you added the first vector in both"),
        ([3.5, -6.5], "the new first place was used"),
        ([-7, 4], "the places are swapped"),
        ([0, 9], "you subtracted"),
        ([1, 1], "after one layer the vector is [5, -2]"),
        ([4], "expected two numbers"),
        ("four", "expected two numbers"),
    ],
    "9.2": [
        ([0.05**30, 1.05**30], "the other way round"),
        ([2.5, 0.05**30], "slopes multiply along the way"),
        ([1.05, 0.05**30], "1.05 is one layer"),
        ([31.5, 0.05**30], "you multiplied 1.05 by 30"),
        ([0.05**30, 0.05**30], "the 1 of each layer is missing"),
        ([1.0, 0.05**30], "you added 1 once"),
        ([4.32, 1.5], "slopes are multiplied, not added"),
        ([4.32, 0.05], "0.05 is one layer"),
        ([4.32, 0], "very small, but not 0"),
        ([4.32, 1e-10], "without the sum: multiply the slope"),
        ([7, 9.31e-40], "with the sum: multiply the slope"),
        (4.32, "expected two numbers"),
    ],
    "9.3": [
        (run_stack(lambda x, f, norm: f(norm(x))), "the sum is missing"),
        (run_stack(lambda x, f, norm: x + f(x)), "the norm is missing"),
        (run_stack(lambda x, f, norm: norm(x + f(x))), "this is post-norm"),
        (run_stack(lambda x, f, norm: norm(x) + f(norm(x))), "on the stream itself"),
        (run_stack(lambda x, f, norm: x + norm(f(x))), "on what comes back"),
        (lambda x, fs, norm: x + sum(f(norm(x)) for f in fs), "every sub-layer read the first x"),
        (lambda x, fs, norm: recursive(x, fs[::-1], norm), "in the other order"),
        (lambda x, fs, norm: norm(recursive(x, fs, norm)), "one norm too many"),
        (lambda x, fs, norm: x + fs[-1](norm(x)) * 3, "not the pre-norm form"),
        (lambda x, fs, norm: recursive(x, fs, norm).sum(), "of the shape of x"),
        (lambda x, fs, norm: recursive(x, fs, norm) if fs else x * 0, "no sub-layers at all"),
        (returns_early, "return after the loop"),
        (in_place, "changes the x it was given"),
        (lambda x, fs: x, "stopped with TypeError"),
        (lambda x, fs, norm: None, "returns nothing"),
        (torch.ones(3), "expected a function"),
    ],
    "9.4": [
        (lambda s: size(s).diff() / size(s)[:-1], "these are differences of sizes"),
        (lambda s: size(s).diff().abs() / size(s)[:-1], "sizes of differences of sizes"),
        (lambda s: size(s.diff(dim=0)) / size(s[1:]), "the stream after the layer"),
        (lambda s: size(s.diff(dim=0)), "the division is missing"),
        (lambda s: size(s)[1:] / size(s)[:-1], "how many times as long"),
        (lambda s: size(s.diff(dim=0)) / size(s[0]), "by the embedding's size"),
        (lambda s: (size(s.diff(dim=0)) / size(s[:-1])) ** 2, "these are squares"),
        (lambda s: s.diff(dim=0).sum(-1) / s[:-1].sum(-1), "whose signs cancel"),
        (lambda s: 100 * with_numpy(s), "per cent"),
        (lambda s: s.diff(dim=0).norm() / s[:-1].norm(), "one number for the whole stream"),
        (lambda s: s.diff(dim=0).norm(dim=0) / s[:-1].norm(dim=0), "run along the layers"),
        (lambda s: size(s), "5 rows are 4 layers"),
        (lambda s: with_numpy(s) + 1, "the first layer's ratio"),
        (lambda s: s.tolist(), "expected a tensor"),
        (0.5, "expected a function"),
    ],
}


def test_the_numbers_are_the_chapters():
    """The checks compute with the numbers that the reader sees."""
    cells = json.loads(CHAPTER.read_text(encoding="utf-8"))["cells"]
    prose = "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")
    start = ", ".join(f"{x:g}" for x in chapter_09.START.tolist())
    assert f"Start with [{start}] and go through two such layers" in prose
    assert chapter_09.N_LAYERS == 2
    assert "turns $[a, b]$ into $[b / 2, -a]$" in prose
    assert chapter_09.layer_9_1(torch.tensor([3.0, 8.0])).tolist() == [4, -3]
    assert f"Each of {chapter_09.DEPTH} layers has the slope {chapter_09.SLOPE}" in prose
