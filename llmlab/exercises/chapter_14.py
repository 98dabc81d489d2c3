"""Checks of chapter 14, the GPT architecture."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ..config import TransformerConfig
from ..parameters import parameter_table
from ..presets import preset
from ..transformer import Transformer
from .answers import call, kind, number

# Exercise 14.2: what each of them can show that the ones before it cannot.
CONFIGURATIONS = (
    "gpt2",  # biases everywhere
    "qwen2-0.5b",  # 14 heads in 24 layers; 2 key/value heads; no bias on the output
    "llama-3.1-8b",  # no biases at all
    "gemma-3-270m",  # 4 heads of 256 in a width of 640
)
PROMPTS = ((7, 3, 11, 42, 5), (23, 8))  # exercise 14.4: ids of the small model's vocabulary
N_NEW = 6


def check_14_1(answer: Any) -> str | None:
    """The token embedding's share of GPT-2 XL, in per cent."""
    value = number(answer)
    if value is None:
        return f"expected one number, such as 12.3, and got {kind(answer)}"
    table = parameter_table(preset("gpt2-xl"))
    token, position = table["token embedding"], table["position embedding"]
    if abs(value - 100 * token.share) < 0.06:
        return None
    if abs(value - token.share) < 0.0006:
        return "the row is right; the answer is wanted in per cent, so multiply by 100"
    if value == token.count:
        return "this is the count: divide it by the total, and multiply by 100"
    mistakes = {
        "this is GPT-2's share, the small one's: the question is about gpt2-xl":
            parameter_table(preset("gpt2"))["token embedding"].share,
        "token and position embedding together are more than was asked for":
            token.share + position.share,
        "this is the position embedding's share: take the row above it": position.share,
        "this is attention's share: take the row of the token embedding":
            table["attention"].share,
        "this is the feed-forward network's share: take the row of the token embedding":
            table["feed-forward"].share,
        "this is what all the other parts have together": 1 - token.share,
    }
    for message, share in mistakes.items():
        if abs(value - 100 * share) < 0.06:
            return message
    return "no row of gpt2-xl that you need says this: divide 50,257 · 1,600 by the total"


