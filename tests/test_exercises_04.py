"""The checks of chapter 4: right answers pass, and each typical mistake is named."""

import json
import math
from collections import Counter
from pathlib import Path

import pytest

from llmlab.exercises import chapter_04
from llmlab.lessons import AddK, NGramModel

CHAPTER = Path(__file__).parent.parent / "chapters" / "04_what_makes_llms_work.ipynb"
THIRD = 1 / 3
PER_CHARACTER = 1.2 / math.log(2) * 300 / 800
EXPONENT = math.log(4) / math.log(100)


def next_shares(context, texts):
    """What followed a context, with slices of tuples."""
    n, found = len(context), Counter()
    for text in texts:
        found.update(text[i + n] for i in range(len(text) - n) if text[i : i + n] == context)
    return {token: count / found.total() for token, count in found.items()}


def counting(*, matches=lambda text, i, context: text[i - len(context) : i] == context,
             split=lambda texts: texts, per=lambda found, texts: sum(found.values()),
             start=lambda n: n):  # fmt: skip
    """next_shares, with a place for every mistake."""

    def shares(context, texts):
        found = {}
        for text in split(texts):
            for i in range(start(len(context)), len(text)):
                if matches(text, i, context):
                    found[text[i]] = found.get(text[i], 0) + 1
        return {token: count / per(found, texts) for token, count in found.items()}

    return shares


def emptying(context, texts):
    shares = next_shares(context, texts)
    texts.clear()
    return shares


def loss_with_context(probability, ids, length):
    losses = []
    for i, id in enumerate(ids):
        losses.append(-math.log(probability(id, ids[max(0, i - length) : i])))
    return sum(losses) / len(losses)


def cutting(*, context=lambda ids, i, length: ids[max(0, i - length) : i],
            loss=lambda p: -math.log(p), total=lambda losses: sum(losses) / len(losses),
            start=0):  # fmt: skip
    """loss_with_context, with a place for every mistake."""

    def mean(probability, ids, length):
        return total([
            loss(probability(ids[i], context(ids, i, length))) for i in range(start, len(ids))
        ])

    return mean


RIGHT = {
    "4.1": [[1, THIRD, math.log(3)], (1.0, 0.33, 1.1)],
    "4.2": [PER_CHARACTER, 0.65, "0.649"],
    "4.3": [next_shares, counting()],
    "4.4": [[EXPONENT, 1e9], (0.30, 1.0e9), [0.301, 10**9]],
    "4.5": [loss_with_context, cutting(), lambda p, ids, length: float(cutting()(p, ids, length))],
}

