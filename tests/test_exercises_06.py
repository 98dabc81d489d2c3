"""The checks of chapter 6: right answers pass, and each typical mistake is named."""

import json
from collections import Counter
from pathlib import Path

import pytest

from llmlab.exercises import chapter_06
from llmlab.tokenizers import ByteFallbackBPE

CHAPTER = Path(__file__).parent.parent / "chapters" / "06_subword_tokenizers.ipynb"


def merge_pair(symbols, left, right):
    """By searching for the next pair, not step by step as the check does."""
    out = list(symbols)
    at = 0
    while (left, right) in list(zip(out[at:], out[at + 1 :])):
        at += list(zip(out[at:], out[at + 1 :])).index((left, right))
        out[at : at + 2] = [left + right]
        at += 1
    return out


def next_pair(words):
    counts = Counter()
    for symbols, count in words.items():
        for i in range(len(symbols) - 1):
            counts[symbols[i], symbols[i + 1]] += count
    return counts.most_common(1)[0][0]


def encode(word, merges):
    """The earliest learned merge that fits, again and again: the other way to say it."""
    symbols = list(word)
    while fitting := [merges.index(p) for p in zip(symbols, symbols[1:]) if p in merges]:
        symbols = merge_pair(symbols, *merges[min(fitting)])
    return symbols


def in_order(word, merges):
    symbols = list(word)
    for left, right in merges:
        symbols = merge_pair(symbols, left, right)
    return symbols


def of_letters(symbols, left, right):
    """Merging in the text, where the borders of symbols are lost."""
    text = " ".join(symbols).replace(f"{left} {right}", left + right)
    return text.split()


def first_only(symbols, left, right):
    pairs = list(zip(symbols, symbols[1:]))
    if (left, right) not in pairs:
        return symbols
    at = pairs.index((left, right))
    return [*symbols[:at], left + right, *symbols[at + 2 :]]


def end_lost(symbols, left, right):
    out, at = [], 0
    while at < len(symbols) - 1:
        if (symbols[at], symbols[at + 1]) == (left, right):
            out.append(left + right)
            at += 2
        else:
            out.append(symbols[at])
            at += 1
    return out


def in_place(symbols, left, right):
    symbols[:] = merge_pair(symbols, left, right)
    return symbols


def from_the_right(symbols, left, right):
    out = list(symbols)
    for at in range(len(out) - 2, -1, -1):
        if out[at : at + 2] == [left, right]:
            out[at : at + 2] = [left + right]
    return out


def right_kept(symbols, left, right):
    return [
        left + right if symbols[i : i + 2] == [left, right] else symbol
        for i, symbol in enumerate(symbols)
    ]


def counted(weight=lambda n: n, pairs=list, best=max):
    """next_pair, with a place for every mistake."""

    def next_pair(words):
        counts = Counter()
        for symbols, count in words.items():
            for pair in pairs(zip(symbols, symbols[1:])):
                counts[pair] += weight(count)
        return best(counts, key=counts.__getitem__)

    return next_pair


def across_words(words):
    text = [symbol for symbols, n in words.items() for symbol in symbols * n]
    return Counter(zip(text, text[1:])).most_common(1)[0][0]


def once_each(word, merges):
    symbols = list(word)
    for left, right in merges:
        symbols = first_only(symbols, left, right)
    return symbols


def from_left(word, merges):
    symbols = list(word)
    while fitting := [p for p in zip(symbols, symbols[1:]) if p in merges]:
        symbols = first_only(symbols, *fitting[0])
    return symbols


RIGHT = {
    "6.1": [["no", "ted"], ("no", "ted")],
    "6.2": [12, "12", 12.0],
    "6.3": [merge_pair, lambda symbols, *pair: tuple(merge_pair(symbols, *pair))],
    "6.4": [next_pair, lambda words: list(next_pair(words))],
    "6.5": [encode, in_order],
}

