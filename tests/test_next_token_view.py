"""NextTokenView in Python: its state, its picture and words, and branching."""

import dataclasses
import io
import json

import numpy as np
import pytest
import torch

import llmlab
from llmlab.branching import branch
from llmlab.run import Run
from llmlab.sampling import Distribution, draw
from llmlab.serialization import array_from_json
from llmlab.step import Candidate, Step
from llmlab.tokenizers.token import Token
from llmlab.views import picture
from llmlab.views.base import MIME
from llmlab.views.next_token import NextTokenView
from llmlab.views.next_token_state import merged, step_state

HOSTILE = ("<img src=x onerror=alert(1)>", "</script>", "${}", "\u200f\u202eabc", "\0", "\ud800")


def step_of(logits, number, temperature=1.0, top_k=None, top_p=None, texts=()) -> Step:
    """The step that these logits make, without a model."""
    found = Distribution(logits, temperature, top_k, top_p, number)
    rank = found.choose(number)
    ranks = [*range(min(50, len(found.ids)))] + ([rank] if rank >= 50 else [])
    texts = dict(enumerate(texts))
    candidates = tuple(
        Candidate(
            id=int(found.ids[i]),
            text=texts.get(int(found.ids[i]), f"t{found.ids[i]}"),
            logit=float(found.logits[i]),
            probability=float(found.probabilities[i]),
            kept=i < found.n_kept,
            sampling_probability=float(found.sampling_probabilities[i]),
            cumulative=float(found.cumulative[i]),
        )
        for i in ranks
    )
    chosen = candidates[min(rank, 50) if rank >= 50 else rank]
    token = Token(chosen.id, chosen.text, b"")
    tail = found.tail(np.array(ranks))
    return Step(0, candidates, tail, number, token, temperature, top_k, top_p)


@pytest.fixture(scope="module")
def run(gemma):
    prompt = "问：如何进行机器学习？\n答："
    return llmlab.generate(gemma, prompt, 20, temperature=0.7, top_p=0.95, seed=0)


@pytest.fixture
def view(run):
    return NextTokenView(run)


def test_a_run_of_twenty_steps_is_compact(view):
    state = view.state()
    assert len(state["branches"][0]["steps"]) == 20
    assert len(json.dumps(state)) < 120_000
    assert state["kernel"] is False


def test_the_normalisers_give_the_recorded_probabilities(run):
    for step in run.steps:
        state = step_state(step)
        logits = array_from_json(state["logits"]).double()
        p = (logits - logits[0]).exp() / state["mass"]
        np.testing.assert_allclose(p, [row.probability for row in step.candidates], rtol=1e-5)
        sampling = ((logits - logits[0]) / step.temperature).exp() / state["kept_mass"]
        kept = [row.kept for row in step.candidates]
        recorded = [row.sampling_probability for row in step.candidates]
        np.testing.assert_allclose(np.where(kept, sampling, 0), recorded, rtol=1e-5)


@pytest.mark.parametrize("spread", [0.5, 3.0, 8.0])
@pytest.mark.parametrize("temperature", [0.1, 0.37, 0.7, 1.0, 2.0])
def test_joined_bins_keep_the_mass_of_the_tail(spread, temperature):
    logits = torch.randn(262_144, generator=torch.Generator().manual_seed(1)) * spread
    step = step_of(logits, 0.5)
    means, counts = merged(step.tail, [row.logit for row in step.candidates])
    assert len(means) < len(step.tail.logits) and sum(counts) == sum(step.tail.counts)
    listed = [row.id for row in step.candidates]
    scaled = (logits.double() - logits.max()) / temperature
    everything = scaled.exp().sum()
    rest = everything - scaled[listed].exp().sum()
    weights = np.exp((np.array(means) - float(logits.max())) / temperature)
    joined = (np.array(counts) * weights).sum()
    # A bin is 1/16 wide, so its mean is off by a factor of at most cosh(1 / 32T).
    bound = np.cosh(1 / (32 * temperature)) - 1 + 1e-3
    assert abs(joined - rest) / everything < bound


def test_a_token_drawn_from_the_tail_stands_last_with_its_own_sum():
    logits = torch.linspace(0, 1, 1000)
    step = step_of(logits, 0.9)
    state = step_state(step)
    assert (state["listed"], state["chosen"], len(state["ids"])) == (50, 50, 51)
    assert state["kept"] == 50
    assert state["last_cumulative"] == pytest.approx(step.candidates[-1].cumulative)
    assert state["last_cumulative"] > step.draw


def test_a_listed_token_does_not_change_the_order():
    state = step_state(step_of(torch.linspace(0, 9, 1000), 0.1, top_k=20))
    assert (state["listed"], state["kept"], state["drawn"]) == (50, 20, state["chosen"])


def test_picture_and_words(view, run):
    from PIL import Image

    picture = view.picture()
    assert len(picture) < 40_000 and picture == view.picture()
    assert Image.open(io.BytesIO(picture)).format == "PNG"
    first = run.steps[0].candidates[0]
    words = view.alt()
    assert first.text in words and f"{first.probability * 100:.1f} %" in words
    assert f"{run.steps[0].draw:.4f}" in words
    bundle, metadata = view._repr_mimebundle_()
    assert bundle[MIME]["state"]["alt"] == metadata["image/png"]["alt"] == words


def test_a_chinese_font_of_one_weight_is_enough(view, monkeypatch, caplog):
    # cmr10 comes with matplotlib, in one weight. What is written there would stand on the page.
    monkeypatch.setattr(picture, "chinese_font", lambda: "cmr10")
    view.picture()
    assert not caplog.records


