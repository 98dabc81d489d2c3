"""Sampling against Hugging Face's warpers, and the draw against SplitMix64's published numbers."""

import math

import numpy as np
import pytest
import torch
from transformers import TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

from llmlab import sampling
from llmlab.sampling import Distribution

# The first numbers of SplitMix64 started with 1234567, as Vigna's reference code gives them.
PUBLISHED = [
    6457827717110365317,
    3203168211198807973,
    9817491932198370423,
    4593380528125082431,
    16408922859458223821,
]


def reference(logits, temperature, top_k, top_p):
    """Hugging Face's distribution over the whole vocabulary, (vocab,)."""
    scores = logits.double()[None]
    scores = TemperatureLogitsWarper(float(temperature))(None, scores)
    if top_k is not None:
        scores = TopKLogitsWarper(top_k)(None, scores)
    if top_p is not None:
        scores = TopPLogitsWarper(float(top_p))(None, scores)
    return scores.softmax(dim=-1)[0]


def random_logits(vocab, spread, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(vocab, generator=generator) * spread


SETTINGS = [
    (1.0, None, None),
    (0.7, None, None),
    (0.7, 40, None),
    (1.0, 1, None),
    (1.0, None, 0.9),
    (0.7, None, 0.95),
    (1.3, 200, 0.8),
    (0.05, 5, 0.5),
    (8.0, None, 0.99),
    (0.9, None, 1.0),
    (0.9, 10**9, None),
    (1.0, None, 1e-9),
]


@pytest.mark.parametrize("temperature, top_k, top_p", SETTINGS)
@pytest.mark.parametrize("vocab, spread", [(7, 1.0), (3000, 4.0), (262_144, 3.0)])
def test_distribution_is_hugging_faces(vocab, spread, temperature, top_k, top_p):
    logits = random_logits(vocab, spread)
    expected = reference(logits, temperature, top_k, top_p)
    got = Distribution(logits, temperature, top_k, top_p, draw=0.6)
    ids = torch.from_numpy(got.ids)
    torch.testing.assert_close(
        torch.from_numpy(got.sampling_probabilities), expected[ids], atol=1e-9, rtol=2e-6
    )
    torch.testing.assert_close(
        torch.from_numpy(got.probabilities), logits.double().softmax(0)[ids], atol=1e-9, rtol=2e-6
    )
    assert got.n_kept == np.count_nonzero(expected)


@pytest.mark.parametrize("temperature", [5e-324, 1e-50, 1e-39, 1e-9, 1e-3])
@pytest.mark.parametrize("top_k, top_p", [(None, None), (20, None), (None, 0.9), (None, 1e-9)])
def test_a_temperature_near_zero_shares_among_the_highest(temperature, top_k, top_p):
    logits = random_logits(3000, 4.0)
    logits[[7, 1000]] = logits.max() + 1  # two equals; the others are a whole logit below
    got = Distribution(logits, temperature, top_k, top_p, draw=0.7)
    assert got.ids[:2].tolist() == [7, 1000]
    expected = [1.0, 0.0] if top_p == 1e-9 else [0.5, 0.5]
    assert got.sampling_probabilities[:2].tolist() == expected
    assert np.isfinite(got.cumulative).all() and got.sampling_probabilities[2:].sum() == 0
    assert got.ids[got.choose(0.7)] == (7 if top_p == 1e-9 else 1000)


@pytest.mark.parametrize("temperature", [1e20, 1e39, 1e300])
def test_a_temperature_without_end_shares_among_all_that_are_possible(temperature):
    logits = random_logits(300, 4.0)
    logits[::3] = -math.inf
    got = Distribution(logits, temperature, draw=0.999)
    np.testing.assert_allclose(got.sampling_probabilities, 1 / 200, rtol=1e-6)


@pytest.mark.parametrize("temperature, top_k, top_p", SETTINGS)
def test_filters_are_hugging_faces(temperature, top_k, top_p):
    logits = random_logits(3000, 4.0).reshape(3, 1000)
    filtered = sampling.apply_temperature(logits, temperature)
    filtered = filtered if top_k is None else sampling.keep_top_k(filtered, top_k)
    filtered = filtered if top_p is None else sampling.keep_top_p(filtered, top_p)
    for row, given in zip(filtered, logits):
        expected = reference(given, temperature, top_k, top_p)
        torch.testing.assert_close(row.double().softmax(0), expected, atol=1e-9, rtol=5e-6)


def test_prefix_is_a_stable_sort():
    logits = random_logits(5000, 3.0).round(decimals=1)  # many ties
    order = np.lexsort((np.arange(5000), -logits.numpy()))
    got = Distribution(logits, draw=0.999)
    np.testing.assert_array_equal(got.ids, order[: len(got.ids)])
    assert len(got.ids) >= 50


def test_equal_logits_at_the_kth_place_stay():
    logits = torch.tensor([1.0, 3.0, 2.0, 2.0, 2.0, 0.0])
    got = Distribution(logits, top_k=2)
    assert got.n_kept == 4
    assert got.ids[:4].tolist() == [1, 2, 3, 4]
    np.testing.assert_allclose(
        got.sampling_probabilities[:4], reference(logits, 1.0, 2, None)[got.ids[:4]]
    )


def test_greedy_keeps_one_of_equals():
    logits = torch.tensor([1.0, 3.0, 3.0])
    got = Distribution(logits, top_k=1)
    assert got.ids[got.choose(0.999999)] == logits.argmax() == 1
    filtered = sampling.keep_top_k(logits, 1)
    assert filtered.tolist() == [-math.inf, 3.0, -math.inf]


@pytest.mark.parametrize("temperature, top_k, top_p", SETTINGS)
@pytest.mark.parametrize("number", [0.0, 0.31, 0.87, 0.9999, 1 - 2**-53])
def test_choice_is_the_first_to_exceed_the_draw(number, temperature, top_k, top_p):
    logits = random_logits(20_000, 3.0)
    probabilities = reference(logits, temperature, top_k, top_p).numpy()
    order = np.lexsort((np.arange(len(probabilities)), -logits.numpy()))
    cumulative = np.cumsum(probabilities[order])
    got = Distribution(logits, temperature, top_k, top_p, draw=number)
    chosen = got.choose(number)
    assert got.sampling_probabilities[chosen] > 0
    if number < 0.99:
        assert got.ids[chosen] == order[np.argmax(cumulative > number)]
        assert got.cumulative[chosen] > number
    else:  # so far out the last digits of a sum of 20,000 terms decide between neighbours
        before = cumulative[chosen] - probabilities[order[chosen]]
        assert before - 1e-6 < number
        assert number < cumulative[chosen] + 1e-6 or chosen == got.n_kept - 1


@pytest.mark.parametrize("seed", range(5))
def test_coarse_logits_far_apart(seed):
    """Half-precision ties, a few tokens far out: the prefix and the tail together miss nobody."""
    logits = random_logits(4000, 6.0, seed).half().float()
    logits[:3] = torch.tensor([-300.0, -65504.0, -1e30])
    for top_k in (None, 1, 7, 50, 700):
        got = Distribution(logits, 0.9, top_k, 0.97, draw=0.5)
        expected = reference(logits, 0.9, top_k, 0.97)
        if top_k != 1:
            assert got.n_kept == np.count_nonzero(expected)
            np.testing.assert_allclose(
                got.sampling_probabilities, expected[got.ids], rtol=1e-6, atol=1e-12
            )
        assert sum(got.tail(np.arange(50)).counts) == 3950


def test_impossible_tokens_are_never_candidates():
    logits = random_logits(1000, 2.0)
    logits[100:] = -math.inf
    got = Distribution(logits, draw=1 - 2**-53, n_candidates=500)
    assert len(got.ids) == 100 and got.ids.max() < 100
    np.testing.assert_allclose(got.probabilities.sum(), 1, rtol=1e-6)
    tail = got.tail(np.arange(10))
    assert sum(tail.counts) == 90 and all(map(math.isfinite, tail.logits))


def test_logits_that_are_no_numbers_are_refused():
    for bad in (math.nan, math.inf, -math.inf):
        with pytest.raises(ValueError, match="highest logit"):
            Distribution(torch.full((8,), bad))
    with pytest.raises(ValueError, match="highest logit"):
        Distribution(torch.tensor([0.0, math.nan, 1.0]))


@pytest.mark.parametrize("temperature", [0.5, 0.7, 1.0, 2.0])
def test_tail_gives_the_mass_of_the_rest(temperature):
    logits = random_logits(262_144, 3.0)
    got = Distribution(logits, draw=0.0)
    tail = got.tail(np.arange(50))
    assert sum(tail.counts) == 262_144 - 50
    rest = np.ones(262_144, dtype=bool)
    rest[got.ids[:50]] = False
    exact = np.exp(logits.numpy()[rest].astype(float) / temperature).sum()
    read = (np.exp(np.array(tail.logits) / temperature) * np.array(tail.counts)).sum()
    assert read == pytest.approx(exact, rel=2e-4 / temperature**2)


def test_draw_is_splitmix64():
    assert [sampling.splitmix64(1234567, step) for step in range(5)] == PUBLISHED
    assert sampling.draw(1234567, 0) == (PUBLISHED[0] >> 11) / 2**53
    assert sampling.draw(1234567, 0) == pytest.approx(
        0.3500795420214082
    )  # 6457827717110365317 / 2^64


def test_draw_against_numpy_integers():
    """The same recurrence in NumPy's wrapping 64-bit arithmetic, state by state."""
    seed, state = 2**64 - 3, np.array([2**64 - 3], dtype=np.uint64)
    for step in range(100):
        state = state + np.uint64(0x9E3779B97F4A7C15)
        z = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
        assert sampling.splitmix64(seed, step) == int(z[0])
        assert 0 <= sampling.draw(seed, step) < 1


def test_draws_are_spread_evenly():
    draws = np.array([sampling.draw(seed, step) for seed in range(100) for step in range(100)])
    counts, _ = np.histogram(draws, bins=20, range=(0, 1))
    chi_square = ((counts - 500) ** 2 / 500).sum()
    assert chi_square < 43.8  # 19 degrees of freedom, one in a thousand


@pytest.mark.parametrize("temperature", [0, -1, 0.0, math.nan, math.inf, "0.7", None, True])
def test_bad_temperature(temperature):
    with pytest.raises(ValueError, match="top_k=1"):
        sampling.check_sampling(temperature, None, None)


@pytest.mark.parametrize("top_k", [0, -3, 1.5, "5", math.nan, True])
def test_bad_top_k(top_k):
    with pytest.raises(ValueError, match="top_k"):
        sampling.check_sampling(1.0, top_k, None)


@pytest.mark.parametrize("top_p", [0, -0.1, 1.0001, math.nan, "0.9"])
def test_bad_top_p(top_p):
    with pytest.raises(ValueError, match="top_p"):
        sampling.check_sampling(1.0, None, top_p)


@pytest.mark.parametrize("seed", [-1, 0.5, 2**64, "1", None])
def test_bad_seed(seed):
    with pytest.raises(ValueError, match="seed"):
        sampling.check_sampling(1.0, None, None, seed)


def test_numbers_of_numpy_and_torch_are_settings():
    sampling.check_sampling(np.float32(0.5), np.int64(4), torch.tensor(0.5), np.uint64(2**63))
