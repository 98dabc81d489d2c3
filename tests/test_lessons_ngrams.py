"""n-gram models against counts by hand, the formulas written out, and nltk's models."""

import math
import random
from collections import Counter, defaultdict
from itertools import product

import numpy as np
import pytest
from nltk.lm import KneserNeyInterpolated, Lidstone, Vocabulary, WittenBellInterpolated
from nltk.util import everygrams

from llmlab.lessons import AddK, KneserNey, NGramModel, WittenBell
from llmlab.lessons.ngrams import START
from llmlab.sampling import draw

METHODS = [AddK(), AddK(0.1), WittenBell(), KneserNey(), KneserNey(0.75)]
VOCAB = 7


def corpus(seed: int, vocab: int = VOCAB) -> list[list[int]]:
    """Texts in which some tokens like to follow each other; the last id is never seen."""
    choose = random.Random(seed)
    texts = []
    for _ in range(30):
        text = [choose.randrange(vocab - 1)]
        while len(text) < choose.randint(1, 12):
            likely = (2 * text[-1] + 1) % (vocab - 1)
            text.append(likely if choose.random() < 0.6 else choose.randrange(vocab - 1))
        texts.append(text)
    return texts


@pytest.mark.parametrize("method", METHODS, ids=repr)
@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_every_distribution_sums_to_one_and_leaves_nobody_out(method, order):
    model = NGramModel(corpus(order), order, VOCAB, method)
    for length in range(4):
        for context in product(range(VOCAB), repeat=length):
            p = model.probabilities(context)
            assert p.shape == (VOCAB,) and p.min() > 0
            assert p.sum() == pytest.approx(1, abs=1e-12)
            if length < 3:
                single = [model.probability(id, context) for id in range(VOCAB)]
                assert p == pytest.approx(single, rel=1e-12)


@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_all_texts_of_a_length_have_probability_one_together(method):
    model = NGramModel(corpus(9, 4), 3, 4, method)
    total = sum(math.exp(model.log_probability(text)) for text in product(range(4), repeat=4))
    assert total == pytest.approx(1, abs=1e-12)


def test_bigrams_by_hand():
    """Texts "ab", "ab", "ac" with a vocabulary of a b c d: after a, b twice and c once."""
    texts = [[0, 1], [0, 1], [0, 2]]
    laplace = NGramModel(texts, 2, 4, AddK())
    assert laplace.probabilities([0]) == pytest.approx([1 / 7, 3 / 7, 2 / 7, 1 / 7])
    # Nothing ever followed c; add-k knows no more than that all tokens are alike.
    assert laplace.probabilities([2]) == pytest.approx([1 / 4] * 4)
    # Witten-Bell: 6 tokens of 3 kinds alone, (6 p + 3/4) / 9; after a, N = 3 and T = 2.
    alone = np.array([3.75, 2.75, 1.75, 0.75]) / 9
    witten_bell = NGramModel(texts, 2, 4, WittenBell())
    expected = (np.array([0, 2, 1, 0]) + 2 * alone) / 5
    assert witten_bell.probabilities([0]) == pytest.approx(expected)
    assert witten_bell.probabilities([2]) == pytest.approx(alone)
    # Kneser-Ney, D = 1/2: a follows only the start, b and c only a, so each counts once.
    alone = np.array([0.5, 0.5, 0.5, 0]) / 3 + 0.5 * 3 / 3 / 4
    kneser_ney = NGramModel(texts, 2, 4, KneserNey(0.5))
    expected = np.array([0, 1.5, 0.5, 0]) / 3 + 0.5 * 2 / 3 * alone
    assert kneser_ney.probabilities([0]) == pytest.approx(expected)
    assert kneser_ney.probabilities([2]) == pytest.approx(alone)
    # At the start a came three times, of one kind.
    assert kneser_ney.probability(0) == pytest.approx(2.5 / 3 + 0.5 / 3 * alone[0])


def test_kneser_ney_prefers_what_follows_many():
    """3 follows 1 only, but often; 4 follows many, each once: after a new token 4 is likelier."""
    texts = [[1, 3]] * 10 + [[0, 4], [2, 4], [5, 4], [4, 4]]
    kneser_ney = NGramModel(texts, 2, 8, KneserNey(0.75))
    witten_bell = NGramModel(texts, 2, 8, WittenBell())
    assert kneser_ney.probability(4, [7]) > kneser_ney.probability(3, [7])
    assert witten_bell.probability(4, [7]) < witten_bell.probability(3, [7])


