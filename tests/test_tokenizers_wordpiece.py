"""WordPiece: its training beside a count by hand, its words beside BERT's."""

import math
from collections import Counter

from llmlab.tokenizers import WordPiece

from .test_tokenizers import mixed_text

TEXT = "low low low lower lower newest newest newest newest widest wider slow slowly aaaa " * 2


def log_likelihood(words):
    """Of all pieces, each with its share of them as its probability."""
    counts = Counter()
    for symbols, n in words:
        for symbol in symbols:
            counts[symbol] += n
    total = sum(counts.values())
    return sum(n * math.log(n / total) for n in counts.values())


def merged(words, left, right):
    joined = []
    for symbols, n in words:
        symbols, i = list(symbols), 0
        while i < len(symbols) - 1:
            if (symbols[i], symbols[i + 1]) == (left, right):
                symbols[i : i + 2] = [left + right.removeprefix("##")]
            i += 1
        joined.append((symbols, n))
    return joined


def test_every_merge_is_the_one_that_makes_the_text_likeliest():
    tokenizer = WordPiece.train([TEXT], 60)
    words = [
        ([word[0], *("##" + letter for letter in word[1:])], n)
        for word, n in Counter(TEXT.split()).items()
    ]
    assert len(tokenizer.record.merges) > 10
    for merge in tokenizer.record.merges:
        pairs = Counter()
        for symbols, n in words:
            for pair in zip(symbols, symbols[1:]):
                pairs[pair] += n
        before = log_likelihood(words)
        gains = {
            pair: log_likelihood(merged(words, *pair)) - before
            for pair, n in pairs.items()
            if n >= 2
        }
        assert math.isclose(gains[merge.left, merge.right], max(gains.values()), abs_tol=1e-9)
        assert math.isclose(merge.score, max(gains.values()), abs_tol=1e-9)
        words = merged(words, merge.left, merge.right)
        assert sum(n * s.count(tokenizer.vocab[merge.id]) for s, n in words) >= merge.count > 0


def test_the_longest_piece_that_fits():
    names = ["<unk>", "un", "una", "##aff", "##able", "##a", "##b", "a", "##ffable"]
    tokenizer = WordPiece(names, special=["<unk>"])
    assert [t.text for t in tokenizer.pieces("unaffable")] == ["una", "##ffable"]
    assert [t.text for t in tokenizer.pieces("unable a")] == ["<unk>", "a"]
    assert tokenizer.decode(tokenizer.encode("unaffable a")) == "unaffable a"
    assert tokenizer.token(3).bytes == b"aff"


def test_words_that_no_pieces_spell_are_unknown():
    tokenizer = WordPiece.train([mixed_text(5_000, seed=1)], 3_000)
    unknown = tokenizer.encode("𝔘")
    assert [tokenizer.token(id).text for id in unknown] == ["<unk>"]
    assert tokenizer.encode("a" * 101) == unknown != tokenizer.encode("a" * 100)


def test_words_are_cut_as_bert_cuts_them():
    from tokenizers.pre_tokenizers import BertPreTokenizer
    from tokenizers.normalizers import BertNormalizer

    tokenizer = WordPiece.train([TEXT], 60)
    normalize = BertNormalizer(lowercase=False, strip_accents=False)
    for text in ("How's it, 我爱北京天安门。 3.14 naïve", "a_b  (c)\t[d]\n", "“x” – y"):
        pairs = BertPreTokenizer().pre_tokenize_str(normalize.normalize_str(text))
        assert tokenizer.words(text) == [word for word, _ in pairs]