WRONG = {
    "6.1": [
        (["not", "e", "d"], "the longest piece"),
        (["not", "ed"], "no merge makes 'ed'"),
        (["noted"], "no merge makes 'noted'"),
        (["no", "te", "d"], "merge 4 joins"),
        (["n", "o", "ted"], "merge 2 joins"),
        (["n", "o", "t", "e", "d"], "merge 2 joins"),
        (["not", "ted"], "joined give 'notted'"),
        (["not", "te"], "joined give 'notte'"),
        ("no ted", "expected a list"),
        (2, "expected a list"),
    ],
    "6.2": [
        (10, "number of characters"),
        (15, "number of bytes"),
        (7, "one for each of its bytes"),
        (4, "raining alone"),
        (8, "bytes of the other"),
        (11, "a space is a byte too"),
        (9, "raining is not one"),
        (13, "one too many"),
        (100, "not 100: count"),
        ("twelve", "expected one number"),
    ],
    "6.3": [
        (of_letters, "compare whole symbols"),
        (first_only, "only the first"),
        (end_lost, "the symbol at the end"),
        (in_place, "changes the list"),
        (from_the_right, "three in a row"),
        (right_kept, "the right half still"),
        (lambda s, a, b: [x if x != a + b else f"{a} {b}" for x in merge_pair(s, a, b)],
         "something between"),
        (lambda s, a, b: list(s), "nothing was merged"),
        (lambda s, a, b: " ".join(merge_pair(s, a, b)), "expected a list of strings"),
        (lambda s, a, b: [a + b], "come other letters"),
        (lambda s, a, b: s[9], "for k i n g, your function stopped"),
        (lambda s, a, b: None, "returns nothing"),
        ("merge_pair", "expected a function"),
    ],
    "6.4": [
        (counted(weight=lambda n: 1), "counted each word once"),
        (counted(pairs=set), "once in each word"),
        (across_words, "across the border"),
        (counted(best=min), "rarest"),
        (lambda words: next(zip(*[list(words)[0][i:] for i in (0, 1)])), "first pair of the text"),
        (lambda words: next_pair(words)[::-1], "changed places"),
        (lambda words: "".join(next_pair(words)), "do not join them"),
        (lambda words: (next_pair(words), 10), "without its count"),
        (lambda words: 10, "expected a pair"),
        (lambda words: ("q", "x"), "never stand side by side"),
        (lambda words: ("n", "g"), "stands 8 times, and another pair 10"),
        (lambda words: None, "returns nothing"),
        ({}, "expected a function"),
    ],
    "6.5": [
        (lambda word, merges: list(word), "no merge was made"),
        (lambda word, merges: in_order(word, merges[::-1]), "from the last to the first"),
        (chapter_06.longest, "the longest piece"),
        (from_left, "whatever fits"),
        (lambda word, merges: in_order(word, merges[:1]), "after the first merge"),
        (once_each, "in one place only"),
        (lambda word, merges: " ".join(encode(word, merges)), "one string"),
        (lambda word, merges: encode(word, merges)[:1], "come other letters"),
        (lambda word, merges: [word], "becomes ing est with these merges"),
        (lambda word, merges: merges[word], "stopped with TypeError"),
        (lambda word, merges: 3, "expected a list of strings"),
        (lambda word, merges: None, "returns nothing"),
        (["no", "ted"], "expected a function"),
    ],
}


@pytest.fixture(scope="module")
def worked():
    words = [word for word, count in chapter_06.WORKED.items() for _ in range(count)]
    return ByteFallbackBPE.train(words, 256 + 6 + 4, special=())


def test_the_worked_tokenizer_is_the_trainers(worked):
    assert worked.merges == chapter_06.WORKED_MERGES
    assert [(m.left, m.right) for m in worked.record.merges] == list(chapter_06.WORKED_MERGES)
    assert [m.count for m in worked.record.merges] == [10, 8, 5, 3]
    assert len(worked.encode(chapter_06.TEXT)) == 12


def test_the_merges_are_what_counting_gives():
    """Byte-pair encoding in ten lines, from the reader's two functions."""
    words = {tuple(word): count for word, count in chapter_06.WORKED.items()}
    for expected in chapter_06.WORKED_MERGES:
        assert (pair := next_pair(words)) == expected
        words = {tuple(merge_pair(symbols, *pair)): n for symbols, n in words.items()}


def test_one_pair_leads_in_every_count():
    for words in chapter_06.TO_COUNT:
        counts = chapter_06.pair_counts(words).most_common(2)
        assert len(counts) == 1 or counts[0][1] > counts[1][1]


@pytest.mark.parametrize(("word", "merges"), chapter_06.TO_ENCODE)
def test_words_are_cut_as_a_tokenizer_cuts_them(word, merges):
    letters = sorted({*word, *(letter for pair in merges for letter in "".join(pair))})
    bytes_ = [f"<0x{byte:02X}>" for byte in range(256)]
    pieces = dict.fromkeys(left + right for left, right in merges)
    tokenizer = ByteFallbackBPE([*bytes_, *letters, *pieces], merges, special=())
    assert len(pieces) == len(merges)  # else one pass would not be enough
    assert [token.text for token in tokenizer.pieces(word)] == chapter_06.encode(word, merges)
    assert encode(word, merges) == in_order(word, merges) == chapter_06.encode(word, merges)


def test_the_numbers_are_the_chapters():
    """The checks compute with the numbers that the reader sees."""
    cells = json.loads(CHAPTER.read_text(encoding="utf-8"))["cells"]
    sources = {
        kind: "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == kind)
        for kind in ("markdown", "code")
    }
    merges = ", ".join(
        f"{at}. {left} + {right}" for at, (left, right) in enumerate(chapter_06.MERGES, 1)
    )
    assert merges in sources["markdown"]
    assert f"The word is {chapter_06.WORD}" in sources["markdown"]
    assert f"the text {chapter_06.TEXT}?" in sources["markdown"]
    words = ", ".join(f'"{word}": {count}' for word, count in chapter_06.WORKED.items())
    assert f"words = {{{words}}}" in sources["code"]
