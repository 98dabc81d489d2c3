"""The checks of chapter 13: right answers pass, and each typical mistake is named."""

import cmath
import json
import math
from pathlib import Path

import pytest
import torch

from llmlab import Transformer, TransformerConfig
from llmlab.exercises import chapter_13, verdict
from llmlab.positions import rotary_frequencies, sinusoidal

CHAPTER = Path(__file__).parent.parent / "chapters" / "13_positional_embeddings.ipynb"


def clock(fast, slow):
    """A row of the table, with the standard library alone."""
    return [math.sin(fast), math.cos(fast), math.sin(slow), math.cos(slow)]


def turned_score(degrees):
    """(2, 0), turned, times (1, 3)."""
    return 2 * math.cos(math.radians(degrees)) + 6 * math.sin(math.radians(degrees))


def rotate_neighbours(x, angle):
    """Each pair as one complex number, multiplied by e to the power i · angle."""
    pairs = torch.view_as_complex(x.reshape(*x.shape[:-1], -1, 2).contiguous())
    return torch.view_as_real(pairs * torch.polar(torch.ones_like(angle), angle)).flatten(-2)


def written_out(
    *,
    split=lambda x: (x[..., 0::2], x[..., 1::2]),
    turn=lambda a, b, cos, sin: (a * cos - b * sin, a * sin + b * cos),
    join=lambda a, b: torch.stack((a, b), dim=-1).flatten(-2),
    angles=lambda angle: angle,
):
    """rotate_neighbours(x, angle), with a place for every mistake."""

    def rotate(x, angle):
        angle = angles(angle)
        return join(*turn(*split(x), angle.cos(), angle.sin()))

    return rotate


def in_place(x, angle):
    x.copy_(rotate_neighbours(x, angle))
    return x


def overwritten(a, b, cos, sin):
    a = a * cos - b * sin
    return a, a * sin + b * cos


def four_only(x, angle):
    turned = rotate_neighbours(x[..., :4], angle[..., :2])
    return torch.cat((turned, x[..., 4:]), dim=-1)


def halved(x):
    return x.chunk(2, dim=-1)


def one_after_the_other(a, b):
    return torch.cat((a, b), dim=-1)


RIGHT = {
    "13.1": [clock(7, 0.07), [0.657, 0.754, 0.07, 0.998], torch.tensor([0.66, 0.75, 0.07, 1.0])],
    "13.2": ["ab", "BA", ["a", "b"], "a, b"],
    "13.3": [1 + 3 * math.sqrt(3), 6.2, "6.196"],
    "13.4": [18, torch.tensor(18), 18.0],
    "13.5": [rotate_neighbours, written_out()],
}

WRONG = {
    "13.1": [
        (clock(6, 0.06), "the position before"),
        (clock(8, 0.08), "the position after"),
        ([math.cos(7), math.sin(7), math.cos(0.07), math.sin(0.07)], "changed places"),
        ([math.sin(7), math.sin(0.07), math.cos(7), math.cos(0.07)], "both sines"),
        (clock(math.radians(7), math.radians(0.07)), "degrees"),
        (clock(7, 7), "at one speed"),
        (clock(7, 0.0007), "10,000 times"),
        (clock(7, 0.7), "10 times more slowly here"),
        (clock(7, 2), "the fast hand is right"),
        (clock(2, 0.07), "the slow hand is right"),
        (clock(2, 3), "neither hand"),
        ([7, 7, 0.07, 0.07], "larger than 1"),
        ([0.657, 0.754], "expected four numbers"),
    ],
    "13.2": [
        ("cde", "other way round"),
        ("abc", "c can tell"),
        ("abd", "d can tell"),
        ("abe", "e can tell"),
        ("a", "with a mask and one layer"),
        ("b", "nothing differs in the first layer"),
        ("abz", "letters a to e"),
        (2, "expected a string of letters"),
    ],
    "13.3": [
        (turned_score(0), "without any turning"),
        (turned_score(-60), "after the query"),
        (turned_score(270), "the query alone"),
        (turned_score(-210), "the key alone"),
        (turned_score(480), "the sum of"),
        (turned_score(30), "one step only"),
        (turned_score(math.degrees(60)), "60 for radians"),
        (turned_score(60) / math.sqrt(2), "square root of 2"),
        (1.0, "the cosine of the angle"),
        (7.5, "above 6.32"),
        (0.25, "multiply number by number"),
        ("much", "expected one number"),
    ],
    "13.4": [
        (36, "two to a pair"),
        (14, "do not come round"),
        (25, "the 2 pi"),
        (17, "count from 0"),
        (32, "with i/64"),
        (9, "with 2i/32"),
        (100, "has 32 pairs"),
        (20, "fewer than 20"),
        (10, "more than 10"),
        (17.7, "expected one whole number"),
        ("many", "expected one whole number, a number of pairs, and got a str"),
    ],
    "13.5": [
        (written_out(angles=lambda a: -a), "the other way"),
        (written_out(turn=lambda a, b, c, s: (a * c + b * s, a * s + b * c)), "signs are plus"),
        (written_out(turn=lambda a, b, c, s: (a * c - b * s, b * c - a * s)), "signs are minus"),
        (written_out(turn=lambda a, b, c, s: (a * s - b * c, a * c + b * s)), "changed places"),
        (written_out(split=halved, join=one_after_the_other), "pairs of halves"),
        (written_out(join=one_after_the_other), "side by side again"),
        (written_out(turn=overwritten), "already turned"),
        (written_out(angles=torch.deg2rad), "the angles are in radians"),
        (lambda x, angle: x.clone(), "nothing has turned"),
        (written_out(join=lambda a, b: torch.stack((b, a), -1).flatten(-2)), "a pair have"),
        (written_out(angles=lambda a: a[:1].expand_as(a)), "by the angles of the first"),
        (written_out(angles=lambda a: a[:, :1].expand_as(a)), "by the angle of the first"),
        (written_out(turn=lambda a, b, c, s: (a * c, b * s)), "keeps the length"),
        (written_out(angles=lambda a: 2 * a), "not the angles"),
        (written_out(join=lambda a, b: a), "the shape of x"),
        (in_place, "changes the x"),
        (four_only, "but not for 6"),
        (lambda x, angle: x @ angle, "stopped with RuntimeError"),
        (lambda x, angle: x.tolist(), "expected a tensor"),
        (lambda x, angle: None, "returns nothing"),
        ("rotate", "expected a function"),
    ],
}


