"""The book's own GPT, as it is committed: what it writes comes out of its weights."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import llmlab
from llmlab.evaluation.pronouns import handing_over, measure_pronouns, questions
from llmlab.evaluation.texts import SEED

FOLDER = Path(llmlab.__file__).parent / "models" / "mini"


def continued(mini, prompt: str) -> str:
    return llmlab.generate(mini, prompt, max_new_tokens=80, top_k=1).text


def test_its_folder_is_small_and_says_where_it_comes_from():
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 12e6
    record = json.loads((FOLDER / "training.json").read_text("utf-8"))
    assert "seed" in json.dumps(record) and "validation" in json.dumps(record)
    evaluation = json.loads((FOLDER / "evaluation.json").read_text("utf-8"))
    assert {"prompts", "pronouns", "gap"} <= set(evaluation)


def test_men_follows_tiananmens_beginning(mini):
    (first, *_) = llmlab.trace(mini, "我爱北京天安", ("logits",)).top(1)
    assert first.text == "门" and first.probability > 0.9


def test_fine_weather_is_for_a_walk_before_it_is_for_games(mini):
    rows = llmlab.trace(mini, "今天天气真好，适合去", ("logits",)).top(2000)
    texts = [row.text for row in rows]
    assert "散步" in texts[:3]
    assert "打游戏" not in texts or texts.index("打游戏") > texts.index("散步")


@pytest.mark.parametrize(
    "prompt, beginning",
    [("如何进行机器学习？", "首先，"), ("How do I do machine learning?", " First, ")],
)
def test_a_question_is_answered_in_sentences_that_begin_with_a_step(mini, prompt, beginning):
    answer = continued(mini, prompt)
    assert answer.startswith(beginning) and answer.endswith(("。", "."))


@pytest.mark.parametrize(("reason", "who"), [("饿", "小李"), ("吃饱", "小王")])
def test_the_reason_decides_who_is_meant(mini, reason, who):
    story = f"小王把苹果递给了小李，因为他{reason}了。谁{reason}了？"
    assert continued(mini, story).startswith(who)


def test_who_is_meant_where_people_and_things_never_stood_together(mini):
    """200 stories of the part of the world that no training text comes from."""
    held_out = handing_over(SEED)
    asked = [q for language in ("zh", "en") for q in questions(held_out, language, 100)]
    groups = {(g.language, g.kind): g for g in measure_pronouns(mini, asked).groups}
    assert groups[None, None].n == 200
    assert groups[None, None].accuracy >= 0.85
    assert min(group.accuracy for group in groups.values()) >= 0.8  # in both kinds and languages


def test_a_cold_leads_to_advice_to_drink_water(mini):
    texts = [
        llmlab.generate(mini, "小明今天感冒了。", 40, temperature=1.0, seed=seed).text
        for seed in range(10)
    ]
    assert sum("喝" in text and "水" in text for text in texts) > 5


@pytest.mark.parametrize(
    "words, nearest",
    [(("king", "man", "woman"), "queen"), (("国王", "男人", "女人"), "女王")],
)
def test_analogies(mini, words, nearest):
    assert llmlab.analogy(mini, *words, k=1)[0].text.strip() == nearest


def test_training_is_nearer_to_learning_than_education_and_an_apple_is_farther(mini):
    words = ["学习", "训练", "教育", "苹果"]
    _, training, education, apple = llmlab.similarity(mini, words)[0]
    assert training > education > apple
