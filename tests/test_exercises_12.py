"""The checks of chapter 12: right answers pass, and each typical mistake is named."""

import json
import re
from pathlib import Path

import torch
import torch.nn.functional as F

from llmlab.exercises import chapter_12
from llmlab.presets import preset

CHAPTER = Path(__file__).parent.parent / "chapters" / "12_multi_head_attention.ipynb"


def split_with_loops(x, n_heads):
    """Head by head, with slices alone."""
    d_head = x.size(-1) // n_heads
    return torch.stack(
        [x[..., head * d_head : (head + 1) * d_head] for head in range(n_heads)], dim=1
    )


def split(x, n_heads):
    return x.unflatten(-1, (n_heads, -1)).transpose(1, 2)


def join(heads, output):
    """A sum over heads, each with its own columns."""
    d_head = heads.size(-1)
    return sum(
        F.linear(heads[:, head], output[:, head * d_head : (head + 1) * d_head])
        for head in range(heads.size(1))
    )


def joined(heads):
    return heads.transpose(1, 2).flatten(-2)


def same_token_score(
    weights,
    ids,
    *,
    keys=lambda earlier, i: earlier,
    counted=lambda repeats, n: repeats,
    reduce=sum,
):
    """Position by position, with a place for every mistake."""
    total, repeats = 0, 0
    for i in range(len(ids)):
        earlier = [j for j in range(i) if ids[j] == ids[i]]
        if earlier:
            repeats += 1
            total = total + reduce([weights[..., i, j] for j in keys(earlier, i)])
    return total / counted(repeats, len(ids))


def in_place(weights, ids):
    score = same_token_score(weights, ids)
    weights.zero_()
    return score


def turned_over(weights, ids):
    return same_token_score(weights.mT, ids)


FULL = 4 * 768 * 768

RIGHT = {
    "12.1": [[2_359_296, 2_359_296], torch.tensor([2_359_296, 2_359_296]), (FULL, FULL)],
    "12.2": [131_072_000, 2 * 32 * 8 * 128 * 2 * 1000, "131072000"],
    "12.3": [split_with_loops, split],
    "12.4": [join, lambda heads, output: joined(heads) @ output.T],
    "12.5": [same_token_score],
}