def kneser_ney_by_the_formulas(texts, order, vocab, discounts):
    """The definition with sets of n-grams, slowly: a function of a token and its context."""
    grams = [Counter() for _ in range(order + 1)]
    for text in texts:
        padded = [START, *text]
        for end in range(1, len(padded)):
            for n in range(1, order + 1):
                if end - n + 1 >= 0:
                    grams[n][tuple(padded[end - n + 1 : end + 1])] += 1

    def count(gram):
        if len(gram) == order or gram[0] == START:
            return grams[len(gram)][gram]
        return len({longer[0] for longer in grams[len(gram) + 1] if longer[1:] == gram})

    def p(token, context):
        n = len(context) + 1
        lower = p(token, context[1:]) if context else 1 / vocab
        counts = [count((*context, other)) for other in range(vocab)]
        if not sum(counts):
            return lower
        kinds = sum(c > 0 for c in counts)
        own = max(count((*context, token)) - discounts[n], 0) / sum(counts)
        return own + discounts[n] * kinds / sum(counts) * lower

    def estimate(n):
        values = [count(gram) for gram in grams[n]]
        once, twice = values.count(1), values.count(2)
        return once / (once + 2 * twice)

    if discounts is None:
        discounts = [0.0, *(estimate(n) for n in range(1, order + 1))]
    return p


@pytest.mark.parametrize("order", [2, 3, 4])
def test_kneser_ney_equals_its_formulas(order):
    texts = corpus(order + 20, 40)  # so many kinds that some were seen once, some twice
    model = NGramModel(texts, order, 40)
    expected = kneser_ney_by_the_formulas(texts, order, 40, None)
    for before in ([], [3], [3, 7], [1, 3, 7], [0, 1, 3, 7], texts[0][:5]):
        padded = [START, *before][-(order - 1) :]
        for id in range(0, 40, 3):
            assert model.probability(id, before) == pytest.approx(
                expected(id, tuple(padded)), rel=1e-10
            )


def nltk_model(kind, texts, order, **options):
    """An nltk model with our start: one token before each text, in no context's middle."""
    padded = [["<s>", *map(str, text)] for text in texts]
    vocabulary = Vocabulary([str(id) for text in texts for id in text], unk_cutoff=1)
    model = kind(order=order, vocabulary=vocabulary, **options)
    # Only n-grams that end in a token: the start is never predicted.
    grams = (g for text in padded for g in everygrams(text, max_len=order) if g[-1] != "<s>")
    model.fit([grams])
    return model, len(vocabulary)


def seen_contexts(texts, length):
    return sorted({tuple(t[i : i + length]) for t in texts for i in range(len(t) - length)})


def test_add_k_equals_nltk():
    texts = corpus(1)
    theirs, vocab = nltk_model(Lidstone, texts, 3, gamma=0.3)
    mine = NGramModel(texts, 3, vocab, AddK(0.3))  # nltk counts its <UNK> in the vocabulary
    for context in seen_contexts(texts, 2):
        for id in range(VOCAB - 1):
            expected = theirs.unmasked_score(str(id), tuple(map(str, context)))
            assert mine.probability(id, context) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    "kind, method, options",
    [
        (WittenBellInterpolated, WittenBell(), {}),
        (KneserNeyInterpolated, KneserNey(0.6), {"discount": 0.6}),
    ],
)
def test_interpolation_equals_nltk_above_the_unigrams(kind, method, options):
    """What nltk's alpha and gamma make of our own unigrams is our bigram model."""
    texts = corpus(2)
    theirs, _ = nltk_model(kind, texts, 2, **options)
    mine = NGramModel(texts, 2, VOCAB, method)
    unigrams = mine.probabilities([VOCAB - 1])  # after the unseen id: no bigram speaks
    for (context,) in seen_contexts(texts, 1):
        for id in range(VOCAB - 1):
            alpha, gamma = theirs.estimator.alpha_gamma(str(id), (str(context),))
            expected = alpha + gamma * unigrams[id]
            assert mine.probability(id, [context]) == pytest.approx(expected, rel=1e-12)


