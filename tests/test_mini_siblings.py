"""The four sizes of `mini`: same data, same tokenizer, and each larger one is better."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import llmlab
from llmlab.corpus.build import SEEDS, texts
from llmlab.evaluation.scoring import log_probabilities

MODELS = Path(llmlab.__file__).parent / "models"
SIBLINGS = {"mini-0.1m": 105_040, "mini-0.4m": 378_192, "mini-1.5m": 1_590_400}
NAMES = [*SIBLINGS, "mini"]
STEPS = (1000, 2000, 3000)


def record_of(name: str) -> dict:
    return json.loads((MODELS / name / "training.json").read_text("utf-8"))


@pytest.mark.parametrize("name", SIBLINGS)
def test_a_sibling_has_its_size_and_its_folder_is_small(name):
    model = llmlab.load(name, device="cpu")
    size = sum(p.numel() for p in llmlab.Transformer(model.config).parameters())
    assert size == SIBLINGS[name]
    assert sum(path.stat().st_size for path in (MODELS / name).iterdir()) < 3e6
    assert model.tokenizer.encode("我爱北京天安门") == llmlab.load("mini").tokenizer.encode(
        "我爱北京天安门"
    )


@pytest.mark.parametrize("name", SIBLINGS)
def test_a_sibling_learnt_the_same_text_in_the_same_order(name):
    own, mini = record_of(name)["config"], record_of("mini")["config"]
    for key in ("seed", "batch_size"):
        assert own[key] == mini[key]
    assert Path(own["data"]["train"]).name == Path(mini["data"]["train"]).name
    assert own["model"]["context_length"] == mini["model"]["context_length"]


def test_every_size_was_evaluated_at_the_same_steps_at_a_constant_rate():
    for name in NAMES:
        record = record_of(name)
        assert set(STEPS) <= {each["step"] for each in record["evaluations"]}
        rates = dict(record["curves"]["learning_rate"])
        assert len({rate for step, rate in rates.items() if 1000 <= step <= 3000}) == 1


@pytest.mark.parametrize("step", STEPS)
def test_each_larger_one_had_learnt_more_by_then(step):
    losses = [
        each["validation_loss"]
        for name in NAMES
        for each in record_of(name)["evaluations"]
        if each["step"] == step
    ]
    assert losses == sorted(losses, reverse=True) and len(losses) == len(NAMES)


def test_their_weights_have_the_order_that_was_recorded():
    some = list(texts(SEEDS["validation"], 10))
    totals = [-sum(log_probabilities(llmlab.load(name, "cpu"), some)) for name in NAMES]
    assert totals == sorted(totals, reverse=True)
