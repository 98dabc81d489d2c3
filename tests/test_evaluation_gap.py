"""Loss against the world's own, and calibration, with models of which both are known."""

import math
import random
from itertools import islice

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from llmlab.corpus import World
from llmlab.evaluation import (
    Bins,
    compare_with_exact,
    measure_calibration,
    measure_gaps,
)
from llmlab.evaluation import exact as exact_module
from llmlab.evaluation import scoring
from llmlab.evaluation.scoring import batches, log_probabilities, text_ids
from llmlab.evaluation.spans import covering, token_spans
from llmlab.evaluation.texts import fresh_pairs, fresh_texts, seen
from llmlab.tokenizers import ByteFallbackBPE
from tests.evaluation_models import (
    characters_of,
    exact_model,
    random_model,
    small_world,
    stated_model,
)


@pytest.fixture(scope="module")
def world() -> World:
    return small_world()


@pytest.fixture(scope="module", params=("zh", "en"))
def drawn(request, world):
    """A language, texts of it, and the world as a model."""
    texts = list(islice(world.texts(request.param), 400))
    return request.param, texts, exact_model(world, request.param)


def test_the_world_as_a_model_has_no_gap(world, drawn):
    language, texts, model = drawn
    gaps = measure_gaps(model, world.log_probability, texts)
    whole = gaps.of(language)
    assert whole.gap_nats == pytest.approx(0, abs=1e-4) and abs(whole.gap) < 1e-4
    assert whole.n_texts == 400
    expected = -sum(world.log_probability(t.text, language) for t in texts) / 400
    assert whole.world_nats == pytest.approx(expected) == pytest.approx(whole.model_nats, abs=1e-4)
    assert {group.register for group in gaps.groups} == {None, "conversation", "story", "question"}
    assert sum(group.n_texts for group in gaps.groups if group.register) == 400


def test_a_gap_worked_by_hand(world):
    """A model that finds every token equally likely pays log(vocabulary) for each."""
    texts = list(islice(world.texts("en"), 50))
    tokenizer = characters_of([text.text for text in texts])
    model = stated_model(tokenizer, lambda ids: torch.zeros(tokenizer.vocab_size))
    known = {texts[0].text, texts[7].text}
    gaps = measure_gaps(model, world.log_probability, texts, known)
    whole, rest = gaps.of("en"), gaps.of("en", unseen=True)
    paid = [(len(text.text) + 1) * math.log(tokenizer.vocab_size) for text in texts]
    best = [-world.log_probability(text.text, "en") for text in texts]
    assert whole.model_nats == pytest.approx(np.mean(paid), rel=1e-5)
    difference = np.subtract(paid, best)
    assert whole.gap_nats == pytest.approx(difference.mean(), rel=1e-5)
    assert whole.gap_nats_error == pytest.approx(difference.std(ddof=1) / 50**0.5, rel=1e-4)
    assert whole.gap == pytest.approx(np.mean(paid) / np.mean(best) - 1, rel=1e-5)
    n_characters = sum(len(text.text) for text in texts)
    assert whole.model_bits == pytest.approx(sum(paid) / n_characters / math.log(2), rel=1e-5)
    assert whole.world_bits == pytest.approx(sum(best) / n_characters / math.log(2), rel=1e-5)
    at = int(difference.argmax())
    assert whole.worst[0] == (texts[at].text, pytest.approx(difference[at], rel=1e-5))
    assert rest.n_texts == sum(text.text not in known for text in texts) < 49


def test_the_error_of_a_ratio_is_that_of_resampling(world):
    texts = list(islice(world.texts("zh"), 200))
    tokenizer = characters_of([text.text for text in texts])
    whole = measure_gaps(
        random_model(tokenizer), world.log_probability, texts
    ).of("zh")  # fmt: skip
    own = -np.array(log_probabilities(random_model(tokenizer), [t.text for t in texts]))
    best = np.array([-world.log_probability(text.text, "zh") for text in texts])
    pick = np.random.default_rng(0).integers(200, size=(4000, 200))
    resampled = own[pick].sum(1) / best[pick].sum(1) - 1
    assert whole.gap_error == pytest.approx(resampled.std(), rel=0.1)


