"""Unigram: its sums beside every way to cut a word, its training beside SentencePiece."""

import inspect
import io
import itertools
import json
import math
import random
from collections import Counter

import numpy as np
import pytest
import torch

from llmlab.tokenizers import Unigram
from llmlab.tokenizers.byte_fallback import BYTES
from llmlab.tokenizers.lattice import Lattice
from llmlab.tokenizers.piece_search import find_pieces, word_symbols
from llmlab.tokenizers.unigram_seed import seed_pieces
from llmlab.tokenizers.unigram_training import digamma

from .test_tokenizers import mixed_text

LETTERS = ["a", "b", "c"]
PIECES = [*LETTERS, "ab", "bc", "abc", "aa", "ca"]
SCORES = np.log([0.2, 0.1, 0.15, 0.2, 0.1, 0.05, 0.1, 0.1])
WORDS = {"abcab": 3, "aaa": 2, "c": 5, "bcabcca": 1, "ax": 4, "abxxab": 1}


def ways_to_cut(word, known=(*PIECES, "x")):
    """Every one, as lists of pieces; "x" is a character outside the alphabet."""
    if not word:
        yield []
    for end in range(1, len(word) + 1):
        if word[:end] in known:
            for rest in ways_to_cut(word[end:], known):
                yield [word[:end], *rest]


def score_of(way):
    return sum(SCORES[PIECES.index(piece)] for piece in way if piece != "x")


@pytest.fixture(scope="module")
def lattice():
    symbols = word_symbols(WORDS, LETTERS)
    return Lattice.of(symbols, find_pieces(symbols, PIECES, LETTERS), len(PIECES))


def test_expected_counts_are_those_of_all_ways_to_cut(lattice):
    expected, total = Counter(), 0.0
    for word, n in WORDS.items():
        ways = list(ways_to_cut(word))
        chances = np.exp([score_of(way) for way in ways])
        total += n * math.log(chances.sum())
        for way, chance in zip(ways, chances / chances.sum()):
            for piece in way:
                expected[piece] += n * chance
    counts, likelihood = lattice.expected_counts(SCORES)
    np.testing.assert_allclose(counts, [expected[piece] for piece in PIECES], rtol=1e-12)
    assert math.isclose(likelihood, total, rel_tol=1e-12)


def test_the_best_way_is_the_best_of_all(lattice):
    word, piece = lattice.best_pieces(SCORES)
    for i, text in enumerate(WORDS):
        found = [PIECES[p] if p < len(PIECES) else "x" for p in piece[word == i]][::-1]
        assert "".join(found) == text
        assert math.isclose(score_of(found), max(map(score_of, ways_to_cut(text))))


def test_without_some_pieces(lattice):
    keep = np.array([piece not in ("abc", "ca") for piece in PIECES])
    left = [piece for piece in PIECES if piece not in ("abc", "ca")]
    symbols = word_symbols(WORDS, LETTERS)
    anew = Lattice.of(symbols, find_pieces(symbols, left, LETTERS), len(left))
    got, expected = (x.expected_counts(SCORES[keep]) for x in (lattice.only(keep), anew))
    np.testing.assert_allclose(got[0], expected[0], rtol=1e-12)
    assert got[1] == pytest.approx(expected[1])


def test_seeds_are_the_repeated_substrings():
    pieces, weights = seed_pieces(word_symbols(WORDS, LETTERS), LETTERS, 4, 1000)
    counts = Counter()
    for word, n in WORDS.items():
        for i, j in itertools.combinations(range(len(word) + 1), 2):
            if j - i <= 5 and "x" not in word[i:j]:
                counts[word[i:j]] += n
    expected = {letter: counts[letter] for letter in LETTERS}
    for text, n in counts.items():
        longer = max(counts[text + letter] for letter in LETTERS)
        if 2 <= len(text) <= 4 and n >= 2 and (longer < n or len(text) == 4):
            expected[text] = n * len(text)
    assert dict(zip(pieces, weights)) == expected
    fewer, _ = seed_pieces(word_symbols(WORDS, LETTERS), LETTERS, 4, 2)
    assert fewer == pieces[:5] and weights[3:].tolist() == sorted(weights[3:], reverse=True)


def test_digamma_equals_torchs():
    x = np.concatenate([np.linspace(0.25, 20, 300), [1e3, 1e7]])
    np.testing.assert_allclose(digamma(x), torch.digamma(torch.tensor(x)), rtol=1e-10, atol=1e-10)


def small(pieces_and_scores):
    special = ["<unk>"]
    vocab = [*special, *BYTES, *pieces_and_scores]
    scores = [0.0] * 257 + list(pieces_and_scores.values())
    return Unigram(vocab, scores, special=special)


