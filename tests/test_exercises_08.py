"""The checks of chapter 8: right answers pass, and each typical mistake is named."""

import json
import math
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from llmlab.exercises import chapter_08

CHAPTER = Path(__file__).parent.parent / "chapters" / "08_softmax.ipynb"


def shares(*scores):
    """Softmax with the standard library alone."""
    powers = [math.exp(score) for score in scores]
    return [power / sum(powers) for power in powers]


def written_out(
    *,
    largest=lambda x, dim: x.amax(dim, keepdim=True),
    power=torch.exp,
    total=lambda powers, dim: powers.sum(dim, keepdim=True),
    axis=lambda dim: dim,
):
    """softmax(scores, dim), with a place for every mistake."""

    def softmax(scores, dim):
        dim = axis(dim)
        powers = power(scores - largest(scores, dim))
        return powers / total(powers, dim)

    return softmax


def in_place(scores, dim):
    scores -= scores.amax(dim, keepdim=True)
    return scores.softmax(dim)


def top_share(logits, temperature, k):
    weights = ((logits - logits.max()) / temperature).exp()
    return sum(sorted(weights.tolist())[-k:]) / weights.sum().item()


def overflowing(logits, temperature, k):
    powers = (logits / temperature).exp()
    return (powers / powers.sum()).topk(k).values.sum()


RIGHT = {
    "8.1": [shares(2, 0.5, -0.5), torch.tensor([0.766, 0.171, 0.063]), [0.77, 0.17, 0.06]],
    "8.2": [math.log(4), 1.39, "1.386"],
    "8.3": [
        F.softmax,
        written_out(),
        lambda x, dim: (x - x.logsumexp(dim, keepdim=True)).exp(),
    ],
    "8.4": [
        top_share,
        lambda logits, temperature, k: F.softmax(logits / temperature, 0).topk(k).values.sum(),
    ],
}

WRONG = {
    "8.1": [
        ([76.6, 17.1, 6.3], "these are per cent"),
        (shares(8, 2, -2), "you multiplied"),
        (shares(4, 1, -1), "at temperature 1"),
        ([x / 2 for x in shares(4, 1, -1)], "you divided the shares"),
        ([7.389, 1.649, 0.607], "the last step is missing"),
        ([1.0, 0.25, -0.25], "by their sum"),
        ([2.0, 0.5, -0.5], "divided by the temperature: take exp"),
        ([4 / 6.1213, 1.4142 / 6.1213, 0.7071 / 6.1213], "powers of 2"),
        (shares(-0.5, 0.5, 2), "their order is not"),
        ([0.5, 0.4, 0.3], "your shares sum to 1.20"),
        ([0.5, 0.3, 0.2], "not these scores'"),
        ([0.77, 0.23], "expected three numbers"),
    ],
    "8.2": [
        (-1.386, "the sign"),
        (0.6, "difference of the shares"),
        (4, "ratio of the shares"),
        (math.log10(4), "base 10"),
        (2.0, "base 2"),
        (math.log(0.8), "logarithm of one share"),
        (math.log(0.2), "logarithm of one share"),
        (math.exp(4), "the other way round, the ratio"),
        (1.0, "would be 73.1 %"),
        (5000, "such a difference"),
        ("four times", "expected one number"),
    ],
    "8.3": [
        (written_out(axis=lambda dim: 0), "asked for dim=-1, your shares sum to one along dim=0"),
        (written_out(axis=lambda dim: -1), "asked for dim=1, your shares sum to one along dim=2"),
        (written_out(largest=lambda x, dim: 0), "subtract the largest before exp"),
        (written_out(largest=lambda x, dim: x.mean(dim, keepdim=True)), "-inf must have"),
        (written_out(largest=lambda x, dim: x.max()), "largest of the whole tensor"),
        (written_out(total=lambda e, dim: e.sum(dim)), "keepdim=True"),
        (written_out(total=lambda e, dim: e.sum(), largest=lambda x, dim: 0), "the whole tensor"),
        (written_out(total=lambda e, dim: 1.0), "now divide by the sum"),
        (written_out(total=lambda e, dim: e.amax(dim, keepdim=True)), "now divide by the sum"),
        (written_out(power=lambda x: x, largest=lambda x, dim: 0), "by their sum: take exp"),
        (written_out(power=lambda x: 2**x), "powers of 2"),
        (lambda x, dim: x.exp(), "these are the powers"),
        (lambda x, dim: x.log_softmax(dim), "the logarithm of softmax"),
        (lambda x, dim: (x / 2).softmax(dim), "powers of e of what"),
        (lambda x, dim: x.softmax(dim) / 2, "sums to 0.500"),
        (lambda x, dim: x.softmax(dim).sum(dim), "the scores' shape"),
        (lambda x, dim: written_out()(x.reshape(3, 3, 3), dim), "not for shape (2, 3, 4)"),
        (in_place, "changes the scores"),
        (lambda x, dim: x.softmax(dim, "sum"), "stopped with TypeError"),
        (lambda x, dim: None, "returns nothing"),
        ("softmax", "expected a function"),
    ],
    "8.4": [
        (lambda x, t, k: top_share(x, 1 / t, k), "you multiplied"),
        (lambda x, t, k: top_share(x, 1, k), "the temperature does nothing"),
        (lambda x, t, k: top_share(x, 1, k) / t, "you divided the shares"),
        (lambda x, t, k: 100 * top_share(x, t, k), "per cent"),
        (lambda x, t, k: 1 - top_share(x, t, k), "all the others hold"),
        (lambda x, t, k: (x / t).softmax(0)[:k].sum(), "the first k"),
        (lambda x, t, k: (x / t).softmax(0).sort().values[:k].sum(), "the k least likely"),
        (lambda x, t, k: (x / t).topk(k).values.softmax(0).sum(), "over the k alone"),
        (lambda x, t, k: (x / t).softmax(0).max(), "the share of one token"),
        (lambda x, t, k: x.topk(k).values.sum(), "softmax comes first"),
        (lambda x, t, k: (x / t).exp().topk(k).values.sum(), "divide by the sum over all"),
        (lambda x, t, k: (x / t).softmax(0).topk(k).values, "add up the k shares"),
        (overflowing, "nan where exp overflows"),
        (lambda x, t, k: 0.5, "not 0.500"),
        (lambda x, t, k: "much", "expected one number from"),
        (0.9, "expected a function"),
    ],
}


@pytest.mark.parametrize("dim", [0, 1, -1])
def test_the_references_agree_with_the_standard_library(dim):
    scores = torch.tensor([[4.0, 1.0, -1.0], [0.5, 2.0, -3.0]])
    by_hand = torch.tensor([shares(*row) for row in scores.movedim(dim, -1).tolist()])
    for softmax in RIGHT["8.3"]:
        torch.testing.assert_close(softmax(scores, dim).movedim(dim, -1), by_hand)


def test_the_numbers_are_the_chapters():
    """The checks compute with the numbers that the reader sees."""
    cells = json.loads(CHAPTER.read_text(encoding="utf-8"))["cells"]
    prose = "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")
    scores = ", ".join(f"{score:g}" for score in chapter_08.SCORES.tolist())
    assert f"scores [{scores}] and the temperature {chapter_08.TEMPERATURE:g}" in prose
    larger, smaller = chapter_08.SHARES
    assert f"the shares {larger:g} and {smaller:g}" in prose