def test_the_row_is_the_packages_own():
    row = sinusoidal(torch.tensor([chapter_13.POSITION]), chapter_13.WIDTH)[0]
    assert verdict("13.1", row) is None


def test_the_blind_networks_are_those_that_give_one_output():
    """What the exercise says of five networks holds for networks with random weights."""
    kinds = {
        "a": ("encoder", 6, "none"),
        "b": ("decoder", 1, "none"),
        "c": ("decoder", 2, "none"),
        "d": ("encoder", 1, "rotary"),
        "e": ("decoder", 1, "sinusoidal"),
    }
    assert "".join(kinds) == chapter_13.NETWORKS
    blind = set()
    for letter, (architecture, n_layers, positions) in kinds.items():
        torch.manual_seed(1)
        network = Transformer(
            TransformerConfig(
                vocab_size=4,
                context_length=8,
                n_layers=n_layers,
                d_model=16,
                n_heads=2,
                d_ff=32,
                architecture=architecture,
                positions=positions,
            )
        ).double()
        with torch.inference_mode():
            first, second = network(torch.tensor([[1, 2, 3], [2, 1, 3]])).logits[:, -1]
        if torch.allclose(first, second, rtol=0, atol=1e-10):
            blind.add(letter)
    assert blind == chapter_13.BLIND


def test_the_score_is_that_of_complex_numbers():
    """Re(q · conj(k)) of two complex numbers is the dot product of the two points."""
    query, key = complex(*chapter_13.QUERY), complex(*chapter_13.KEY)
    step = math.radians(chapter_13.STEP)
    query *= cmath.exp(1j * step * chapter_13.QUERY_POSITION)
    key *= cmath.exp(1j * step * chapter_13.KEY_POSITION)
    assert verdict("13.3", (query * key.conjugate()).real) is None


def test_the_count_is_that_of_the_packages_frequencies():
    frequency = rotary_frequencies(chapter_13.D_HEAD, chapter_13.BASE)
    turns = frequency * chapter_13.CONTEXT / (2 * math.pi)
    assert verdict("13.4", (turns >= 1).sum().item()) is None


@pytest.mark.parametrize("function", RIGHT["13.5"])
def test_the_references_keep_lengths_and_distances(function):
    """Queries and keys of one vector: the product depends on the distance alone."""
    x = torch.tensor([1.0, 2.0, -1.0, 0.5]).expand(1, 6, 4).contiguous()
    turned = function(x, torch.arange(6.0)[:, None] * torch.tensor([1.0, 0.1]))[0]
    products = turned @ turned.T
    for distance in range(6):
        along = products.diagonal(distance)
        torch.testing.assert_close(along, along[:1].expand_as(along))


def test_the_numbers_are_the_chapters():
    """The checks compute with the numbers that the reader sees."""
    cells = json.loads(CHAPTER.read_text(encoding="utf-8"))["cells"]
    prose = "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")
    c = chapter_13
    assert f"position {c.POSITION} in a width of {c.WIDTH}" in prose
    query, key = (f"({x:g}, {y:g})" for x, y in (c.QUERY, c.KEY))
    assert (
        f"one step turns by {c.STEP} degrees. The query {query} stands at position "
        f"{c.QUERY_POSITION}, the key {key} at position {c.KEY_POSITION}"
    ) in prose
    assert f"A head of {c.D_HEAD} numbers has {c.D_HEAD // 2} pairs" in prose
    assert f"rotary base is {c.BASE:,}, and its texts have at most {c.CONTEXT:,} tokens" in prose
    for letter in c.NETWORKS:
        assert f"- **{letter}** a" in prose
