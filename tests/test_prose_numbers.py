"""The numbers in the chapters' text are those that their cells print, or are worked out here.

Looked at are numbers with a decimal point, a thousands separator or a per cent sign. Small whole
numbers count layers and lines; a search for them would find them anywhere.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import llmlab

NOTEBOOKS = sorted((Path(__file__).parent.parent / "chapters").glob("*.ipynb"))
NUMBER = re.compile(r"\d[\d,]*\.\d+(?: ?%)?|\d[\d,]* ?%|\d{1,3}(?:,\d{3})+")
NOT_PROSE = re.compile(
    r"(?m:^```.*$)|\$\$.*?\$\$|\$[^$\n]*\$|`[^`\n]*`|\]\([^)]*\)|## References.*", re.DOTALL
)

# What the text quotes from a document or a paper, chooses for a question of its own, or names a
# place by: a head (layer.head), a section, a seed, a step of a training.
QUOTED = {
    "02_training": "0.9 5.7 3.4 2.6 2.5 2.9 3.6 1,000 1,024",
    "03_generating_language": "5.5 9,999",
    "04_what_makes_llms_work": "1.75 1,600 9,000 27,500",
    "05_embeddings": "1,024 0.77 1.2",
    "07_self_attention": "0.80 0.60 57.98",
    "08_softmax": "97.1",
    "09_residual_connections": "0.23 0.25 0.45 0.50",
    "11_dropout": "1.4",
    "12_multi_head_attention": "57.98 7.3",
    "14_gpt_architecture": "1,000 57.98 115.96 50,000 0.76 0.89 3.2",
    "15_transformer_architecture": "37,000 1,000",
    "one_question": "50,000 2.3 13.3",
}


def cat_and_dog() -> float:
    gemma = llmlab.load("gemma-3-270m", device="cpu")
    return float(llmlab.similarity(gemma, ["猫", "狗"])[0, 1])


def share_after_the_name(token: str) -> float:
    """Of a token in mini's third step of the answer that chapter 4 shows, in per cent."""
    mini = llmlab.load("mini", device="cpu")
    written = "小王把苹果递给了小李，因为他饿了。谁饿了？小李"
    rows = llmlab.trace(mini, written, record=("logits",)).top(5)
    return next(100 * row.probability for row in rows if row.text == token)


def billions(part: str) -> float:
    """Parameters of a part of GPT-3, biases included."""
    return llmlab.parameter_table(llmlab.preset("gpt3-175b"))[part].count / 1e9


def mini_size() -> int:
    return sum(part.numel() for part in llmlab.load("mini", device="cpu").transformer.parameters())


def table_share() -> float:
    return 100 * llmlab.parameter_table(llmlab.preset("gemma-3-270m"))["token embedding"].share


VOCABULARY = llmlab.preset("gemma-3-270m").vocab_size
NEURONS = llmlab.preset("gemma-3-270m").n_layers * llmlab.preset("gemma-3-270m").d_ff

