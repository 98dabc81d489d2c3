"""A run's configuration: what YAML may hold, and what is said of the rest."""

import dataclasses

import pytest
import yaml

from llmlab.training.config import OptimizerConfig, TrainingConfig, config_from, read_config
from tests.training_setup import configuration


def write(tmp_path, values):
    path = tmp_path / "run.yaml"
    path.write_text(values if isinstance(values, str) else yaml.safe_dump(values), "utf-8")
    return path


def test_every_value_and_every_default_is_there(tmp_path):
    config = read_config(write(tmp_path, configuration(samples=["今天", "the"])))
    values = config.to_dict()
    assert values["optimizer"]["warmup_steps"] == 3 and values["optimizer"]["beta2"] == 0.95
    assert config.samples == ("今天", "the") and values["samples"] == ["今天", "the"]
    assert set(values) == {field.name for field in dataclasses.fields(TrainingConfig)}
    assert config_from(values, "/elsewhere") == config  # absolute paths stay


def test_paths_count_from_the_file(tmp_path):
    config = read_config(write(tmp_path, configuration(folder="runs/a")))
    assert config.folder == str(tmp_path / "runs" / "a")
    assert config.data.train == str(tmp_path / "train.txt")


@pytest.mark.parametrize("written, number", [("1e-3", 0.001), ("3", 3.0), ("0.5", 0.5)])
def test_numbers_as_people_write_them(tmp_path, written, number):
    text = yaml.safe_dump(configuration(optimizer={"learning_rate": 7}))
    path = write(tmp_path, text.replace("learning_rate: 7", f"learning_rate: {written}"))
    assert read_config(path).optimizer.learning_rate == number


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"batch_sise": 3}, ("unknown key batch_sise", "batch_size")),
        ({"optimizer": {"learning_rat": 1}}, ("optimizer.learning_rat", "learning_rate")),
        ({"steps": "many"}, ("steps", "whole number", "'many'")),
        ({"steps": 2.5}, ("steps", "whole number")),
        ({"steps": True}, ("steps", "whole number")),
        ({"steps": 0}, ("steps", "at least 1")),
        ({"batch_size": -1}, ("batch_size", "at least 1")),
        ({"compile": "yes please"}, ("compile", "true or false")),
        ({"precision": "bfloat"}, ("precision", "bfloat16")),
        ({"weights": "int4"}, ("weights", "int8")),
        ({"sharding": "zero"}, ("sharding", "ddp")),
        ({"samples": "one"}, ("samples", "a list")),
        ({"model": [1]}, ("model", "keys with values")),
        ({"data": {"train": "a", "tokenizer": "b"}}, ("data.validation", "missing")),
        ({"optimizer": {"beta1": 1.0}}, ("beta1", "below 1")),
        ({"optimizer": {"learning_rate": -1}}, ("learning_rate", "0 or above")),
        ({"optimizer": {"learning_rate": ".nan"}}, ("learning_rate", "a number")),
    ],
)
def test_bad_values_are_named(tmp_path, changes, words):
    with pytest.raises(ValueError) as refusal:
        read_config(write(tmp_path, configuration(**changes)))
    assert all(word in str(refusal.value) for word in (*words, "run.yaml"))
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    "text, word", [("a: [", "not YAML"), ("- 1", "no keys"), ("steps: 1\nsteps: 2", "twice")]
)
def test_what_is_not_a_configuration(tmp_path, text, word):
    with pytest.raises(ValueError, match=word):
        read_config(write(tmp_path, text))


def test_a_file_that_is_not_there_or_not_utf8(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere.yaml"):
        read_config(tmp_path / "nowhere.yaml")
    (tmp_path / "bytes.yaml").write_bytes(b"name: \xff\xfe")
    with pytest.raises(ValueError, match="not UTF-8"):
        read_config(tmp_path / "bytes.yaml")


def test_the_models_own_fields(tmp_path):
    good = config_from(configuration(), tmp_path)
    assert good.transformer(33).vocab_size == 33
    shape = dict(good.model)
    for changes, word in (
        ({"d_modell": 8}, "d_model"),
        ({"n_layers": "two"}, "model.n_layers"),
        ({"vocab_size": 8}, "smaller than the tokenizer"),
        ({"n_heads": 3}, "d_model=32"),
    ):
        bad = dataclasses.replace(good, model=shape | changes)
        with pytest.raises(ValueError, match=word):
            bad.transformer(33)


def test_defaults_are_those_of_the_class():
    assert TrainingConfig("a", "b", None, {}).optimizer == OptimizerConfig()
