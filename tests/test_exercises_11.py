"""The checks of chapter 11: right answers pass, and each typical mistake is named."""

import itertools
import json
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from llmlab.exercises import chapter_11

CHAPTER = Path(__file__).parent.parent / "chapters" / "11_dropout.ipynb"


def dropout(
    *,
    coins=torch.rand_like,
    drops=lambda coins, p: coins < p,
    scale=lambda p: 1 / (1 - p),
    evaluation=lambda x, p: x,
):
    """my_dropout(x, p, training), with a place for every mistake."""

    def my_dropout(x, p, training):
        if not training:
            return evaluation(x, p)
        return x * ~drops(coins(x), p) * scale(p)

    return my_dropout


def in_place(x, p, training):
    if training:
        x *= (torch.rand_like(x) >= p) / (1 - p)
    return x


def same_coins(x):
    torch.manual_seed(0)
    return torch.rand_like(x)


def thinned(
    *,
    bend=lambda total: max(total, 0),
    after=lambda average: average,
    chance=lambda kept, n, p: (1 - p) ** kept * p ** (n - kept),
    scale=lambda p: 1 / (1 - p),
    offset=lambda bias, p: bias,
):
    """average_of_thinned(values, weights, bias, p), with a place for every mistake."""

    def average(values, weights, bias, p):
        total, n = 0.0, len(values)
        for mask in itertools.product((1, 0), repeat=n):
            reaching = sum(m * v * w for m, v, w in zip(mask, values, weights)) * scale(p)
            total += chance(sum(mask), n, p) * bend(reaching + offset(bias, p))
        return after(total)

    return average


def by_torch(values, weights, bias, p):
    """The same, all masks at once."""
    masks = torch.cartesian_prod(*[torch.tensor([0.0, 1.0])] * len(values)).view(-1, len(values))
    kept = masks.sum(1)
    chance = (1 - p) ** kept * p ** (len(values) - kept)
    sums = masks / (1 - p) @ (torch.tensor(values) * torch.tensor(weights)) + bias
    return (chance * sums.relu()).sum()


RIGHT = {
    "11.1": [[5, 0, 10, 1.25, 0], torch.tensor([5.0, 0.0, 10.0, 1.25, 0.0])],
    "11.2": [[2, 0.75**8], (2.0, 0.1), torch.tensor([2, 0.1001])],
    "11.3": [dropout(), F.dropout, lambda x, p, training: F.dropout(x, p, training)],
    "11.4": [thinned(), by_torch],
}