WRONG = {
    "12.1": [
        ([FULL // 4, FULL // 4], "this is one matrix"),
        ([3 * 768**2] * 2, "the output matrix is missing"),
        ([FULL + 4 * 768] * 2, "no biases"),
        ([4 * 768 * 64, 4 * 768 * 32], "this is one head"),
        ([12 * FULL, 24 * FULL], "full width"),
        ([FULL, 2 * FULL], "do not need more"),
        ([FULL, FULL // 2], "do not need fewer"),
        ([1000, 1000], "nor a part of them"),
        (FULL, "expected two numbers"),
    ],
    "12.2": [
        (524_288_000, "each query head"),
        (65_536_000, "half is missing"),
        (32_768_000, "two factors of 2"),
        (262_144_000, "twice too many"),
        (131_072, "this is one token: the text"),
        (65_536, "and half of it"),
        (4_096_000, "one layer"),
        (16_384_000, "one key/value head"),
        (131_072_000 * 32, "twice"),
        (131.072, "megabytes"),
        (0.131, "gigabytes"),
        (125, "mebibytes"),
        (7, "multiply: 2 for key and value"),
        ("many", "expected one number"),
    ],
    "12.3": [
        (lambda x, n: x.unflatten(-1, (n, -1)), "change places"),
        (lambda x, n: x.unflatten(-1, (n, -1)).permute(0, 2, 3, 1), "position and d_head"),
        (lambda x, n: x.unflatten(-1, (n, -1)).permute(2, 0, 1, 3), "in front of the batch"),
        (lambda x, n: x.reshape(x.size(0), n, x.size(1), -1), "whole positions"),
        (lambda x, n: x.unflatten(-1, (-1, n)).permute(0, 3, 1, 2), "every n-th number"),
        (lambda x, n: x.unflatten(-1, (-1, n)), "the wrong way round"),
        (lambda x, n: split(x, n).flip(1), "opposite order"),
        (lambda x, n: split(x, 3), "right for 3 heads, not for 4"),
        (lambda x, n: split(x, n)[:1], "expected the shape (2, 3, 5, 4)"),
        (lambda x, n: split(x, n).flip(0), "in the wrong places"),
        (lambda x, n: x.chunk(n, -1), "expected a tensor from your function, and got a tuple"),
        (lambda x, n: x.view(3, 7), "stopped with RuntimeError"),
        (lambda x, n: None, "returns nothing"),
        (3, "expected a function"),
    ],
    "12.4": [
        (lambda h, o: joined(h), "the output matrix is missing"),
        (
            lambda h, o: torch.stack([h[:, i] @ o[:, 4 * i : 4 * i + 4].T for i in range(3)], 1),
            "each head adds",
        ),
        (lambda h, o: join(h, o) / h.size(1), "the mean of the heads' parts"),
        (lambda h, o: h.reshape(2, 5, 12) @ o.T, "several positions"),
        (lambda h, o: h.permute(0, 2, 3, 1).flatten(-2) @ o.T, "interleaved"),
        (lambda h, o: joined(h.flip(1)) @ o.T, "opposite order"),
        (lambda h, o: h.sum(1) @ o[:, :4].T, "you added the heads"),
        (lambda h, o: h.mean(1) @ o[:, :4].T, "you averaged the heads"),
        (lambda h, o: h[:, 0] @ o[:, :4].T, "only head 0"),
        (lambda h, o: join(h, o).mT, "change places"),
        (lambda h, o: joined(h) @ (o if o.size(0) == 12 else o.T), "turned over"),
        (lambda h, o: joined(h) @ o, "stopped with RuntimeError"),
        (lambda h, o: join(h, o)[0], "expected the shape (2, 5, 7)"),
        (lambda h, o: join(h, o) + 1, "differ by up to 1"),
        (lambda h, o: join(h, o).tolist(), "expected a tensor"),
    ],
    "12.5": [
        (lambda w, ids: same_token_score(w, ids, keys=lambda e, i: [*e, i]), "itself has been"),
        (lambda w, ids: same_token_score(w, ids, counted=lambda r, n: n), "by all positions"),
        (lambda w, ids: same_token_score(w, ids, counted=lambda r, n: 1), "this is the sum"),
        (lambda w, ids: same_token_score(w, ids, counted=lambda r, n: 4), "number of pairs"),
        (lambda w, ids: same_token_score(w, ids, keys=lambda e, i: e[-1:]), "the nearest"),
        (lambda w, ids: same_token_score(w, ids, keys=lambda e, i: e[:1]), "only the first"),
        (
            lambda w, ids: same_token_score(w, ids, keys=lambda e, i: [j + 1 for j in e]),
            "the induction score",
        ),
        (lambda w, ids: same_token_score(w, ids, counted=lambda r, n: n * n), "over all keys"),
        (
            lambda w, ids: (w * torch.tensor([[a == b for b in ids] for a in ids])).sum(-1).mean(-1),
            "counted every position",
        ),
        (lambda w, ids: same_token_score(w, ids).mean(), "mean over all heads"),
        (lambda w, ids: same_token_score(w, ids)[0], "expected one number a layer and head"),
        (turned_over, "all scores are 0"),
        (lambda w, ids: same_token_score(w, ids) / torch.zeros(2, 3) * 0, "are not numbers"),
        (lambda w, ids: same_token_score(w, ids) + 1, "is right, not"),
        (in_place, "changes the weights"),
        (0.7, "expected a function"),
    ],
}


def test_split_agrees_with_pytorchs_own_layer():
    # nn.MultiheadAttention, its matrices set to one, shows how PyTorch cuts the width.
    layer = torch.nn.MultiheadAttention(12, 3, bias=False, batch_first=True)
    with torch.no_grad():
        layer.in_proj_weight.copy_(torch.eye(12).repeat(3, 1))
        layer.out_proj.weight.copy_(torch.eye(12))
    x = torch.linspace(-1, 1, 2 * 5 * 12).view(2, 5, 12)
    heads = split_with_loops(x, 3)
    mixed = F.scaled_dot_product_attention(heads, heads, heads)
    torch.testing.assert_close(join(mixed, torch.eye(12)), layer(x, x, x)[0])


def test_the_numbers_are_the_chapters():
    """The checks compute with the numbers that the reader sees."""
    cells = json.loads(CHAPTER.read_text(encoding="utf-8"))["cells"]
    prose = "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")
    (heads, d_head), (more, smaller) = chapter_12.DIVISIONS
    assert f"{chapter_12.D_MODEL} wide. It has {heads} heads of {d_head} and no biases" in prose
    assert f"{more} heads of {smaller}" in prose
    llama = preset(chapter_12.CACHED)
    found = re.search(r"Llama 3.1 8B has (\d+) layers. Each has (\d+) query heads, and (\d+) "
                      r"key/value heads of (\d+).*, (\d) bytes each.* of ([\d,]+) tokens", prose)
    stated = [int(text.replace(",", "")) for text in found.groups()]
    assert stated == [llama.n_layers, llama.n_heads, llama.n_kv_heads, llama.d_head,
                      chapter_12.DTYPE.itemsize, chapter_12.N_TOKENS]
