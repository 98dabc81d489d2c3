"""What Gemma 3 270M gives, against figures measured with an independent implementation.

That implementation read the same GGUF file and computed in float32.
"""

import functools

import pytest
import torch

import llmlab

TABLES = {  # prompt: the first rows of its next-token table, in per cent
    "我爱北京天安": {"门": 97.2, "门的": 2.2, "城": 0.2},
    "问：如何进行机器学习？\n答：首先": {"，": 53.2, "要": 9.1, "需要": 2.2, "是": 2.0},
    "问题：如何进行机器学习？\n回答：": {"\n": 19.7, "\n\n": 10.2, "机器学习": 5.0, "首先": 4.5},
    "小明今天感冒了。他应该多喝": {"水": 28.3, "点": 21.3, "些": 18.1},
    "请用 Python 写一个快速排序\n```python\n": {"def": 44.4, "#": 22.3, "class": 11.3},
}
COSINES = {
    ("学习", "训练"): 0.555,
    ("学习", "教育"): 0.497,
    ("学习", "苹果"): 0.373,
    ("学习", "机器"): 0.345,
    ("国王", "女王"): 0.541,
    ("猫", "狗"): 0.646,
}


PROMPTS = ["问：如何进行机器学习？\n答：首先", "The capital of France is"]


@functools.cache
def on_cuda(dtype):
    return llmlab.load("gemma-3-270m", device="cuda", dtype=dtype)


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def device(request):
    return request.param


@pytest.fixture
def exact(request, device):
    """Gemma in float32 on each device."""
    return request.getfixturevalue("gemma") if device == "cpu" else on_cuda("float32")


@pytest.fixture
def default(request, device):
    """Gemma in the default mode on each device."""
    return request.getfixturevalue("gemma_default") if device == "cpu" else on_cuda("auto")


def next_tokens(model, prompt: str, k: int) -> dict[str, float]:
    with torch.no_grad():
        logits = model.transformer(model.encode(prompt)).logits[0, -1].float()
    probabilities, ids = logits.softmax(-1).topk(k)
    return {
        model.tokenizer.token(id).text: 100 * p
        for id, p in zip(ids.tolist(), probabilities.tolist(), strict=True)
    }


@pytest.mark.parametrize("prompt", TABLES)
def test_next_token_table(exact, prompt):
    expected = TABLES[prompt]
    found = next_tokens(exact, prompt, len(expected))
    assert list(found) == list(expected)
    for text, per_cent in expected.items():
        assert found[text] == pytest.approx(per_cent, abs=0.1), text


@pytest.mark.parametrize("prompt", TABLES)
def test_next_token_table_of_the_default_mode(default, prompt):
    """Matrices in half precision move the probabilities by less than half a point."""
    expected = TABLES[prompt]
    found = next_tokens(default, prompt, len(expected) + 2)
    for text, per_cent in expected.items():
        assert found[text] == pytest.approx(per_cent, abs=0.5), text


def test_attention(gemma):
    trace = llmlab.trace(gemma, "我喜欢吃苹果", record=("attention",))
    texts = [token.text for token in trace.tokens]
    weight = trace.attention[2, 3, texts.index("苹果"), texts.index("吃")]
    assert weight == pytest.approx(0.75, abs=0.01)
    # Of what the last position gives, over all layers and heads, most goes to <bos>.
    assert trace.attention[:, :, -1, 0].mean() == pytest.approx(0.6, abs=0.05)


def test_logit_lens(exact):
    trace = llmlab.trace(exact, "我爱北京天安", record=("residual",))
    leaders = [rows[0] for rows in trace.lens(position=-1, k=1)]
    # After layer 14 门的, which begins with the same character, is ahead for once.
    assert [layer for layer, row in enumerate(leaders) if row.text == "门"] == [13, 15, 16, 17, 18]
    assert leaders[14].text == "门的"
    for layer, probability in {13: 0.37, 15: 0.49, 16: 0.75}.items():
        assert leaders[layer].probability == pytest.approx(probability, abs=0.01)


@pytest.mark.parametrize("prompt", PROMPTS)
def test_greedy_text_is_what_transformers_writes(exact, reference_gemma, prompt):
    run = llmlab.generate(exact, prompt, 48, top_k=1)
    ids = torch.tensor([[token.id for token in run.prompt_tokens]])
    with torch.inference_mode():
        expected = reference_gemma.generate(ids, max_new_tokens=48, do_sample=False)
    assert [token.id for token in run.tokens] == expected[0, ids.size(1) :].tolist()


@pytest.mark.parametrize("pair", COSINES)
def test_cosines_of_token_embeddings(gemma, pair):
    ids = [gemma.tokenizer.encode(word) for word in pair]
    assert [len(of_word) for of_word in ids] == [1, 1]
    vectors = gemma.transformer.embedding.token.weight[torch.tensor(ids).flatten()]
    cosine = torch.cosine_similarity(vectors[0], vectors[1], dim=0)
    assert cosine == pytest.approx(COSINES[pair], abs=0.01)