def test_perplexity_by_hand_and_of_a_fair_die():
    texts = corpus(3)
    model = NGramModel(texts, 3, VOCAB)
    logs = [
        math.log(model.probabilities(text[:i])[id]) for text in texts for i, id in enumerate(text)
    ]
    assert model.perplexity(texts) == pytest.approx(math.exp(-sum(logs) / len(logs)), rel=1e-12)
    die = NGramModel([[0, 1, 2, 3, 4, 5]], 1, 6, AddK())
    assert die.perplexity([[3, 3, 1]]) == pytest.approx(6)


def test_context_helps_where_there_is_something_to_learn():
    train, held_out = corpus(4), corpus(5)
    perplexities = [NGramModel(train, order, VOCAB).perplexity(held_out) for order in (1, 2)]
    assert perplexities[1] < 0.9 * perplexities[0]


def test_samples_follow_the_distribution():
    model = NGramModel(corpus(6), 2, VOCAB, WittenBell())
    drawn = Counter(model.sample([2], max_new_tokens=1, seed=seed)[0] for seed in range(4000))
    share = np.array([drawn[id] / 4000 for id in range(VOCAB)])
    p = model.probabilities([2])
    # Four standard errors of a share.
    assert (np.abs(share - p) < 4 * np.sqrt(p * (1 - p) / 4000)).all()


def test_a_sample_is_the_draws_of_its_seed():
    model = NGramModel(corpus(6), 3, VOCAB)
    text = [1]
    for step, id in enumerate(model.sample([1], max_new_tokens=30, seed=11)):
        mass = np.cumsum(model.probabilities(text))
        assert (mass[id - 1] if id else 0) <= draw(11, step) < mass[id]
        text.append(id)
    stopped = model.sample([1], max_new_tokens=200, seed=11, stop={3})
    assert stopped[-1] == 3 and 3 not in stopped[:-1]


def test_table_of_next_tokens():
    texts = corpus(7)
    model = NGramModel(texts, 3, VOCAB)
    follows = defaultdict(Counter)
    for text in texts:
        for a, b, c in zip(text, text[1:], text[2:]):
            follows[a, b][c] += 1
    context = max(follows, key=lambda pair: follows[pair].total())
    rows = model.top(context, k=4)
    p = model.probabilities(context)
    assert [row.probability for row in rows] == sorted(p.tolist(), reverse=True)[:4]
    for row in rows:
        assert row.probability == p[row.id] and row.count == follows[context][row.id]


def test_ids_of_any_kind_of_integer():
    plain = NGramModel([[0, 1, 2]], 2, 3)
    arrays = NGramModel([np.array([0, 1, 2])], 2, 3)
    assert plain.counts == arrays.counts
    assert plain.probability(np.int64(1), np.array([0])) == plain.probability(1, [0])


@pytest.mark.parametrize(
    "change, message",
    [
        (dict(texts=[]), "nothing to count"),
        (dict(texts=[[]]), "nothing to count"),
        (dict(texts=[[7]]), "the id 7 is not in the vocabulary, 0 to 6"),
        (dict(texts=[[-1]]), "the id -1 is not in the vocabulary"),
        (dict(texts=["ab"]), "the id 'a' is not in the vocabulary"),
        (dict(order=0), "order must be a whole number from 1"),
        (dict(vocab_size=0), "vocab_size must be a whole number from 1"),
        (dict(smoothing="kneser-ney"), "smoothing is AddK, WittenBell or KneserNey"),
    ],
)
def test_bad_input_is_told_in_one_sentence(change, message):
    with pytest.raises(ValueError, match=message):
        NGramModel(**{**dict(texts=[[1]], order=2, vocab_size=VOCAB), **change})


def test_bad_settings_of_smoothing_and_questions():
    for k in (0, -1, math.inf, math.nan, "1"):
        with pytest.raises(ValueError, match="k must be a positive number"):
            AddK(k)
    for discount in (0, 1, -0.1, math.nan):
        with pytest.raises(ValueError, match="discount must be between 0 and 1"):
            KneserNey(discount)
    model = NGramModel([[1]], 2, VOCAB)
    with pytest.raises(ValueError, match="no token to predict"):
        model.perplexity([[]])
    with pytest.raises(ValueError, match="k must be a whole number"):
        model.top([1], k=0)
    with pytest.raises(ValueError, match="the id 9 is not"):
        model.probability(9)
