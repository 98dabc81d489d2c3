"""Checks of chapter 7, self-attention."""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ..attention import attention
from .answers import call, kind, number, numbers, sample

# The chapter's worked example, numbers chosen: three tokens, d_head 4.
QUERY = torch.tensor([[2.0, 0.0, 1.0, 1.0], [0.0, 1.0, 0.0, 2.0], [1.0, 1.0, 0.0, 2.0]])
KEY = torch.tensor([[0.0, 1.0, 1.0, -1.0], [1.0, 0.0, 1.0, 1.0], [0.5, 1.0, 0.5, 0.0]])
VALUE = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
CAUSAL = torch.ones(3, 3, dtype=torch.bool).tril()

# Exercise 7.2: one query's scores before the scale, chosen, and the length of its vectors.
SCORES, D_HEAD = torch.tensor([3.0, 1.0, -1.0]), 4

CLOSE = 1e-4  # float32 sums in another order differ by less
ROUNDED = 0.006  # a number given to two decimals


def check_7_1(answer: Any) -> str | None:
    """The weight that the third token gives to the second, read off the causal table."""
    weights = attention(QUERY, KEY, VALUE, CAUSAL)[1]
    given = number(answer)
    if given is None:
        return f"expected one number, such as 0.25, and got {kind(answer)}"
    if _near(given, weights[2, 1], ROUNDED):
        return None
    if _near(given / 100, weights[2, 1], ROUNDED):
        return "the cell is right, but this is per cent: give the weight, between 0 and 1"
    if _near(given, weights[1, 2], ROUNDED):
        return "this is row 是, column 谁: the row is the query, the one that looks"
    if _near(given, weights[2, 2], ROUNDED):
        return "this is what 谁 gives to itself: take the column of 是"
    if _near(given, weights[2, 0], ROUNDED):
        return "this is what 谁 gives to 你: take the column of 是"
    if _near(given, weights[1, 1], ROUNDED):
        return "this is what 是 gives to itself: take the row of 谁"
    if not 0 <= given <= 1:
        return "a weight lies between 0 and 1, and this does not: it may be a score"
    return "no cell of the causal table that you need holds this: find row 谁, then column 是"


def check_7_2(answer: Any) -> str | None:
    """A row of weights from a row of scores."""
    row = numbers(answer)
    if row is None or len(row) != 3:
        return f"expected three numbers, one for each key, and got {kind(answer)}"
    scaled = SCORES / math.sqrt(D_HEAD)
    if _near(row, scaled.softmax(-1), ROUNDED):
        return None
    mistakes = {
        "these are per cent: give weights, which sum to 1": 100 * scaled.softmax(-1),
        "the scale is missing: divide each score by the square root of d_head first":
            SCORES.softmax(-1),
        "you divided by d_head: divide by its square root": (SCORES / D_HEAD).softmax(-1),
        "you multiplied by the square root of d_head: divide by it":
            (SCORES * math.sqrt(D_HEAD)).softmax(-1),
        "exp is right, the last step is missing: divide each by the sum of the three": scaled.exp(),
        "you divided the scores by their sum: take exp of each first, then divide":
            SCORES / SCORES.sum(),
        "these are the scaled scores: now take exp of each and divide by the sum": scaled,
        "you took powers of 2: softmax takes powers of e":
            (scaled * math.log(2)).softmax(-1),
    }
    for message, wrong in mistakes.items():
        if _near(row, wrong, max(ROUNDED, 0.005 * wrong.abs().max().item())):
            return message
    if abs(row.sum().item() - 1) > 0.02:
        return f"your weights sum to {row.sum().item():.2f}: a row of weights sums to 1"
    return "your weights sum to 1 but are not these scores': scale, take exp, divide by the sum"


def check_7_3(answer: Any) -> str | None:
    """A function that hides later keys in a table of scores, (query, key)."""
    scores = sample(4, 4)
    got, problem = _called(answer, scores.clone())
    if problem:
        return problem
    if got.shape != scores.shape:
        return f"expected scores of shape (4, 4) back, and got {tuple(got.shape)}"
    if got.dtype == torch.bool:
        return "this is the mask itself: use it to change the scores, and return the scores"
    later = torch.ones(4, 4, dtype=torch.bool).triu(1)
    expected = scores.masked_fill(later, -math.inf)
    if _near(got, expected.softmax(-1)):
        return "these are weights: return the scores, softmax comes after the mask"
    if _near(got, scores):
        return "nothing is hidden: later keys still have their scores"
    if _near(got[~later], scores[~later]):
        hidden = got[later]
        if (hidden < -1e4).all():
            return None
        if (hidden == 0).all():
            return (
                "you hid later keys with 0, and exp(0) is 1, so softmax gives them weight: "
                "put -inf there"
            )
        if (hidden > 1e4).all():
            return "you put +inf on later keys: -inf takes their weight away"
        return "not every later key is hidden, or not by -inf: all above the diagonal must be"
    if (got[later.mT] < -1e4).all() and _near(got[later], scores[later]):
        return "the triangle is the wrong way round: you hid the past and left the future open"
    if (got.diagonal() < -1e4).all():
        return "you hid the diagonal too: a token may look at itself, or row 0 has nothing left"
    return "scores on and below the diagonal must stand as they were"


