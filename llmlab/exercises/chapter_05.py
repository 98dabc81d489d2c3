"""Checks of chapter 5, embeddings."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from .answers import call, kind, number, whole_numbers

# The chapter's worked example, numbers chosen: five words of two numbers each.
WORDS = ("猫", "狗", "苹果", "水果", "石头")
SMALL = torch.tensor([[3.0, 1.0], [2.0, 1.0], [-1.0, 3.0], [1.0, 4.0], [-2.0, -2.0]])

FIRST, SECOND = torch.tensor([1.0, 2.0, 2.0]), torch.tensor([3.0, 0.0, 4.0])  # exercise 5.2
ROUNDED = 0.006  # a number given to two decimals
K = 5  # rows asked of analogy
TRIPLES = ((2, 7, 11), (0, 5, 9), (16, 3, 20), (8, 13, 1))  # its a, b and c


def check_5_1(answer: Any) -> str | None:
    """The words nearest to and farthest from 水果, read off a table of cosines."""
    asked = "水果"
    if not isinstance(answer, list | tuple) or len(answer) != 2:
        return f"expected two words, [nearest, farthest], and got {kind(answer)}"
    near, far = (word.strip() if isinstance(word, str) else word for word in answer)
    for word in (near, far):
        if number(word) is not None:
            return "these are cosines: write the words that they belong to"
        if word not in WORDS:
            return f"{word!r} is not one of the five words"
    if asked in (near, far):
        return f"every word has cosine 1 with itself: leave {asked} out"
    cosines = dict(zip(WORDS, _cosines(SMALL)[WORDS.index(asked)].tolist(), strict=True))
    others = [word for word in WORDS if word != asked]
    nearest, farthest = max(others, key=cosines.get), min(others, key=cosines.get)
    if (near, far) == (nearest, farthest):
        return None
    if (near, far) == (farthest, nearest):
        return "the two words have changed places: nearest first, then farthest"
    if near == farthest:
        return "you left out the minus sign: the nearest has the largest cosine, sign included"
    if near == nearest and far == min(others, key=lambda word: abs(cosines[word])):
        return "that cosine is the one nearest to 0: below 0 is farther than 0"
    if near == nearest:
        return f"the nearest is right, but another word has a smaller cosine than {far}"
    return f"row {asked} holds a larger cosine than that of {near}: look along one row only"


def check_5_2(answer: Any) -> str | None:
    """The cosine of two vectors of three numbers."""
    given = number(answer)
    if given is None:
        return f"expected one number, such as 0.25, and got {kind(answer)}"
    dot, a, b = (FIRST @ SECOND).item(), FIRST.norm().item(), SECOND.norm().item()
    cosine = dot / (a * b)
    if abs(given - cosine) < ROUNDED:
        return None
    mistakes = {
        "this is the dot product: divide it by both lengths": dot,
        "you divided by the first length only: divide by the second as well": dot / a,
        "you divided by the second length only: divide by the first as well": dot / b,
        "you added the lengths: divide by their product": dot / (a + b),
        "you divided by the squares of the lengths: a length is the root of the sum of squares":
            dot / (a * b) ** 2,
        "these are sums of the numbers in place of lengths: square, add up, take the root":
            dot / (FIRST.sum() * SECOND.sum()).item(),
        "this is the distance between the two points, not the cosine of their angle":
            (FIRST - SECOND).norm().item(),
        "this is the angle in degrees: give its cosine": math.degrees(math.acos(cosine)),
        "this is the angle in radians: give its cosine": math.acos(cosine),
        "this is one minus the cosine, called the cosine distance": 1 - cosine,
        "the first products must be 1 · 3, 2 · 0 and 2 · 4: your sum of them is off":
            (FIRST.sum() + SECOND.sum()).item() / (a * b),
    }
    for message, wrong in mistakes.items():
        if abs(given - wrong) < ROUNDED:
            return message
    if abs(given) > 1:
        return "a cosine lies between -1 and 1, and this does not"
    return "not this pair's cosine: sum of products, divided by both lengths"


def check_5_3(answer: Any) -> str | None:
    """nearest(table, row): the number of the other row with the largest cosine."""
    table = _table()
    got = []
    for row in range(len(table)):
        returned, problem = call(answer, table.clone(), row)
        if problem:
            return problem
        if isinstance(returned, Tensor) and returned.numel() > 1:
            return f"expected the number of one row, and got {tuple(returned.shape)} numbers"
        value = number(returned)
        if value is None:
            return f"expected the number of one row from your function, and got {kind(returned)}"
        if value != int(value):
            return "this looks like a cosine: return the number of the row, not its cosine"
        got.append(int(value))
    cosines, dots = _cosines(table), table @ table.T
    columns = table / table.norm(dim=0, keepdim=True)
    own = torch.eye(len(table), dtype=torch.bool)
    if got == _best(cosines, own):
        return None
    mistakes = {
        "you return the row itself, whose cosine is 1: leave it out": list(range(len(table))),
        "you compare dot products, and long rows win: divide by the lengths": _best(dots, own),
        "you divide by no length, and the row itself is still in": _best(dots),
        "you take the smallest: nearest means the largest cosine": _best(-cosines),
        "you leave out the sign: a cosine near -1 is far away": _best(cosines.abs(), own),
        "you take the smallest distance between points; asked is the largest cosine":
            _best(-torch.cdist(table, table), own),
        "you made the columns of length one: take the length of each row, dim=-1":
            _best(columns @ columns.T, own),
        "you divided by the row's own length only: divide by the length of each other row too":
            _best(dots / table.norm(dim=-1, keepdim=True), own),
    }
    for message, wrong in mistakes.items():
        if got == wrong:
            return message
    row = next(i for i, (mine, right) in enumerate(zip(got, _best(cosines, own))) if mine != right)
    return f"for row {row} of a table of {len(table)} rows you return {got[row]}, not the nearest"


def check_5_4(answer: Any) -> str | None:
    """analogy(table, a, b, c, k): the k rows nearest to a - b + c, the three left out."""
    table, got = _table(), []
    for triple in TRIPLES:
        returned, problem = call(answer, table.clone(), *triple, K)
        if problem:
            return problem
        if _fractions(returned):
            return "these are not whole numbers: return the numbers of the rows, not their cosines"
        rows = whole_numbers(returned)
        if rows is None:
            return f"expected {K} row numbers from your function, and got {kind(returned)}"
        got.append(rows)
    right = _analogies(table)
    if got == right:
        return None
    for message, wrong in _analogy_mistakes(table).items():
        if got == wrong:
            return message
    lengths = {len(rows) for rows in got} - {K}
    if lengths:
        return f"expected {K} row numbers, as many as k says, and got {lengths.pop()}"
    if [sorted(rows) for rows in got] == [sorted(rows) for rows in right]:
        return "these are the right rows in another order: the largest cosine comes first"
    if any(set(triple) & set(rows) for triple, rows in zip(TRIPLES, got, strict=True)):
        return "one of a, b and c is among your rows: leave all three out"
    return "the number of rows is right and a, b, c are out; these are not the nearest to a - b + c"


def _analogy_mistakes(table: Tensor) -> dict[str, list[list[int]]]:
    """What each way of going wrong returns for the TRIPLES."""
    columns = table / table.norm(dim=0, keepdim=True)
    return {
        "the three words themselves are still in: leave rows a, b and c out":
            _analogies(table, out=()),
        "only row a is left out: leave b and c out as well": _analogies(table, out=(0,)),
        "the signs are swapped: this is a + b - c, asked is a - b + c":
            _analogies(table, signs=(1, 1, -1)),
        "this is b - a + c: the second word is the one taken away":
            _analogies(table, signs=(-1, 1, 1)),
        "all three are added up: b is taken away": _analogies(table, signs=(1, 1, 1)),
        "b and c are both taken away: c is added": _analogies(table, signs=(1, -1, -1)),
        "these are the farthest rows: take the largest cosines":
            _analogies(table, signs=(-1, 1, -1)),
        "nothing has been brought to length one: long rows win":
            _analogies(table, unit_rows=False, unit_terms=False),
        "the three vectors are added as they stand: bring them to length one first":
            _analogies(table, unit_terms=False),
        "you compare with the rows as they stand, and long rows win: bring them to length one":
            _analogies(table, unit_rows=False),
        "you made the columns of length one: take the length of each row, dim=-1":
            _analogies(columns, unit_rows=False, unit_terms=False),
    }


def _analogies(
    table: Tensor,  # (vocab, d_model)
    *,
    signs: tuple[int, int, int] = (1, -1, 1),
    out: tuple[int, ...] = (0, 1, 2),
    unit_rows: bool = True,
    unit_terms: bool = True,
) -> list[list[int]]:
    """For each of the TRIPLES the K best rows.

    Args:
        signs: of a, b and c.
        out: which of the three are left out.
        unit_rows: whether the rows compared with are brought to length one.
        unit_terms: whether the three that are added are.
    """
    unit = _unit(table)
    found = []
    for triple in TRIPLES:
        terms = (unit if unit_terms else table)[list(triple)]
        scores = (unit if unit_rows else table) @ (torch.tensor(signs).float() @ terms)
        scores[[triple[i] for i in out]] = -math.inf
        found.append(scores.argsort(descending=True)[:K].tolist())
    return found


def _fractions(answer: Any) -> bool:
    """Whether an answer is made of floating-point numbers."""
    if isinstance(answer, Tensor):
        return answer.is_floating_point()
    return isinstance(answer, list | tuple) and any(isinstance(x, float) for x in answer)


def _unit(table: Tensor) -> Tensor:
    return table / table.norm(dim=-1, keepdim=True)


def _cosines(table: Tensor) -> Tensor:
    """(vocab, d_model) → (vocab, vocab)"""
    return _unit(table) @ _unit(table).T


def _best(scores: Tensor, hidden: Tensor | None = None) -> list[int]:
    """The column of the largest score in each row."""
    if hidden is not None:
        scores = scores.masked_fill(hidden, -math.inf)
    return scores.argsort(dim=-1, descending=True)[:, 0].tolist()


def _table() -> Tensor:
    """Rows to try a function on, (24, 4), the same every time.

    Lengths differ much, so that a missing division shows, and so do columns; the second half
    points nearly against the first, so that a missing sign shows.
    """
    numbers = (torch.arange(96) * 0.61803398875 % 1 * 4 - 2).reshape(24, 4)
    numbers[12:] = 0.4 * numbers[12:] - numbers[:12]
    lengths = 0.5 + (torch.arange(24) * 0.41421356237 % 1) * 4
    return numbers * lengths[:, None] * torch.tensor([1.0, 3.0, 0.5, 1.5])


CHECKS = {"5.1": check_5_1, "5.2": check_5_2, "5.3": check_5_3, "5.4": check_5_4}