WRONG = {
    "11.1": [
        ([4, 0, 8, 1, 0], "now divide the kept ones"),
        ([3.2, 0, 6.4, 0.8, 0], "multiplied the kept ones by 1 - p"),
        ([20, 0, 40, 5, 0], "you divided by p"),
        ([0, -2.5, 0, 0, 7.5], "you kept the second"),
        ([5, -2.5, 10, 1.25, 7.5], "dropped none"),
        ([4.8, 0, 9.6, 1.2, 0], "1 + p"),
        ([20 / 3, 0, 40 / 3, 5 / 3, 0], "whatever the mask is"),
        ([5, 0, 10, 1.25, 6], "number 5 must be 0"),
        ([5, 0, 10, 1, 0], "the dropped ones are 0"),
        ([5, 10, 1.25], "expected five numbers"),
    ],
    "11.2": [
        ([0.75**8, 2], "in the other order"),
        ([6, 0.1], "how many are kept"),
        ([0.25, 0.1], "this is the share"),
        ([3, 0.1], "the first number: each of eight"),
        ([2, 0.25**8], "that all are dropped"),
        ([2, 10], "per cent"),
        ([2, 0.9], "at least one"),
        ([2, 0.75], "one neuron is kept"),
        ([2, 6], "multiply the eight"),
        ([2, 0], "is not 0"),
        ([2, 0.5], "0.75 times itself"),
        (2, "expected two numbers"),
    ],
    "11.3": [
        (dropout(scale=lambda p: 1), "now divide the kept ones"),
        (dropout(scale=lambda p: 1 - p), "you multiply the kept ones"),
        (dropout(scale=lambda p: 1 / p), "you divide the kept ones by p"),
        (dropout(scale=lambda p: 2 + p), "not the old ones divided"),
        (dropout(drops=lambda coins, p: coins >= p), "not to keep"),
        (dropout(drops=lambda coins, p: coins < 0.5), "of 50,000 numbers"),
        (dropout(drops=lambda coins, p: coins < 0), "nothing is dropped"),
        (dropout(coins=lambda x: torch.rand(len(x), 1)), "whole rows"),
        (dropout(coins=lambda x: torch.rand(x.shape[1])), "whole columns"),
        (dropout(coins=same_coins), "set no seed"),
        (dropout(evaluation=lambda x, p: x * (1 - p)), "in evaluation mode the numbers"),
        (lambda x, p, training: F.dropout(x, p), "in evaluation mode the numbers"),
        (in_place, "changes the numbers"),
        (lambda x, p, training: dropout()(x.view(200, 250), p, training), "shape (2, 3, 4)"),
        (lambda x, p, training: dropout()(x, p, training).flatten(), "expected a tensor of shape"),
        (lambda x, p: x, "stopped with TypeError"),
        ("dropout", "expected a function"),
    ],
    "11.4": [
        (thinned(bend=lambda x: x, after=lambda x: max(x, 0)), "ReLU of the average"),
        (thinned(bend=lambda x: x), "no ReLU in it"),
        (thinned(scale=lambda p: 1), "not scaled"),
        (thinned(chance=lambda kept, n, p: 0.5**n), "counted all masks alike"),
        (lambda v, w, b, p: thinned()(v, w, b, 1 - p), "probability to drop"),
        (thinned(offset=lambda bias, p: bias / (1 - p)), "no mask touches it"),
        (thinned(offset=lambda bias, p: 0), "the bias is missing"),
        (thinned(chance=lambda kept, n, p: 1), "sum over the masks"),
        (lambda v, w, b, p: 1.0, "the average is"),
        (lambda v, w, b, p: "much", "expected one number"),
        (lambda v, w, b, p: None, "returns nothing"),
    ],
}


@pytest.fixture(autouse=True)
def fixed_coins():
    torch.manual_seed(0)


def test_the_references_agree():
    case = ([1.0, -2.0, 0.5], [0.3, 1.0, 2.0], 0.1, 0.3)
    assert thinned()(*case) == pytest.approx(by_torch(*case).item())
    assert chapter_11.thinned_average(*case) == pytest.approx(by_torch(*case).item())


def test_the_numbers_are_the_chapters():
    """The checks compute with the numbers that the reader sees."""
    cells = json.loads(CHAPTER.read_text(encoding="utf-8"))["cells"]
    prose = "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")
    values = ", ".join(f"{value:g}" for value in chapter_11.VALUES.tolist())
    places = ("first", "second", "third", "fourth", "fifth")
    first, last = (places[i] for i in chapter_11.DROPPED)
    asked = f"[{values}]. Dropout with p = {chapter_11.P:g} drops the {first} and the {last}"
    assert asked in prose
    assert f"{chapter_11.NEURONS} neurons, and p = {chapter_11.DROP_SHARE:g}" in prose


def test_the_worked_average_is_the_exercises():
    """ReLU over all masks of the worked example, as the chapter counts it: 75/16 = 4.69."""
    cells = json.loads(CHAPTER.read_text(encoding="utf-8"))["cells"]
    printed = "".join(
        "".join(output.get("text", "")) for c in cells for output in c.get("outputs", [])
    )
    worked = chapter_11.thinned_average([3, 6, 9], [2, 1, -1], 0, 0.25)
    assert f"= {worked:.2f}" in printed
