"""Training of byte-pair encoding, beside the `tokenizers` library and counting by hand."""

import json
import random
import time
from collections import Counter

import pytest

from llmlab.tokenizers import ByteFallbackBPE, ByteLevelBPE
from llmlab.tokenizers.byte_fallback import BYTES
from llmlab.tokenizers.pretokenize import GPT2, SCRIPTS, split

from .test_tokenizers import mixed_text


def library_merges(texts, vocab_size, min_count, pattern, special, byte_level):
    """Merges and vocabulary of the `tokenizers` library."""
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    if byte_level:
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        settings = {"initial_alphabet": pre_tokenizers.ByteLevel.alphabet()}
    else:
        tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(pattern), "isolated")
        settings = {}
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size, min_frequency=min_count, show_progress=False,
        special_tokens=list(special), **settings,
    )  # fmt: skip
    tokenizer.train_from_iterator(texts, trainer)
    model = json.loads(tokenizer.to_str())["model"]
    return [tuple(pair) for pair in model["merges"]], model["vocab"]


@pytest.mark.parametrize("seed", range(2))
def test_merges_equal_the_librarys_on_mixed_text(seed):
    texts = [mixed_text(40_000, 10 * seed + i) for i in range(5)]
    ours = ByteLevelBPE.train(texts, 1_500)
    merges, vocab = library_merges(texts, 1_500, 2, GPT2, ours.special, byte_level=True)
    assert (list(ours.merges), ours._ids) == (merges, vocab)
    assert len(merges) > 1_200
    ours = ByteFallbackBPE.train(texts, 20_000)
    special = [*ours.special, *BYTES]
    merges, vocab = library_merges(texts, 20_000, 2, SCRIPTS, special, byte_level=False)
    assert (list(ours.merges), ours._ids) == (merges, vocab)
    assert len(merges) > 1_000


def test_merges_equal_the_librarys_where_many_pairs_are_equally_frequent():
    for seed in range(60):
        choose = random.Random(seed)
        letters = "abc天地人"[: choose.randint(1, 6)] + " "
        texts = [
            "".join(choose.choices(letters, k=choose.randint(1, 80)))
            for _ in range(choose.randint(1, 30))
        ]
        vocab_size, min_count = 270 + choose.randint(0, 120), choose.randint(1, 3)
        ours = ByteFallbackBPE.train(texts, vocab_size, min_count=min_count)
        special = [*ours.special, *BYTES]
        merges, vocab = library_merges(texts, vocab_size, min_count, SCRIPTS, special, False)
        assert (list(ours.merges), ours._ids) == (merges, vocab), f"seed {seed}"


def test_counts_are_those_of_the_text():
    """Merge for merge, every word written anew and its pairs counted."""
    text = "low low low lower lower newest newest newest newest widest " * 3 + "aaaa aaa"
    tokenizer = ByteFallbackBPE.train([text], 280)
    words = [(list(word), n) for word, n in Counter(split(SCRIPTS, text)).items()]
    assert len(tokenizer.record.merges) > 4
    for merge in tokenizer.record.merges:
        pairs = Counter()
        for symbols, n in words:
            for pair in zip(symbols, symbols[1:]):
                pairs[pair] += n
        largest = max(pairs.values())
        assert (merge.count, pairs[merge.left, merge.right]) == (largest, largest)
        for symbols, _ in words:
            i = 0
            while i < len(symbols) - 1:
                if (symbols[i], symbols[i + 1]) == (merge.left, merge.right):
                    symbols[i : i + 2] = [merge.left + merge.right]
                i += 1
        assert tokenizer.vocab[merge.id] == merge.left + merge.right


def test_the_pieces_after_k_merges():
    texts = [mixed_text(10_000, seed=3)]
    tokenizer = ByteLevelBPE.train(texts, 500)
    text = "self.assertEqual(我爱北京天安门) the cat"
    single = [token.bytes for token in tokenizer.pieces_after(text, 0)]
    assert single == [bytes([byte]) for byte in text.encode()]
    lengths = [len(tokenizer.pieces_after(text, k)) for k in range(len(tokenizer.merges) + 1)]
    assert lengths == sorted(lengths, reverse=True) and lengths[0] == len(text.encode())
    assert tokenizer.pieces_after(text, len(tokenizer.merges)) == tokenizer.pieces(text)
    fewer = ByteLevelBPE(tokenizer.vocab, tokenizer.merges[:100], GPT2)
    assert tokenizer.pieces_after(text, 100) == fewer.pieces(text)
    with pytest.raises(ValueError, match="n_merges=-1 is out of range: 0 to"):
        tokenizer.pieces_after(text, -1)


WORDS = [
    ["我", "爱", "北京", "天安门", "。"],
    ["天安门", "在", "北京", "，", "机器学习", "在", "这里", "。"],
    ["The", " king", " is", " the", " king", ",", " 1234", " and", " don", "'t", "."],
] * 4


def texts_of(pieces):
    return [token.text for token in pieces]


def test_words_given_bound_the_merges():
    tokenizer = ByteFallbackBPE.train(WORDS, 400, max_han=2)
    assert texts_of(tokenizer.pieces("我爱北京天安门。")) == ["我", "爱", "北京", "天安", "门", "。"]
    for end in range(len("我爱北京天安门")):  # a prompt has the pieces of the text it begins
        shorter, whole = "我爱北京天安门"[: end + 1], tokenizer.encode("我爱北京天安门")
        if end not in (2, 4):  # the middle of a piece
            assert tokenizer.encode(shorter) == whole[: len(tokenizer.encode(shorter))]
    assert texts_of(tokenizer.pieces("机器学习")) == ["机器", "学习"]
    assert "门。" not in tokenizer.vocab and "京天" not in tokenizer.vocab
    unbounded = ByteFallbackBPE.train(WORDS, 400)
    assert texts_of(unbounded.pieces("天安门")) == ["天安门"]