def check_14_2(answer: Any) -> str | None:
    """A function from a configuration to the parameters of all its attention layers."""
    counts, configs = [], [preset(name) for name in CONFIGURATIONS]
    for config in configs:
        got, problem = call(answer, config)
        if problem:
            return problem
        count = number(got)
        if count is None:
            return f"expected one number from your function, and got {kind(got)}"
        counts.append(count)
    right = [parameter_table(config)["attention"].count for config in configs]
    if counts == right:
        return None
    mistakes: dict[str, Callable[[TransformerConfig], int]] = {
        "this is one layer: multiply by config.n_layers":
            lambda c: _attention_count(c, times=1),
        "you multiplied by the heads: they share one matrix, and layers are what repeats":
            lambda c: _attention_count(c, times=c.n_heads),
        "keys and values have config.n_kv_heads heads, which can be fewer than queries have":
            lambda c: _attention_count(c, kv_heads=c.n_heads),
        "a head has config.d_head numbers, which is not always d_model / n_heads":
            lambda c: _attention_count(c, d_head=c.d_model // c.n_heads),
        "four matrices of d_model · d_model fit GPT-2 only, and its biases are missing: "
        "use n_heads, n_kv_heads and d_head":
            lambda c: 4 * c.d_model**2 * c.n_layers,
        "four matrices of d_model · d_model fit GPT-2 only: use n_heads, n_kv_heads and d_head":
            lambda c: 4 * (c.d_model**2 + c.d_model) * c.n_layers,
        "the matrices are right, the biases are missing: see attention_bias and output_bias":
            lambda c: _attention_count(c, biases=0, output_bias=0),
        "you count biases in every model: see whether attention_bias and output_bias are True":
            lambda c: _attention_count(c, biases=1, output_bias=1),
        "the output's bias has a switch of its own, output_bias":
            lambda c: _attention_count(c, output_bias=c.attention_bias),
        "three of the four matrices are there: the output's is missing":
            lambda c: _attention_count(c, output=False),
    }
    for message, count in mistakes.items():
        if counts == [count(config) for config in configs]:
            return message
    if counts == [parameter_table(config).total for config in configs]:
        return "this is the whole model: count attention's four matrices and their biases only"
    name, got, wanted = next(
        row for row in zip(CONFIGURATIONS, counts, right, strict=True) if row[1] != row[2]
    )
    return f"for preset({name!r}) your function says {got:,.0f}, and there are {wanted:,}"


def _attention_count(
    config: TransformerConfig,
    *,
    times: int | None = None,
    kv_heads: int | None = None,
    d_head: int | None = None,
    biases: bool | None = None,
    output_bias: bool | None = None,
    output: bool = True,
) -> int:
    """Attention's parameters by formula, with a switch for every mistake."""
    d, d_head = config.d_model, config.d_head if d_head is None else d_head
    d_query = config.n_heads * d_head
    d_kv = (config.n_kv_heads if kv_heads is None else kv_heads) * d_head
    biases = config.attention_bias if biases is None else biases
    output_bias = config.output_bias if output_bias is None else output_bias
    one = d * d_query + 2 * d * d_kv + biases * (d_query + 2 * d_kv)
    if output:
        one += d_query * d + output_bias * d
    return one * (config.n_layers if times is None else times)


def check_14_3(answer: Any) -> str | None:
    """Multiplications and additions for one token through GPT-2 XL, its head included."""
    value = number(answer)
    if value is None:
        return f"expected one number, such as 1.2e9, and got {kind(answer)}"
    config = preset("gpt2-xl")
    layers = 12 * config.n_layers * config.d_model**2
    head = config.vocab_size * config.d_model
    right = 2 * (layers + head)
    mistakes = {
        "each parameter of a matrix costs two, one multiplication and one addition": layers + head,
        "the head is missing: the last vector meets all 50,257 rows of the token embedding":
            2 * layers,
        "the head is missing, and each parameter costs two, not one": layers,
        "the token embedding counts once, in the head: at the entrance a row is only looked up":
            2 * (layers + 2 * head),
        "this is one layer and the head: there are 48 layers": 2 * (layers // 48 + head),
        "you multiplied by the 25 heads: layers are what repeats, and there are 48":
            2 * (layers // 48 * 25 + head),
        "attention is missing: its four matrices are 4 of the 12 d²":
            2 * (layers * 8 // 12 + head),
        "the feed-forward network is missing: its two matrices are 8 of the 12 d²":
            2 * (layers * 4 // 12 + head),
        "this is the cost in training, where the way back costs twice the way there: "
        "the question is about one run forward": 3 * right,
    }
    if _within(value, right):  # biases, norms and the position table may be in it or not
        return None
    if _within(value * 1e9, right):
        return "right in thousand millions: write it out in full, with e9 behind it"
    for message, wrong in mistakes.items():
        if _within(value, wrong):
            return message
    return f"this is {value / right:.3g} times as much as it is: take 2 · (12 L d² + V d)"


def check_14_4(answer: Any) -> str | None:
    """greedy(transformer, ids, n): the prompt's ids and n more, with a cache."""
    transformer = small_transformer()
    for prompt in PROMPTS:
        mistake = _greedy_mistake(answer, transformer, prompt)
        if mistake:
            return mistake
    return None


def small_transformer() -> Transformer:
    """Two layers with random weights, the same every time, that choose a new token each step."""
    config = TransformerConfig(
        vocab_size=200,
        context_length=64,
        n_layers=2,
        d_model=64,
        n_heads=2,
        d_ff=128,
        tied_embeddings=False,  # tied, a random model repeats what it has read
    )
    with torch.random.fork_rng(devices=[]):
        transformer = Transformer(config).eval().requires_grad_(False)
        torch.manual_seed(15)  # whose greedy texts hardly repeat a token
        for parameter in transformer.parameters():
            if parameter.dim() == 2:  # fresh weights are so small that the context hardly counts
                parameter.normal_(std=0.5)
    return transformer


def _greedy_mistake(answer: Any, transformer: Transformer, prompt: tuple[int, ...]) -> str | None:
    """None, or which way of going wrong gives exactly these tokens."""
    read: list[int] = []

    def count(_module: Any, arguments: tuple, keywords: dict) -> None:
        read.append((arguments[0] if arguments else keywords["ids"]).size(1))

    runs = []
    for _ in range(2):
        read.clear()
        hook = transformer.register_forward_pre_hook(count, with_kwargs=True)
        try:
            got, problem = call(answer, transformer, torch.tensor([prompt]), N_NEW)
        finally:
            hook.remove()
        if problem:
            return problem
        ids = _ids(got)
        if ids is None:
            return f"expected ids from your function, a tensor or a list, and got {kind(got)}"
        runs.append(ids)
    ids, right = runs[0], _greedy(transformer, prompt)
    n_read, n_needed = sum(read), len(prompt) + N_NEW - 1
    if runs[0] != runs[1]:
        return (
            "two runs gave different tokens: greedy draws nothing, it takes the largest logit, "
            "argmax"
        )
    if ids == right:
        if n_read <= n_needed + 1:  # reading the last token as well does no harm
            return None
        return (
            f"the tokens are right, but your loop read {n_read} positions and {n_needed} are "
            "enough: give cache=, and after the first step only the newest token"
        )
    if ids == right[len(prompt) :]:
        return "these are the new tokens alone: return the prompt's ids with the new ones after"
    first = (
        "you took the logits of the first position: the next token is read off the last, "
        "logits[:, -1]"
    )
    mistakes = [
        (first, _greedy(transformer, prompt, position=0)),
        (first, _greedy(transformer, prompt, position=0, feed="newest with cache")),
        (
            "you took the smallest logit: argmax takes the largest",
            _greedy(transformer, prompt, pick=Tensor.argmin),
        ),
        (
            "each new token was read as if it stood alone at position 0: make one cache before "
            "the loop and give the same one at every step",
            _greedy(transformer, prompt, feed="newest without cache"),
        ),
        (
            "the cache holds the text so far, and you fed it all again: feed the newest token only",
            _greedy(transformer, prompt, feed="everything with cache"),
        ),
        (
            "you fed the prompt's last token at every step: feed the one just chosen",
            _greedy(transformer, prompt, feed="prompt's last with cache"),
        ),
        (
            "the prompt was not read, only its last token: the first step feeds all of it",
            [*prompt[:-1], *_greedy(transformer, prompt[-1:])],
        ),
        (
            "you skipped a token: the first new one comes from the prompt's own last logits",
            [*prompt, *_greedy(transformer, prompt, n=N_NEW + 1)[len(prompt) + 1 :]],
        ),
    ]
    for message, wrong in mistakes:
        if ids in (wrong, wrong[len(prompt) :]):
            return message
    if len(ids) != len(right):
        return (
            f"from {len(prompt)} ids and n={N_NEW} come {len(right)} ids, and your function "
            f"returns {len(ids)}"
        )
    if tuple(ids[: len(prompt)]) != prompt:
        return "the ids must begin with those of the prompt, unchanged"
    step = next(i for i, (a, b) in enumerate(zip(ids, right, strict=True)) if a != b) - len(prompt)
    chosen = ids[len(prompt) + step]
    return f"new token {step} (from 0) is {chosen}, and another id has the largest logit there"


def _greedy(
    transformer: Transformer,
    prompt: tuple[int, ...],
    *,
    position: int = -1,
    pick: Callable = Tensor.argmax,
    feed: str = "",
    n: int = N_NEW,
) -> list[int]:
    """Greedy decoding without a cache, or in one of the ways that go wrong."""
    ids = list(prompt)
    cache = transformer.new_cache(1, 64) if feed.endswith("with cache") else None
    for step in range(n):
        new = ids
        if step and feed.startswith("newest"):
            new = ids[-1:]
        elif step and feed.startswith("prompt's last"):
            new = prompt[-1:]
        logits = transformer(torch.tensor([new]), cache=cache).logits[0, position]
        ids.append(int(pick(logits)))
    return ids


def _ids(answer: Any) -> list[int] | None:
    try:
        return torch.as_tensor(answer).flatten().long().tolist()
    except (TypeError, ValueError, RuntimeError):
        return None


def _within(value: float, expected: float) -> bool:
    return abs(value - expected) < 0.006 * expected


CHECKS = {"14.1": check_14_1, "14.2": check_14_2, "14.3": check_14_3, "14.4": check_14_4}
