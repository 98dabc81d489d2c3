"""Token files and the batches drawn from them."""

import json

import numpy as np
import pytest
import torch

from llmlab import cli
from llmlab.checkpoints.load import OWN_MODELS
from llmlab.checkpoints.own import load_tokenizer
from llmlab.corpus.build import SEEDS, texts
from llmlab.tokenizers import load_trained
from llmlab.training.documents import json_lines, paragraphs, token_file
from llmlab.training.loss import IGNORED
from llmlab.training.pair_sampler import PairSampler
from llmlab.training.sampler import TextSampler
from llmlab.training.token_file import TokenFile, write_pairs, write_tokens
from tests.training_setup import sentences, write_tokenizer


@pytest.fixture
def tokenizer(tmp_path):
    return load_tokenizer(write_tokenizer(tmp_path / "with-bos"))


@pytest.fixture
def without_bos(tmp_path):
    return load_tokenizer(write_tokenizer(tmp_path / "without", ("<pad>", "<eos>")))


def test_documents_are_packed_in_order_and_separated(tmp_path, tokenizer, without_bos):
    texts = ["ab", "c d", "e"]
    found = TokenFile.open(write_tokens(tmp_path / "a.bin", texts, tokenizer).path)
    bos, eos = tokenizer.bos_id, min(tokenizer.eos_ids)
    expected = [id for text in texts for id in [bos, *tokenizer.encode(text), eos]]
    assert found.tokens.tolist() == expected and found.tokens.dtype == np.uint16
    assert isinstance(found.tokens, np.memmap)
    assert (found.n_documents, found.n_characters, found.n_predicted) == (3, 6, 9)
    other = write_tokens(tmp_path / "b.bin", texts, without_bos)
    eos = min(without_bos.eos_ids)
    parts = [[*without_bos.encode(text), eos] for text in texts]
    assert other.tokens.tolist() == [eos, *sum(parts, [])]


def test_a_large_vocabulary_takes_four_bytes(tmp_path, tokenizer):
    tokenizer.vocab_size = 70_000
    assert write_tokens(tmp_path / "a.bin", ["abc"], tokenizer).tokens.dtype == np.uint32


def test_nothing_is_left_where_writing_fails(tmp_path, tokenizer):
    def texts():
        yield "abc"
        raise RuntimeError("the source broke")

    with pytest.raises(RuntimeError):
        write_tokens(tmp_path / "new" / "a.bin", texts(), tokenizer)
    assert not list((tmp_path / "new").iterdir())
    with pytest.raises(ValueError, match="the corpus is empty"):
        write_tokens(tmp_path / "new" / "a.bin", [], tokenizer)


def test_a_token_file_that_is_cut_short_or_alone(tmp_path, tokenizer):
    path = write_tokens(tmp_path / "a.bin", ["abc"], tokenizer).path
    path.write_bytes(path.read_bytes()[:-2])
    with pytest.raises(ValueError, match="cut short"):
        TokenFile.open(path)
    path.with_suffix(".json").write_text("{}")
    with pytest.raises(ValueError, match="does not describe"):
        TokenFile.open(path)
    path.with_suffix(".json").unlink()
    with pytest.raises(FileNotFoundError, match="a.json"):
        TokenFile.open(path)


def test_text_files_become_documents(tmp_path, tokenizer):
    (tmp_path / "a.txt").write_text("\n\none\nline\n\n\n \ntwo\n", "utf-8")
    assert list(paragraphs(tmp_path / "a.txt")) == ["one\nline", "two"]
    (tmp_path / "a.jsonl").write_text('{"text": "one"}\n\n{"text": "two"}\n', "utf-8")
    assert list(json_lines(tmp_path / "a.jsonl")) == ["one", "two"]
    found = token_file(tmp_path / "a.jsonl", tokenizer, tmp_path / "kept", "train")
    assert found.kind == "texts" and found.n_documents == 2


@pytest.mark.parametrize(
    "name, data, word",
    [
        ("a.txt", b"", "empty"),
        ("a.txt", b"\n \n", "empty"),
        ("a.txt", b"good\n\nbad \xff", "not UTF-8"),
        ("a.jsonl", b'{"text": 3}', "line 1"),
        ("a.jsonl", b'{"text": "a"}\nnot json', "line 2"),
        ("a.jsonl", b'{"text": "a"}\n{"source": "a", "target": "b"}', "mixes"),
    ],
)
def test_bad_corpora_are_refused(tmp_path, tokenizer, name, data, word):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(ValueError, match=word):
        token_file(tmp_path / name, tokenizer, tmp_path, "train")


def test_a_token_file_of_another_tokenizer(tmp_path, tokenizer):
    path = write_tokens(tmp_path / "a.bin", ["abc"], tokenizer).path
    tokenizer.vocab_size += 1
    with pytest.raises(ValueError, match="vocabulary"):
        token_file(path, tokenizer, tmp_path, "train")


def test_rows_of_a_packed_corpus_show_every_token_once(tmp_path, without_bos):
    file = write_tokens(tmp_path / "a.bin", sentences(40), without_bos)
    sampler = TextSampler(file, 4, 16, whole_documents=False)
    seen = []
    for _ in range(len(sampler)):
        batch = sampler.next()
        for ids, targets, place in zip(batch.ids, batch.targets, batch.places, strict=True):
            piece = file.tokens[place - 1 : place + 16].astype(np.int64)
            assert ids.tolist() == piece[:-1].tolist() and targets.tolist() == piece[1:].tolist()
            seen.extend(range(place, place + 16))
    n_rows = (file.n_tokens - 1) // 16 // 4 * 4
    assert len(seen) == len(set(seen)) == 16 * n_rows
    first = sampler.next().places
    assert sampler.epoch == 1 and not np.array_equal(first % 16, np.ones(4))  # the grid has moved