WRONG = {
    "4.1": [
        ([THIRD, THIRD, math.log(3)], "how often 小狗 comes"),
        ([0.5, THIRD, 0.7], "what followed 小狗"),
        ([1, 0, 9], "a bigram looks at one word only"),
        ([1, 1, 0], "the second is a count"),
        ([1, 0.5, 0.69], "what followed 爱"),
        ([1, THIRD, -math.log(3)], "the sign of the loss"),
        ([1, THIRD, math.log2(3)], "in bits"),
        ([1, THIRD, math.log10(3)], "base 10"),
        ([1, THIRD, THIRD], "the probability of both"),
        ([1, THIRD, math.log(3) / 2], "the mean over the two words"),
        ([1, THIRD, 5], "the loss is not"),
        ([1, THIRD], "expected three numbers"),
    ],
    "4.2": [
        (1.731, "bits per token"),
        (0.45, "nats per character"),
        (4.617, "the wrong way round"),
        (0.312, "you multiplied by ln 2"),
        (519.4, "the whole text"),
        (2 * PER_CHARACTER, "2.00 times the right number"),
        ("little", "expected one number"),
    ],
    "4.3": [
        (counting(per=lambda found, texts: 1), "these are counts"),
        (counting(per=lambda found, texts: sum(found.values()) / 100), "per cent"),
        (counting(split=lambda texts: [sum(texts, [])]), "across the end of a text"),
        (counting(per=lambda found, texts: sum(map(len, texts))), "the number of all tokens"),
        (counting(matches=lambda t, i, c: t[i - 1 : i] == c[-1:] or not c),
         "its last token only"),
        (counting(split=lambda texts: texts[:1]), "the token 4 followed too"),
        (counting(start=lambda n: max(n, 1)), "after the empty context"),
        (counting(per=lambda found, texts: 2 * sum(found.values())), "the shares are"),
        (lambda c, texts: next_shares(c, texts) or {0: 1.0}, "return an empty dict"),
        (lambda c, texts: {0: 1 / len(next_shares(c, texts))} if c == [9]
         else next_shares(c, texts), "you divide by 0"),
        (emptying, "changes the texts"),
        (lambda c, texts: list(next_shares(c, texts)), "expected a dict"),
        (lambda c, texts: None, "returns nothing"),
        ({}, "expected a function"),
    ],
    "4.4": [
        ([-EXPONENT, 1e9], "the wrong sign"),
        ([math.log(3.5 / 2) / math.log(100), 1e9], "you forgot the floor"),
        ([4, 1e9], "the factor by which the rest"),
        ([1 / EXPONENT, 1e9], "upside down"),
        ([math.log(4), 1e9], "one logarithm"),
        ([0.7, 1e9], "the exponent is not right"),
        ([EXPONENT, 1e8 * (2 / 1.75) ** (1 / EXPONENT)], "did not take off the floor"),
        ([EXPONENT, 10], "how many parameters are that"),
        ([EXPONENT, 1e7], "the small network's size"),
        ([EXPONENT, 2e8], "more than doubling"),
        ([EXPONENT, 5e9], "must be halved, so"),
        (EXPONENT, "expected two numbers"),
    ],
    "4.5": [
        (cutting(total=sum), "this is the sum"),
        (cutting(loss=math.log), "the sign is the other way round"),
        (cutting(loss=lambda p: -math.log2(p)), "in bits"),
        (cutting(loss=lambda p: p), "the mean of the probabilities"),
        (cutting(loss=lambda p: p, total=lambda ps: -math.log(sum(ps) / len(ps))),
         "minus the logarithm of the mean"),
        (cutting(total=max), "but the mean is"),
        (cutting(start=1), "you ask for 5 tokens of 6"),
        (cutting(context=lambda ids, i, k: ids[max(0, i - k + 1) : i + 1]),
         "holds the token that is asked for"),
        (cutting(context=lambda ids, i, k: ids[:i]), "you hand over 3 tokens: keep the last 2"),
        (cutting(context=lambda ids, i, k: ids[:i][-k:]), "ids[-0:] is the whole list"),
        (cutting(context=lambda ids, i, k: ids[max(0, i - k) : i][::-1]), "back to front"),
        (cutting(context=lambda ids, i, k: ids[i - k : i]), "may not begin below 0"),
        (cutting(context=lambda ids, i, k: ids[max(0, i - k) : i][1:] + [0] * (i > 0)),
         "and you hand over"),
        (lambda p, ids, k: 1.0, "never calls probability"),
        (lambda p, ids, k: [p(id, []) for id in reversed(ids)], "in their order"),
        (lambda p, ids, k: str([p(id, ids[max(0, i - k) : i]) for i, id in enumerate(ids)]),
         "expected one number from"),
        (0.5, "expected a function"),
    ],
}


@pytest.mark.parametrize("length", [0, 1, 3])
def test_the_reference_for_counts_agrees_with_llmlab(length):
    """With next to no smoothing an n-gram model has the shares of the counts."""
    texts = [[0, 1, 2, 1, 2, 3], [1, 2, 0], [2, 1, 2]]
    model = NGramModel(texts, length + 1, vocab_size=4, smoothing=AddK(1e-9))
    context = [0, 1, 2][3 - length :]
    for token, share in next_shares(context, texts).items():
        assert model.probability(token, context) == pytest.approx(share, abs=1e-6)


def test_the_numbers_are_the_chapters():
    """The checks compute with the numbers that the reader sees."""
    cells = json.loads(CHAPTER.read_text(encoding="utf-8"))["cells"]
    prose = "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")
    for sentence in (*chapter_04.SENTENCES, chapter_04.NEW):
        assert sentence in prose
    assert f"{chapter_04.LOSS} nats per token" in prose
    assert f"{chapter_04.TOKENS} tokens and {chapter_04.CHARACTERS} characters" in prose
    assert f"The floor is {chapter_04.FLOOR}" in prose
    assert f"the loss {chapter_04.TARGET}" in prose
