"""What holds for every exercise: right answers pass, and each mistake gets its own message."""

from __future__ import annotations

import pytest

from llmlab.exercises import exercises, verdict
from tests import (
    test_exercises_01,
    test_exercises_02,
    test_exercises_03,
    test_exercises_04,
    test_exercises_05,
    test_exercises_06,
    test_exercises_07,
    test_exercises_08,
    test_exercises_09,
    test_exercises_10,
    test_exercises_11,
    test_exercises_12,
    test_exercises_13,
    test_exercises_14,
    test_exercises_15,
)

CHAPTERS = (
    test_exercises_01,
    test_exercises_02,
    test_exercises_03,
    test_exercises_04,
    test_exercises_05,
    test_exercises_06,
    test_exercises_07,
    test_exercises_08,
    test_exercises_09,
    test_exercises_10,
    test_exercises_11,
    test_exercises_12,
    test_exercises_13,
    test_exercises_14,
    test_exercises_15,
)
RIGHT = {number: answers for chapter in CHAPTERS for number, answers in chapter.RIGHT.items()}
WRONG = {number: answers for chapter in CHAPTERS for number, answers in chapter.WRONG.items()}


def cases(answers):
    return [
        pytest.param(number, case, id=f"{number}-{i}")
        for number in answers
        for i, case in enumerate(answers[number])
    ]


def test_every_exercise_has_right_and_wrong_answers():
    assert set(RIGHT) == set(WRONG) == set(exercises())
    assert all(len(answers) >= 2 for answers in WRONG.values())


@pytest.mark.parametrize(("number", "answer"), cases(RIGHT))
def test_right_answers_pass(number, answer):
    assert verdict(number, answer) is None


@pytest.mark.parametrize(("number", "case"), cases(WRONG))
def test_mistakes_are_named(number, case):
    answer, words = case
    message = verdict(number, answer)
    assert message is not None and words in message


@pytest.mark.parametrize("number", WRONG)
def test_each_mistake_has_its_own_message(number):
    # Two answers may make one mistake: then they name the same words of its message.
    messages = {words: verdict(number, answer) for answer, words in WRONG[number]}
    assert len(set(messages.values())) == len(messages)


@pytest.mark.parametrize("number", WRONG)
def test_messages_are_fragments_of_a_sentence(number):
    for answer, _ in WRONG[number]:
        message = verdict(number, answer)
        assert message[0].islower() or not message[0].isalpha()
        assert not message.endswith(".") and "\n" not in message


@pytest.mark.parametrize("number", sorted(RIGHT))
def test_a_stub_is_not_an_answer(number):
    assert "no answer yet" in verdict(number, ...)


def test_an_unknown_exercise_offers_near_ones():
    with pytest.raises(ValueError, match="no exercise '7.9'; did you mean 7"):
        verdict("7.9", 1)
