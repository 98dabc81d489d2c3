"""What holds for every tokenizer that is trained here, beside the `tokenizers` library."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from llmlab.tokenizers import (
    ByteFallbackBPE,
    ByteLevelBPE,
    Character,
    Token,
    TrainingRecord,
    Unigram,
    WordPiece,
    load_trained,
)
from llmlab.tokenizers.huggingface import HuggingFaceTokenizer, load_tokenizer

from .test_tokenizers import NAMES, SENTENCES, mixed_text

KINDS = {
    "character": (Character, 20_000, {"character_coverage": 0.95}),
    "byte level": (ByteLevelBPE, 900, {}),
    "byte fallback": (ByteFallbackBPE, 6_000, {"character_coverage": 0.95}),
    "space first": (ByteFallbackBPE, 1_500, {"character_coverage": 0.9, "space_first": True}),
    "wordpiece": (WordPiece, 4_000, {"character_coverage": 0.95}),
    "unigram": (Unigram, 6_000, {"character_coverage": 0.95}),
}
EXACT = ("byte level", "byte fallback", "space first", "unigram")  # these spell every text


@pytest.fixture(scope="module")
def texts():
    return [mixed_text(20_000, seed) for seed in range(4)]


@pytest.fixture(scope="module")
def trained(texts):
    return {
        name: kind.train(texts, vocab_size, **settings)
        for name, (kind, vocab_size, settings) in KINDS.items()
    }


@pytest.mark.parametrize("name", KINDS)
def test_the_library_reads_the_file_with_the_same_result(trained, tmp_path, name):
    from tokenizers import Tokenizer

    ours = trained[name]
    ours.save(tmp_path / "tokenizer.json")
    library = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    library.encode_special_tokens = True  # what is typed is text, for it too
    texts = [mixed_text(3_000, seed) for seed in range(100, 110)] + SENTENCES + NAMES + ["", " "]
    for text in texts:
        ids = ours.encode(text)
        assert ids == library.encode(text, add_special_tokens=False).ids
        assert ours.encode(text, special=True) == library.encode(text).ids
        assert ours.decode(ids) == library.decode(ids)
    assert library.get_vocab_size() == ours.vocab_size


@pytest.mark.parametrize("name", KINDS)
def test_a_saved_tokenizer_comes_back_without_the_library(trained, tmp_path, monkeypatch, name):
    ours = trained[name]
    ours.save(tmp_path)
    monkeypatch.setitem(sys.modules, "tokenizers", None)  # as if it were not installed
    text = mixed_text(3_000, seed=7)
    for again in (type(ours).load(tmp_path), load_trained(tmp_path), load_tokenizer(tmp_path)):
        assert type(again) is type(ours)
        assert again.vocab == ours.vocab and again.record == ours.record
        assert again.encode(text, special=True) == ours.encode(text, special=True)
        assert (again.bos_id, again.eos_ids, again.pad_id) == (2, {1}, 0)
    assert load_tokenizer(tmp_path, ours.vocab_size + 3).token(ours.vocab_size + 2).bytes == b""
    assert {p.name for p in tmp_path.iterdir()} == {
        "tokenizer.json", "tokenizer_config.json", "tokenizer_record.json"
    }  # fmt: skip


@pytest.mark.parametrize("name", KINDS)
def test_transformers_reads_the_folder(trained, tmp_path, name):
    from transformers import AutoTokenizer

    trained[name].save(tmp_path)
    theirs = AutoTokenizer.from_pretrained(tmp_path)
    assert theirs.encode("我爱北京天安门 king") == trained[name].encode("我爱北京天安门 king", special=True)
    assert (theirs.bos_token_id, theirs.eos_token_id, theirs.pad_token_id) == (2, 1, 0)


@pytest.mark.parametrize("name", EXACT)
def test_every_text_comes_back(trained, name):
    tokenizer = trained[name]
    texts = [mixed_text(5_000, seed) for seed in range(20, 24)] + SENTENCES + NAMES
    texts += [" ", "  a", " 我", "a ", "\n a", "▁a▁", "a\ud800b", "\udfff", "<0x41>", "##a"]
    for text in texts:
        assert tokenizer.decode(tokenizer.encode(text)) == text
        assert tokenizer.decode(tokenizer.encode(text, special=True)) == text
        data = b"".join(token.bytes for token in tokenizer.pieces(text))
        extra = b" " * getattr(tokenizer, "space_first", False)
        assert data.removeprefix(extra) == text.encode("utf-8", "surrogatepass").removeprefix(
            b"" if data.startswith(extra) else extra
        )


@pytest.mark.parametrize("name", KINDS)
def test_typed_text_never_becomes_a_special_token(trained, name):
    tokenizer = trained[name]
    typed = "<bos><eos> <pad><unk> a<bos>b"
    ids = tokenizer.encode(typed)
    specials = {tokenizer.bos_id, tokenizer.pad_id, *tokenizer.eos_ids}
    assert not specials & set(ids)
    assert tokenizer.encode(typed, special=True) == [tokenizer.bos_id, *ids]
    assert tokenizer.decode(sorted(specials)) == ""
    assert tokenizer.token(tokenizer.bos_id) == Token(2, "<bos>", b"<bos>")


@pytest.mark.parametrize("name", KINDS)
def test_tokens(trained, name):
    tokenizer = trained[name]
    assert [tokenizer.token(id).id for id in range(tokenizer.vocab_size)] == list(
        range(tokenizer.vocab_size)
    )
    for id in (-1, tokenizer.vocab_size):
        with pytest.raises(IndexError, match="not in the vocabulary, 0 to"):
            tokenizer.token(id)
    assert tokenizer.encode("") == tokenizer.pieces("") == []


def test_what_stands_around_a_text(texts):
    tokenizer = ByteLevelBPE.train(texts, 300, add_bos=False, add_eos=True)
    ids = tokenizer.encode("a")
    assert tokenizer.encode("a", special=True) == [*ids, *tokenizer.eos_ids]
    plain = ByteLevelBPE.train(texts, 300, special=())
    assert (plain.bos_id, plain.eos_ids, plain.pad_id) == (None, frozenset(), None)
    assert plain.encode("a", special=True) == plain.encode("a")


ROOT = str(Path(__file__).parents[1])
TRAIN = """
import hashlib, json, sys
from llmlab.tokenizers import ByteFallbackBPE, ByteLevelBPE, Unigram, WordPiece
texts = json.load(sys.stdin)
for kind in (ByteLevelBPE, ByteFallbackBPE, WordPiece, Unigram):
    made = kind.train(texts, 6000)
    data = json.dumps([made._description(), made.record.to_json()])
    print(hashlib.sha256(data.encode("utf-8", "surrogatepass")).hexdigest())
