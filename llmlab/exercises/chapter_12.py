"""Checks of chapter 12, multi-head attention."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..cache import KeyValueCache
from ..presets import preset
from .answers import call, call_for_tensor, kind, near, number, numbers, sample

# Exercise 12.1, numbers chosen: the width, and two ways to divide it, (heads, d_head).
D_MODEL, DIVISIONS = 768, ((12, 64), (24, 32))

# Exercise 12.2: whose cache, for how many tokens, with how many bytes a number.
CACHED, N_TOKENS, DTYPE = "llama-3.1-8b", 1000, torch.bfloat16

# Exercise 12.5: texts of token ids. A token occurs twice, three times, twice in a row.
TEXTS = ((1, 4, 6, 4, 2, 6, 4), (5, 3, 3, 8, 5))


def check_12_1(answer: Any) -> str | None:
    """The parameters of four matrices, for two numbers of heads."""
    row = numbers(answer)
    if row is None or len(row) != 2:
        return f"expected two numbers, one for 12 heads and one for 24, and got {kind(answer)}"
    matrix = D_MODEL**2
    first, second = (int(count) for count in row.tolist())
    if first == second == 4 * matrix:
        return None
    (n_heads, d_head), _ = DIVISIONS
    mistakes = {
        matrix: "this is one matrix: there are four, for query, key, value and output",
        3 * matrix: "these are three matrices: the output matrix is missing",
        4 * (matrix + D_MODEL): "these are the matrices and four biases: this layer has no biases",
        4 * D_MODEL * d_head: "this is one head: a head's matrices have 64 of the 768 rows",
        4 * n_heads * matrix:
            "you gave every head matrices of full width: the heads divide the 768 among them",
    }
    if first in mistakes:
        return mistakes[first]
    if first == 4 * matrix:
        larger = "more" if second > first else "fewer"
        return (
            f"the first is right; 24 heads of 32 do not need {larger}: 24 · 32 is 768, "
            "as 12 · 64 is"
        )
    return "neither four matrices of 768 rows and 768 columns nor a part of them has this many"


def check_12_2(answer: Any) -> str | None:
    """The bytes of a key/value cache with fewer key/value heads than query heads."""
    given = number(answer)
    if given is None:
        return f"expected one number, of bytes, and got {kind(answer)}"
    config = preset(CACHED)
    cache = KeyValueCache(config, 1, N_TOKENS, dtype=DTYPE, device="meta")
    right = sum(layer.key.nbytes + layer.value.nbytes for layer in cache.layers)
    if given == right:
        return None
    a_token = right // N_TOKENS
    mistakes = {
        right * config.n_heads // config.n_kv_heads:
            "you counted a key and a value for each query head: four query heads share one",
        right // 2: "half is missing: a key and a value are kept, and each number has 2 bytes",
        right // 4: "two factors of 2 are missing: a key and a value, and 2 bytes a number",
        right * 2: "twice too many: bfloat16 has 2 bytes a number, float32 has 4",
        a_token: "this is one token: the text has 1,000",
        a_token // 2: "this is one token, and half of it: key and value, 2 bytes, 1,000 tokens",
        right // config.n_layers: "this is one layer: every layer keeps its own keys and values",
        right // config.n_kv_heads: "this is one key/value head: each layer has 8",
        right * config.n_layers: "you multiplied by the layers twice",
    }
    if given in mistakes:
        return mistakes[given]
    for unit, size in (("kilobytes", 1e3), ("megabytes", 1e6), ("kibibytes", 2**10),
                       ("mebibytes", 2**20), ("gigabytes", 1e9)):
        if abs(given * size - right) < 0.006 * right:
            return f"these are {unit}: give bytes, all digits"
    return "multiply: 2 for key and value, layers, key/value heads, d_head, bytes, tokens"


def check_12_3(answer: Any) -> str | None:
    """split(x, n_heads): (batch, position, width) to (batch, head, position, d_head)."""
    x = sample(2, 5, 12)  # lengths all differ, so that a mixed-up axis shows
    for n_heads in (3, 4, 1):
        mistake = _split_mistake(answer, x, n_heads)
        if mistake:
            return mistake if n_heads == 3 else f"right for 3 heads, not for {n_heads}: {mistake}"
    return None


def _split_mistake(answer: Any, x: Tensor, n_heads: int) -> str | None:
    got, problem = call_for_tensor(answer, x.clone(), n_heads)
    if problem:
        return problem
    cut = x.unflatten(-1, (n_heads, -1))  # (batch, position, head, d_head)
    right = cut.transpose(1, 2)
    if near(got, right):
        return None
    every_nth = x.unflatten(-1, (-1, n_heads))  # (batch, position, d_head, head)
    mistakes = {
        "the cut is right; now let position and head change places": cut,
        "position and d_head have changed places too: only head moves in front of position":
            cut.permute(0, 2, 3, 1),
        "head has moved in front of the batch: it belongs behind it": cut.permute(2, 0, 1, 3),
        "a head has got whole positions: cut the last axis first, then move the axis":
            x.reshape(right.shape),
        "head 0 has got every n-th number: its numbers stand side by side in x":
            every_nth.permute(0, 3, 1, 2),
        "the last axis is cut the wrong way round, and head and position have not changed "
        "places: (head, d_head) first, then transpose": every_nth,
        "the heads are in the opposite order: head 0 has the first numbers": right.flip(1),
    }
    for message, wrong in mistakes.items():
        if near(got, wrong):
            return message
    if got.shape != right.shape:
        return f"expected the shape {tuple(right.shape)}, and got {tuple(got.shape)}"
    return "the shape is right, the numbers stand in the wrong places"


def check_12_4(answer: Any) -> str | None:
    """join(heads, output): heads side by side, then the output matrix."""
    heads, output = sample(2, 3, 5, 4), sample(7, 12)
    got, problem = call_for_tensor(answer, heads.clone(), output.clone())
    if problem:
        return problem
    mistake = _join_mistake(got, heads, output)
    if mistake:
        return mistake
    square = sample(12, 12)
    got, problem = call_for_tensor(answer, heads.clone(), square.clone())
    if problem:
        return f"right for a matrix of 7 rows, but not for one of 12: {problem}"
    if near(got, _joined(heads) @ square):
        return "right for a matrix of 7 rows; a square one you use turned over: output.T always"
    if not near(got, _joined(heads) @ square.T):
        return "right for a matrix of 7 rows, but not for one of 12"
    return None


def _joined(heads: Tensor) -> Tensor:
    """(batch, head, position, d_head) to (batch, position, head · d_head)."""
    return heads.transpose(1, 2).flatten(-2)


def _join_mistake(got: Tensor, heads: Tensor, output: Tensor) -> str | None:
    batch, n_heads, n_positions, d_head = heads.shape
    right = _joined(heads) @ output.T
    if near(got, right):
        return None
    blocks = output.unflatten(1, (n_heads, d_head))
    parts = torch.einsum("bhpe,dhe->bhpd", heads, blocks)
    own = output[:, :d_head]
    mistakes = {
        "the heads are joined, the output matrix is missing: @ output.T": _joined(heads),
        "these are the parts that each head adds: sum them over the heads": parts,
        "this is the mean of the heads' parts: they are added": parts.mean(1),
        "you joined without moving the head axis, so a row holds numbers of several positions: "
        "transpose first": heads.reshape(batch, n_positions, -1) @ output.T,
        "the numbers of the heads are interleaved: lay each head's side by side":
            heads.permute(0, 2, 3, 1).flatten(-2) @ output.T,
        "the heads are in the opposite order: head 0 comes first":
            _joined(heads.flip(1)) @ output.T,
        "you added the heads before the matrix: each head has columns of its own":
            heads.sum(1) @ own.T,
        "you averaged the heads before the matrix: each head has columns of its own":
            heads.mean(1) @ own.T,
        "only head 0 has been used: all heads add their part": parts[:, 0],
        "the axes are (batch, d_model, position): the last two have to change places": right.mT,
    }
    for message, wrong in mistakes.items():
        if near(got, wrong):
            return message
    if got.shape != right.shape:
        return f"expected the shape {tuple(right.shape)}, and got {tuple(got.shape)}"
    return f"the shape is right, the numbers differ by up to {(got - right).abs().max():.2g}"


def check_12_5(answer: Any) -> str | None:
    """same_token_score(weights, ids): mean weight on earlier occurrences of the same token."""
    for ids in TEXTS:
        n = len(ids)
        scores = sample(2, 3, n, n).masked_fill(torch.ones(n, n).triu(1).bool(), -torch.inf)
        weights = scores.softmax(-1)  # (layer, head, query, key), causal, rows sum to one
        got, problem = call_for_tensor(answer, weights.clone(), list(ids))
        if problem:
            return problem
        mistake = _same_token_mistake(got, weights, ids)
        if mistake:
            return mistake
    kept = weights.clone()
    call(answer, kept, list(TEXTS[-1]))
    if not torch.equal(kept, weights):
        return "right, but your function changes the weights it was given: make a new tensor"
    return None


def _same_token_mistake(got: Tensor, weights: Tensor, ids: tuple[int, ...]) -> str | None:
    token = torch.tensor(ids)
    equal = token[:, None] == token[None, :]
    same = equal.tril(-1)
    repeats = same.any(-1)

    def total(where: Tensor) -> Tensor:  # (layer, head, query)
        return (weights * where).sum(-1)

    right = total(same)[..., repeats].mean(-1)
    if near(got, right):
        return None
    if got.shape != right.shape:
        if near(got, right.mean()):
            return "this is the mean over all heads: keep one number for each layer and head"
        return f"expected one number a layer and head, {tuple(right.shape)}, got {tuple(got.shape)}"
    after = torch.zeros_like(same)
    after[:, 1:] = same[:, :-1]
    nearest = same & (same.int().flip(-1).cumsum(-1).flip(-1) == 1)
    earliest = same & (same.int().cumsum(-1) == 1)
    n_pairs = same.sum()
    mistakes = {
        "the position itself has been counted: only earlier ones, below the diagonal":
            total(equal.tril())[..., repeats].mean(-1),
        "you divided by all positions: take the mean over those with an earlier occurrence":
            total(same).mean(-1),
        "the mean of what counts is wanted, and this is the sum": total(same).sum(-1),
        "you divided by the number of pairs: add up a position's earlier occurrences, then take "
        "the mean over positions": total(same).sum(-1) / n_pairs,
        "only the nearest earlier occurrence has been counted: add up all":
            total(nearest)[..., repeats].mean(-1),
        "only the first occurrence has been counted: add up all earlier ones":
            total(earliest)[..., repeats].mean(-1),
        "this is the weight behind the earlier occurrence, the induction score":
            total(after)[..., repeats].mean(-1),
        "you averaged over all keys: a position's weights on earlier occurrences are added up":
            (weights * same).mean((-2, -1)),
        "you counted every position, not only those whose token has come before, and itself too":
            total(equal.tril()).mean(-1),
    }
    for message, wrong in mistakes.items():
        if near(got, wrong, 1e-5):
            return message
    if not got.any():
        return "all scores are 0: rows are queries, columns keys, and earlier keys stand to the left"
    if got.isnan().any():
        return "some scores are not numbers: leave out positions without an earlier occurrence"
    return f"for the ids {list(ids)}, layer 0, head 0, {right[0, 0]:.3f} is right, not {got[0, 0]:.3f}"


CHECKS = {
    "12.1": check_12_1,
    "12.2": check_12_2,
    "12.3": check_12_3,
    "12.4": check_12_4,
    "12.5": check_12_5,
}