def test_no_piece_holds_more_han_than_the_bound():
    texts = [mixed_text(20_000, seed) for seed in range(3)]
    for bound in (1, 2):
        tokenizer = ByteFallbackBPE.train(texts, 20_000, max_han=bound)
        runs = [p for p in tokenizer.vocab if any("一" <= c <= "鿿" for c in p)]
        assert max(map(len, runs)) == bound
    with pytest.raises(ValueError, match="max_han=0 is out of range: 1 or more"):
        ByteFallbackBPE.train(texts, 20_000, max_han=0)


def test_a_word_is_the_same_piece_at_the_beginning_and_inside():
    tokenizer = ByteFallbackBPE.train(WORDS, 400, space_first=True)
    king = tokenizer.encode("king")
    assert len(king) == 1 and tokenizer.token(king[0]).text == " king"
    assert king[0] in tokenizer.encode("the king is")
    for text in ("king", " king", "  king", "我", " 我", "", " ", "\nking", "1", " 1", "é", "'t"):
        assert tokenizer.decode(tokenizer.encode(text)) == text
    assert texts_of(tokenizer.pieces("我 king")) == ["我", " king"]
    # Without the option a text is as it is, and the space typed makes the same piece.
    plain = ByteFallbackBPE.train(WORDS, 400)
    assert texts_of(plain.pieces(" king")) == texts_of(plain.pieces("the king"))[-1:] == [" king"]


def test_digits_are_single_and_signs_stay_apart_from_letters():
    tokenizer = ByteFallbackBPE.train(["x1234 a_b 12.5 don't king's 3rd,4th 第5章 " * 9], 400)
    for piece in tokenizer.vocab[len(tokenizer.special) + 256 :]:
        bare = piece.removeprefix(" ")
        assert len({(c.isalpha(), c.isdigit()) for c in bare}) <= 1
        assert not any(c.isdigit() for c in piece) or len(piece) == 1
    assert texts_of(tokenizer.pieces("1234")) == list("1234")


def test_a_character_that_is_not_in_the_alphabet_is_bytes():
    tokenizer = ByteFallbackBPE.train(["aab " * 9 + "é"], 300, character_coverage=0.9)
    assert texts_of(tokenizer.pieces("é門")) == [f"<0x{b:02X}>" for b in "é門".encode()]
    assert tokenizer.decode(tokenizer.encode("é門")) == "é門"
    assert tokenizer.decode(tokenizer.encode("門")[:2]) == "<0xE9><0x96>"
    tokenizer = ByteFallbackBPE.train(["aab " * 9], 300, initial_alphabet="a門3")
    assert texts_of(tokenizer.pieces("門3é")) == ["門", "3", "<0xC3>", "<0xA9>"]


def test_another_pattern():
    for kind in (ByteLevelBPE, ByteFallbackBPE):
        tokenizer = kind.train(["a-b a-b a-b c"], 300, pattern=r"[^\s]+")
        assert texts_of(tokenizer.pieces("a-b")) == ["a-b"]
        assert tokenizer.decode(tokenizer.encode(" a-b  c")) == " a-b  c"  # gaps are pieces too
        with pytest.raises(ValueError, match="capturing groups; write"):
            kind.train(["a"], 300, pattern="(a)")
        with pytest.raises(ValueError, match="pattern cannot be read"):
            kind.train(["a"], 300, pattern="[")


def test_pieces_that_do_not_fit_together():
    tokenizer = ByteLevelBPE.train(["aaa"], 262)
    with pytest.raises(ValueError, match="merges name 'zz', which is not in the vocabulary"):
        ByteLevelBPE(tokenizer.vocab, [("zz", "a")], GPT2)
    with pytest.raises(ValueError, match="stands in the vocabulary twice"):
        ByteLevelBPE([*tokenizer.vocab, "a"], [], GPT2)
    with pytest.raises(ValueError, match="'<pad>' is not in the vocabulary; add it"):
        ByteLevelBPE(tokenizer.vocab[3:], [], GPT2)
    with pytest.raises(ValueError, match="lacks the byte <0x00>, expected all 256"):
        ByteFallbackBPE(["<pad>", "<eos>", "<bos>", "a"], [])


def test_training_takes_seconds_a_megabyte():
    """10 MB and 8,000 merges must take less than a minute; this is a tenth of it."""
    choose = random.Random(0)
    letters = [chr(0x4E00 + i) for i in range(3_000)]
    words = ["".join(choose.choices(letters, k=2)) for _ in range(5_000)]
    chinese = "".join(choose.choices(words, k=80_000))
    cut = [chinese[i : i + 60] for i in range(0, len(chinese), 60)]  # no spaces at all
    texts = [*cut, *(mixed_text(50_000, seed) for seed in range(8))]
    assert sum(len(text.encode()) for text in texts) > 1_000_000
    started = time.process_time()
    tokenizer = ByteLevelBPE.train(texts, 8_259)
    assert time.process_time() - started < 12  # some 3 s on a quiet machine
    assert len(tokenizer.merges) > 6_000


def test_a_long_text_without_spaces_takes_no_quadratic_time():
    tokenizer = ByteFallbackBPE.train(["的一是了我不人在他有这上学习机器" * 9], 400)
    text = "".join(random.Random(0).choices("的一是了我不人在他有这上学习机器", k=100_000))
    started = time.process_time()
    assert tokenizer.decode(tokenizer.encode(text)) == text
    assert time.process_time() - started < 4  # about half a second on a quiet machine