"""


def test_training_is_deterministic():
    """In two processes whose sets and dictionaries of strings are ordered differently."""
    given = json.dumps([mixed_text(3_000, seed) for seed in range(3)])
    outputs = [
        subprocess.run(
            [sys.executable, "-c", TRAIN], input=given, text=True, capture_output=True, check=True,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ROOT, "PYTHONUTF8": "1"},
        ).stdout
        for seed in ("1", "2")
    ]  # fmt: skip
    assert outputs[0] == outputs[1] and len(outputs[0].split()) == 4


@pytest.mark.parametrize("name", KINDS)
def test_a_record_is_json(trained, name):
    record = trained[name].record
    assert TrainingRecord.from_json(json.loads(json.dumps(record.to_json()))) == record
    assert record.n_texts == 4 and record.n_characters >= 80_000
    with pytest.raises(ValueError, match="format is 'x', expected 'llmlab.tokenizer-record/1'"):
        TrainingRecord.from_json({"format": "x"})
    with pytest.raises(ValueError, match="lacks or misspells a field: 'n_words'"):
        TrainingRecord.from_json({k: v for k, v in record.to_json().items() if k != "n_words"})


@pytest.mark.parametrize("kind", [Character, ByteLevelBPE, ByteFallbackBPE, WordPiece, Unigram])
def test_bad_training_texts(kind):
    for empty in ([], [""], ["", ""]):
        with pytest.raises(ValueError, match="training text is empty: . texts with 0 characters"):
            kind.train(empty, 1_000)
    with pytest.raises(ValueError, match=r"texts is one str, expected several strings"):
        kind.train("a text", 1_000)
    with pytest.raises(ValueError, match="text 1 is bytes, expected a string .* decode bytes"):
        kind.train(["a", b"b"], 1_000)
    with pytest.raises(ValueError, match="vocab_size=5 is smaller than .* choose [0-9]+ or more"):
        kind.train(["abc 我爱北京"], 5)
    with pytest.raises(ValueError, match="vocab_size=300.0 is no whole number"):
        kind.train(["abc"], 300.0)
    with pytest.raises(ValueError, match="is one name, expected several"):
        kind.train(["abc"], 300, special="<bos>")


@pytest.mark.parametrize("kind", [Character, ByteFallbackBPE, WordPiece, Unigram])
def test_coverage_out_of_range(kind):
    with pytest.raises(ValueError, match="character_coverage=1.5 is out of range: over 0, at most"):
        kind.train(["abc"], 300, character_coverage=1.5)


def test_files_of_another_kind(trained, tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no file .*none.json; give a tokenizer"):
        ByteLevelBPE.load(tmp_path / "none.json")
    with pytest.raises(FileNotFoundError, match="there is no file .*tokenizer.json"):
        load_trained(tmp_path)
    file = tmp_path / "tokenizer.json"
    for content, message in (
        (b"{", "is not JSON"),
        (b"\xff\xfe", "is not JSON"),
        (b"[]", "is no tokenizer: expected a tokenizer.json with a model and added_tokens"),
        (b'{"model": 3, "added_tokens": []}', "holds a 3 tokenizer"),
        (b'{"model": {"type": "BPE"}, "added_tokens": [4]}', "holds a BPE tokenizer"),
    ):
        file.write_bytes(content)
        with pytest.raises(ValueError, match=message):
            load_trained(file)
        with pytest.raises(ValueError, match=message):
            Unigram.load(file)
    trained["unigram"].save(file)
    with pytest.raises(ValueError, match="holds a Unigram tokenizer, expected one that ByteLevel"):
        ByteLevelBPE.load(file)


def test_another_setting_makes_a_file_of_another_kind(trained, tmp_path):
    """It would be read, but not with the same result: it goes to the library instead."""
    trained["byte level"].save(tmp_path)
    file = tmp_path / "tokenizer.json"
    description = json.loads(file.read_text("utf-8"))
    description["normalizer"] = {"type": "Lowercase"}
    file.write_text(json.dumps(description), "utf-8")
    with pytest.raises(ValueError, match="not trained here"):
        load_trained(tmp_path)
    assert type(load_tokenizer(tmp_path)) is HuggingFaceTokenizer


def test_saving_never_leaves_half_a_file(trained, tmp_path, monkeypatch):
    file = tmp_path / "tokenizer.json"
    trained["byte level"].save(file)
    before = file.read_bytes()
    monkeypatch.setattr("os.fsync", lambda descriptor: (_ for _ in ()).throw(OSError("full")))
    with pytest.raises(OSError, match="full"):
        trained["unigram"].save(file)
    assert file.read_bytes() == before and list(tmp_path.iterdir()) == [file]