def test_encoding_is_the_likeliest_way():
    tokenizer = small(dict(zip(PIECES, SCORES)))
    choose = random.Random(0)
    for _ in range(100):
        word = "".join(choose.choices(LETTERS, k=choose.randint(1, 9)))
        pieces = [token.text for token in tokenizer.pieces(word)]
        best = max(score_of(way) for way in ways_to_cut(word))
        assert "".join(pieces) == word and math.isclose(score_of(pieces), best)
        assert math.isclose(tokenizer.log_likelihood(word), best)
    # An unknown character costs ten nats more than the rarest piece, and is written as bytes.
    assert tokenizer.log_likelihood("é") == pytest.approx(min(SCORES) - 10)
    assert [token.text for token in tokenizer.pieces("é")] == ["<0xC3>", "<0xA9>"]


def test_rounds_lead_to_the_size_asked_for():
    texts = [mixed_text(20_000, seed) for seed in range(3)]
    tokenizer = Unigram.train(texts, 4_000, character_coverage=0.9)
    rounds = tokenizer.record.rounds
    assert tokenizer.vocab_size <= 4_000
    assert rounds[-1].n_kept == tokenizer.vocab_size - 260
    for one, other in itertools.pairwise(rounds):
        assert one.n_pieces > one.n_kept == other.n_pieces
    scores = [score for score in tokenizer.scores if score < 0]
    assert 0.9 < sum(map(math.exp, scores)) < 1.01  # digamma takes a little from rare pieces
    assert scores == sorted(scores, reverse=True)
    assert all((score * 4096).is_integer() for score in scores)


def test_settings_out_of_range():
    for settings in ({"shrink": 1.0}, {"longest": 0}):
        with pytest.raises(ValueError, match="are out of range: between 0 and 1; 1 or more"):
            Unigram.train(["abc"], 400, **settings)
    with pytest.raises(ValueError, match="1 scores for 2 pieces; expected a finite one for each"):
        Unigram(["<unk>", "a"], [0.0], special=["<unk>"])
    with pytest.raises(ValueError, match="vocabulary lacks <0x00>"):
        Unigram(["<unk>", "a"], [0.0, -1.0], special=["<unk>"])


@pytest.fixture(scope="module")
def lines():
    """Prose, code and Chinese without spaces, one space between words as SentencePiece has it."""
    modules = (json, inspect, random)
    code = "\n".join(inspect.getsource(m) for m in modules)
    choose = random.Random(0)
    letters = [chr(0x4E00 + i) for i in range(400)]
    words = ["".join(choose.choices(letters, k=choose.choice((1, 2, 2, 3)))) for _ in range(900)]
    weights = [1 / (i + 1) for i in range(900)]
    chinese = ["".join(choose.choices(words, weights, k=12)) + "。" for _ in range(2_000)]
    whole = [" ".join(line.split()) for line in (*code.splitlines(), *chinese)]
    return [line for line in whole if line]


def sentence_piece(lines, vocab_size, **settings):
    import sentencepiece

    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines), model_writer=model, vocab_size=vocab_size,
        model_type="unigram", character_coverage=1.0, normalization_rule_name="identity",
        split_by_unicode_script=False, split_by_number=False, num_threads=1, minloglevel=2,
        **settings,
    )  # fmt: skip
    processor = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    return sum(processor.get_score(id) for line in lines for id in processor.encode(line))


def both(lines, n_pieces, tmp_path):
    """Log-likelihoods: ours, SentencePiece's from the pieces we begin with, and from its own."""
    ours = Unigram.train([" " + line for line in lines], 260 + n_pieces, pattern=PATTERN)
    assert ours.vocab_size == 260 + n_pieces
    words = Counter(word for line in lines for word in ours.words(" " + line))
    letters = sorted({letter for word in words for letter in word})
    seeds = seed_pieces(word_symbols(words, letters), letters, 16, 1_000_000)
    file = tmp_path / "seeds.tsv"
    rows = (f"{piece.replace(' ', '▁')}\t{int(weight)}\n" for piece, weight in zip(*seeds))
    file.write_text("".join(rows), "utf-8")
    size = n_pieces + 3  # SentencePiece has three special tokens
    same_seeds = sentence_piece(lines, size, seed_sentencepieces_file=str(file))
    likelihood = sum(ours.log_likelihood(" " + line) for line in lines)
    return likelihood, same_seeds, sentence_piece(lines, size)


PATTERN = r" ?[^\s]+|[\s]"  # pieces bound by spaces only, as SentencePiece is told to


@pytest.mark.parametrize("n_pieces", [1_000, 2_500])
def test_likelihood_is_sentencepieces(lines, tmp_path, n_pieces):
    """The same text, size, words and pieces to begin with."""
    code = [line for line in lines if line.isascii()]
    ours, same_seeds, _ = both(code, n_pieces, tmp_path)
    assert abs(ours / same_seeds - 1) < 0.01


@pytest.mark.parametrize("n_pieces", [2_500, 5_000])
def test_likelihood_is_never_below_sentencepieces(lines, tmp_path, n_pieces):
    """By itself it begins with fewer pieces: none that the same character, a space included,
    always follows. And of Chinese without spaces it prunes more than it must.
    """
    ours, same_seeds, alone = both(lines, n_pieces, tmp_path)
    assert ours > max(same_seeds, alone) and same_seeds < 0 and alone < 0