# What the text works out, from what is printed or from a formula.
WORKED: dict[str, dict[str, float | Callable[[], float]]] = {
    "01_simple_network": {"262,144": VOCABULARY, "2.718": math.e},
    "02_training": {"1,143": 2_771 - 1_628, "1,754": 1e15 / 570e9},
    "03_generating_language": {"7,196": 10_000 - 2_804},
    "04_what_makes_llms_work": {
        "78.8": 8 * 256 * 38_500 / 1e6,
        "11,000": 38_500 - 27_500,
        "57.8": lambda: share_after_the_name("饿"),
        "40.0": lambda: share_after_the_name("。"),
    },
    "05_embeddings": {"0.646": cat_and_dog},
    "06_subword_tokenizers": {"62.6": table_share},
    "07_self_attention": {"2.718": math.e},
    "08_softmax": {"2.3": math.log(10), "137.8": 13.78 / 0.1, "26.3": 100 - 73.7},
    "09_residual_connections": {"262,144": VOCABULARY, "0.69": math.log(2)},
    "10_layer_normalisation": {"22,026": math.exp(10), "262,144": VOCABULARY},
    "11_dropout": {"4.4": math.log(79)},
    "13_positional_embeddings": {
        "1,025": llmlab.preset("gpt2").context_length + 1,
        "6.5": 30.21 - 23.75,
        "2,048": llmlab.preset("gpt3-175b").context_length,
        "12,288": llmlab.preset("gpt3-175b").d_model,
    },
    "14_gpt_architecture": {
        "57.99": lambda: billions("attention"),
        "115.97": lambda: billions("feed-forward"),
    },
    "playground": {"5.5": lambda: mini_size() / 1e6},
    "one_question": {"36,864": NEURONS, "36,863": NEURONS - 1, "1,920": 3 * 640},
}
# Said to be rounded: "some 700,000", "about 20,000".
ABOUT = {
    "04_what_makes_llms_work": {"18,000": 38_500 * 33.4 / 71.2},
    "09_residual_connections": {"20,000": 19_836},
    "13_positional_embeddings": {"700,000": math.exp(5 * 2.70)},
}


def value(number: str) -> float:
    return float(number.rstrip(" %").replace(",", ""))


def digits(number: str) -> int:
    return len(number.rstrip(" %").partition(".")[2])


def prose(notebook: dict) -> Iterator[tuple[str, str]]:
    """Each number of the text, and the words around it."""
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            text = NOT_PROSE.sub(" ", "".join(cell["source"]))
            for found in NUMBER.finditer(text):
                yield found[0], text[max(0, found.start() - 60) : found.end() + 30]


def printed(notebook: dict) -> list[str]:
    """Every number that a code cell holds or prints, with its per cent sign."""
    texts = []
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            texts.append("".join(cell["source"]))
            for output in cell["outputs"]:
                data = output.get("data", {})
                texts += ["".join(output.get("text", ""))]
                texts += ["".join(data.get(kind, "")) for kind in ("text/plain", "text/html")]
    numbers = re.findall(r"\d[\d,]*(?:\.\d+)?(?:\s?%)?", "\n".join(texts).replace("_", ""))
    return sorted(set(numbers))


def rounds_to(exact: float, number: str) -> bool:
    return abs(exact - value(number)) <= 0.5000001 * 10 ** -digits(number)


def says(number: str, known: str) -> bool:
    """Whether a number is one that is printed, rounded, or the same share in per cent."""
    exact, is_share = value(known), known.endswith("%")
    if number.endswith("%"):
        return rounds_to(exact, number) or digits(known) > 1 and rounds_to(100 * exact, number)
    return rounds_to(exact, number) or is_share and rounds_to(exact / 100, number)


def unfounded(name: str, notebook: dict) -> list[str]:
    known = printed(notebook)
    quoted = {value(number) for number in QUOTED.get(name, "").split()}
    worked = WORKED.get(name, {})
    found = []
    for number, around in prose(notebook):
        bare = number.rstrip(" %")
        if any(says(number, exact) for exact in known) or value(number) in quoted:
            continue
        if bare in worked:
            exact = worked[bare]() if callable(worked[bare]) else worked[bare]
            if rounds_to(exact, number):
                continue
        if bare in ABOUT.get(name, {}) and abs(ABOUT[name][bare] / value(number) - 1) < 0.06:
            continue
        found.append(f"{number} in “{around}”")
    return found


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_numbers_of_the_text_are_the_cells(path):
    assert not unfounded(path.stem, json.loads(path.read_text("utf-8")))


def test_a_number_that_nothing_gives_is_found():
    notebook = {
        "cells": [
            {"cell_type": "code", "source": "print(share)", "outputs": [{"text": ["0.4567\n"]}]},
            {"cell_type": "markdown", "source": ["It is 45.7 %, or 0.457, of 1,234, not 47.5 %."]},
        ]
    }
    assert [line.split(" in ")[0] for line in unfounded("none", notebook)] == ["1,234", "47.5 %"]
