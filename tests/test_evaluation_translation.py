"""Translation, cross-attention, and the command that runs all that fits a model."""

import argparse
import hashlib
import json
from collections import Counter
from itertools import islice

import pytest
import torch

from llmlab.checkpoints.own import save_model
from llmlab.corpus import World, build
from llmlab.corpus.world import Pair
from llmlab.evaluation import Sizes, evaluate, measure_alignment, measure_translation, suite
from llmlab.evaluation import alignment as alignment_module
from llmlab.evaluation import translation as translation_module
from llmlab.evaluation.command import changed_world, open_model, run
from llmlab.evaluation.report import lines, to_json
from llmlab.evaluation.texts import fingerprint, is_of_this_world
from llmlab.evaluation.translation import chrf
from llmlab.tokenizers.character import Character
from llmlab.training import train
from llmlab.training.checkpoint import find_checkpoint, load_checkpoint
from llmlab.training.token_file import write_pairs, write_tokens
from tests.evaluation_models import characters_of, random_model, small_world
from tests.training_setup import tiny_run

TINY = Sizes(texts=12, calibration=6, exact=6, questions=4, pairs=4, aligned=3, trained_on=200)


@pytest.fixture(scope="module")
def pairs() -> list[Pair]:
    return list(islice(small_world().pairs(), 60))


def translator(texts, **changes):
    tokenizer = characters_of(texts)
    return random_model(tokenizer, architecture="encoder-decoder", n_encoder_layers=1, **changes)


def test_translations_are_counted(monkeypatch, pairs):
    some = pairs[:10]
    said = [pair.en for pair in some]
    said[2], said[5] = "Something else.", ""
    monkeypatch.setattr(translation_module, "greedy", lambda model, sources, *_: said)
    model = translator(["a"])
    known = {(pair.zh, pair.en) for pair in some[4:]}
    found = measure_translation(model, some, "zh", known)
    assert found.direction == "zh-en" and (found.n, found.exact) == (10, 0.8)
    unseen = [i for i, pair in enumerate(some) if (pair.zh, pair.en) not in known]
    right = sum(i not in (2, 5) for i in unseen)
    assert (found.n_unseen, found.exact_unseen) == (len(unseen), right / len(unseen))
    assert [wrong.source for wrong in found.wrong] == [some[2].zh, some[5].zh]
    assert 0 < found.chrf < 100
    monkeypatch.setattr(translation_module, "greedy", lambda *_: [pair.en for pair in some])
    whole = measure_translation(model, some, "zh")
    assert whole.chrf == 100 and whole.exact == 1 and whole.exact_unseen is None


def test_chrf_is_that_of_its_definition():
    """Popović (2015): F of precision and recall, each the mean over character n-grams up to 6."""
    found, expected = ["thecatsat"], ["thecatsits"]
    shares = []
    for n in range(1, 7):
        a, b = (
            Counter(text[i : i + n] for i in range(len(text) - n + 1))
            for text in (found[0], expected[0])
        )
        match = sum((a & b).values())
        shares.append((match / sum(a.values()), match / sum(b.values())))
    precision, recall = (sum(column) / 6 for column in zip(*shares, strict=True))
    f = 5 * precision * recall / (4 * precision + recall)
    score, signature = chrf(found, expected)
    assert score == pytest.approx(100 * f) and "nc:6" in signature


@pytest.mark.parametrize("source", ["zh", "en"])
def test_alignment_of_stated_weights(monkeypatch, pairs, source):
    """Heads that look at the aligned word when it is written, when it is read, and never."""
    model = translator([pair.zh + pair.en for pair in pairs])

    def stated(model, batch, source, target):
        for pair in batch:
            n_source, n_target = (len(getattr(pair, name)) + 1 for name in (source, target))
            weights = torch.full((1, 3, n_target + 4, n_source), 0.01)  # and padding
            weights[0, 2, :, 0] = 1
            for zh, en in pair.alignments:
                (start, end), (from_start, from_end) = (en, zh) if source == "zh" else (zh, en)
                # Character k is read at position k + 1 and written at position k.
                weights[0, 0, start, 1 + from_start] = 1
                weights[0, 1, end, from_end] = 1
                if source == "zh":  # between English words there is room to look elsewhere
                    weights[0, 0, end, 0] = weights[0, 1, start, 0] = 2
            yield weights

    monkeypatch.setattr(alignment_module, "_cross_attention", stated)
    found = measure_alignment(model, pairs, source)
    share = {(head.head, head.when): head.share for head in found.heads}
    if source == "zh":
        assert share[0, "written"] == share[1, "read"] == found.best.share == 1
        assert share[0, "read"] == share[1, "written"] == 0
    assert share[0, "written"] > 0.9 and share[2, "read"] == share[2, "written"] == 0
    texts = [
        (pair.en[slice(*en)] if source == "zh" else pair.zh[slice(*zh)], zh, en, pair)
        for pair in pairs for zh, en in pair.alignments
    ]  # fmt: skip
    pronouns = {"he", "him", "his", "she", "her", "他", "她", "他的", "她的"}
    content = [each for each in texts if each[0].lower() not in pronouns]
    assert found.n_words == len(content)
    chances = [
        (zh[1] - zh[0]) / (len(pair.zh) + 1) if source == "zh"
        else (en[1] - en[0]) / (len(pair.en) + 1)
        for _, zh, en, pair in content
    ]  # fmt: skip
    assert found.chance == pytest.approx(sum(chances) / len(chances))


