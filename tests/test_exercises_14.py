"""The checks of chapter 14: right answers pass, and each typical mistake is named."""

import dataclasses

import pytest
import torch

from llmlab.exercises import chapter_14, verdict


def attention_parameters(config):
    """By another way than the check's formula: shapes of PyTorch's own layers."""
    heads, kv = config.n_heads * config.d_head, config.n_kv_heads * config.d_head
    with torch.device("meta"):
        layers = [
            torch.nn.Linear(config.d_model, width, bias=config.attention_bias)
            for width in (heads, kv, kv)
        ] + [torch.nn.Linear(heads, config.d_model, bias=config.output_bias)]
    return config.n_layers * sum(p.numel() for layer in layers for p in layer.parameters())


def greedy(transformer, ids, n):
    cache = transformer.new_cache(1, ids.size(1) + n)
    new = ids
    for _ in range(n):
        new = transformer(new, cache=cache).logits[:, -1].argmax(-1, keepdim=True)
        ids = torch.cat([ids, new], dim=1)
    return ids


def loop(
    *,
    cached=True,
    first=lambda ids: ids,
    feed=lambda ids, new: new,
    logits=lambda logits: logits[:, -1],
    pick=lambda logits: logits.argmax(-1, keepdim=True),
    result=lambda ids, n: ids,
    steps=lambda n: n,
    fresh_cache=False,
):
    """A generation loop with a place for every mistake."""

    def generate(transformer, ids, n):
        cache = transformer.new_cache(1, 200) if cached else None
        new = first(ids)
        for _ in range(steps(n)):
            if fresh_cache:
                cache = transformer.new_cache(1, 200)
            chosen = pick(logits(transformer(new, cache=cache).logits))
            ids = torch.cat([ids, chosen], dim=1)
            new = feed(ids, chosen)
        return result(ids, n)

    return generate


def off_by_one(transformer, ids, n):
    """Reads the prompt, throws its logits away, and begins from a token of its own."""
    longer = greedy(transformer, ids, n + 1)[0].tolist()
    return longer[: ids.size(1)] + longer[ids.size(1) + 1 :]


# GPT-2 XL: 48 layers of width 1600.
LAYERS, HEAD = 12 * 48 * 1600**2, 50_257 * 1600

RIGHT = {
    "14.1": [5.16, 5.2, "5.2", 100 * 50_257 * 1600 / 1_557_611_200],
    "14.2": [attention_parameters, lambda config: torch.tensor(attention_parameters(config))],
    "14.3": [2 * (LAYERS + HEAD), 3.11e9, 2 * 1_557_611_200],
    "14.4": [
        greedy,
        loop(),
        lambda *arguments: greedy(*arguments)[0].tolist(),
        loop(pick=lambda logits: logits.softmax(-1).argmax(-1, keepdim=True)),
    ],
}

