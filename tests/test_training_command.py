"""``llmlab train`` as its options reach it."""

import argparse

import pytest
import yaml

from llmlab.training import command
from llmlab.training.checkpoint import found_steps
from llmlab.training.log import curve
from tests.training_setup import configuration, write_corpus


def options(**given):
    names = ("config", "resume", "until", "compact")
    return argparse.Namespace(**{name: given.get(name) for name in names})


@pytest.fixture
def config(tmp_path):
    write_corpus(tmp_path)
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump(configuration()))
    return str(path)


def test_train_resume_compact_resume(tmp_path, config, capsys):
    run = command.run(options(config=config, until=6))
    assert run == tmp_path / "run" and found_steps(run) == [3, 6]
    small = command.run(options(resume=str(run), compact=str(tmp_path / "small")))
    command.run(options(resume=str(run)))
    expected = curve(run, "loss")
    assert "tiny" not in capsys.readouterr().out  # the bar is on standard error
    run.rename(tmp_path / "first")
    assert command.run(options(config=config, resume=str(small))) == run
    found = curve(run, "loss")
    assert found[:7] == expected[:7]  # the step after it starts from the very same weights
    assert found[-1][1] == pytest.approx(expected[-1][1], abs=0.01)


@pytest.mark.parametrize(
    "given, word",
    [
        ({}, "CONFIG.yaml"),
        ({"config": "nowhere.yaml"}, "nowhere.yaml"),
        ({"resume": "/no/such/run"}, "/no/such/run"),
        ({"compact": "a"}, "--resume RUN --compact"),
        ({"resume": "/no/such/run", "compact": "a"}, "no checkpoint"),
        ({"config": "a", "until": 0}, "--until"),
    ],
)
def test_bad_options(given, word):
    with pytest.raises((ValueError, OSError), match=word):
        command.run(options(**given))