@pytest.mark.parametrize("kind", ["tokenizer", "without_bos"])
def test_rows_of_whole_documents(tmp_path, request, kind):
    tokenizer = request.getfixturevalue(kind)
    texts = [*sentences(30), "a" * 100, *sentences(10, seed=2)]
    file = write_tokens(tmp_path / "a.bin", texts, tokenizer)
    sampler = TextSampler(file, 1, 40, shuffle=False)
    predicted, begins = [], set()
    for _ in range(len(sampler)):
        batch = sampler.next()
        kept = batch.targets[0] != IGNORED
        predicted += batch.targets[0][kept].tolist()
        begins.add(tokenizer.decode(batch.ids[0, :4].tolist())[:3])
        assert batch.n_targets <= 40
    # Every token is a target once, in order; <bos> alone is never asked for.
    assert predicted == [id for id in file.tokens.tolist()[tokenizer.bos_id is None :]
                         if id != tokenizer.bos_id]  # fmt: skip
    assert len(predicted) == file.n_predicted
    assert begins <= {"the", "a d", "my ", "one", "aaa"}  # a row begins with a document


def test_the_state_says_what_comes_next(tmp_path, tokenizer):
    file = write_tokens(tmp_path / "a.bin", sentences(60), tokenizer)
    sampler = TextSampler(file, 4, 40, seed=5)
    for _ in range(len(sampler) + 3):
        sampler.next()
    state = json.loads(json.dumps(sampler.state))
    expected = [sampler.next().ids for _ in range(9)]
    other = TextSampler(file, 4, 40, seed=0)
    other.state = state
    assert all(torch.equal(other.next().ids, ids) for ids in expected)
    assert not torch.equal(TextSampler(file, 4, 40, seed=6).next().ids, expected[0])


def test_pairs_are_read_back_and_padded(tmp_path, tokenizer):
    texts = sentences(100)
    file = write_pairs(tmp_path / "a.bin", [(text, text[::-1]) for text in texts], tokenizer)
    sampler = PairSampler(file, 4, 40, start_id=tokenizer.bos_id, seed=1)
    eos, pairs = min(tokenizer.eos_ids), []
    for _ in range(len(sampler)):
        batch = sampler.next()
        for row in range(4):
            source = batch.source[row][batch.source_mask[row]].tolist()
            target = batch.targets[row][batch.targets[row] != IGNORED].tolist()
            assert source[0] == tokenizer.bos_id and target[-1] == eos
            assert batch.ids[row, : len(target)].tolist() == [tokenizer.bos_id, *target[:-1]]
            assert (batch.ids[row, len(target) :] == tokenizer.pad_id).all()
            assert (batch.source[row][~batch.source_mask[row]] == tokenizer.pad_id).all()
            pairs.append((tokenizer.decode(source), tokenizer.decode(target)))
    assert sorted(pairs) == sorted((text, text[::-1]) for text in texts)
    assert file.n_characters == sum(map(len, texts))


def test_pairs_of_like_length_stand_together(tmp_path, tokenizer):
    texts = ["a" * (1 + i * 37 % 90) for i in range(256)]
    file = write_pairs(tmp_path / "a.bin", zip(texts, texts, strict=True), tokenizer)
    sampler = PairSampler(file, 8, 100, start_id=0)
    padded = sum(int((sampler.next().targets == IGNORED).sum()) for _ in range(len(sampler)))
    assert padded < 0.05 * file.n_predicted  # in random order it is about 0.8


def test_long_pairs_are_cut_and_small_corpora_repeated(tmp_path, tokenizer):
    file = write_pairs(tmp_path / "a.bin", [("a" * 50, "b" * 50)], tokenizer)
    batch = PairSampler(file, 2, 20, start_id=2).next()
    assert batch.source.shape == batch.targets.shape == (2, 20)


def test_the_kind_of_file_must_fit(tmp_path, tokenizer):
    texts = write_tokens(tmp_path / "a.bin", ["abc"], tokenizer)
    pairs = write_pairs(tmp_path / "b.bin", [("a", "b")], tokenizer)
    with pytest.raises(ValueError, match="learns pairs"):
        PairSampler(texts, 1, 8, start_id=0)
    with pytest.raises(ValueError, match="learns texts"):
        TextSampler(pairs, 1, 8)
    with pytest.raises(ValueError, match="row_length"):
        TextSampler(texts, 1, 8, whole_documents=False)


def test_the_corpus_command_keeps_a_models_own_tokenizer(tmp_path):
    model = OWN_MODELS / "mini"
    arguments = ["--texts", "6", "--held-out", "2", "--tokenizer", str(model)]
    assert cli.main(["corpus", str(tmp_path), *arguments]) == 0
    assert (tmp_path / "tokenizer.json").read_bytes() == (model / "tokenizer.json").read_bytes()
    file = TokenFile.open(tmp_path / "texts-train.bin")
    (eos,) = set(file.tokens[file.ends].tolist())
    documents = np.split(file.tokens, file.ends + 1)[:-1]
    tokenizer = load_trained(model)
    assert [tokenizer.decode([i for i in ids.tolist() if i not in (file.bos_id, eos)])
            for ids in documents] == list(texts(SEEDS["train"], 6))  # fmt: skip