WRONG = {
    "14.1": [
        (0.0516, "in per cent"),
        (80_411_200, "this is the count"),
        (31.0, "the small one's"),
        (5.27, "more than was asked for"),
        (0.11, "take the row above it"),
        (31.58, "attention's share"),
        (63.1, "feed-forward network's share"),
        (94.84, "all the other parts"),
        (0.7, "divide 50,257"),
        ([5.2, 1.0], "expected one number"),
    ],
    "14.2": [
        (lambda c: attention_parameters(c) // c.n_layers, "this is one layer"),
        (lambda c: attention_parameters(c) // c.n_layers * c.n_heads, "by the heads"),
        (lambda c: 4 * c.d_model**2 * c.n_layers, "biases are missing: use n_heads"),
        (lambda c: 4 * (c.d_model**2 + c.d_model) * c.n_layers, "fit GPT-2 only: use"),
        (
            lambda c: attention_parameters(dataclasses.replace(c, n_kv_heads=c.n_heads)),
            "fewer than queries",
        ),
        (
            lambda c: attention_parameters(dataclasses.replace(c, d_head=c.d_model // c.n_heads)),
            "not always d_model / n_heads",
        ),
        (
            lambda c: c.n_layers * 2 * c.d_model * c.d_head * (c.n_heads + c.n_kv_heads),
            "see attention_bias",
        ),
        (
            lambda c: c.n_layers
            * (
                2 * c.d_model * c.d_head * (c.n_heads + c.n_kv_heads)
                + c.d_head * (c.n_heads + 2 * c.n_kv_heads)
                + c.d_model
            ),
            "biases in every model",
        ),
        (
            lambda c: attention_parameters(c)
            + c.n_layers * c.d_model * (c.attention_bias - c.output_bias),
            "a switch of its own",
        ),
        (
            lambda c: attention_parameters(c)
            - c.n_layers * c.d_model * (c.n_heads * c.d_head + c.output_bias),
            "the output's is missing",
        ),
        (lambda c: chapter_14.parameter_table(c).total, "the whole model"),
        (lambda c: 1, "for preset('gpt2') your function says 1, and there are 28,348,416"),
        (lambda c: "many", "expected one number from your function"),
        (lambda c: c.heads, "stopped with AttributeError"),
        (28_348_416, "expected a function"),
        (lambda c: None, "returns nothing"),
    ],
    "14.3": [
        (LAYERS + HEAD, "costs two, one multiplication"),
        (2 * LAYERS, "the head is missing: the last vector"),
        (LAYERS, "the head is missing, and"),
        (2 * (LAYERS + 2 * HEAD), "only looked up"),
        (2 * (LAYERS // 48 + HEAD), "this is one layer"),
        (2 * (LAYERS // 48 * 25 + HEAD), "by the 25 heads"),
        (2 * (2 * LAYERS // 3 + HEAD), "attention is missing"),
        (2 * (LAYERS // 3 + HEAD), "feed-forward network is missing"),
        (6 * (LAYERS + HEAD), "in training"),
        (3.11, "write it out in full"),
        (1e12, "times as much"),
        ("a lot", "expected one number"),
    ],
    "14.4": [
        (loop(cached=False, feed=lambda ids, new: ids), "your loop read"),
        (loop(result=lambda ids, n: ids[:, -n:]), "the new tokens alone"),
        (loop(logits=lambda logits: logits[:, 0]), "logits of the first position"),
        (
            loop(cached=False, logits=lambda logits: logits[:, 0], feed=lambda ids, new: ids),
            "logits of the first position",
        ),
        (loop(cached=False), "stood alone at position 0"),
        (loop(feed=lambda ids, new: ids), "you fed it all again"),
        (loop(pick=lambda x: torch.multinomial(x.softmax(-1), 1)), "two runs gave different"),
        (loop(pick=lambda x: x.argmin(-1, keepdim=True)), "the smallest logit"),
        (loop(first=lambda ids: ids[:, -1:]), "only its last token"),
        (loop(steps=lambda n: n - 1), "your function returns 10"),
        (loop(result=lambda ids, n: ids.flip(1)), "must begin with"),
        (off_by_one, "you skipped a token"),
        (
            lambda transformer, ids, n: [*ids[0].tolist(), *range(n)],
            "another id has the largest logit",
        ),
        (
            lambda transformer, ids, n: loop(feed=lambda _, new: ids[:, -1:])(transformer, ids, n),
            "at every step: feed the one just chosen",
        ),
        (lambda transformer, ids, n: greedy(transformer, ids[0], n), "stopped with"),
        (lambda transformer, ids, n: None, "returns nothing"),
        (lambda transformer, ids, n: "text", "expected ids"),
        ("greedy", "expected a function"),
    ],
}


@pytest.mark.parametrize("number", ["14.2", "14.4"])
def test_an_unwritten_function_is_not_an_answer(number):
    assert "returns nothing" in verdict(number, lambda *arguments: ...)


def test_a_new_cache_at_every_step_is_no_cache():
    assert "position 0" in verdict("14.4", loop(fresh_cache=True))


def test_a_cache_that_is_too_small_says_so():
    def too_small(transformer, ids, n):
        cache = transformer.new_cache(1, ids.size(1))
        new = ids
        for _ in range(n):
            new = transformer(new, cache=cache).logits[:, -1].argmax(-1, keepdim=True)
        return new

    assert "larger max_length" in verdict("14.4", too_small)


def test_the_check_leaves_the_random_numbers_and_the_model_as_they_were():
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    verdict("14.4", greedy)
    assert torch.equal(torch.rand(1), expected)
    one, other = chapter_14.small_transformer(), chapter_14.small_transformer()
    assert all(map(torch.equal, one.parameters(), other.parameters()))


def test_the_small_model_does_not_repeat_itself():
    """A model that wrote one token again and again would let many mistakes pass."""
    for prompt in chapter_14.PROMPTS:
        new = greedy(chapter_14.small_transformer(), torch.tensor([prompt]), 6)[0, len(prompt) :]
        assert len(set(new.tolist())) >= 5