def test_what_has_no_gap(world):
    texts = list(islice(world.texts("zh"), 3))
    model = random_model(characters_of([text.text for text in texts]))
    with pytest.raises(ValueError, match="too few"):
        measure_gaps(model, world.log_probability, texts[:1])
    with pytest.raises(ValueError, match="cannot say"):
        measure_gaps(model, lambda text, language: -math.inf, texts)


def test_scores_are_those_of_one_text_at_a_time(monkeypatch):
    texts = ["abc", "a", "bca bca bca", "", "cab", "b" * 30]
    model = random_model(characters_of(texts))
    monkeypatch.setattr(scoring, "LOGITS_AT_ONCE", 20 * model.config.vocab_size)
    found = log_probabilities(model, texts)
    for text, got in zip(texts, found, strict=True):
        ids = torch.tensor([[2, *model.tokenizer.encode(text), 1]])  # <bos> … <eos>
        with torch.no_grad():
            logits = model.transformer(ids[:, :-1]).logits
        expected = -F.cross_entropy(logits[0], ids[0, 1:], reduction="sum").item()
        assert got == pytest.approx(expected, rel=1e-5)


def test_batches_hold_every_row_once_and_no_more_than_fits():
    lengths = [5, 1, 9, 3, 3, 40, 8]
    found = list(batches(lengths, 12))
    assert sorted(row for batch in found for row in batch) == list(range(7))
    for batch in found:
        assert len(batch) == 1 or len(batch) * max(lengths[row] for row in batch) <= 12


def test_what_cannot_be_scored():
    tokenizer = characters_of(["abc"])
    long, translator = random_model(tokenizer, context_length=4), random_model(
        tokenizer, architecture="encoder-decoder", n_encoder_layers=1
    )
    with pytest.raises(ValueError, match="at most 4"):
        text_ids(long, "abcabc")
    with pytest.raises(ValueError, match="decoder-only"):
        log_probabilities(translator, ["abc"])


def test_reliability_worked_by_hand():
    bins = Bins((0, 0.5, 1))
    bins.add(np.array([0.1, 0.3, 0.5, 1.0]), np.array([0, 1, 1, 1]))
    bins.add(np.array([0.7]), np.array([0]))
    found = bins.reliability()
    low, high = found.bins
    assert (low.n, low.predicted, low.observed) == (2, pytest.approx(0.2), 0.5)
    assert (high.n, high.predicted, high.observed) == (3, pytest.approx(2.2 / 3), 2 / 3)
    assert found.error == pytest.approx((2 * 0.3 + 3 * (2.2 / 3 - 2 / 3)) / 5)
    empty = Bins((0, 0.5, 1)).reliability()
    assert empty.bins[0].predicted is None and empty.error == 0


def test_calibration_worked_by_hand():
    """A model that always says 0.75, 0.19, 0.06 of three characters, and hardly anything else."""
    tokenizer = characters_of(["abc"])
    said = torch.full((tokenizer.vocab_size,), -20.0)
    for character, p in (("a", 0.75), ("b", 0.19), ("c", 0.06)):
        said[tokenizer.encode(character)[0]] = math.log(p)
    found = measure_calibration(stated_model(tokenizer, lambda ids: said), ["ab", "aaca"])
    # Eight positions: a four times, b, c once each, the end twice.
    assert found.accuracy == 0.5 and found.first.n == 8
    assert found.first.error == pytest.approx(0.25, abs=1e-5)
    by_low = {each.low: each for each in found.tokens.bins}
    for low, p, observed in ((0.7, 0.75, 4 / 8), (0.1, 0.19, 1 / 8)):
        here = by_low[low]
        assert (here.n, here.observed) == (8, observed)
        assert here.predicted == pytest.approx(p, abs=1e-5)
    assert by_low[0.0].n == 8 * (tokenizer.vocab_size - 3) and by_low[0.0].observed > 0
    assert found.tokens.error == pytest.approx(0.25 + 0.065 + 0.065 + 0.25, abs=1e-4)
    with pytest.raises(ValueError, match="at least one text"):
        measure_calibration(stated_model(tokenizer, lambda ids: said), [])