def test_cross_attention_in_a_batch_is_that_of_each_pair_alone(pairs):
    model = translator([pair.zh + pair.en for pair in pairs])
    together = alignment_module._cross_attention(model, pairs[:5], "zh", "en")
    for pair, cross in zip(pairs[:5], together, strict=True):
        ids, source = model.encode_target(pair.en), model.encode(pair.zh)
        with torch.no_grad():
            output = model.transformer(ids, source=source, record=("cross_attention",))
        expected = output.recording["cross_attention"][0]
        torch.testing.assert_close(
            cross[:, :, : ids.size(1), : source.size(1)], expected, atol=1e-4, rtol=1e-3
        )
        assert cross[:, :, : ids.size(1), source.size(1) :].abs().sum() == 0


def test_what_cannot_be_aligned_or_translated(pairs):
    decoder = random_model(characters_of(["a"]))
    model = translator([pair.zh + pair.en for pair in pairs])
    for measure in (measure_alignment, measure_translation):
        with pytest.raises(ValueError, match="encoder-decoder"):
            measure(decoder, pairs, "zh")
        with pytest.raises(ValueError, match="'fr'"):
            measure(model, pairs, "fr")
        with pytest.raises(ValueError, match="no "):
            measure(model, [], "zh")


@pytest.fixture(scope="module")
def letters():
    """Characters of the whole world, nearly all."""
    world = World(seed=9)
    texts = [t.text for name in ("zh", "en") for t in islice(world.texts(name), 3000)]
    return Character.train(texts, 10_000)


DECODER = ["prompts", "meanings", "pronouns", "calibration zh", "exact zh", "calibration en",
           "exact en", "gap"]  # fmt: skip
TRANSLATOR = ["translation zh-en", "alignment zh-en", "translation en-zh", "alignment en-zh"]


@pytest.mark.parametrize(
    "architecture, names", [("decoder", DECODER), ("encoder-decoder", TRANSLATOR)]
)
def test_the_command_prints_and_writes_all(
    monkeypatch, tmp_path, capsys, letters, architecture, names
):
    changes = {} if architecture == "decoder" else {"n_encoder_layers": 1}
    model = random_model(letters, architecture=architecture, context_length=1024, **changes)
    letters.save(tmp_path / "tokenizer.json")
    folder = save_model(tmp_path / "m", model.transformer, tmp_path / "tokenizer.json", "float32")
    monkeypatch.setattr("llmlab.evaluation.command.QUICK", TINY)
    options = argparse.Namespace(model=str(folder), quick=True, json=tmp_path / "found.json")
    assert run(options) == 0
    printed = capsys.readouterr().out
    written = json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))
    assert list(written) == ["model", "world", *names]
    for name in names:
        assert name in printed
    assert not list(tmp_path.glob("*.partial"))
    if architecture == "decoder":
        groups = written["gap"]["groups"]
        assert {group["language"] for group in groups} == {"zh", "en"}
        assert {group["unseen"] for group in groups} == {False, True}
        assert written["pronouns"]["groups"][0]["n"] == 8
    else:
        assert written["translation zh-en"]["n"] == 4


def test_what_is_no_evaluation(letters):
    with pytest.raises(ValueError, match="training stream"):
        next(evaluate(random_model(letters), TINY, seed=1))
    with pytest.raises(ValueError, match="writes text"):
        next(evaluate(random_model(letters, architecture="encoder"), TINY))
    with pytest.raises(TypeError, match="int"):
        lines(3)
    assert json.loads(to_json("m", "w", {"a": ((1, 2),)})) == {
        "model": "m", "world": "w", "a": [[1, 2]]
    }  # fmt: skip
    assert suite.QUICK.texts < Sizes().texts


@pytest.mark.parametrize("kind", ["texts", "pairs"])
def test_data_of_another_state_of_the_world_are_seen(tmp_path, kind):
    texts = list(build.texts(build.SEEDS["train"], 310))
    pairs = list(build.pairs(build.SEEDS["train"] + 100, 310))
    kept = texts if kind == "texts" else pairs
    write = write_tokens if kind == "texts" else write_pairs
    wide = Character.train([*texts, *(text for pair in pairs for text in pair)], 10_000)
    assert is_of_this_world(write(tmp_path / "a.bin", kept, wide), wide)
    kept[77] = kept[78]
    assert not is_of_this_world(write(tmp_path / "b.bin", kept, wide), wide)
    assert fingerprint(5) == hashlib.sha256("\0".join(texts[:10]).encode()).hexdigest()


def test_a_run_is_opened_at_its_last_checkpoint(tmp_path):
    folder = train(tiny_run(tmp_path), until=6)
    model = open_model(str(folder))
    state = load_checkpoint(find_checkpoint(folder))
    assert state.step == 6 and model.name.endswith("step 6")
    for name, parameter in model.transformer.named_parameters():
        assert torch.equal(parameter, state.weights[name])
    assert changed_world(str(folder), model.tokenizer) is None  # its data are text files
    earlier = open_model(str(folder / "checkpoints" / "step-00000003"))
    assert earlier.name.endswith("step 3")
    (tmp_path / "new" / "checkpoints").mkdir(parents=True)
    with pytest.raises(FileNotFoundError, match="no checkpoint yet"):
        open_model(str(tmp_path / "new"))
    with pytest.raises(ValueError, match="no model"):
        open_model("minni")
