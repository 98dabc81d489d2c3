"""Checks of chapter 15, the Transformer architecture."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from .answers import call, call_for_tensor, kind, near, numbers, sample, whole_numbers

# Exercise 15.1: tokens that the encoder and the decoder have read.
N_SOURCE, N_TARGET = 9, 5

# Exercise 15.2: the Transformer of 2017 (Vaswani et al., table 3).
LAYERS, WIDTH, INNER = 6, 512, 2048

START, END = 1, 2  # exercise 15.3


def check_15_1(answer: Any) -> str | None:
    """Unmasked weights of one head: encoder, decoder, cross-attention."""
    row = whole_numbers(answer)
    if row is None or len(row) != 3:
        return f"expected three whole numbers and got {kind(answer)}"
    encoder, cross = N_SOURCE * N_SOURCE, N_TARGET * N_SOURCE
    decoder = N_TARGET * (N_TARGET + 1) // 2
    if row == [encoder, decoder, cross]:
        return None
    if sorted(row) == sorted([encoder, decoder, cross]):
        return "these are the right numbers in another order: encoder, decoder, cross-attention"
    if row[0] == N_SOURCE * (N_SOURCE + 1) // 2:
        return "(a) an encoder has no causal mask: each token looks at all, itself included"
    if row[0] != encoder:
        return f"(a) each of {N_SOURCE} tokens looks at each of {N_SOURCE}: {row[0]} is not that"
    if row[1] == N_TARGET * N_TARGET:
        return "(b) the decoder has a causal mask: of this square a part is hidden"
    if row[1] == N_TARGET * (N_TARGET - 1) // 2:
        return "(b) a token looks at itself too: the diagonal is missing"
    if row[1] != decoder:
        return f"(b) the rows have 1, 2, 3, 4 and 5 squares: {row[1]} is not their sum"
    if row[2] == N_TARGET + N_SOURCE:
        return "(c) these are the tokens of both together: each of one looks at each of the other"
    if row[2] == decoder * N_SOURCE:
        return "(c) cross-attention has one row a token of the target, and 5 tokens have been read"
    return f"(c) {N_TARGET} rows and {N_SOURCE} columns, none masked: {row[2]} is not that"


def check_15_2(answer: Any) -> str | None:
    """Parameters in the matrices of the encoder's and the decoder's layers."""
    row = numbers(answer)
    if row is None or len(row) != 2:
        return f"expected two numbers, the encoder's and the decoder's, and got {kind(answer)}"
    square, forward = WIDTH * WIDTH, 2 * WIDTH * INNER
    right = (LAYERS * (4 * square + forward), LAYERS * (8 * square + forward))
    if _counts(row, right):
        return None
    encoder, decoder = right
    mistakes = {
        "the right numbers in another order: the encoder first": (decoder, encoder),
        "these are millions: give the whole numbers": (encoder / 1e6, decoder / 1e6),
        "this is one layer of each: there are 6 in each half": (
            encoder / LAYERS, decoder / LAYERS),
        "the decoder has a second attention in each layer, that to the encoder": (
            encoder, encoder),
        "an attention has four matrices, and the output's is missing": (
            LAYERS * (3 * square + forward), LAYERS * (6 * square + forward)),
        "a feed-forward network has two matrices, up and down": (
            encoder - LAYERS * forward / 2, decoder - LAYERS * forward / 2),
        "the feed-forward networks are missing": (
            LAYERS * 4 * square, LAYERS * 8 * square),
        "attention is missing": (LAYERS * forward, LAYERS * forward),
        "heads share the matrices and do not multiply them": (
            LAYERS * (8 * 4 * square + forward), LAYERS * (8 * 8 * square + forward)),
    }  # fmt: skip
    for message, wrong in mistakes.items():
        if _counts(row, wrong):
            return message
    for name, given, expected in zip(("encoder", "decoder"), row.tolist(), right, strict=True):
        if not _counts(torch.tensor([given]), (expected,)):
            return (
                f"the {name}'s {given:,.0f} is not 6 layers of attention and feed-forward: write "
                "down the matrices of one layer first"
            )
    return None


def _counts(given: Tensor, expected: tuple[float, ...]) -> bool:
    """Whether counts agree; float32 keeps seven digits of them."""
    wanted = torch.tensor(expected, dtype=torch.float32)
    return torch.allclose(given, wanted, rtol=1e-6, atol=1e-6)


def check_15_3(answer: Any) -> str | None:
    """shifted(target, start, end): what the decoder reads and what it should say."""
    for target in (torch.tensor([7, 5, 9]), torch.tensor([4, 8, 6, 3, 7])):
        mistake = _shift_mistake(answer, target)
        if mistake:
            return mistake
    got, problem = call(answer, torch.tensor([5]), 11, 12)
    pair = None if problem else _as_pair(got)
    if pair is None or [x.tolist() for x in pair] != [[11, 5], [5, 12]]:
        return "right with these marks, but not with others: use start and end as they are given"
    return None


def _shift_mistake(answer: Any, target: Tensor) -> str | None:
    got, problem = call(answer, target.clone(), START, END)
    if problem:
        return problem
    pair = _as_pair(got)
    if pair is None:
        return f"expected two rows of ids, what is read and what is said, and got {kind(got)}"
    reads, says = (x.tolist() for x in pair)
    ids = target.tolist()
    right = ([START, *ids], [*ids, END])
    if (reads, says) == right:
        return None
    mistakes = {
        "the two are in the wrong order: what is read comes first": right[::-1],
        "the end is missing: the decoder must learn to stop": ([START, *ids[:-1]], ids),
        "the start is missing: with nothing read, the first word could not be asked for": (
            ids, [*ids[1:], END]),
        "they are not shifted: at each place the decoder would read what it should say": (
            [START, *ids, END], [START, *ids, END]),
        "both have the start, so it would be asked for too: what is said begins with a word": (
            [START, *ids], [START, *ids]),
        "what is read does not end with <eos>: after it there is nothing to say": (
            [START, *ids, END], [*ids, END]),
        "the marks have changed places: start stands before what is read": (
            [END, *ids], [*ids, START]),
        "two places are skipped: what is said is one place ahead of what is read": (
            [START, *ids], [*ids[1:], END]),
    }  # fmt: skip
    for message, wrong in mistakes.items():
        if (reads, says) == wrong:
            return message
    if len(reads) != len(says):
        return f"the rows have {len(reads)} and {len(says)} ids: each place read has one answer"
    return f"for {ids}, start {START} and end {END} the decoder should not read {reads}, say {says}"


def _as_pair(got: Any) -> tuple[Tensor, Tensor] | None:
    if not isinstance(got, tuple | list | Tensor) or len(got) != 2:
        return None
    rows = [whole_numbers(x) for x in got]
    return None if None in rows else tuple(map(torch.tensor, rows))


def check_15_4(answer: Any) -> str | None:
    """prefix_mask(n_source, n_target)."""
    for n_source, n_target in ((5, 3), (2, 5), (3, 1)):
        mistake = _mask_mistake(answer, n_source, n_target)
        if mistake:
            return mistake
    return None


def _mask_mistake(answer: Any, n_source: int, n_target: int) -> str | None:
    got, problem = call_for_tensor(answer, n_source, n_target)
    if problem:
        return problem
    n = n_source + n_target
    if got.shape != (n, n):
        return f"for {n_source} and {n_target} expected {n} rows and columns: got {tuple(got.shape)}"
    if got.dtype != torch.bool:
        return "expected True and False: a mask of numbers hides nothing, make it dtype=torch.bool"
    causal = torch.ones(n, n, dtype=torch.bool).tril()
    right = causal.clone()
    right[:, :n_source] = True
    if torch.equal(got, right):
        return None
    no_cross = causal.clone()
    no_cross[:n_source, :n_source] = True
    no_cross[n_source:, :n_source] = False
    target_first = causal.clone()
    target_first[:, :n_target] = True
    strict = right.clone()
    strict[n_source:, n_source:] = strict[n_source:, n_source:].tril(-1)
    all_of_target = torch.ones(n, n, dtype=torch.bool)
    all_of_target[:n_source, n_source:] = False
    mistakes = {
        "the mask is the wrong way round: True stands where a row may look": ~right,
        "rows and columns have changed places: the row looks at the column": right.mT,
        "this is the plain causal mask: source tokens must see the source that follows": causal,
        "here everything is seen: the target must not see what follows": torch.ones_like(right),
        "source and target do not meet: a target token sees the whole source": no_cross,
        "a target token must see itself too": strict,
        "the target sees what follows in it: there the mask is causal": all_of_target,
        "you opened n_target columns: the source has n_source": target_first,
    }
    for message, wrong in mistakes.items():
        if torch.equal(got, wrong):
            return message
    row, column = (got != right).nonzero()[0].tolist()
    may = "may" if right[row, column] else "may not"
    return f"with {n_source} and {n_target} tokens, row {row} {may} look at column {column}"


def check_15_5(answer: Any) -> str | None:
    """cross_attention(y, encoded, w_query, w_key, w_value), one head."""
    matrices = [sample(3, 6, 4)[i] for i in range(3)]
    for n_query, n_key in ((5, 5), (3, 7), (6, 2)):
        y, encoded = sample(n_query, 6) * 0.9, sample(n_key + 1, 6)[1:].flip(0)
        mistake = _cross_mistake(answer, y, encoded, *matrices)
        if mistake:
            return mistake
    return None


def _cross_mistake(answer: Any, y: Tensor, encoded: Tensor, *w: Tensor) -> str | None:
    got, problem = call_for_tensor(answer, y.clone(), encoded.clone(), *(x.clone() for x in w))
    if problem:
        return f"with {len(y)} target and {len(encoded)} source tokens: {problem}"
    right = _mixed(y, encoded, encoded, w)
    if got.shape == right.shape and near(got, right):
        return None
    causal = torch.ones(len(y), len(encoded), dtype=torch.bool).tril()
    mistakes = {
        "this is self-attention: keys and values come from encoded": _mixed(y, y, y, w),
        "queries come from y, the decoder's side, and not from encoded":
            _mixed(encoded, encoded, encoded, w),
        "the two sides have changed places: queries from y, keys and values from encoded":
            _mixed(encoded, y, y, w),
        "without the scale: divide the scores by the square root of d_head":
            _mixed(y, encoded, encoded, w, scale=1.0),
        "you divided by the square root of d_model: the queries have d_head numbers":
            _mixed(y, encoded, encoded, w, scale=math.sqrt(y.size(-1))),
        "you divided by d_head: it is its square root":
            _mixed(y, encoded, encoded, w, scale=float(w[0].size(-1))),
        "cross-attention has no causal mask: the whole source is there":
            _mixed(y, encoded, encoded, w, mask=causal),
        "softmax runs over the keys, the last axis: each row sums to one":
            _mixed(y, encoded, encoded, w, dim=0),
        "the matrices of key and value have changed places":
            _mixed(y, encoded, encoded, (w[0], w[2], w[1])),
    }  # fmt: skip
    if len(y) == len(encoded):  # only then can their values be mixed by these weights
        mistakes["values come from encoded, like keys"] = _mixed(y, encoded, y, w)
        mistakes["keys come from encoded, like values"] = _mixed(y, y, encoded, w)
    for message, wrong in mistakes.items():
        if got.shape == wrong.shape and near(got, wrong):
            return message
    if got.shape == (len(y), len(encoded)):
        return "these look like the weights: multiply them with the values"
    if got.shape != right.shape:
        return f"expected the shape {tuple(right.shape)}, one row a query, got {tuple(got.shape)}"
    return "the shape is right, the numbers are not: project, score, scale, softmax, mix"


def _mixed(
    y: Tensor,
    keys: Tensor,
    values: Tensor,
    w: tuple[Tensor, ...],
    *,
    scale: float | None = None,
    mask: Tensor | None = None,
    dim: int = -1,
) -> Tensor:
    """Attention of one head, with a place for each mistake."""
    query, key, value = y @ w[0], keys @ w[1], values @ w[2]
    scores = query @ key.T / (math.sqrt(query.size(-1)) if scale is None else scale)
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf)
    return scores.softmax(dim) @ value


CHECKS = {
    "15.1": check_15_1,
    "15.2": check_15_2,
    "15.3": check_15_3,
    "15.4": check_15_4,
    "15.5": check_15_5,
}
