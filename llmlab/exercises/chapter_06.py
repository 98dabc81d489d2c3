"""Checks of chapter 6, subword tokenizers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from .answers import call, kind, number

Pair = tuple[str, str]

# Exercise 6.1, merges chosen: the longest piece from the left is not what they make.
MERGES = (("t", "e"), ("n", "o"), ("no", "t"), ("te", "d"))
WORD = "noted"

# Exercise 6.2: the chapter's worked tokenizer, and a text with characters that it does not have.
WORKED = {"king": 5, "ring": 3, "rain": 2}
WORKED_MERGES = (("i", "n"), ("in", "g"), ("k", "ing"), ("r", "ing"))
TEXT = "raining 雨😀"

# Exercise 6.3: symbols, and the pair to be merged.
TO_MERGE = (
    ("king", ("i", "n")),
    ("banana", ("a", "n")),
    ("noted", ("e", "d")),
    ("aaa", ("a", "a")),
    (("xi", "n", "i", "n"), ("i", "n")),
    (("in", "g", "in", "g", "s"), ("in", "g")),
    ("cold", ("i", "n")),
)

# Exercise 6.4: words in symbols with how often each stands in the text; one pair leads.
TO_COUNT = (
    {tuple(word): count for word, count in WORKED.items()},
    {("a", "b"): 5, ("c", "d"): 2, ("c", "d", "e"): 2},
    {("n", "a", "n", "a"): 2, ("x", "y"): 3},
    {("k", "ing"): 5, ("r", "ing"): 3, ("r", "a", "in"): 2},
    {("a",): 6, ("b", "c"): 2},
    {("学", "习"): 4, ("学", "生"): 3, ("大", "学"): 2, ("大", "学", "生"): 3},
)

# Exercise 6.5: words, and merges in the order in which they were learned.
TO_ENCODE = (
    ("ingest", (("n", "g"), ("i", "ng"), ("i", "n"), ("e", "s"), ("es", "t"))),
    (WORD, MERGES),
    ("king", WORKED_MERGES),
    ("inking", WORKED_MERGES),
    ("inging", WORKED_MERGES),
    ("banana", (("a", "n"), ("b", "an"), ("an", "a"), ("n", "a"))),
    ("aaaa", (("a", "a"), ("aa", "aa"))),
    ("大学生", (("学", "生"), ("学", "习"), ("大", "学生"), ("大", "学"))),
    ("cold", WORKED_MERGES),
    ("", WORKED_MERGES),
)


def check_6_1(answer: Any) -> str | None:
    """The pieces of a word after four merges."""
    given = _strings(answer)
    if given is None:
        return f"expected a list of pieces, such as ['no', 'te', 'd'], and got {kind(answer)}"
    if given == encode(WORD, MERGES):
        return None
    if "".join(given) != WORD:
        return f"your pieces joined give {''.join(given)!r}, not {WORD!r}: no letter may be lost"
    made = {left + right for left, right in MERGES}
    for piece in given:
        if len(piece) > 1 and piece not in made:
            return f"no merge makes {piece!r}"
    if given == longest(WORD, MERGES):
        return (
            "you took the longest piece that fits from the left, as WordPiece does: make the "
            "merges in their order"
        )
    for pair in zip(given, given[1:]):
        if pair in MERGES:
            at = MERGES.index(pair) + 1
            return f"{pair[0]!r} and {pair[1]!r} stand side by side, and merge {at} joins them"
    return "merge 1 takes the t away: after it, which merges still find their two halves"


def check_6_2(answer: Any) -> str | None:
    """How many tokens a text has where some characters become bytes."""
    given = number(answer)
    if given is None:
        return f"expected one number, how many tokens there are, and got {kind(answer)}"
    word = TEXT.split()[0]
    pieces, outside = len(encode(word, WORKED_MERGES)), TEXT.removeprefix(word)
    right = pieces + len(outside.encode())
    if given == right:
        return None
    mistakes = {
        len(TEXT): "this is the number of characters: some share a token, some are several bytes",
        len(TEXT.encode()): "this is the number of bytes: the merges make fewer tokens of raining",
        pieces + len(outside):
            "a character that the alphabet lacks is not one token: it is one for each of its bytes",
        pieces: "these are the tokens of raining alone: the three other characters count too",
        right - pieces: "these are the bytes of the other characters: raining has tokens too",
        right - 1: "one is missing: a space is a byte too, and an emoji has four",
        right - pieces + 1: "raining is not one token: no merge makes rain",
        right + 1: "one too many: raining has four pieces, for i, n and g have become one",
    }
    if given in mistakes:
        return mistakes[given]
    return f"not {given:g}: count the pieces of raining, then the bytes of the three others"


def check_6_3(answer: Any) -> str | None:
    """merge_pair(symbols, left, right): every such pair becomes one symbol."""
    for symbols, pair in TO_MERGE:
        before = list(symbols)
        copy = before[:]
        got, problem = call(answer, copy, *pair)
        if problem:
            return f"for {_shown(before)}, {problem}" if "stopped" in problem else problem
        given = _strings(got)
        if given is None:
            return f"expected a list of strings from your function, and got {kind(got)}"
        if copy != before:
            return "your function changes the list that it was given: build a new one"
        if mistake := _merge_mistake(before, pair, given):
            return mistake
    return None


def _merge_mistake(symbols: list[str], pair: Pair, given: list[str]) -> str | None:
    """None, or which way of going wrong gives exactly these symbols."""
    if given == merge_pair(symbols, *pair):
        return None
    left, right = pair
    joined = left + right
    first = [at for at, each in enumerate(zip(symbols, symbols[1:])) if each == pair][:1]
    once = [*symbols[: first[0]], joined, *symbols[first[0] + 2 :]] if first else symbols
    mistakes = [
        ("only the first of the pairs was merged: go on to the end", once),
        ("the symbol at the end is lost: it has no right neighbour, and stays",
         merge_pair(symbols, *pair)[:-1]),
        ("three in a row: merge from the left, so that the first two become one", ["a", "aa"]),
        ("one symbol was used in two pairs: after a merge, go on two places further",
         _overlapping(symbols, pair)),
        ("the right half still stands there: after a merge, go on two places further",
         _right_kept(symbols, pair)),
        ("you put something between the two halves: join them as they are, left + right",
         [s if s != joined else f"{left} {right}" for s in merge_pair(symbols, *pair)]),
    ]
    for message, wrong in mistakes:
        if given == wrong:
            return message
    where = f"{_shown(symbols)} with the pair {left}, {right}"
    if "".join(given) != "".join(symbols):
        return f"from {where} come other letters, {''.join(given)!r}: no letter may change"
    if given == symbols:
        return f"nothing was merged in {where}"
    if symbols[0] == "xi" and given[0] != "xi":
        return f"compare whole symbols: in {where} the first i is no symbol of its own"
    return f"from {where} comes {_shown(merge_pair(symbols, *pair))}, not {_shown(given)}"


def _overlapping(symbols: list[str], pair: Pair) -> list[str]:
    """One step further after a merge instead of two, and the right half left out once."""
    out, at = [], 0
    while at < len(symbols):
        if tuple(symbols[at : at + 2]) == pair:
            out.append("".join(pair))
        elif at == 0 or tuple(symbols[at - 1 : at + 1]) != pair:
            out.append(symbols[at])
        at += 1
    return out


def _right_kept(symbols: list[str], pair: Pair) -> list[str]:
    return ["".join(pair) if tuple(symbols[at : at + 2]) == pair else symbol
            for at, symbol in enumerate(symbols)]  # fmt: skip


def check_6_4(answer: Any) -> str | None:
    """next_pair(words): the pair that stands most often in the text."""
    for words in TO_COUNT:
        got, problem = call(answer, dict(words))
        if problem:
            return problem
        if isinstance(got, str):
            return f"expected a pair of two strings, and got one, {got!r}: do not join them"
        given = _strings(got)
        if given is None and isinstance(got, Sequence) and len(got) == 2:
            inner = _strings(got[0])
            if inner is not None and len(inner) == 2:
                return "expected the pair alone, without its count"
        if given is None or len(given) != 2:
            return f"expected a pair of two strings from your function, and got {kind(got)}"
        if mistake := _pair_mistake(words, (given[0], given[1])):
            return mistake
    return None


def _pair_mistake(words: dict[tuple[str, ...], int], given: Pair) -> str | None:
    """None, or which way of counting makes this pair the first."""
    counts = pair_counts(words)
    right = first_pair(counts)
    if given == right:
        return None
    if given == right[::-1]:
        return "the two halves have changed places: left first, then right"
    each_once = pair_counts(words, weight=lambda count: 1)
    once_a_word = pair_counts(words, pairs=dict.fromkeys)
    text = [symbol for word, count in words.items() for symbol in word * count]
    across = Counter(zip(text, text[1:]))
    mistakes = [
        ("you counted each word once: a pair counts as often as its word stands in the text",
         first_pair(each_once)),
        ("you counted a pair once in each word: nana has the pair n, a twice",
         first_pair(once_a_word)),
        ("you counted across the border of two words: pairs lie inside words",
         first_pair(across)),
        ("this is the rarest pair: take the most frequent", min(counts, key=counts.__getitem__)),
        ("this is the first pair of the text: count them all", next(iter(counts))),
    ]
    for message, wrong in mistakes:
        if given == wrong:
            return message
    if given not in counts:
        return f"{given[0]!r} and {given[1]!r} never stand side by side as two symbols"
    return (
        f"{given[0]!r}, {given[1]!r} stands {counts[given]} times, and another pair "
        f"{counts[right]} times"
    )


def check_6_5(answer: Any) -> str | None:
    """encode(word, merges): the merges, in the order in which they were learned."""
    for word, merges in TO_ENCODE:
        got, problem = call(answer, word, list(merges))
        if problem:
            return f"for the word {word!r}, {problem}" if "stopped" in problem else problem
        if isinstance(got, str):
            return f"expected a list of pieces, and got one string, {got!r}"
        given = _strings(got) if got != [] else []
        if given is None:
            return f"expected a list of strings from your function, and got {kind(got)}"
        if mistake := _encode_mistake(word, merges, given):
            return mistake
    return None


def _encode_mistake(word: str, merges: Sequence[Pair], given: list[str]) -> str | None:
    """None, or which way of going wrong gives exactly these pieces."""
    right = encode(word, merges)
    if given == right:
        return None
    if "".join(given) != word:
        return f"from {word!r} come other letters, {''.join(given)!r}: no letter may change"
    mistakes = [
        ("no merge was made: begin with the letters, then take one merge after another",
         list(word)),
        ("the merges were made from the last to the first: begin with the first learned",
         encode(word, merges[::-1])),
        ("you took the longest piece that fits from the left: make the merges in their order",
         longest(word, merges)),
        ("you merged from left to right, whatever fits: the order is that of the merges",
         _left_to_right(word, merges)),
        ("you stopped after the first merge: go through all of them",
         encode(word, merges[:1])),
        ("each merge was made in one place only: make it wherever the pair stands",
         _once_each(word, merges)),
    ]
    for message, wrong in mistakes:
        if given == wrong:
            return message
    return f"{word!r} becomes {_shown(right)} with these merges, not {_shown(given)}"


def merge_pair(symbols: Sequence[str], left: str, right: str) -> list[str]:
    """Every `left` followed by `right` becomes one symbol, from the left."""
    out, at = [], 0
    while at < len(symbols):
        if tuple(symbols[at : at + 2]) == (left, right):
            out.append(left + right)
            at += 2
        else:
            out.append(symbols[at])
            at += 1
    return out


def encode(word: str, merges: Iterable[Pair]) -> list[str]:
    """The pieces of a word."""
    symbols = list(word)
    for pair in merges:
        symbols = merge_pair(symbols, *pair)
    return symbols


def longest(word: str, merges: Iterable[Pair]) -> list[str]:
    """What WordPiece's use of the same pieces would give."""
    pieces = {left + right for left, right in merges}
    out, at = [], 0
    while at < len(word):
        end = next(e for e in range(len(word), at, -1) if e == at + 1 or word[at:e] in pieces)
        out.append(word[at:end])
        at = end
    return out


