"""A block of the Transformer for one position, compiled by Numba when first called.

What each function computes stands in the module of its name as a formula on tensors: `norm`,
`positions`, `attention`, `feedforward`.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from .quantized_kernels import ANY_ORDER, FEW_WEIGHTS, multiply_in_parts, multiply_rows

ACTIVATIONS = ("relu", "gelu", "gelu_tanh", "silu")
FAST = {"fastmath": set(ANY_ORDER), "cache": True}


@njit(**FAST)
def add_block(
    x,  # (d_model,), the residual stream of this position; the block's sums are added to it
    weights,  # decoding.Weights
    cosine,  # (d_head,), from positions.rotary
    sine,  # (d_head,)
    keys,  # (kv head, max_length, d_head), the cache; row `position` is written
    values,  # the same
    first,  # the first position that may be looked at
    position,  # this one, and the last
    scale,
    eps,
    activation,  # its place in ACTIVATIONS
    n_parts,  # worked on at once
):
    """x + attention + feed-forward, each with its norms, written to x."""
    change = np.empty_like(x)
    h = np.empty_like(x)
    rms_norm(x, weights.attention_norm, eps, h)
    heads = product(weights.query, h, n_parts).reshape(-1, len(cosine))
    key = product(weights.key, h, n_parts).reshape(-1, len(cosine))
    value = product(weights.value, h, n_parts).reshape(-1, len(cosine))
    for head in heads:
        rms_norm(head, weights.query_norm, eps, head)
        rotate(head, cosine, sine)
    for kv_head in range(len(key)):
        rms_norm(key[kv_head], weights.key_norm, eps, key[kv_head])
        rotate(key[kv_head], cosine, sine)
        keys[kv_head, position] = key[kv_head]
        values[kv_head, position] = value[kv_head]
    group = len(heads) // len(keys)  # query heads that share a key head
    for i in range(len(heads)):
        kv = i // group
        attend(heads[i], keys[kv, first : position + 1], values[kv, first : position + 1], scale)
    change[:] = product(weights.output, heads.reshape(-1), n_parts)
    rms_norm(change, weights.attention_post_norm, eps, change)
    x += change
    rms_norm(x, weights.feedforward_norm, eps, h)
    hidden = product(weights.gate, h, n_parts)
    activate(hidden, activation)
    hidden *= product(weights.up, h, n_parts)
    change[:] = product(weights.down, hidden, n_parts)
    rms_norm(change, weights.feedforward_post_norm, eps, change)
    x += change


@njit(**FAST)
def product(matrix, x, n_parts):
    """W · x, (row,)."""
    rows, blocks, width = matrix.quants.shape
    out = np.empty((1, rows), np.float32)
    vectors = x.reshape(1, blocks, width)
    if n_parts == 1 or matrix.quants.size < FEW_WEIGHTS:
        multiply_rows(vectors, matrix.quants, matrix.scales, matrix.minimums, 0, rows, out)
    else:
        multiply_in_parts(vectors, matrix.quants, matrix.scales, matrix.minimums, out, n_parts)
    return out[0]


@njit(**FAST)
def rms_norm(x, weight, eps, out):
    """`norm.rms_norm` of a vector; without a weight it stays as it is."""
    if weight.size == 0:
        return
    squares = np.float32(0)
    for i in range(len(x)):
        squares += x[i] * x[i]
    scale = np.float32(1 / math.sqrt(squares / len(x) + eps))
    for i in range(len(x)):
        out[i] = x[i] * scale * weight[i]


@njit(**FAST)
def rotate(x, cosine, sine):
    """`positions.rotate` of one head, in place."""
    half = len(x) // 2
    for i in range(half):
        one, other = x[i], x[i + half]
        x[i] = one * cosine[i] + other * sine[i]
        x[i + half] = other * cosine[i + half] + one * sine[i + half]


@njit(**FAST)
def attend(query, keys, values, scale):
    """`attention.attention` of one query over all keys given; the mixed values, in its place."""
    scores = np.empty(len(keys), np.float32)
    for i in range(len(keys)):
        score = np.float32(0)
        for j in range(len(query)):
            score += query[j] * keys[i, j]
        scores[i] = score * scale
    highest = scores.max()
    total = np.float32(0)
    for i in range(len(scores)):
        scores[i] = math.exp(scores[i] - highest)
        total += scores[i]
    query[:] = 0
    for i in range(len(scores)):
        share = scores[i] / total
        for j in range(len(query)):
            query[j] += share * values[i, j]


@njit(**FAST)
def activate(x, activation):
    """`feedforward.ACTIVATIONS`, in place."""
    for i in range(len(x)):
        value = x[i]
        if activation == 0:
            x[i] = max(value, np.float32(0))
        elif activation == 1:
            x[i] = value * np.float32(0.5 * (1 + math.erf(value / math.sqrt(2))))
        elif activation == 2:
            inner = math.sqrt(2 / math.pi) * (value + 0.044715 * value**3)
            x[i] = value * np.float32(0.5 * (1 + math.tanh(inner)))
        else:
            x[i] = value / np.float32(1 + math.exp(-value))