def test_the_world_as_a_model_is_calibrated_and_a_sharpened_one_is_not(world, drawn):
    language, texts, model = drawn
    plain = [text.text for text in texts]
    good = measure_calibration(model, plain)
    bad = measure_calibration(exact_model(world, language, sharpness=4), plain)
    assert 3 * good.first.error < bad.first.error
    assert 3 * good.tokens.error < bad.tokens.error


def test_beside_the_exact_probabilities_the_world_has_no_fault(world, drawn):
    language, texts, model = drawn
    found = compare_with_exact(model, world, texts)
    assert found.n > 300
    assert found.total_variation < 1e-5 and abs(found.divergence) < 1e-5
    for each in found.reliability.bins:
        assert each.n == 0 or each.observed == pytest.approx(each.predicted, abs=1e-5)
    bad = compare_with_exact(exact_model(world, language, sharpness=4), world, texts)
    assert bad.total_variation > 0.005 and bad.divergence > 0.001
    assert bad.entropy == found.entropy > 0.05


def test_what_follows_is_what_texts_with_these_tokens_go_on_with(world):
    """Against all texts of the world, cut into pieces of several characters."""
    for language in ("zh", "en"):
        drawn = list(islice(world.texts(language), 40_000))
        probabilities = {
            text: math.exp(world.log_probability(text, language))
            for text in {text.text for text in drawn}
        }
        tokenizer = ByteFallbackBPE.train(
            [text.text for text in drawn[:2000]], 900, space_first=True
        )
        model = stated_model(tokenizer, lambda ids: None)
        labels = exact_module.beginnings(model)
        ids_of = {text: text_ids(model, text) for text in probabilities}
        pick, n_places = random.Random(0), 0
        for text in drawn[:60]:
            found = exact_module.place(model, labels, world, text, pick)
            if found is None:
                continue
            n_places += 1
            n, expected = len(found.ids), {}
            for other, ids in ids_of.items():
                if tuple(ids[:n]) == found.ids:
                    label = labels[ids[n]]
                    expected[label] = expected.get(label, 0.0) + probabilities[other]
            total = sum(expected.values())
            assert found.probabilities == pytest.approx(
                {label: p / total for label, p in expected.items()}, abs=1e-9
            )
        assert n_places > 20


def test_no_place_to_compare(world):
    texts = [text for text in islice(world.texts("zh"), 5)]
    short = [type(text)("唉", "zh", "story", "none", 0.0) for text in texts]
    with pytest.raises(ValueError, match="no text has a place"):
        compare_with_exact(exact_model(world, "zh"), world, short)


@pytest.mark.parametrize("text", ["我爱北京", "king and 王 😀!", "", " x", "naïve café"])
def test_token_spans_are_where_the_tokens_stand(text):
    tokenizer = ByteFallbackBPE.train(
        ["the king and the queen", "我爱北京", "king"] * 3, 290, space_first=True
    )
    spans = token_spans(tokenizer, text)
    pieces = tokenizer.pieces(text)
    assert len(spans) == len(pieces)
    covered = set()
    for (start, end), piece in zip(spans, pieces, strict=True):
        covered.update(range(start, end))
        said = text[start:end].encode()
        assert piece.bytes in (said, b" " + said) or piece.bytes in said
    assert covered == set(range(len(text)))
    assert covering([(0, 2), (2, 3), (3, 6)], 2, 4) == [1, 2]


def test_fresh_texts_are_of_another_stream():
    texts = fresh_texts(20, "en")
    assert [t.text for t in texts] == [
        t.text for t in islice(World(seed=41).texts("en"), 20)
    ]
    pairs = fresh_pairs(20)
    assert len({(pair.zh, pair.en) for pair in pairs}) == 20
    assert seen(["a", "b", "c"], iter("xbyab")) == {"a", "b"}
