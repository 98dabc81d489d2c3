"""Tokenizers, compared with Hugging Face's and with SentencePiece."""

import inspect
import json
import random
import time
from pathlib import Path

import pytest

from llmlab.checkpoints.gemma import gemma_tokenizer
from llmlab.checkpoints.gguf import GGUF
from llmlab.checkpoints.package import SHA256, gemma_270m
from llmlab.tokenizers import Token
from llmlab.tokenizers.huggingface import load_tokenizer
from llmlab.tokenizers.token import text_of

RANGES = {  # Unicode's blocks
    "han": (0x4E00, 0x9FFF),
    "rare han": (0x20000, 0x2A6DF),
    "kana": (0x3041, 0x30FF),
    "hangul": (0xAC00, 0xD7A3),
    "latin": (0x41, 0x17F),
    "greek and cyrillic": (0x370, 0x4FF),
    "arabic": (0x600, 0x6FF),
    "devanagari": (0x900, 0x97F),
    "punctuation": (0x2000, 0x206F),
    "full width": (0x3000, 0x303F),
    "mathematical": (0x1D400, 0x1D7FF),
    "emoji": (0x1F300, 0x1FAFF),
    "marks": (0x300, 0x36F),
    "control": (0x0, 0x1F),
    "private": (0xE000, 0xE0FF),
}
SENTENCES = [
    "如何进行机器学习？", "我爱北京天安门。", "小明今天感冒了，他应该多喝水。", "我喜欢吃苹果；她喜欢学习。",
    "How does a machine learn from examples?", "It's 3.14159 — isn't it?", "  indented", "A\r\nB",
    "The quick brown fox jumps over the lazy dog.", "https://example.org/a?b=c&d=%20", "😀👩‍👩‍👧🏳️‍🌈",
]  # fmt: skip
COMMON = "的一是了我不人在他有这上学习机器"
NAMES = [
    "<bos>", "<eos>", "<pad>", "<unk>", "<mask>", "<start_of_turn>", "<end_of_turn>", "<table>",
    "</td>", "<unused7>", "<unused6241>", "[multimodal]", "<start_of_image>", "<bos", "bos>",
    "<0xE5>", "<s>", "</s>", "<img src=x onerror=alert(1)>", "</script>", "${}", "▁",
    "▁▁▁", "\u202e", "\0",
]  # fmt: skip


@pytest.fixture(scope="module")
def tokenizer():
    """Ours."""
    return gemma_tokenizer(GGUF(gemma_270m()))


@pytest.fixture(scope="module")
def reference(pytestconfig):
    """Hugging Face's, which transformers makes of the same file in half a minute."""
    from transformers import AutoTokenizer

    # Kept between runs, for this very file and this very version of transformers.
    from transformers import __version__

    folder = pytestconfig.cache.mkdir(f"tokenizer-{SHA256[:8]}-transformers-{__version__}")
    if not (folder / "tokenizer.json").exists():
        path = gemma_270m()
        made = AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)
        made.save_pretrained(folder)
    return AutoTokenizer.from_pretrained(folder)


def mixed_text(n_characters: int, seed: int) -> str:
    """Chinese, English, code, emoji, runs of spaces, tabs, newlines and broken UTF-8."""
    choose = random.Random(seed)
    code = "".join(inspect.getsource(module) for module in (json, inspect, random))
    pieces, length = [], 0
    while length < n_characters:
        kind = choose.randrange(7)
        if kind == 0:
            piece = choose.choice(SENTENCES) * choose.randint(1, 3)
        elif kind == 1:
            start = choose.randrange(len(code))
            piece = code[start : start + choose.randint(1, 300)]
        elif kind == 2:
            low, high = RANGES[choose.choice(list(RANGES))]
            piece = "".join(chr(choose.randint(low, high)) for _ in range(choose.randint(1, 30)))
        elif kind == 3:
            piece = choose.choice(" \t\n\r\u3000\xa0") * choose.randint(1, 70)
        elif kind == 4:
            piece = choose.choice(NAMES) * choose.randint(1, 2)
        elif kind == 5:  # characters cut in two, and bytes that are none
            data = bytearray("北京🍎é learn 学习".encode() * 2)
            for _ in range(choose.randint(1, 6)):
                data[choose.randrange(len(data))] = choose.randrange(256)
            piece = data[choose.randint(0, 3) :].decode("utf-8", errors="replace")
        else:
            piece = "".join(choose.choices(COMMON, k=choose.randint(1, 60)))
        pieces.append(piece)
        length += len(piece)
    return "".join(pieces)


