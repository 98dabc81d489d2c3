"""Greedy decoding of many, pronouns, prompts and directions of meaning."""

import pytest
import torch

import llmlab
from llmlab.corpus import World
from llmlab.evaluation import handing_over, measure_prompts, measure_pronouns, questions
from llmlab.evaluation import prompts as checks
from llmlab.evaluation import pronouns as pronouns_module
from llmlab.evaluation.decoding import greedy, up_to_end
from llmlab.evaluation.meanings import in_a_text, order_of, solve
from llmlab.evaluation.pronouns import Question, first_name, name_pattern
from llmlab.tokenizers import ByteFallbackBPE
from tests.evaluation_models import characters_of, random_model, scripted_model

BEFORE_A_NAME = {
    "zh": ("", "\n答：", "\n答：指的是", "\n回答：", "是"),
    "en": (" ", "\nA: ", "\nA: It refers to ", "\nAnswer: ", " It was "),
}
PROMPTS = ["abc", "b", "cabcab", "aaa", "bcb", "c a b", "ab", "cc"]


@pytest.mark.parametrize("architecture, seed", [("decoder", 0), ("encoder-decoder", 7)])
@pytest.mark.parametrize("rows", [1, 3, 64])
def test_greedy_is_generate_for_many(architecture, seed, rows):
    changes = {} if architecture == "decoder" else {"n_encoder_layers": 2}
    tokenizer = characters_of(PROMPTS)
    model = random_model(tokenizer, seed=seed, architecture=architecture, **changes)
    expected = [llmlab.generate(model, p, max_new_tokens=12, top_k=1).text for p in PROMPTS]
    assert greedy(model, PROMPTS, 12, rows) == expected
    assert len({len(text) for text in expected}) > 3  # rows end at different steps


def test_greedy_ends_where_the_context_ends():
    model = random_model(characters_of(PROMPTS), context_length=8)
    expected = [llmlab.generate(model, p, max_new_tokens=50, top_k=1).text for p in PROMPTS]
    assert greedy(model, PROMPTS, 50) == expected


def test_what_greedy_refuses():
    model = random_model(characters_of(PROMPTS))
    with pytest.raises(ValueError, match="max_new_tokens"):
        greedy(model, PROMPTS, 0)
    with pytest.raises(ValueError, match="empty"):
        greedy(model, [""], 3)
    encoder = random_model(characters_of(PROMPTS), architecture="encoder")
    with pytest.raises(ValueError, match="encoder"):
        greedy(encoder, PROMPTS, 3)
    assert up_to_end([4, 5, 1, 6], frozenset({1})) == [4, 5]


@pytest.fixture(scope="module")
def held_out() -> World:
    return handing_over(seed=4)


@pytest.fixture(scope="module")
def whole() -> World:
    return World(part="training")


@pytest.mark.parametrize("language", ["zh", "en"])
def test_questions_are_of_combinations_that_training_never_has(held_out, whole, language):
    asked = questions(held_out, language, 60)
    assert len({question.prompt for question in asked}) == 60
    assert {question.kind for question in asked} == {"giver", "receiver"}
    for question in asked:
        assert question.prompt.endswith({"zh": "？", "en": "?"}[language])
        assert question.answer in question.names and len(question.names) == 2
        assert whole.prefix_probability(question.prompt, language) == 0
        assert held_out.prefix_probability(question.prompt, language) > 0


@pytest.mark.parametrize("language", ["zh", "en"])
def test_answers_are_those_that_the_world_gives(held_out, language):
    """The world itself goes on from every question to the answer's name, and to no other's."""
    for question in questions(held_out, language, 25):
        other = next(name for name in question.names if name != question.answer)
        before = BEFORE_A_NAME[language]
        goes_on = {
            name: sum(
                held_out.prefix_probability(question.prompt + words + name, language)
                for words in before
            )
            for name in (question.answer, other)
        }
        assert goes_on[question.answer] > 0 and goes_on[other] == 0
        # A giver is named before a receiver in all these frames.
        at = question.names.index(question.answer)
        assert ("giver", "receiver")[at] == question.kind


def test_questions_that_a_world_does_not_ask(whole):
    with pytest.raises(ValueError, match="questions, not 3"):
        questions(whole, "zh", 3, kinds={})
    with pytest.raises(ValueError, match="fr"):
        questions(whole, "fr", 3)


def question(answer: str, language: str = "zh", kind: str = "giver") -> Question:
    return Question(f"…{answer}？", answer, ("小王", "小李", "小王子"), language, kind)


def test_accuracy_by_group(monkeypatch):
    asked = [
        question("小王"), question("小李", kind="receiver"), question("小王"),
        question("小李", "en", "receiver"),
    ]  # fmt: skip
    answers = ["小王。", "\n答：是小李，不是小王。", "小李饿了。", "没有人。"]
    monkeypatch.setattr(pronouns_module, "greedy", lambda *_: answers)
    found = measure_pronouns(None, asked)
    shares = {(s.language, s.kind): (s.right, s.n, s.accuracy) for s in found.groups}
    assert shares[None, None] == (2, 4, 0.5)
    assert shares["zh", "giver"] == (1, 2, 0.5) and shares["zh", "receiver"] == (1, 1, 1.0)
    assert shares["en", None] == (0, 1, 0.0)
    assert found.nameless == 1
    assert [wrong.continuation for wrong in found.wrong] == answers[2:]
    with pytest.raises(ValueError, match="no question"):
        measure_pronouns(None, [])


def test_names_are_found_whole(whole):
    assert first_name("那是小王子。", question("小王")) == "小王子"
    assert first_name("她是谁？", question("小王")) is None
    names = name_pattern(whole.lexicon, "en")
    assert names.findall("Xiao Wang saw Annabel and Anna's cat") == ["Xiao Wang", "Anna"]


