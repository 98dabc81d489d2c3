"""The checks of chapter 15: right answers pass, and each typical mistake is named."""

import json
from pathlib import Path

import torch
import torch.nn.functional as F

from llmlab.exercises import chapter_15

CHAPTER = Path(__file__).parent.parent / "chapters" / "15_transformer_architecture.ipynb"


def row(*ids):
    return torch.tensor(ids)


def shifted(target, start, end):
    return torch.cat([row(start), target]), torch.cat([target, row(end)])


def by_lists(target, start, end):
    return [start, *target.tolist()], [*target.tolist(), end]


def prefix(n_source, n_target):
    n = n_source + n_target
    row, column = torch.arange(n)[:, None], torch.arange(n)
    return (column < n_source) | (column <= row)


def without_cross(n_source, n_target):
    both = torch.ones(n_source, n_source), torch.ones(n_target, n_target).tril()
    return torch.block_diag(*both) > 0


def opened(columns):
    def mask(n_source, n_target):
        mask = torch.ones(n_source + n_target, n_source + n_target, dtype=torch.bool).tril()
        mask[:, : columns(n_source, n_target)] = True
        return mask

    return mask


def all_of_target(n_source, n_target):
    mask = torch.ones(n_source + n_target, n_source + n_target, dtype=torch.bool)
    mask[:n_source, n_source:] = False
    return mask


def not_itself(n_source, n_target):
    mask = prefix(n_source, n_target)
    for i in range(n_source, n_source + n_target):
        mask[i, i] = False
    return mask


def with_torch(y, encoded, w_query, w_key, w_value, **options):
    query, key, value = y @ w_query, encoded @ w_key, encoded @ w_value
    return F.scaled_dot_product_attention(query[None], key[None], value[None], **options)[0]


def transposed(y, encoded, w_query, w_key, w_value):
    weights = ((y @ w_query) @ (encoded @ w_key).T / 2).softmax(0)
    return weights @ (encoded @ w_value)


def weights_only(y, encoded, w_query, w_key, w_value):
    return ((y @ w_query) @ (encoded @ w_key).T / 2).softmax(-1)


def own_values(y, encoded, w_query, w_key, w_value):
    return ((y @ w_query) @ (encoded @ w_key).T / 2).softmax(-1) @ (y @ w_value)


def own_keys(y, encoded, w_query, w_key, w_value):
    return ((y @ w_query) @ (y @ w_key).T / 2).softmax(-1) @ (encoded @ w_value)


RIGHT = {
    "15.1": [[81, 15, 45], (81, 15, 45), torch.tensor([81, 15, 45])],
    "15.2": [[18_874_368, 25_165_824], torch.tensor([18_874_368, 25_165_824])],
    "15.3": [shifted, by_lists],
    "15.4": [prefix, opened(lambda n_source, n_target: n_source)],
    "15.5": [with_torch, lambda y, e, q, k, v: (y @ q @ (e @ k).T / 2).softmax(1) @ (e @ v)],
}