@pytest.mark.parametrize("seed", range(3))
def test_ids_equal_hugging_face_on_50_000_characters_of_mixed_text(tokenizer, reference, seed):
    text = mixed_text(50_000, seed)
    assert tokenizer.encode(text) == reference.encode(text, add_special_tokens=False)
    assert tokenizer.encode(text, special=True) == reference.encode(text)


@pytest.mark.parametrize("text", SENTENCES + NAMES + [" ", "\n" * 70, " " * 70, "\t" * 70, "a" * 70])
def test_ids_and_text_equal_hugging_face_on_short_texts(tokenizer, reference, text):
    ids = tokenizer.encode(text)
    assert ids == reference.encode(text, add_special_tokens=False)
    expected = reference.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
    assert tokenizer.decode(ids) == expected


def test_decoding_equals_hugging_face_on_mixed_text(tokenizer, reference):
    ids = tokenizer.encode(mixed_text(50_000, seed=9))
    expected = reference.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
    assert tokenizer.decode(ids) == expected


def test_text_comes_back(tokenizer):
    text = mixed_text(20_000, seed=4).replace("▁", "")
    for name in NAMES:
        if len(tokenizer.encode(name)) == 1:  # special tokens are no text
            text = text.replace(name, "")
    assert tokenizer.decode(tokenizer.encode(text, special=True)) == text


def test_fields(tokenizer):
    assert tokenizer.vocab_size == 262_144
    assert (tokenizer.bos_id, tokenizer.pad_id, tokenizer.eos_ids) == (2, 0, {1})
    assert tokenizer.encode("", special=True) == [2]
    assert tokenizer.encode("") == tokenizer.pieces("") == []
    assert tokenizer.decode([]) == ""


def test_tokens(tokenizer):
    assert [token.text for token in tokenizer.pieces("我爱北京天安")] == ["我", "爱", "北京", "天", "安"]
    assert tokenizer.pieces("the cat", special=True) == [
        Token(2, "<bos>", b"<bos>"),
        Token(1437, "the", b"the"),
        Token(5866, " cat", b" cat"),
    ]
    for id in (-1, 262_144):
        with pytest.raises(IndexError, match="not in the vocabulary, 0 to 262143"):
            tokenizer.token(id)


def test_the_bytes_of_the_tokens_are_the_text(tokenizer):
    text = "a  b\t北京𠮷\ue000\x00\r\n\u202e😀"
    assert b"".join(token.bytes for token in tokenizer.pieces(text)) == text.encode()


def test_a_piece_of_a_character_is_shown_as_bytes(tokenizer):
    tokens = tokenizer.pieces("倀")  # a character that the vocabulary does not have
    assert [token.text for token in tokens] == ["<0xE5>", "<0x80>", "<0x80>"]
    assert [token.bytes for token in tokens] == [b"\xe5", b"\x80", b"\x80"]
    assert tokenizer.decode([tokens[0].id]) == "<0xE5>"
    assert tokenizer.decode([tokens[0].id, *tokenizer.encode("x")]) == "<0xE5>x"


def test_no_token_is_shown_as_a_replacement_character(tokenizer):
    replacement = tokenizer.encode("\ufffd")
    for id in range(tokenizer.vocab_size):
        token = tokenizer.token(id)
        assert "\ufffd" not in token.text or [id] == replacement or b"\xef\xbf\xbd" in token.bytes