GOOD = {
    "我爱北京天安": "门。",
    "今天天气真好，适合去": "散步。",
    "小王把苹果递给了小李，因为他饿了。谁饿了？": "小李。",
    "小王把苹果递给了小李，因为他吃饱了。谁吃饱了？": "小王吃饱了，不是小李。",
    "如何进行机器学习？": "首先，要收集数据。最后，检查结果。",
    "如何进行机器学习": "？\n答：首先，要收集数据。",
    "How do I do machine learning?": " First, collect data.",
    "请写一个快速排序。": "\n```python\ndef quicksort(items):\n    return sorted(items)\n```",
    "小明今天感冒了。": "他需要多喝水。",
    "Xiaoming has a cold today.": " He needs to drink plenty of water.",
}
BAD = {
    "我爱北京天安": "们。",
    "今天天气真好，适合去": "打游戏。",
    "小王把苹果递给了小李，因为他饿了。谁饿了？": "小王。",
    "小王把苹果递给了小李，因为他吃饱了。谁吃饱了？": "没有人。",
    "如何进行机器学习？": "机器学习很难。",
    "如何进行机器学习": "首先，要收集",
    "How do I do machine learning?": " First, collect",
    "请写一个快速排序。": "\n```python\ndef quicksort(items:\n    return sorted(items)\n```",
    "小明今天感冒了。": "他很高兴。",
    "Xiaoming has a cold today.": " He likes the water.",
}


@pytest.mark.parametrize("script, passes", [(GOOD, True), (BAD, False)])
def test_prompts_pass_where_they_should(script, passes):
    # 门, 散, 打 … must be characters of the vocabulary in both
    model = scripted_model(script | {"x": "".join(GOOD.values()) + "打游戏"})
    found = measure_prompts(model)
    assert [check.prompt for check in found] == list(GOOD)
    assert [check.passed for check in found] == [passes] * len(found)


@pytest.mark.parametrize("text", ["好的。", "\n```python\nx = 1\n```", "\n```python\ndef sort(x):"])
def test_a_program_is_needed(text):
    assert not checks.program(scripted_model({"写。": text}), "写。", "sort").passed


def test_probability_of_a_continuation_is_the_product_of_its_steps():
    tokenizer = characters_of(["适合去散步打游戏"])
    model = random_model(tokenizer)
    product = 1.0
    for i, character in enumerate("打游戏"):
        row = llmlab.trace(model, "适合去" + "打游戏"[:i], ("logits",)).logits[-1]
        product *= row.softmax(-1)[tokenizer.encode(character)[0]].item()
    assert checks.probability_of(model, "适合去", "打游戏") == pytest.approx(product, rel=1e-4)


def test_a_continuation_has_the_tokens_it_has_in_the_whole_text():
    tokenizer = ByteFallbackBPE.train(["the king", "the queen"] * 5, 300, space_first=True)
    model = random_model(tokenizer)
    ids = checks.continuation_ids(model, "the", " king")
    assert tokenizer.encode("the") + ids == tokenizer.encode("the king")
    # A border inside a piece: "qu" and "een"
    assert tokenizer.encode("the qu") != tokenizer.encode("the queen")[:2]
    assert checks.continuation_ids(model, "the qu", "een") == tokenizer.encode("een")


def stated_embeddings(words: dict[str, list[float]]):
    """A model in whose table these words, one token each, have these vectors."""
    tokenizer = ByteFallbackBPE.train(list(words) * 20, 4000, space_first=True)
    model = random_model(tokenizer, d_model=4, n_heads=1)
    with torch.no_grad():
        model.transformer.embedding.token.weight.copy_(
            torch.randn(tokenizer.vocab_size, 4, generator=torch.Generator().manual_seed(0)) * 0.1
            + torch.tensor([0.0, 0.0, 0.0, 3.0])
        )
        for word, vector in words.items():
            (id,) = tokenizer.encode(word)
            model.transformer.embedding.token.weight[id] = torch.tensor(vector)
    return model


def test_order_and_analogy_of_stated_vectors():
    model = stated_embeddings(
        {
            "学习": [1, 0, 0, 0], "训练": [1, 0.1, 0, 0], "教育": [1, 0.5, 0, 0],
            "机器": [0.5, 1, 0, 0], "苹果": [0, 1, 0, 0],
            "king": [1, 1, 0, 0], "man": [0, 1, 0, 0], "woman": [0, 0, 1, 0],
            "queen": [1, 0.0, 1.2, 0],
        }
    )  # fmt: skip
    order = order_of(model, "学习", ("训练", "教育", "机器", "苹果"))
    assert order.holds and order.n_tokens == (1,) * 5
    assert order.cosines == pytest.approx((1 / 1.01**0.5, 1 / 1.25**0.5, 0.5 / 1.25**0.5, 0))
    assert not order_of(model, "学习", ("教育", "训练")).holds
    assert in_a_text(model, "king") == "king"  # the space is put before it by the tokenizer
    found = solve(model, "king", "man", "woman", "queen")
    assert found.rank == 1 and found.first[0].strip() == "queen"
    assert solve(model, "king", "man", "woman", "学习").rank > 1
    assert solve(model, "king", "man", "woman", "queenly").rank is None
    assert solve(model, "king", "man", "woman", "man").rank is None


def test_a_word_is_spelled_as_it_stands_in_a_text():
    tokenizer = ByteFallbackBPE.train(["the king saw the king"] * 9, 300)  # no space first
    assert in_a_text(random_model(tokenizer), "king") == " king"
    assert in_a_text(random_model(tokenizer), "国王") == "国王"
