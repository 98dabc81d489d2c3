"""Gemma in the browser engine: the blocks of its own file, and a part of its vocabulary."""

from __future__ import annotations

import json
import math

import pytest
import torch

import llmlab
from llmlab.serialization import array_from_json
from llmlab.tracing import Trace
from llmlab.web.export import size_of
from llmlab.web.vocabulary import choose, made_from
from tests.conftest import serve
from tests.test_tokenizers import COMMON, mixed_text
from tests.web_page import ask, publish

NAME = "gemma-3-270m"
PROMPTS = ["我爱北京天安", "问：如何进行机器学习？\n答：首先", "The weather is fine today, so"]
SENTENCES = ["我喜欢吃苹果", "苹果公司推出新品"]
FEW = 13_500  # tokens: the single characters and little more


@pytest.fixture(scope="module")
def folder(gemma_default, tmp_path_factory):
    written = [llmlab.generate(gemma_default, prompt, 48, top_k=1).text for prompt in PROMPTS]
    options = {"texts": [*PROMPTS, *SENTENCES, *written, COMMON], "vocabulary": FEW}
    return publish(tmp_path_factory.mktemp("web"), {NAME: gemma_default}, **options)


@pytest.fixture(scope="module")
def kept(folder):
    return json.loads((folder / NAME / "model.json").read_text("utf-8"))["kept"]


@pytest.fixture
def page(open_page, folder):
    page = open_page()
    page.set_default_timeout(240_000)
    page.goto(serve(folder))
    return page


@pytest.mark.parametrize("prompt", PROMPTS)
def test_logits_attention_and_the_lens_equal_torchs(page, gemma, kept, prompt):
    record = ["attention", "residual", "logits"]
    found = ask(page, NAME, "trace", prompt, {"record": record, "lens": 1})
    expected = llmlab.trace(gemma, prompt, record)
    trace = Trace.from_json(json.dumps(found["trace"]), gemma)
    assert trace.tokens == expected.tokens
    assert (trace.logits - expected.logits)[:, kept].abs().max() < 0.03
    assert (trace.attention - expected.attention).abs().max() < 0.002
    with torch.inference_mode():
        of_kept = gemma.transformer.readout(trace.residual[:, -1])[:, kept].softmax(dim=-1)
    lens = {name: array_from_json(found["lens"][name]) for name in ("top", "probabilities")}
    word_ids = array_from_json(found["lens"]["word_ids"]).long()
    for word, probability, p in zip(lens["top"][:, -1, 0], lens["probabilities"][:, -1, 0], of_kept):
        assert probability == pytest.approx(p.max().item(), abs=2e-3)
        leader = kept.index(word_ids[int(word)].item())
        assert p[leader] == pytest.approx(p.max().item(), abs=2e-3)


def test_a_word_in_two_sentences_is_torchs(page, gemma, kept):
    found = ask(page, NAME, "context", SENTENCES, {"k": 3})
    view = llmlab.ContextView(*(llmlab.trace(gemma, text, ("residual",)) for text in SENTENCES))
    assert found["shared"] == view.shared == ["苹果"] and found["sentences"] == view.sentences
    for name in ("at", "cosines", "others"):
        ours, theirs = array_from_json(found[name]), array_from_json(getattr(view, name))
        torch.testing.assert_close(ours, theirs, atol=5e-3, rtol=0)
    top = array_from_json(found["top"])[0, :, :, 0].long()  # (sentence, layer + 1)
    for sentence, (text, place) in enumerate(zip(SENTENCES, (4, 1))):
        stream = llmlab.trace(gemma, text, ("residual",)).residual[:, place]
        with torch.inference_mode():
            shares = gemma.transformer.readout(stream)[:, kept].softmax(dim=-1)
        for layer, row in enumerate(shares):
            (leader,) = gemma.tokenizer.encode(found["words"][top[sentence, layer]])[:1]
            assert row[kept.index(leader)] == pytest.approx(row.max().item(), abs=5e-3)


@pytest.mark.parametrize("prompt", PROMPTS)
def test_48_greedy_tokens_equal_torchs(page, gemma, kept, prompt):
    """Torch chooses out of the tokens that the page has."""
    left_out = torch.full((gemma.config.vocab_size,), -math.inf)
    left_out[kept] = 0
    hook = gemma.transformer.head.register_forward_hook(lambda *run: run[-1] + left_out)
    try:
        expected = llmlab.generate(gemma, prompt, 48, top_k=1)
    finally:
        hook.remove()
    found = ask(page, NAME, "generate", prompt, {"maxNewTokens": 48, "topK": 1})
    assert found["text"] == expected.text
    assert [s["chosen"]["id"] for s in found["steps"]] == [token.id for token in expected.tokens]


def test_ids_equal_pythons_on_100_000_characters(page, gemma_default):
    tokenizer = gemma_default.tokenizer
    for seed in range(2):
        text = mixed_text(50_000, seed)
        found = ask(page, NAME, "tokens", text)
        ids = tokenizer.encode(text, special=True)
        assert [token["id"] for token in found] == ids
        assert [token["text"] for token in found] == [tokenizer.token(id).text for id in ids]


def test_a_token_that_was_left_out_is_read_in_pieces_and_named(page, gemma_default, kept):
    tokenizer = gemma_default.tokenizer
    (left_out,) = tokenizer.encode("ление")
    assert left_out not in kept
    found = ask(page, NAME, "trace", "ление", {"record": ["logits"]})
    (spelled,) = found["spelled"]
    assert spelled["token"]["id"] == left_out
    pieces = [piece["id"] for piece in spelled["pieces"]]
    assert set(pieces) <= set(kept) and tokenizer.decode(pieces) == "ление"
    assert [token["id"] for token in found["trace"]["tokens"]] == [tokenizer.bos_id, *pieces]
    assert ask(page, NAME, "trace", PROMPTS[0], {"record": ["logits"]})["spelled"] == []
    logits = array_from_json(found["trace"]["recorded"]["logits"])
    assert logits.shape == (len(pieces) + 1, len(kept))


def test_the_vocabulary_is_closed_and_keeps_what_it_must(gemma_default):
    tokenizer = gemma_default.tokenizer
    text = "Ein seltenes Wort: Donaudampfschifffahrt."
    kept = set(choose(tokenizer, FEW, [text]))
    assert len(kept) <= FEW
    assert set(tokenizer.encode(text)) <= kept
    assert all(made_from(tokenizer, id) <= kept for id in kept)
    for character in map(chr, (*range(32, 127), *range(0x4E00, 0x9FA6))):
        (*first, last) = tokenizer.encode(character)
        assert last in kept and set(first) <= kept, character
    with pytest.raises(ValueError, match="are needed in any case, more than 5,000"):
        choose(tokenizer, 5_000, [])


def test_the_whole_is_small(folder, kept):
    of_the_file = size_of(folder / NAME)
    a_row = 640  # bytes at most, compressed
    assert of_the_file + (21_500 - len(kept)) * a_row < 80e6
    assert max(path.stat().st_size for path in (folder / NAME).iterdir()) < 10e6