def check_7_4(answer: Any) -> str | None:
    """attention(query, key, value, mask), against PyTorch's own."""
    # Lengths all differ, so that a mixed-up axis shows.
    query, key, value = sample(2, 3, 5, 16), sample(2, 3, 7, 16), sample(2, 3, 7, 6)
    mask = torch.ones(5, 7, dtype=torch.bool).tril(2)
    tensors = (query, key, value)
    got, problem = _called(answer, *(x.clone() for x in tensors), mask)
    if problem:
        return problem
    mistake = _attention_mistake(got, *tensors, mask)
    if mistake:
        return mistake
    got, problem = _called(answer, *(x.clone() for x in tensors), None)
    if problem:
        return f"right with a mask, but not with mask=None: {problem}"
    if not _near(got, F.scaled_dot_product_attention(*tensors)):
        return "right with a mask; with mask=None every query may look at every key"
    return None


def _attention_mistake(
    got: Tensor, query: Tensor, key: Tensor, value: Tensor, mask: Tensor
) -> str | None:
    """None, or which way of going wrong gives exactly this output."""
    if _near(got, F.scaled_dot_product_attention(query, key, value, attn_mask=mask)):
        return None
    raw, d_head = query @ key.mT, query.size(-1)
    scores = raw / math.sqrt(d_head)
    hidden = scores.masked_fill(~mask, -math.inf)
    weights = hidden.softmax(-1)
    if _near(got, weights):
        return "these are the weights: multiply them with value and return the mixed values"
    if _near(got, hidden) or _near(got, scores):
        return "these are the scores: softmax, and the product with value, are still to come"

    def mixed(scores: Tensor) -> Tensor:
        return scores.masked_fill(~mask, -math.inf).softmax(-1) @ value

    outputs = {
        "the scale is missing: divide the scores by the square root of d_head": mixed(raw),
        "you divided by d_head: divide by its square root": mixed(raw / d_head),
        "you multiplied by the square root of d_head: divide by it":
            mixed(raw * math.sqrt(d_head)),
        "you scaled by the number of keys: scale by the length of a query, query.size(-1)":
            mixed(raw / math.sqrt(key.size(-2))),
        "you scaled by the length of the values: scale by that of a query, query.size(-1)":
            mixed(raw / math.sqrt(value.size(-1))),
        "your weights sum to one down the columns: take softmax over the key axis, dim=-1":
            hidden.softmax(-2) @ value,
        "your weights sum to one across the heads: take softmax over the key axis, dim=-1":
            hidden.softmax(-3) @ value,
        "your weights sum to one across the batch: take softmax over the key axis, dim=-1":
            hidden.softmax(0) @ value,
        "you masked after softmax, so rows no longer sum to one: mask the scores before it":
            scores.softmax(-1).masked_fill(~mask, 0.0) @ value,
        "you hid keys with 0, and exp(0) is 1, so softmax still gives them weight: use -inf":
            scores.masked_fill(~mask, 0.0).softmax(-1) @ value,
        "the mask does nothing: set the scores to -inf where it is False":
            scores.softmax(-1) @ value,
        "the mask is the wrong way round: True says where a query may look":
            scores.masked_fill(mask, -math.inf).softmax(-1) @ value,
        "softmax is missing: the scores themselves cannot mix the values": scores @ value,
        "you added the mask to the scores: True counts as 1 there; set False to -inf":
            (scores + mask).softmax(-1) @ value,
    }
    if got.shape != weights.shape[:-1] + value.shape[-1:]:
        expected = tuple(weights.shape[:-1] + value.shape[-1:])
        return f"expected the mixed values, {expected} here, and got shape {tuple(got.shape)}"
    for message, wrong in outputs.items():
        if _near(got.nan_to_num(), wrong.nan_to_num()):
            return message
    if got.isnan().any():
        return "some outputs are not numbers: a row of only -inf has no softmax; check the mask"
    right = weights @ value
    return f"the shape is right, the numbers differ by up to {(got - right).abs().max():.2g}"


def _called(function: Any, *arguments: Any) -> tuple[Tensor | None, str | None]:
    """The tensor that the reader's function returns, or what stopped it."""
    got, problem = call(function, *arguments)
    if isinstance(got, tuple) and got:
        got = got[0]  # output and weights, as llmlab.attention.attention returns them
    if problem is None and not isinstance(got, Tensor):
        return None, f"expected a tensor from your function, and got {kind(got)}"
    return got, problem


def _near(got: Any, expected: Any, within: float = CLOSE) -> bool:
    """Whether two numbers or tensors agree; infinities and shapes included."""
    got, expected = torch.as_tensor(got), torch.as_tensor(expected)
    if got.shape != expected.shape or got.dtype == torch.bool:
        return False
    return torch.allclose(got.float(), expected.float(), rtol=0, atol=within)


CHECKS = {"7.1": check_7_1, "7.2": check_7_2, "7.3": check_7_3, "7.4": check_7_4}
