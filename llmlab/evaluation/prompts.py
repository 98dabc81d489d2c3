"""What the book's own model must say to a few prompts, from its weights alone."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ..generation import generate
from ..model import LanguageModel

SAMPLES = 20
TEMPERATURE = 0.7
BEGINS_WITH_STEP = re.compile(r"？?(\n?答：)?(首先|第一|先)")
ENGLISH_STEP = re.compile(r"\??\s?(A: )?(First|The first|Start|Begin)")
WATER = re.compile(r"多喝.{0,2}水|喝.{0,3}水")
PROGRAM = re.compile(r"```python\n(.*?)\n```", re.DOTALL)
ENGLISH_WATER = re.compile(r"\bdrink (\w+ ){0,3}water\b")


@dataclass(frozen=True)
class Check:
    """One expectation.

    Attributes:
        wanted: what was expected, in words.
        found: what came, in words and numbers.
        value: the number that decides, if one does.
    """

    prompt: str
    wanted: str
    found: str
    value: float | None
    passed: bool


def measure_prompts(model: LanguageModel) -> tuple[Check, ...]:
    """Every check; a model of another vocabulary fails them rather than raising."""
    return (
        next_is(model, "我爱北京天安", "门", 0.9),
        before_and_after(model, "今天天气真好，适合去", "散步", "打游戏"),
        names(model, "小王把苹果递给了小李，因为他饿了。谁饿了？", "小李", "小王"),
        names(model, "小王把苹果递给了小李，因为他吃饱了。谁吃饱了？", "小王", "小李"),
        sentences(model, "如何进行机器学习？", BEGINS_WITH_STEP),
        sentences(model, "如何进行机器学习", BEGINS_WITH_STEP),
        sentences(model, "How do I do machine learning?", ENGLISH_STEP),
        program(model, "请写一个快速排序。", "sort"),
        advises(model, "小明今天感冒了。", WATER, "多喝水"),
        advises(model, "Xiaoming has a cold today.", ENGLISH_WATER, "drink water"),
    )


def next_is(model: LanguageModel, prompt: str, wanted: str, least: float) -> Check:
    """The next token begins with ``wanted``, with at least this probability."""
    probabilities = next_probabilities(model, prompt)
    token = model.tokenizer.token
    begins = [id for id in range(model.tokenizer.vocab_size) if token(id).text.startswith(wanted)]
    value = float(probabilities[begins].sum())
    said = _top(model, probabilities)
    return Check(prompt, f"{wanted} over {least:.0%}", f"{value:.2%}; {said}", value, value > least)


def before_and_after(model: LanguageModel, prompt: str, likely: str, unlikely: str) -> Check:
    """``likely`` is among the first three tokens, and ``unlikely`` comes behind it.

    Behind it means both: its first token ranks lower, and as a whole it is less probable.
    """
    probabilities = next_probabilities(model, prompt)
    order = probabilities.argsort(descending=True, stable=True).tolist()
    words = (likely, unlikely)
    first = [order.index(continuation_ids(model, prompt, word)[0]) + 1 for word in words]
    whole = [probability_of(model, prompt, word) for word in words]
    found = (
        f"{likely} {first[0]}. of the tokens, {whole[0]:.2%}; {unlikely} {first[1]}., "
        f"{whole[1]:.2%}; {_top(model, probabilities)}"
    )
    passed = first[0] <= 3 and first[0] < first[1] and whole[1] < whole[0]
    wanted = f"{likely} in the first three, {unlikely} behind it"
    return Check(prompt, wanted, found, whole[0], passed)


def names(model: LanguageModel, prompt: str, right: str, wrong: str) -> Check:
    """The greedy answer names ``right`` first; the value is its probability as the next text."""
    text = greedy_text(model, prompt, 16)
    places = {name: text.find(name) for name in (right, wrong) if name in text}
    passed = bool(places) and min(places, key=places.get) == right
    value = probability_of(model, prompt, right)
    return Check(prompt, right, f"{text!r}; at once: {value:.2%}", value, passed)


def sentences(model: LanguageModel, prompt: str, begins: re.Pattern[str]) -> Check:
    """The greedy continuation is of full sentences, of which the first begins with a step."""
    run = generate(model, prompt, max_new_tokens=150, top_k=1)
    text = run.text
    passed = bool(begins.match(text)) and run.stop_reason == "end" and text[-1] in "。！.!"
    return Check(prompt, "full sentences that begin with a step", repr(text), None, passed)


def program(model: LanguageModel, prompt: str, named: str) -> Check:
    """The greedy continuation has Python that parses, with a function of such a name.

    It is read and never run.
    """
    text = greedy_text(model, prompt, 200)
    block = PROGRAM.search(text)
    try:
        tree = ast.parse(block[1] if block else "")
    except (SyntaxError, ValueError):
        tree = ast.parse("")
    functions = [node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    passed = any(named in name for name in functions)
    return Check(prompt, f"Python with a function to {named}", repr(text), None, passed)


def advises(model: LanguageModel, prompt: str, advice: re.Pattern[str], said: str) -> Check:
    """At least half of twenty samples contain the advice; the value is their share."""
    texts = [
        generate(model, prompt, max_new_tokens=60, temperature=TEMPERATURE, seed=seed).text
        for seed in range(SAMPLES)
    ]
    value = sum(bool(advice.search(text)) for text in texts) / SAMPLES
    found = f"{value:.0%} of {SAMPLES}; {texts[0]!r}"
    return Check(prompt, f"{said} in half of {SAMPLES} samples", found, value, value >= 0.5)


def greedy_text(model: LanguageModel, prompt: str, max_new_tokens: int) -> str:
    return generate(model, prompt, max_new_tokens=max_new_tokens, top_k=1).text


def next_probabilities(model: LanguageModel, prompt: str) -> Tensor:
    """(vocab,), float64 on the CPU."""
    with torch.inference_mode():
        logits = model.transformer(model.encode(prompt), last_only=True).logits[0, -1]
    return logits.double().softmax(-1).cpu()


def probability_of(model: LanguageModel, prompt: str, continuation: str) -> float:
    """That the prompt goes on so, in the tokens of the whole text."""
    before = model.encode(prompt)[0].tolist()
    after = continuation_ids(model, prompt, continuation)
    ids = torch.tensor([before + after], device=model.device)
    with torch.inference_mode():
        logits = model.transformer(ids).logits[0, len(before) - 1 : -1]
    chosen = logits.double().log_softmax(-1).gather(1, ids[0, len(before) :, None])
    return float(chosen.sum().exp())


def continuation_ids(model: LanguageModel, prompt: str, continuation: str) -> list[int]:
    """The tokens that a continuation has behind a prompt.

    They are those of the whole text; where the border lies inside one of its tokens, those of
    the continuation by itself.
    """
    before = model.tokenizer.encode(prompt)
    whole = model.tokenizer.encode(prompt + continuation)
    if whole[: len(before)] == before:
        return whole[len(before) :]
    return model.tokenizer.encode(continuation)


def _top(model: LanguageModel, probabilities: Tensor, k: int = 5) -> str:
    best = probabilities.topk(min(k, len(probabilities)))
    token: Callable = model.tokenizer.token
    return ", ".join(
        f"{token(id).text!r} {p:.1%}"
        for id, p in zip(best.indices.tolist(), best.values.tolist(), strict=True)
    )