def test_hostile_tokens_travel_as_text(run):
    step = step_of(torch.arange(6.0), 0.5, texts=HOSTILE)
    prompt = tuple(Token(i, text, b"") for i, text in enumerate(HOSTILE))
    hostile = dataclasses.replace(run, steps=(step,), prompt_tokens=prompt)
    view = NextTokenView(hostile)
    state = json.dumps(view.state(), ensure_ascii=False)
    state.encode("utf-8")  # a lone surrogate would not pass
    assert not any(char in state for char in "\0\u200f\u202e")
    assert view.picture().startswith(b"\x89PNG")


def test_bad_input_is_told_in_one_sentence(run):
    with pytest.raises(ValueError, match="step is 20; the run has steps 0 to 19"):
        NextTokenView(run, step=20)
    with pytest.raises(ValueError, match="no steps"):
        NextTokenView(dataclasses.replace(run, steps=()))


def test_repr_holds_no_address(view):
    assert repr(view) == repr(NextTokenView(view.run)) and "0x" not in repr(view)


def test_the_branch_with_the_drawn_token_is_the_run_itself(run):
    settings = {"temperature": 0.7, "top_p": 0.95}
    again = branch(run, 4, run.steps[4].chosen.id, max_new_tokens=15, **settings)
    assert [token.id for token in again.tokens] == [token.id for token in run.tokens]
    assert again.text == run.text and again.stop_reason == run.stop_reason


def test_a_branch_ends_where_its_run_ends(gemma):
    """Stop strings and the rows of a table belong to the run, also where it was read from JSON."""
    prompt = "问：如何进行机器学习？\n答："
    free = llmlab.generate(gemma, prompt, 12, top_k=1)
    stop = free.tokens[5].text
    run = llmlab.generate(gemma, prompt, 12, top_k=1, stop=stop, n_candidates=7)
    assert run.stop_reason == "stop" and len(run.steps) <= 6 and run.stop == (stop,)
    read = Run.from_json(run.to_json(), gemma)
    for step in range(len(run.steps)):
        again = branch(read, step, run.steps[step].chosen.id, max_new_tokens=12, top_k=1)
        assert [kept.chosen for kept in again.steps] == [kept.chosen for kept in run.steps]
        assert (again.text, again.stop_reason, again.stop) == (run.text, "stop", (stop,))
        assert [len(kept.candidates) for kept in again.steps] == [7] * len(run.steps)


@pytest.mark.parametrize("count", [0, -1, 2.5, None, "3"])
def test_a_branch_wants_a_whole_number_of_tokens(run, count):
    with pytest.raises(ValueError, match="max_new_tokens must be a whole number from 1"):
        branch(run, 0, run.steps[0].chosen.id, max_new_tokens=count)


def test_a_branch_continues_from_the_token_that_was_chosen(run, gemma):
    other = run.steps[2].candidates[1]
    if other.id == run.steps[2].chosen.id:
        other = run.steps[2].candidates[0]
    new = branch(run, 2, other.id, max_new_tokens=3, temperature=0.9, top_k=20)
    assert len(new.steps) == 6
    assert new.tokens[:2] == run.tokens[:2] and new.tokens[2].id == other.id
    # The step after the branch, from logits without a cache and the draw of its number.
    ids = [token.id for token in (*run.prompt_tokens, *new.tokens[:3])]
    with torch.inference_mode():
        logits = gemma.transformer(torch.tensor([ids])).logits[0, -1]
    found = Distribution(logits, 0.9, 20, None, draw(run.seed, 3))
    assert new.tokens[3].id == found.ids[found.choose(draw(run.seed, 3))]


def test_the_view_keeps_every_branch(view, run):
    rows = [row for row in run.steps[1].candidates if row.id != run.steps[1].chosen.id]
    ask = {"type": "branch", "branch": 0, "step": 1, "temperature": 0.7, "top_k": 1, "top_p": None}
    view._answer(view, {**ask, "id": rows[0].id}, [])
    assert (view.branch, view.step, view.status) == (1, 1, "")
    assert view.branches[1]["parent"] == 0 and view.branches[1]["at"] == 1
    first = view.branches[1]["steps"][0]
    assert first["forced"] and first["ids"][first["chosen"]] == rows[0].id
    assert first["ids"][first["drawn"]] == run.steps[1].chosen.id
    assert [step.chosen.id for step in view.run.steps][1] == rows[0].id
    assert all(step.top_k == 1 for step in view.run.steps[2:])
    assert "Chosen by hand: " in view.alt()
    view.branch = 0
    assert view.run is run and "The draw " in view.alt()
    with pytest.raises(ValueError, match="branches 0 to 1"):
        view.branch = 2
    with pytest.raises(ValueError, match="steps go from 0 to 19"):
        view.step = 20


def test_a_branch_that_cannot_be_made_says_why(view, run):
    ask = {"type": "branch", "branch": 0, "step": 0, "top_k": None, "top_p": None}
    view._answer(view, {**ask, "id": run.steps[0].candidates[1].id, "temperature": 0}, [])
    assert "temperature must be a number above 0" in view.status and len(view.branches) == 1
    view._answer(view, {**ask, "id": -5, "temperature": 1.0}, [])
    assert "not a candidate of step 0" in view.status
    without = NextTokenView(dataclasses.replace(run, model=None))
    assert without.can_branch is False
    with pytest.raises(ValueError, match="no model to continue with"):
        without.choose(run.steps[0].candidates[1].id)
