"""The checks of chapter 5: right answers pass, and each typical mistake is named."""

import ast
import json
import re
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from llmlab.exercises import chapter_05

CHAPTER = Path(__file__).parent.parent / "chapters" / "05_embeddings.ipynb"


def cosine(x, y):
    return float(np.dot(x, y) / np.sqrt(np.dot(x, x) * np.dot(y, y)))


def nearest_by_loop(table, row):
    """The answer to 5.3, one pair at a time in numpy."""
    x = table.double().numpy()
    scores = {i: cosine(x[row], x[i]) for i in range(len(x)) if i != row}
    return max(scores, key=scores.get)


def nearest(*, own_in=False, score=F.cosine_similarity, largest=True):
    """nearest(table, row), with a place for mistakes."""

    def function(table, row):
        scores = score(table, table[row][None])
        scores = scores if largest else -scores
        if not own_in:
            scores[row] = -torch.inf
        return scores.argmax()

    return function


def analogy_by_loop(table, a, b, c, k):
    """The answer to 5.4, one row at a time in numpy."""
    x = [row / np.sqrt((row**2).sum()) for row in table.double().numpy()]
    wanted = x[a] - x[b] + x[c]
    rows = [i for i in range(len(x)) if i not in (a, b, c)]
    return sorted(rows, key=lambda i: -cosine(wanted, x[i]))[:k]


def analogy(*, parts=F.normalize, rows=F.normalize, signs=(1, -1, 1), out=(0, 1, 2), largest=True):
    """analogy(table, a, b, c, k), with a place for mistakes."""

    def function(table, *arguments):
        *places, k = arguments
        made = parts(table)
        wanted = sum(sign * made[i] for sign, i in zip(signs, places))
        scores = torch.mv(rows(table), wanted)
        scores = scores if largest else -scores
        scores[[places[i] for i in out]] = -torch.inf
        return scores.topk(k).indices.tolist()

    return function


def as_it_is(table):
    return table


def down_the_columns(table):
    return F.normalize(table, dim=0)


def dot(table, row):
    return (table * row).sum(-1)


RIGHT = {
    "5.1": [["苹果", "石头"], ("苹果", "石头")],
    "5.2": [11 / 15, 0.73, "0.733", torch.tensor(0.7333)],
    "5.3": [nearest_by_loop, nearest()],
    "5.4": [analogy_by_loop, analogy(), lambda *a: torch.tensor(analogy_by_loop(*a))],
}

WRONG = {
    "5.1": [
        (["水果", "石头"], "leave 水果 out"),
        (["石头", "苹果"], "changed places"),
        (["石头", "猫"], "the minus sign"),
        (["苹果", "猫"], "nearest to 0"),
        (["苹果", "狗"], "smaller cosine than 狗"),
        (["猫", "石头"], "look along one row"),
        (["梨", "石头"], "not one of the five"),
        ([0.844, -0.857], "these are cosines"),
        ("苹果", "expected two words"),
    ],
    "5.2": [
        (11, "the dot product"),
        (11 / 3, "the first length only"),
        (2.2, "the second length only"),
        (11 / 8, "you added the lengths"),
        (11 / 225, "squares of the lengths"),
        (11 / 35, "sums of the numbers"),
        (3.464, "the distance"),
        (42.83, "degrees"),
        (0.7476, "radians"),
        (0.267, "one minus"),
        (0.8, "your sum of them is off"),
        (2.9, "between -1 and 1"),
        (0.5, "not this pair's cosine"),
        ("near", "expected one number"),
    ],
    "5.3": [
        (nearest(own_in=True), "leave it out"),
        (nearest(score=dot), "you compare dot products"),
        (nearest(score=dot, own_in=True), "the row itself is still in"),
        (nearest(largest=False), "you take the smallest:"),
        (nearest(score=lambda t, r: F.cosine_similarity(t, r).abs()), "leave out the sign"),
        (nearest(score=lambda t, r: -(t - r).norm(dim=-1)), "distance between points"),
        (lambda t, row: nearest(score=dot)(down_the_columns(t), row), "the columns"),
        (lambda t, row: 3, "you return 3, not the nearest"),
        (lambda t, row: 0.87, "this looks like a cosine"),
        (lambda t, row: t[row], "one row, and got (4,) numbers"),
        (lambda t, row: None, "returns nothing"),
        (lambda t, row: t @ t, "stopped with RuntimeError"),
        (torch.zeros(3), "expected a function"),
    ],
    "5.4": [
        (analogy(out=()), "still in"),
        (analogy(out=(0,)), "only row a"),
        (analogy(signs=(1, 1, -1)), "the signs are swapped"),
        (analogy(signs=(-1, 1, 1)), "this is b - a + c"),
        (analogy(signs=(1, 1, 1)), "all three are added up"),
        (analogy(signs=(1, -1, -1)), "both taken away"),
        (analogy(parts=as_it_is, rows=as_it_is), "nothing has been brought to length one"),
        (analogy(parts=as_it_is), "the three vectors are added as they stand"),
        (analogy(rows=as_it_is), "you compare with the rows as they stand"),
        (analogy(parts=down_the_columns, rows=down_the_columns), "you made the columns"),
        (analogy(largest=False), "the farthest rows"),
        (lambda *a: analogy_by_loop(*a)[::-1], "another order"),
        (lambda *a: analogy_by_loop(*a)[:2], "expected 5 row numbers, as many"),
        (lambda *a: [0, 1, 3, 4, 5], "one of a, b and c is among"),
        (lambda *a: [4, 6, 10, 12, 14], "not the nearest"),
        (lambda *a: [0.9, 0.8, 0.7, 0.6, 0.5], "not their cosines"),
        (lambda *a: "queen", "expected 5 row numbers from"),
        (lambda *a: None, "returns nothing"),
        ("analogy", "expected a function"),
    ],
}


def test_the_worked_example_is_the_chapters():
    """The checks compute with the numbers that the reader sees."""
    cells = json.loads(CHAPTER.read_text(encoding="utf-8"))["cells"]
    source = "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "code")
    words = ast.literal_eval(re.search(r"^words = (\[.*?\])", source, re.M | re.S)[1])
    chosen = re.search(r"^small = torch\.tensor\((\[\[.*?\]\])\)", source, re.M | re.S)[1]
    chosen = torch.tensor(ast.literal_eval(re.sub(r"#.*", "", chosen)))
    assert tuple(words) == chapter_05.WORDS and torch.equal(chosen, chapter_05.SMALL)
    prose = "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")
    for vector in (chapter_05.FIRST, chapter_05.SECOND):
        assert str([int(x) for x in vector.tolist()]) in prose