def _left_to_right(word: str, merges: Sequence[Pair]) -> list[str]:
    """The first pair from the left that any merge joins, again and again."""
    symbols, at = list(word), 0
    while at < len(symbols) - 1:
        if (symbols[at], symbols[at + 1]) in merges:
            symbols[at : at + 2] = [symbols[at] + symbols[at + 1]]
            at = 0
        else:
            at += 1
    return symbols


def _once_each(word: str, merges: Iterable[Pair]) -> list[str]:
    symbols = list(word)
    for pair in merges:
        places = [at for at, each in enumerate(zip(symbols, symbols[1:])) if each == pair]
        for at in places[:1]:
            symbols[at : at + 2] = ["".join(pair)]
    return symbols


def pair_counts(
    words: dict[tuple[str, ...], int],
    weight: Callable[[int], int] = lambda count: count,
    pairs: Callable[[Iterable[Pair]], Iterable[Pair]] = list,
) -> Counter[Pair]:
    """How often each pair stands in the text, or in one of the ways that go wrong."""
    counts: Counter[Pair] = Counter()
    for symbols, count in words.items():
        for pair in pairs(zip(symbols, symbols[1:])):
            counts[pair] += weight(count)
    return counts


def first_pair(counts: Counter[Pair]) -> Pair:
    """The most frequent; of equals the one that was seen first."""
    return max(counts, key=counts.__getitem__)


def _strings(answer: Any) -> list[str] | None:
    """The answer as a list of strings, or None if it is none."""
    if not isinstance(answer, list | tuple) or not answer:
        return None
    return list(answer) if all(isinstance(each, str) for each in answer) else None


def _shown(symbols: Iterable[str]) -> str:
    return " ".join(symbols)


CHECKS = {
    "6.1": check_6_1,
    "6.2": check_6_2,
    "6.3": check_6_3,
    "6.4": check_6_4,
    "6.5": check_6_5,
}