def test_lone_surrogates_go_through(tokenizer):
    for text in ("\ud800", "a\udfffb", "\ude00\ud83d", "北\ud800京"):
        ids = tokenizer.encode(text)
        assert tokenizer.decode(ids) == text
    assert [token.text for token in tokenizer.pieces("\ud800")] == ["<0xED>", "<0xA0>", "<0x80>"]


def test_undecodable_bytes_are_written_out():
    assert text_of(b"a\xe5\xadb") == "a<0xE5><0xAD>b"
    assert text_of("门".encode()[:2]) == "<0xE9><0x97>"
    assert text_of("\ud83d".encode("utf-8", "surrogatepass")) == "\ud83d"
    assert text_of(b"\xff" * 3) == "<0xFF><0xFF><0xFF>"


def test_a_long_text_without_spaces_takes_no_quadratic_time(tokenizer):
    text = "".join(random.Random(0).choices(COMMON, k=100_000))
    started = time.process_time()
    ids = tokenizer.encode(text)
    assert time.process_time() - started < 8  # about one second on a quiet machine
    assert tokenizer.decode(ids) == text


# Hugging Face folders. Small tokenizers are trained here, so that nothing is downloaded.


@pytest.fixture(scope="module")
def corpus():
    return [line for line in mixed_text(30_000, seed=5).splitlines() if line.strip()]


def save(tokenizer, folder: Path, **settings) -> Path:
    folder.mkdir(exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return folder


@pytest.fixture(scope="module")
def byte_level(tmp_path_factory, corpus):
    """As GPT-2, Llama 3 and Qwen have it."""
    from tokenizers import ByteLevelBPETokenizer

    trained = ByteLevelBPETokenizer()
    trained.train_from_iterator(corpus, 600, special_tokens=["<|end|>"])
    folder = tmp_path_factory.mktemp("byte_level")
    save(trained, folder, bos_token="<|end|>", eos_token={"content": "<|end|>"})
    trained.save_model(str(folder))
    return folder


@pytest.fixture(scope="module")
def word_piece(tmp_path_factory, corpus):
    """As BERT has it."""
    from tokenizers import BertWordPieceTokenizer

    trained = BertWordPieceTokenizer()
    trained.train_from_iterator(corpus, 900)
    made = BertWordPieceTokenizer({word: id for word, id in trained.get_vocab().items()})
    folder = save(made, tmp_path_factory.mktemp("word_piece"), pad_token="[PAD]")
    trained.save_model(str(folder))
    return folder


@pytest.fixture(scope="module")
def sentence_piece_model(tmp_path_factory, corpus):
    import sentencepiece

    prefix = tmp_path_factory.mktemp("sentence_piece") / "model"
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(corpus), model_prefix=str(prefix), vocab_size=2000,
        hard_vocab_limit=False, minloglevel=2,
    )  # fmt: skip
    return prefix.with_suffix(".model")


@pytest.mark.parametrize("files", ["tokenizer.json", "older files"])
def test_byte_level_tokenizer(byte_level, tmp_path, files):
    from transformers import PreTrainedTokenizerFast

    theirs = PreTrainedTokenizerFast(tokenizer_file=str(byte_level / "tokenizer.json"))
    folder = byte_level
    if files == "older files":
        folder = tmp_path
        for name in ("vocab.json", "merges.txt"):
            (folder / name).write_bytes((byte_level / name).read_bytes())
    ours = load_tokenizer(folder)
    text = mixed_text(5_000, seed=6)
    ids = ours.encode(text)
    assert ids == theirs.encode(text, add_special_tokens=False)
    assert ours.decode(ids) == text
    assert b"".join(token.bytes for token in ours.pieces(text)) == text.encode()
    shown = [token.text for token in ours.pieces("\ue000")]
    assert "".join(shown) == "<0xEE><0x80><0x80>"
    assert ours.decode(ours.encode("a\ud800b")) == "a\ud800b"
    if files == "tokenizer.json":
        end = theirs.convert_tokens_to_ids("<|end|>")
        assert (ours.bos_id, ours.eos_ids, ours.pad_id) == (end, {end}, None)
        assert ours.token(end) == Token(end, "<|end|>", b"<|end|>")
        assert ours.decode([end]) == ""


