"""The checks of chapter 7: right answers pass, and each typical mistake is named."""

import ast
import json
import math
import re
from pathlib import Path

import torch
import torch.nn.functional as F

from llmlab.exercises import chapter_07, verdict

CHAPTER = Path(__file__).parent.parent / "chapters" / "07_self_attention.ipynb"


def written_out(
    *,
    scale=lambda query, key, value: math.sqrt(query.size(-1)),
    axis=-1,
    before=lambda scores, mask: scores.masked_fill(~mask, -math.inf),
    after=lambda weights, mask: weights,
    output=lambda weights, value: weights @ value,
):
    """attention(query, key, value, mask), with a place for every mistake."""

    def attention(query, key, value, mask=None):
        if mask is None:
            mask = torch.ones(query.size(-2), key.size(-2), dtype=torch.bool)
        scores = torch.einsum("...qd,...kd->...qk", query, key) / scale(query, key, value)
        weights = torch.softmax(before(scores, mask), dim=axis)
        return output(after(weights, mask), value)

    return attention


def keep(scores, mask):
    return scores


RIGHT = {
    "7.1": [math.exp(1.5) / (math.exp(-0.5) + math.exp(1.5) + math.exp(0.75)), 0.62, "0.62"],
    "7.2": [
        [math.exp(x) / (math.exp(1.5) + math.exp(0.5) + math.exp(-0.5)) for x in (1.5, 0.5, -0.5)],
        torch.tensor([0.67, 0.24, 0.09]),
    ],
    "7.3": [
        lambda scores: scores + torch.full_like(scores, -math.inf).triu(1),
        lambda scores: scores.masked_fill(torch.ones_like(scores).tril() == 0, -1e9),
    ],
    "7.4": [
        F.scaled_dot_product_attention,
        written_out(),
        # Hiding after softmax is right too where the rows are made to sum to one again.
        written_out(before=keep, after=lambda w, mask: w * mask / (w * mask).sum(-1, keepdim=True)),
    ],
}

WRONG = {
    "7.1": [
        (62.2, "per cent"),
        (0.0, "the row is the query"),
        (0.294, "gives to itself"),
        (0.084, "gives to 你"),
        (0.818, "take the row of 谁"),
        (3.0, "may be a score"),
        (0.5, "find row 谁"),
        ("much", "expected one number"),
    ],
    "7.2": [
        ([66.5, 24.5, 9.0], "these are per cent"),
        (torch.tensor([3.0, 1.0, -1.0]).softmax(0), "the scale is missing"),
        (torch.tensor([0.75, 0.25, -0.25]).softmax(0), "you divided by d_head"),
        (torch.tensor([6.0, 2.0, -2.0]).softmax(0), "you multiplied"),
        ([4.482, 1.649, 0.607], "the last step is missing"),
        ([1.0, 0.333, -0.333], "you divided the scores by their sum"),
        ([1.5, 0.5, -0.5], "these are the scaled scores"),
        ([2**1.5 / 4.9497, 2**0.5 / 4.9497, 2**-0.5 / 4.9497], "powers of 2"),
        ([0.5, 0.4, 0.3], "your weights sum to 1.20"),
        ([0.4, 0.3, 0.3], "not these scores'"),
        ([0.67, 0.24], "expected three numbers"),
    ],
    "7.3": [
        (lambda s: s.tril(), "exp(0) is 1"),
        (lambda s: s.masked_fill(torch.ones_like(s).triu() == 0, -math.inf), "wrong way round"),
        (lambda s: s.masked_fill(torch.ones_like(s).triu() == 1, -math.inf), "the diagonal too"),
        (lambda s: s.masked_fill(torch.ones_like(s).tril() == 0, math.inf), "+inf"),
        (lambda s: s.masked_fill(torch.ones_like(s).triu(2) == 1, -math.inf), "not every later"),
        (lambda s: RIGHT["7.3"][0](s).softmax(-1), "these are weights"),
        (lambda s: torch.ones_like(s, dtype=torch.bool).tril(), "the mask itself"),
        (lambda s: s, "nothing is hidden"),
        (lambda s: RIGHT["7.3"][0](s) / 2, "must stand as they were"),
        (lambda s: s[:2], "shape (4, 4)"),
        (torch.zeros(4, 4), "expected a function"),
        (lambda s: None, "returns nothing"),
    ],
    "7.4": [
        (written_out(scale=lambda q, k, v: 1.0), "the scale is missing"),
        (written_out(scale=lambda q, k, v: q.size(-1)), "divide by its square root"),
        (written_out(scale=lambda q, k, v: q.size(-1) ** -0.5), "you multiplied"),
        (written_out(scale=lambda q, k, v: math.sqrt(k.size(-2))), "number of keys"),
        (written_out(scale=lambda q, k, v: math.sqrt(v.size(-1))), "length of the values"),
        (written_out(axis=-2), "down the columns"),
        (written_out(axis=1), "across the heads"),
        (written_out(axis=0), "across the batch"),
        (written_out(before=keep, after=lambda w, mask: w * mask), "masked after softmax"),
        (written_out(before=lambda s, mask: s * mask), "exp(0) is 1"),
        (written_out(before=lambda s, mask: s.masked_fill(mask, -math.inf)), "wrong way round"),
        (written_out(before=keep), "the mask does nothing"),
        (written_out(before=lambda s, mask: s + mask), "you added the mask"),
        (written_out(output=lambda w, v: w), "these are the weights"),
        (lambda q, k, v, mask: q @ k.mT, "expected the mixed values"),
        (lambda q, k, v, mask: q @ k.mT / 4, "these are the scores"),
        (lambda q, k, v, mask: q @ k.mT / 4 @ v, "softmax is missing"),
        (lambda q, k, v, mask: q @ k, "stopped with RuntimeError"),
        (lambda q, k, v, mask: RIGHT["7.4"][1](q, k, v, ~~mask), "not with mask=None"),
        (lambda q, k, v, mask: q.new_zeros(2, 3, 5, 6), "differ by up to"),
        ("attention", "expected a function"),
    ],
}


def test_a_function_may_return_output_and_weights():
    """As llmlab.attention.attention does."""
    from llmlab.attention import attention

    assert verdict("7.4", attention) is None


def test_the_worked_example_is_the_chapters():
    """The checks compute with the numbers that the reader sees."""
    cells = json.loads(CHAPTER.read_text(encoding="utf-8"))["cells"]
    source = "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "code")
    for name in ("query", "key", "value"):
        written = re.search(rf"^{name} = torch\.tensor\((\[\[.*?\]\])\)", source, re.M | re.S)
        chosen = torch.tensor(ast.literal_eval(re.sub(r"#.*", "", written[1])))
        assert torch.equal(chosen, getattr(chapter_07, name.upper()))
    prose = "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")
    scores = ", ".join(f"{score:g}" for score in chapter_07.SCORES.tolist())
    assert f"[{scores}]" in prose
