"""What lies between the products of a block, for one position, compiled when first called.

What each function computes stands in the module of its name as a formula on tensors: `norm`,
`positions`, `attention`, `feedforward`. The products are called from Python, not from here: a
function that was compiled around one of several threads cannot safely be kept on the disk.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from .norm import normalise
from .quantized_kernels import ANY_ORDER

ACTIVATIONS = ("relu", "gelu", "gelu_tanh", "silu")
FAST = {"fastmath": set(ANY_ORDER), "cache": True}


@njit(**FAST)
def attend_from(
    heads,  # (head, d_head), the queries; the mixed values are written in their place
    key,  # (kv head, d_head), of this position
    value,  # the same
    query_norm,  # (d_head,), or empty
    key_norm,  # the same
    cosine,  # (d_head,), from positions.rotary
    sine,  # (d_head,)
    keys,  # (kv head, max_length, d_head), the cache; row `position` is written
    values,  # the same
    first,  # the first position that may be looked at
    position,  # this one, and the last
    scale,
    eps,
):
    """Attention of one position, from its query, key and value to the mixed values."""
    for head in heads:
        rms_norm(head, query_norm, eps, head)
        rotate(head, cosine, sine)
    for kv_head in range(len(key)):
        rms_norm(key[kv_head], key_norm, eps, key[kv_head])
        rotate(key[kv_head], cosine, sine)
        keys[kv_head, position] = key[kv_head]
        values[kv_head, position] = value[kv_head]
    group = len(heads) // len(keys)  # query heads that share a key head
    for i in range(len(heads)):
        kv = i // group
        attend(heads[i], keys[kv, first : position + 1], values[kv, first : position + 1], scale)


@njit(**FAST)
def add(x, change, weight, eps):
    """x + change, written to x; the change is normalised first where there is a weight."""
    rms_norm(change, weight, eps, change)
    x += change


@njit(**FAST)
def rms_norm(x, weight, eps, out):
    """`norm.rms_norm` of a vector; without a weight it stays as it is."""
    if weight.size:
        normalise(x, weight, eps, out)


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
def activate(x, up, activation):
    """activation(x) · up, written to x; the activation by its place in ACTIVATIONS."""
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
        x[i] *= up[i]