@pytest.mark.parametrize("files", ["tokenizer.json", "older files"])
def test_word_piece_tokenizer(word_piece, tmp_path, files):
    from transformers import PreTrainedTokenizerFast

    theirs = PreTrainedTokenizerFast(tokenizer_file=str(word_piece / "tokenizer.json"))
    folder = word_piece
    if files == "older files":
        folder = tmp_path
        (folder / "vocab.txt").write_bytes((word_piece / "vocab.txt").read_bytes())
    ours = load_tokenizer(folder)
    text = "How does a machine learn? 我爱北京天安门。"
    assert ours.encode(text, special=True) == theirs.encode(text, add_special_tokens=True)
    names = [token.text for token in ours.pieces(text, special=True)]
    assert names == theirs.convert_ids_to_tokens(theirs.encode(text))
    assert (names[0], names[-1]) == ("[CLS]", "[SEP]")
    ids = ours.encode(text)
    assert ours.decode(ids) == theirs.decode(ids)
    assert any(t.text == "##" + t.bytes.decode() for t in ours.pieces(text))
    assert ours.encode("\ud800") == theirs.encode("\ufffd", add_special_tokens=False)


def test_gemmas_own_folder(tokenizer, reference, pytestconfig):
    """The same tokenizer, by way of tokenizer.json."""
    folder = Path(reference.name_or_path)
    other = load_tokenizer(folder, vocab_size=262_208)
    assert (other.bos_id, other.pad_id, other.eos_ids) == (2, 0, {1})
    text = mixed_text(2_000, seed=7)
    assert other.encode(text, special=True) == tokenizer.encode(text, special=True)
    assert other.decode(other.encode(text)) == tokenizer.decode(tokenizer.encode(text))
    assert other.pieces("a \ue000") == tokenizer.pieces("a \ue000")
    assert other.encode("a\ud800b") == tokenizer.encode("a\ud800b")
    assert other.token(262_207).bytes == b""  # a row that no token uses


def test_marian(sentence_piece_model, tmp_path):
    from sentencepiece import SentencePieceProcessor
    from transformers import MarianTokenizer

    model = SentencePieceProcessor(model_file=str(sentence_piece_model))
    names = ["</s>", "<unk>", ">>cmn<<"]
    names += [model.id_to_piece(id) for id in range(3, model.get_piece_size())] + ["<pad>"]
    (tmp_path / "vocab.json").write_text(json.dumps({name: id for id, name in enumerate(names)}))
    for name in ("source.spm", "target.spm"):
        (tmp_path / name).write_bytes(sentence_piece_model.read_bytes())
    (tmp_path / "tokenizer_config.json").write_text('{"source_lang": "en", "target_lang": "zh"}')
    theirs = MarianTokenizer.from_pretrained(tmp_path)
    ours = load_tokenizer(tmp_path)
    for text in ("How does a machine learn?", ">>cmn<< I like apples", "我爱北京天安门。", "x \ue000 y"):
        ids = ours.encode(text, special=True)
        assert ids == theirs.encode(text)
        expected = theirs.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        assert ours.decode(ids).split() == expected.split()
    assert ours.eos_ids == {0} and ours.pad_id == len(names) - 1
    assert ours.encode("a\ud800")


def test_folder_without_a_tokenizer(tmp_path):
    with pytest.raises(ValueError, match="has no tokenizer: expected tokenizer.json"):
        load_tokenizer(tmp_path)
    (tmp_path / "tokenizer.json").write_text("{")
    with pytest.raises(ValueError, match="cannot be read"):
        load_tokenizer(tmp_path)
