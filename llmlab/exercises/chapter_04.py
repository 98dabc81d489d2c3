"""Checks of chapter 4, what makes LLMs work so well."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch

from .answers import call, kind, near, number, numbers

# Exercise 4.1, numbers chosen: three sentences to count in, and a new one to judge.
SENTENCES = ("小猫 爱 吃 鱼", "小狗 爱 吃 肉", "小猫 爱 睡觉")
NEW = "小狗 爱 睡觉"

# Exercise 4.2: a loss in nats per token, and the tokens and characters of its text.
LOSS, TOKENS, CHARACTERS = 1.2, 300, 800

# Exercise 4.4: a floor, and two points of a curve (parameters, loss).
FLOOR, SMALL, LARGE, TARGET = 1.5, (1e6, 3.5), (1e8, 2.0), 1.75

ROUNDED = 0.006  # a number given to two decimals


def check_4_1(answer: Any) -> str | None:
    """Two probabilities out of counts, and the loss of their product."""
    row = numbers(answer)
    if row is None or len(row) != 3:
        return (
            "expected three numbers, the probability of 爱 after 小狗, that of 睡觉 after 爱, "
            f"and the loss of both together, and got {kind(answer)}"
        )
    first, second = 1.0, 1 / 3
    right = torch.tensor([first, second, -math.log(first * second)])
    if near(row, right, ROUNDED):
        return None
    if abs(row[0] - first) > ROUNDED:
        if abs(row[0] - 1 / 3) < ROUNDED:
            return (
                "the first is how often 小狗 爱 comes among the sentences: divide by how often "
                "小狗 comes"
            )
        return "the first number is not right: what followed 小狗, each time it came"
    if abs(row[1] - second) > ROUNDED:
        if abs(row[1]) < ROUNDED:
            return (
                "you looked for 小狗 爱 睡觉: a bigram looks at one word only, and 睡觉 did come "
                "after 爱"
            )
        if abs(row[1] - 1) < ROUNDED:
            return "the second is a count: divide it by how often 爱 came"
        return "the second number is not right: what followed 爱, each time it came"
    mistakes = {
        "the sign of the loss is the other way round: it is minus the logarithm":
            math.log(second),
        "this loss is in bits: in nats it is the natural logarithm, math.log": -math.log2(second),
        "this loss is the logarithm to base 10: use the natural one, math.log":
            -math.log10(second),
        "the last number is the probability of both: take minus its logarithm": first * second,
        "this is the mean over the two words: asked for is the loss of both together":
            -math.log(second) / 2,
    }
    for message, wrong in mistakes.items():
        if abs(row[2] - wrong) < ROUNDED:
            return message
    return "both probabilities are right, the loss is not: multiply them, then minus the logarithm"


def check_4_2(answer: Any) -> str | None:
    """Bits per character from nats per token."""
    given = number(answer)
    if given is None:
        return f"expected one number, the bits per character, and got {kind(answer)}"
    right = LOSS / math.log(2) * TOKENS / CHARACTERS
    if abs(given - right) < ROUNDED:
        return None
    mistakes = {
        "these are bits per token: spread them over the characters": LOSS / math.log(2),
        "these are nats per character: divide by ln 2 to have bits": LOSS * TOKENS / CHARACTERS,
        "tokens and characters are the wrong way round: a character has less than one token":
            LOSS / math.log(2) * CHARACTERS / TOKENS,
        "you multiplied by ln 2: a nat is more than one bit, so divide":
            LOSS * math.log(2) * TOKENS / CHARACTERS,
        "these are the bits of the whole text: divide by its characters":
            LOSS / math.log(2) * TOKENS,
    }
    for message, wrong in mistakes.items():
        if abs(given - wrong) < max(ROUNDED, 0.005 * wrong):
            return message
    return f"this is {given / right:.2f} times the right number: nats, ln 2, tokens, characters"


def check_4_3(answer: Any) -> str | None:
    """next_shares(context, texts): what followed a context, as shares."""
    texts = [[5, 1, 2, 1, 2, 1, 3], [1, 2, 4], [4, 4, 4, 1], [4, 2, 5]]
    for context in ([2], [1, 2], [], [4], [9], [1, 3]):
        mistake = _shares_mistake(answer, context, texts)
        if mistake:
            return mistake
    return None


def _counts(context: list[int], texts: list[list[int]]) -> dict[int, int]:
    found: dict[int, int] = {}
    n = len(context)
    for text in texts:
        for i in range(n, len(text)):
            if text[i - n : i] == context:
                found[text[i]] = found.get(text[i], 0) + 1
    return found


def _shares_mistake(answer: Any, context: list[int], texts: list[list[int]]) -> str | None:
    given = [list(text) for text in texts]
    got, problem = call(answer, list(context), given)
    if problem and not _counts(context, texts) and "stopped with ZeroDivisionError" in problem:
        return f"after {context}, which nothing ever followed, you divide by 0: return {{}}"
    if problem:
        return f"after {context}: {problem}"
    if given != texts:
        return "your function changes the texts that it was given: only look at them"
    if not isinstance(got, Mapping):
        return f"expected a dict, token to share, and got {kind(got)}"
    counts = _counts(context, texts)
    total = sum(counts.values())
    right = {token: count / total for token, count in counts.items()}
    shares = {token: number(share) for token, share in got.items() if number(share)}
    if _same(shares, right):
        return None
    if not right:
        return f"nothing ever followed {context}: return an empty dict, not {dict(got)}"
    joined = [token for text in texts for token in text]
    across = _counts(context, [joined])
    everywhere = sum(len(text) for text in texts)
    mistakes = [
        ("these are counts: divide each by their sum", counts),
        ("these are per cent: give shares, which sum to 1",
         {token: 100 * share for token, share in right.items()}),
        ("you count across the end of a text: what begins the next one did not follow",
         {token: count / sum(across.values()) for token, count in across.items()}),
        ("you divide by the number of all tokens: divide by how often the context was followed",
         {token: count / everywhere for token, count in counts.items()}),
    ]
    if context:
        last = _counts(context[-1:], texts)
        mistakes.append((
            f"after {context} you look at its last token only: compare the whole context",
            {token: count / sum(last.values()) for token, count in last.items()},
        ))
    for message, wrong in mistakes:
        if wrong != right and _same(shares, wrong):
            return message
    if not context:
        return "after the empty context every token counts, the first of each text too"
    if not set(right) <= set(shares):
        missing = min(set(right) - set(shares))
        return f"after {context}, the token {missing} followed too: look at every place"
    return f"after {context} the shares are {_in_words(right)}, not {_in_words(shares)}"


def _same(one: Mapping, other: Mapping) -> bool:
    return set(one) == set(other) and all(abs(one[key] - other[key]) < 1e-6 for key in other)


def _in_words(shares: Mapping) -> str:
    return ", ".join(f"{token}: {share:.2f}" for token, share in sorted(shares.items()))


def check_4_4(answer: Any) -> str | None:
    """The exponent of a power law, and the size that it asks for."""
    row = numbers(answer)
    if row is None or len(row) != 2:
        return f"expected two numbers, the exponent and the parameters, and got {kind(answer)}"
    (n_small, l_small), (n_large, l_large) = SMALL, LARGE
    ratio = n_large / n_small
    exponent = math.log((l_small - FLOOR) / (l_large - FLOOR)) / math.log(ratio)
    if abs(row[0] - exponent) > 0.004:
        mistakes = {
            "the exponent has the wrong sign: the formula has a minus of its own": -exponent,
            "you forgot the floor: take it off both losses before you compare them":
                math.log(l_small / l_large) / math.log(ratio),
            "this is the factor by which the rest above the floor shrank: its logarithm, divided "
            "by that of the factor of the sizes, is the exponent":
                (l_small - FLOOR) / (l_large - FLOOR),
            "this is upside down: the logarithm of the losses' ratio stands above": 1 / exponent,
            "this is one logarithm: divide it by the logarithm of the ratio of the sizes":
                math.log((l_small - FLOOR) / (l_large - FLOOR)),
        }
        for message, wrong in mistakes.items():
            if abs(row[0] - wrong) < 0.006:
                return message
        return (
            "the exponent is not right: how much does the rest above the floor shrink, from one "
            "size to the other"
        )
    wanted = n_large * ((l_large - FLOOR) / (TARGET - FLOOR)) ** (1 / exponent)
    if abs(row[1] / wanted - 1) < 0.06:
        return None
    mistakes = {
        "the exponent is right; for the size you did not take off the floor":
            n_large * (l_large / TARGET) ** (1 / exponent),
        "the exponent is right; this is the factor by which the network must grow: how many "
        "parameters are that": wanted / n_large,
        "the exponent is right; this is reckoned from the small network's size with the large "
        "one's loss": n_small * ((l_large - FLOOR) / (TARGET - FLOOR)) ** (1 / exponent),
        "the exponent is right; halving what is above the floor takes more than doubling the "
        "size": 2 * n_large,
    }
    for message, wrong in mistakes.items():
        if abs(row[1] / wrong - 1) < 0.06:
            return message
    return (
        "the exponent is right, the size is not: what is above the floor must be halved, so the "
        "factor of the size, to the power of the exponent, is 2"
    )


def check_4_5(answer: Any) -> str | None:
    """loss_with_context(probability, ids, length): the mean loss with a context cut off."""
    ids = [3, 1, 4, 1, 5, 9]
    asked: list[tuple[int, list[int]]] = []

    def probability(id: int, before: list[int]) -> float:
        asked.append((id, [int(x) for x in before]))
        return 1 / (2 + id + len(before))

    for length in (2, 4, 0):
        asked.clear()
        got, problem = call(answer, probability, list(ids), length)
        if problem:
            return f"with length {length}: {problem}"
        mistake = _context_mistake(asked, ids, length)
        if mistake:
            return mistake
        value = number(got)
        if value is None:
            return f"expected one number from your function, and got {kind(got)}"
        losses = [-math.log(1 / (2 + id + len(before))) for id, before in asked]
        right = sum(losses) / len(ids)
        if abs(value - right) < 1e-4:
            continue
        mistakes = {
            "this is the sum of the losses: divide by how many tokens there are": sum(losses),
            "the sign is the other way round: a loss is minus a logarithm": -right,
            "this loss is in bits: take the natural logarithm": right / math.log(2),
            "this is the mean of the probabilities: take minus the logarithm of each first":
                sum(math.exp(-loss) for loss in losses) / len(ids),
            "this is minus the logarithm of the mean: the logarithm comes first, then the mean":
                -math.log(sum(math.exp(-loss) for loss in losses) / len(ids)),
        }
        for message, wrong in mistakes.items():
            if abs(value - wrong) < 1e-4:
                return message
        return f"with length {length} the right tokens are asked for, but the mean is {right:.3f}"
    return None


def _context_mistake(asked: list, ids: list[int], length: int) -> str | None:
    """None, or what is wrong with the contexts that were asked for."""
    if not asked:
        return "your function never calls probability: call it once for each token"
    right = [(id, ids[max(0, i - length) : i]) for i, id in enumerate(ids)]
    if asked == right:
        return None
    if len(asked) < len(ids):
        return (
            f"you ask for {len(asked)} tokens of {len(ids)}: the first ones count too, with what "
            "little stands before them"
        )
    if [id for id, _ in asked] != ids:
        return "ask for each token of the text once, in their order"
    for (id, before), (_, wanted) in zip(asked, right, strict=False):
        if before == wanted:
            continue
        if before and before[-1] == id and before[:-1] in (wanted, wanted[1:]):
            return "the context holds the token that is asked for: it ends just before it"
        if len(before) > length:
            if length == 0:
                return "with length 0 the context is empty: ids[-0:] is the whole list"
            n = len(before)
            return f"with length {length} you hand over {n} tokens: keep the last {length}"
        if before == wanted[::-1]:
            return "the context is back to front: it stays in the order of the text"
        if not before or before == ids[: len(before)]:
            return (
                f"before token {ids.index(id)} you hand over {before}: the last {length} before "
                f"it are {wanted}; mind that a slice may not begin below 0"
            )
        return f"the last {length} tokens before {id} are {wanted}, and you hand over {before}"
    return None


CHECKS = {
    "4.1": check_4_1, "4.2": check_4_2, "4.3": check_4_3, "4.4": check_4_4, "4.5": check_4_5,
}
