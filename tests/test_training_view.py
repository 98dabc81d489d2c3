"""TrainingView in Python: what it reads, how it smooths and thins, its picture and words."""

import io
import json
import math
import random
import re
import shutil
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import llmlab
from llmlab import views
from llmlab.serialization import array_from_json
from llmlab.training import train
from llmlab.views.base import MIME
from llmlab.views.training import TrainingView
from llmlab.views.training_picture import COLOURS
from llmlab.views.training_record import read_run
from llmlab.views.training_state import MOST_CHECKPOINTS, MOST_POINTS, legible, smoothed, thinned
from tests.small_models import HOSTILE
from tests.training_setup import tiny_run

PROMPTS = ("the cat", "a dog")


def made_record(name: str = "made", steps: int = 30, seed: int = 0, every: int = 10) -> dict:
    """A record with arbitrary numbers: what the view must show again, whatever they are."""
    pick = random.Random(seed)
    numbers = range(1, steps + 1)
    return {
        "config": {"name": name},
        "curves": {
            "loss": [[step, 2 + 6 / step + pick.gauss(0, 0.1)] for step in numbers],
            "learning_rate": [[step, 1e-3 * step / steps] for step in numbers],
            "gradient_norm": [[step, pick.uniform(0.5, 2)] for step in numbers],
        },
        "evaluations": [
            {
                "step": step,
                "validation_loss": 2 + 6 / step,
                "perplexity": math.exp(2 + 6 / step),
                "bits_per_character": 3 + pick.random(),
            }
            for step in range(every, steps + 1, every)
        ],
        "samples": [
            {"step": step, "prompt": prompt, "text": f" eats rice {step}"}
            for step in range(every, steps + 1, every)
            for prompt in PROMPTS
        ],
    }


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folder of a real run, twelve steps long."""
    at = tmp_path_factory.mktemp("training")
    return train(tiny_run(at, samples=PROMPTS, sample_tokens=6))


def logged(folder) -> list[dict]:
    """The log, read by nothing of the package."""
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def test_a_runs_folder_is_shown_as_logged(run):
    view, entries = TrainingView(run), logged(run)
    (state,) = view.runs
    steps = [entry for entry in entries if "loss" in entry]
    assert state["steps"] == [entry["step"] for entry in steps] == list(range(1, 13))
    for name in ("loss", "learning_rate", "gradient_norm", "tokens_per_second"):
        shown = array_from_json(state["curves"][name]).numpy()
        np.testing.assert_array_equal(shown, np.float32([entry[name] for entry in steps]))
    assert state["evaluations"] == [entry for entry in entries if "validation_loss" in entry]
    samples = {(e["step"], e["prompt"]): e["text"] for e in entries if "text" in e}
    assert {
        (each["step"], prompt): text
        for each in state["samples"]
        for prompt, text in zip(state["prompts"], each["texts"])
    } == {key: legible(text) for key, text in samples.items()}
    assert view.moments == [3, 4, 6, 8, 9, 12] and view.moment == 5
    assert (state["name"], view.below) == ("tiny", "learning_rate")


def test_a_model_its_folder_and_its_record_show_the_same(run, tmp_path):
    record = json.loads((run / "model" / "training.json").read_text())
    model = llmlab.load(run / "model")
    views = [TrainingView(given) for given in (run / "model", str(run / "model"), model, record)]
    assert all(view.state() == views[0].state() for view in views)
    assert views[0].runs[0]["steps"] == TrainingView(run).runs[0]["steps"]
    shutil.copytree(run / "model", tmp_path / "run" / "model")
    assert TrainingView(tmp_path / "run").state() == views[0].state()


def test_a_log_that_is_being_written(run, tmp_path):
    text = (run / "metrics.jsonl").read_text()
    (tmp_path / "metrics.jsonl").write_text(text[: text.rindex("{") + 9])
    assert TrainingView(tmp_path).runs[0]["recorded"] == 12
    assert TrainingView(tmp_path).runs[0]["name"] == tmp_path.name  # there is no config.yaml


def test_smoothing_is_the_weighted_mean_it_says():
    steps, values = [1, 2, 3, 5, 8, 40, 41], [9.0, 7.0, math.nan, 6.5, 3.0, 4.0, 1.0]
    power = math.log(0.5) / math.log(1 - 0.1)  # a tenth of the way back: half the weight
    found = smoothed(steps, values, 0.1)
    for i, step in enumerate(steps):
        there = [(s, v) for s, v in zip(steps[: i + 1], values) if not math.isnan(v)]
        weights = [(s / step) ** power for s, _ in there]
        expected = np.average([v for _, v in there], weights=weights)
        expected = math.nan if math.isnan(values[i]) else expected
        assert found[i] == pytest.approx(expected, nan_ok=True)
    assert (90 / 100) ** power == pytest.approx(0.5)
    assert smoothed(steps, values, 0)[:2] == [9.0, 7.0]
    assert smoothed([0, 1], [4.0, 2.0], 0.1) == [4.0, 2.0]


def test_a_long_record_is_thinned_by_its_rule():
    pick = random.Random(3)
    n = 20_000
    steps = list(range(1, n + 1))
    loss = [2 + 6 / s**0.4 + pick.gauss(0, 0.1) for s in steps]
    norms = [pick.random() for _ in steps]
    loss[7_777], norms[12_345] = 30.0, -5.0  # a spike of each
    checkpoints = {250 * i for i in range(1, 81)}
    kept = thinned(steps, [loss, norms], checkpoints)
    assert kept == sorted(set(kept))
    assert {0, n - 1, 7_777, 12_345, int(np.argmin(loss)), int(np.argmax(norms))} <= set(kept)
    assert checkpoints <= {steps[i] for i in kept}
    assert len(kept) <= MOST_POINTS + len(checkpoints) + 6
    stretch = range(n // 2, n // 2 + 2 * n // (MOST_POINTS // 4))  # holds a whole stretch
    assert len(set(kept) & set(stretch)) >= 2
    assert set(range(6)) <= set(kept)  # the beginning of an axis of logarithmic steps
    # The line through what is kept goes as far up and down as the record does, everywhere.
    width = 2 * n // (MOST_POINTS // 4)
    for low in range(0, n - width, width):
        within = [loss[i] for i in kept if low <= i < low + width]
        part = sorted(loss[low : low + width])
        assert min(within) <= part[width // 2] <= max(within)
    assert thinned(steps[:MOST_POINTS], [loss], set()) == list(range(MOST_POINTS))


def test_a_long_runs_state_is_small_and_keeps_what_counts():
    record = made_record(steps=20_000, every=100)
    view = TrainingView(record)
    (state,) = view.runs
    losses = dict(zip(state["steps"], array_from_json(state["curves"]["loss"]).tolist()))
    assert state["recorded"] == 20_000 and len(losses) < 1_000
    given = dict(record["curves"]["loss"])
    assert all(losses[step] == np.float32(given[step]) for step in losses)
    assert [e["step"] for e in state["evaluations"]] == list(range(100, 20_001, 100))
    assert set(view.moments) <= set(losses)
    kept = [each["step"] for each in state["samples"]]
    assert len(kept) == MOST_CHECKPOINTS and (kept[0], kept[-1]) == (100, 20_000)
    # Smoothed before it was thinned.
    means = smoothed(*zip(*record["curves"]["loss"]), 0.04)
    shown = array_from_json(state["curves"]["smoothed"]).tolist()
    assert shown == [np.float32(means[step - 1]) for step in state["steps"]]
    assert len(json.dumps(view.state())) < 60_000


def test_several_runs(run):
    view = TrainingView({"small": made_record(seed=1), "large": run, "long": made_record(steps=50)})
    assert [each["name"] for each in view.runs] == ["small", "large", "long"]
    assert view.moments == [3, 4, 6, 8, 9, 10, 12, 20, 30, 40, 50]
    for name in ("small", "large", "long"):
        assert f"Training of {name}: training loss " in view.alt()
    view.shown, view.moment = 1, 1
    written = read_run(run).samples[3]
    assert f"At step 4 large writes: “the cat” → “{legible(written['the cat'])}”" in view.alt()


def test_words_have_the_records_numbers():
    record = made_record()
    view = TrainingView(record, references={"entropy": 1.25, "guessing": math.log(6400)})
    loss = dict(record["curves"]["loss"])
    last = record["evaluations"][-1]
    words = view.alt()
    assert f"training loss {loss[1]:.4g} at step 1, {loss[30]:.4g} at step 30" in words
    assert f"validation loss {last['validation_loss']:.4g} at step 30" in words
    assert f"perplexity {last['perplexity']:.4g}" in words
    assert "References: entropy 1.25, guessing 8.764 nats." in words
    assert "“the cat” → “ eats rice 30”" in words
    record["evaluations"][0]["validation_loss"] = 1.5
    assert "least 1.5 at step 10" in TrainingView(record).alt()


def test_state_and_picture(run):
    view = TrainingView({"a": run, "b": made_record()}, references={"entropy": 1.2}, scale="log")
    state = view.state()
    assert json.loads(json.dumps(state, allow_nan=False)) == state
    picture = view.picture()
    assert picture == view.picture() and len(picture) < 60_000
    assert Image.open(io.BytesIO(picture)).format == "PNG"
    view.moment = 0
    assert view.picture() != picture
    bundle, metadata = view._repr_mimebundle_()
    assert bundle[MIME]["state"]["alt"] == metadata["image/png"]["alt"] == view.alt()
    assert repr(view) == "<TrainingView of a, b>"
    for below in ("gradient_norm", "perplexity", "bits_per_character", "tokens_per_second"):
        view.below = below
        assert view.picture().startswith(b"\x89PNG")


def test_records_with_little_in_them():
    only_loss = TrainingView({"curves": {"loss": [[1, 3.0]]}})
    assert (only_loss.moments, only_loss.below) == ([], "")
    assert only_loss.picture().startswith(b"\x89PNG")
    words = "training loss 3 at step 1, 3 at step 1 (smoothed 3)"
    assert only_loss.alt() == f"Training of run: {words}."
    evaluated = TrainingView({"curves": {}, "evaluations": [{"step": 5, "validation_loss": 2.5}]})
    assert evaluated.alt() == "Training of run: validation loss 2.5 at step 5."
    assert evaluated.picture().startswith(b"\x89PNG")


def test_what_is_not_finite_is_a_gap():
    losses = [[1, 3.0], [2, math.nan], [3, math.inf], [4, 2.0]]
    bad = {"step": 4, "validation_loss": math.inf, "perplexity": math.nan}
    view = TrainingView({"curves": {"loss": losses}, "evaluations": [bad]})
    shown = array_from_json(view.runs[0]["curves"]["loss"])
    assert shown.isnan().tolist() == [False, True, True, False]
    assert view.runs[0]["evaluations"] == [{"step": 4}]
    json.dumps(view.state(), allow_nan=False)
    assert "2 at step 4" in view.alt() and view.picture().startswith(b"\x89PNG")


def test_hostile_texts_travel_as_text():
    record = made_record(HOSTILE[2])
    record["samples"] = [
        {"step": 10, "prompt": text, "text": text[::-1] + "\nx" * 600} for text in HOSTILE
    ]
    view = TrainingView({"<img src=x>": record, "$x$": record}, references={"\u202e\0": 1.0})
    state = json.dumps(view.state(), ensure_ascii=False)
    state.encode("utf-8")  # a lone surrogate would not pass
    assert not any(char in state for char in "\0\u202e")
    assert max(len(t) for each in view.runs[0]["samples"] for t in each["texts"]) <= 620
    assert view.picture().startswith(b"\x89PNG")
    assert legible("a b\n\tc\r") == "a b\n⇥c␍"


@pytest.mark.parametrize(
    "given, options, message",
    [
        (7, {}, "a run is a folder, a model of ours, or a record of plain values, not int"),
        ({}, {}, "0 runs were given; a view compares 1 to 5"),
        ({str(i): {"curves": {}} for i in range(6)}, {}, "6 runs were given"),
        ({"curves": {}}, {}, "the record has no step yet"),
        ({"curves": {"loss": [1, 2]}}, {}, "the record is altered: expected curves"),
        ({"curves": {"loss": [["one", 2]]}}, {}, "has no step, a whole number"),
        ({"curves": {"loss": [[1, "two"]]}}, {}, "loss is 'two', expected a number"),
        ({"curves": {}, "samples": [{"step": 1, "text": 3}]}, {}, "is no sample of text"),
        (made_record(), {"references": {"a": math.nan}}, "reference 'a' is nan; expected a finite"),
        (made_record(), {"references": dict.fromkeys("abcde", 1)}, "5 references .* at most 4"),
        (made_record(), {"scale": "cubic"}, "scale='cubic' is not known"),
        (made_record(), {"smoothing": 1}, "a share from 0 to below 1, not 1"),
    ],
)
def test_bad_input_is_told_in_one_sentence(given, options, message):
    with pytest.raises(ValueError, match=message):
        TrainingView(given, **options)


def test_folders_without_a_record(tmp_path, run):
    (tmp_path / "mini-large").mkdir()
    with pytest.raises(FileNotFoundError, match="metrics.jsonl.*did you mean .*mini-large"):
        TrainingView(tmp_path / "mini-larg")
    with pytest.raises(FileNotFoundError, match="no record of a training lies in"):
        TrainingView(tmp_path)
    for text, message in (("{", "is not JSON"), ("[]", "holds no record")):
        (tmp_path / "training.json").write_text(text)
        with pytest.raises(ValueError, match=message):
            TrainingView(tmp_path)
    (tmp_path / "metrics.jsonl").write_text("")
    with pytest.raises(ValueError, match="metrics.jsonl has no step yet"):
        TrainingView(tmp_path)
    (tmp_path / "metrics.jsonl").write_text("[1]\n")
    with pytest.raises(ValueError, match=r"metrics.jsonl is altered: \[1\] has no step"):
        TrainingView(tmp_path)


def test_wrong_changes_are_refused(run):
    view = TrainingView(run)
    for name, value, message in (
        ("moment", 6, "moment is 6; expected a whole number from 0 to 5"),
        ("shown", 1, "shown is 1; expected a whole number from 0 to 0"),
        ("below", "loss", "below='loss' is not recorded; there are: "),
    ):
        with pytest.raises(ValueError, match=message):
            setattr(view, name, value)


# How the three kinds of cones' absence changes linear RGB (Machado et al., 2009, severity 1).
COLOUR_BLINDNESS = {
    "none": np.eye(3),
    "protanopia": [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]],
    "deuteranopia": [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]],
    "tritanopia": [[1.256, -0.077, -0.179], [-0.078, 0.931, 0.148], [0.005, 0.691, 0.304]],
}
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def lab(colour: str, seen: list) -> np.ndarray:
    """CIE L*a*b* of a colour as it is seen."""
    srgb = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    xyz = TO_XYZ @ np.clip(np.array(seen) @ linear, 0, 1) / [0.9505, 1, 1.089]
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("seen", COLOUR_BLINDNESS)
def test_the_runs_colours_differ_for_every_eye(seen):
    css = (Path(views.__file__).parent / "training.css").read_text()
    colours = re.findall(r"--run-\d: (#\w{6})", css)
    assert len(colours) == 10 and tuple(colours[:5]) == COLOURS
    for theme in (colours[:5], colours[5:]):
        for pair in combinations(theme, 2):
            one, other = (lab(colour, COLOUR_BLINDNESS[seen]) for colour in pair)
            assert np.linalg.norm(one - other) > 15, pair
