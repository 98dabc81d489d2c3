"""What makes large models work: text, parameters, compression, memory, on the book's own models."""

from __future__ import annotations

import functools
import gzip
import json
import math
from itertools import islice
from pathlib import Path

import torch

from ...corpus import World
from ...corpus.build import SEEDS, texts
from ...evaluation.scoring import log_probabilities, scored
from ...model import LanguageModel

PACKAGE = Path(__file__).parents[2]
SIZES = ("mini-0.1m", "mini-0.4m", "mini-1.5m", "mini")
STEP = 3000  # the last at which all four have read the same text at a constant rate
HELD_OUT = 50  # texts of each language
STORIES = 100
RUN = 12  # tokens guessed right one after the other
FRAMES = ("pronouns.giver", "pronouns.receiver")
STORY = "{}把苹果递给了{}，因为他饿了。谁饿了？小"


@functools.cache
def own(name: str) -> LanguageModel:
    """One of the book's own models, in the precision that the chapter has."""
    from ...checkpoints import load

    return load(name, "cpu", "float32")


def record_of(name: str) -> dict[str, object]:
    from ...checkpoints.own import read_record

    return read_record(PACKAGE / "models" / name)


def held_out() -> list[str]:
    return list(texts(SEEDS["validation"], HELD_OUT))


def chance(model: LanguageModel, prompt: str, answer: str) -> float:
    """The probability that the answer follows, token by token."""
    before, ids = model.encode(prompt), model.encode(prompt + answer)
    with torch.inference_mode():
        logits = model.transformer(ids).logits[0].double()
    start = before.size(1)
    each = logits[start - 1 : -1].log_softmax(-1)
    return each.gather(-1, ids[0, start:, None]).sum().exp().item()


def parameters() -> dict:
    """The loss of four sizes after the same steps on the same text, as it was recorded."""
    found = {}
    for name, label in zip(SIZES, ("first", "second", "third", "fourth"), strict=True):
        (loss,) = (
            each["validation_loss"]
            for each in record_of(name)["evaluations"]
            if each["step"] == STEP
        )
        size = sum(p.numel() for p in own(name).transformer.parameters())
        found |= {f"{label}_size": float(size), f"{label}_loss": loss}
    return found


def more_text() -> dict:
    """Counts of 5-grams in little and much text, and a network's loss early and later."""
    file = PACKAGE / "lessons" / "ngram_curve.json"
    counted = json.loads(file.read_text(encoding="utf-8"))["rows"]
    rows = [row for row in counted if row["order"] == 5]
    losses = {each["step"]: each["validation_loss"] for each in record_of("mini")["evaluations"]}
    return {
        "little": float(rows[0]["tokens"]),
        "much": float(rows[-1]["tokens"]),
        "loss_little": rows[0]["loss"],
        "loss_much": rows[-1]["loss"],
        "early": losses[1000],
        "later": losses[STEP],
    }


def fitting() -> dict:
    """How near a small network comes to the true distribution of its world."""
    some, mini, world = held_out(), own("mini"), World()
    n = sum(len(mini.tokenizer.encode(text)) + 1 for text in some)
    n_characters = sum(map(len, some))
    network = -sum(log_probabilities(mini, some))
    # No model is told which language comes.
    best = sum(
        math.log(2) - world.log_probability(text, ("zh", "en")[i % 2])
        for i, text in enumerate(some)
    )
    return {
        "network": network / n,
        "best": best / n,
        "network_bits": network / math.log(2) / n_characters,
        "best_bits": best / math.log(2) / n_characters,
        "gzip_bits": 8 * len(gzip.compress("\n".join(some).encode(), mtime=0)) / n_characters,
    }


def new_combinations() -> dict:
    """Stories whose combination of people and thing is kept out of all training text."""
    found, mini, world = {}, own("mini"), World()
    for part, label in (("training", "familiar"), ("held-out", "new")):
        source = World(seed=40, part=part)
        drawn = (text.text for text in source.texts("zh") if text.frame in FRAMES)
        stories = list(islice(drawn, STORIES))
        n = sum(len(mini.tokenizer.encode(text)) + 1 for text in stories)
        network = -sum(log_probabilities(mini, stories)) / n
        best = sum(math.log(2) - source.log_probability(text, "zh") for text in stories) / n
        found |= {label: network, f"{label}_best": best}
        if label == "new":
            sayable = (world.log_probability(text, "zh") > -math.inf for text in stories)
            found["stories"], found["possible"] = len(stories), sum(sayable)
    return found


def by_heart(model: LanguageModel) -> dict:
    """Lines that are often quoted, in Gemma; a proverb of the small world, in `mini`."""
    return {
        "hamlet": chance(model, "To be, or not to be, that is", " the question"),
        "moonlight": chance(model, "床前明月光，", "疑是地上霜"),
        "proverb": chance(own("mini"), "千里之行", "始于足下"),
    }


def names_swapped() -> dict:
    """Who was hungry, when the names in the story change places."""
    mini, found = own("mini"), {}
    for label, people in (("told", ("小王", "小李")), ("swapped", ("小李", "小王"))):
        found[label] = chance(mini, STORY.format(*people), people[1][1:])
    file = PACKAGE / "models" / "mini" / "evaluation.json"
    groups = json.loads(file.read_text(encoding="utf-8"))["pronouns"]["groups"]
    (chinese,) = (g for g in groups if (g["language"], g["kind"]) == ("zh", None))
    return found | {"right": chinese["right"], "asked": chinese["n"]}


def whole_runs() -> dict:
    """First guesses that are right, one by one and twelve in a row, in two sizes."""
    found, some = {}, held_out()
    for name, label in (("mini-0.4m", "small"), ("mini", "large")):
        single = runs = n = n_runs = 0
        for batch in scored(own(name), some):
            hits = batch.logits.argmax(-1) == batch.targets
            for row, real in zip(hits, batch.is_target, strict=True):
                hit = row[real]
                windows = hit.unfold(0, RUN, 1).all(-1) if len(hit) >= RUN else hit[:0]
                single, n = single + int(hit.sum()), n + len(hit)
                runs, n_runs = runs + int(windows.sum()), n_runs + len(windows)
        found |= {f"{label}_single": single / n, f"{label}_run": runs / n_runs}
    return found