WRONG = {
    "15.1": [
        ([45, 15, 81], "another order"),
        ([45, 15, 45], "no causal mask"),
        ([72, 15, 45], "each of 9 tokens"),
        ([81, 25, 45], "a part is hidden"),
        ([81, 10, 45], "the diagonal"),
        ([81, 12, 45], "12 is not their sum"),
        ([81, 15, 14], "of both together"),
        ([81, 15, 135], "5 tokens have been read"),
        ([81, 15, 81], "5 rows and 9 columns"),
        ([81, 15], "expected three"),
        ("81", "got a str"),
    ],
    "15.2": [
        ([25_165_824, 18_874_368], "the encoder first"),
        ([18.874368, 25.165824], "millions"),
        ([3_145_728, 4_194_304], "one layer of each"),
        ([18_874_368, 18_874_368], "second attention"),
        ([17_301_504, 22_020_096], "the output's"),
        ([12_582_912, 18_874_368], "up and down"),
        ([6_291_456, 12_582_912], "feed-forward networks are missing"),
        ([12_582_912, 12_582_912], "attention is missing"),
        ([62_914_560, 113_246_208], "heads share"),
        ([18_874_368, 20_000_000], "the decoder's 20,000,000"),
        ([1, 25_165_824], "the encoder's 1 "),
        ([44_040_192], "expected two"),
    ],
    "15.3": [
        (lambda t, s, e: shifted(t, s, e)[::-1], "wrong order"),
        (lambda t, s, e: (torch.cat([row(s), t[:-1]]), t), "end is missing"),
        (lambda t, s, e: (t, torch.cat([t[1:], row(e)])), "start is missing"),
        (lambda t, s, e: (torch.cat([row(s), t, row(e)]),) * 2, "not shifted"),
        (lambda t, s, e: (torch.cat([row(s), t]),) * 2, "both have the start"),
        (lambda t, s, e: (row(s, *t, e), row(*t, e)), "nothing to say"),
        (lambda t, s, e: shifted(t, e, s), "changed places"),
        (lambda t, s, e: (torch.cat([row(s), t]), torch.cat([t[1:], row(e)])), "two places"),
        (lambda t, s, e: (torch.cat([row(s), t]), t), "4 and 3 ids"),
        (lambda t, s, e: (t, t), "say [7, 5, 9]"),
        (lambda t, s, e: shifted(t, 1, 2), "not with others"),
        (lambda t, s, e: 5, "expected two rows"),
        (shifted(row(7), 1, 2), "expected a function"),
    ],
    "15.4": [
        (lambda m, n: ~prefix(m, n), "wrong way round"),
        (lambda m, n: prefix(m, n).mT, "the row looks"),
        (lambda m, n: torch.ones(m + n, m + n).bool().tril(), "plain causal"),
        (lambda m, n: torch.ones(m + n, m + n).bool(), "everything is seen"),
        (without_cross, "do not meet"),
        (not_itself, "itself too"),
        (all_of_target, "there the mask is causal"),
        (opened(lambda n_source, n_target: n_target), "opened n_target"),
        (opened(lambda n_source, n_target: n_source - 1), "row 0 may look at column 4"),
        (opened(lambda n_source, n_target: n_source + 1), "row 0 may not look at column 5"),
        (lambda m, n: prefix(m, n).float(), "True and False"),
        (lambda m, n: prefix(m, n)[m:], "expected 8 rows"),
        (lambda m, n: None, "returns nothing"),
    ],
    "15.5": [
        (lambda y, e, q, k, v: with_torch(y, y, q, k, v), "self-attention"),
        (lambda y, e, q, k, v: with_torch(e, e, q, k, v), "and not from encoded"),
        (lambda y, e, q, k, v: with_torch(e, y, q, k, v), "two sides"),
        (lambda *a: with_torch(*a, scale=1.0), "without the scale"),
        (lambda *a: with_torch(*a, scale=6**-0.5), "d_model"),
        (lambda *a: with_torch(*a, scale=1 / 4), "its square root"),
        (lambda *a: with_torch(*a, is_causal=True), "no causal mask"),
        (transposed, "softmax runs over the keys"),
        (lambda y, e, q, k, v: with_torch(y, e, q, v, k), "key and value"),
        (own_values, "values come from encoded"),
        (own_keys, "keys come from encoded"),
        (weights_only, "look like the weights"),
        (lambda *a: with_torch(*a).T, "one row a query"),
        (lambda *a: 2 * with_torch(*a), "the numbers are not"),
        (lambda y, e, q, k, v: y @ e.T @ e @ e, "stopped with RuntimeError"),
    ],
}


def test_the_counts_are_those_of_the_network_itself():
    from llmlab import parameter_table, preset

    table = parameter_table(preset("transformer-base"))
    parts = ("attention", "cross-attention", "feed-forward")
    biases = 2 * 6 * (2048 + 512)  # of the feed-forward networks
    assert sum(table[part].count for part in parts) - biases == sum(RIGHT["15.2"][0])


def test_the_numbers_are_the_chapters():
    """The checks compute with the numbers that the reader sees."""
    cells = json.loads(CHAPTER.read_text(encoding="utf-8"))["cells"]
    prose = "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")
    tokens = f"has read {chapter_15.N_SOURCE} tokens, the decoder {chapter_15.N_TARGET}"
    assert tokens in prose
    assert f"{chapter_15.LAYERS} layers in each half, width $d = {chapter_15.WIDTH}$" in prose
    assert f"{chapter_15.INNER:,} numbers inside the feed-forward network" in prose
