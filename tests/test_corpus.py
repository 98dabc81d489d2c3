"""The small world's engine: exact probabilities, seeds, parts and alignments."""

import math
import random
from collections import Counter
from itertools import islice
from pathlib import Path

import pytest

from llmlab.corpus import Lexicon, World
from llmlab.corpus.audit import audit
from llmlab.corpus.choices import is_held_out
from llmlab.corpus.files import CORPUS
from llmlab.corpus.forms import english, indefinite
from llmlab.corpus.frames import read_frame
from llmlab.corpus.survey import content_words
from llmlab.corpus.words import read_word

SMALL = Path(__file__).parent / "small_world"
LANGUAGES = ("zh", "en")


@pytest.fixture(scope="module")
def small() -> World:
    return World.load(SMALL, part="all")


@pytest.fixture(scope="module", params=LANGUAGES)
def known(request, small) -> tuple[World, str, dict[str, float]]:
    """The small world's texts, all of them, with their probabilities."""
    texts = {text.text for text in islice(small.texts(request.param), 40_000)}
    return small, request.param, {
        text: math.exp(small.log_probability(text, request.param)) for text in texts
    }


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        # frame 2/4 · rainy 1/2 · 跑步 3 of 4 · second variant 1/2 · "" or 唉 1/2
        ("今天适合跑步。唉！", "zh", 0.5 * 0.5 * 0.75 * 0.5 * 0.5),
        ("It is a day for running. Oh dear!", "en", 0.5 * 0.5 * 0.75 * 0.5 * 0.5),
        # said of sunny and of rainy weather: two derivations
        ("今天适合跑步。", "zh", 2 * 0.5 * 0.5 * 0.75 * 0.5 * 0.5),
        ("Q: What is France's capital?\nA: Paris.", "en", 0.25 * 0.5 * 0.5),
        ("法国的首都是哪里？\n答：北京。", "zh", 0.0),  # not the capital of that country
        ("小王把一块糖递给了小王，因为他饿了。", "zh", 0.0),  # != forbids it
        # giver Anna 2 of 5, receiver 1 of 3 left, 想看书 1 of 2.5, 书 sole, two lines, two variants
        ("安娜笑了。安娜把一本书递给了小王，因为他想看书。", "zh", 0.25 * 0.4 / 3 / 2.5 / 4),
        ("", "zh", 0.0),
        ("今天适合跑步", "zh", 0.0),
    ],
)
def test_log_probability_is_what_a_hand_calculation_gives(small, text, language, expected):
    got = small.log_probability(text, language)
    assert got == (-math.inf if expected == 0 else pytest.approx(math.log(expected), abs=1e-12))


def test_all_texts_together_have_probability_one(known):
    assert math.fsum(known[2].values()) == pytest.approx(1, abs=1e-12)


def test_prefixes_and_next_characters_are_sums_over_all_texts(known):
    world, language, texts = known
    for text in sorted(texts)[::7]:
        for end in range(len(text) + 1):
            prefix = text[:end]
            begin = {t: p for t, p in texts.items() if t.startswith(prefix)}
            total = math.fsum(begin.values())
            assert world.prefix_probability(prefix, language) == pytest.approx(total, abs=1e-12)
            following = Counter()
            for t, p in begin.items():
                following[t[end : end + 1]] += p / total
            assert world.next_characters(prefix, language) == pytest.approx(dict(following))


def test_nothing_follows_what_no_text_begins_with(small):
    assert small.prefix_probability("今天天气晴朗，适合看", "zh") == 0  # reading suits rain only
    assert small.next_characters("今天天气晴朗，适合看", "zh") == {}


def test_texts_come_as_often_as_their_probabilities_say(known):
    world, language, texts = known
    n = 40_000
    counts = Counter(text.text for text in islice(world.texts(language), n))
    # Pearson's statistic has mean and variance of about k - 1 and 2 (k - 1).
    statistic = sum((counts[t] - n * p) ** 2 / (n * p) for t, p in texts.items())
    freedom = len(texts) - 1
    assert abs(statistic - freedom) < 5 * math.sqrt(2 * freedom) + 20


def test_entropy_is_that_of_the_enumerated_world(known):
    world, language, texts = known
    exact = -math.fsum(p * math.log(p) for p in texts.values())
    estimate = world.entropy(language, 4000)
    assert abs(estimate.nats - exact) < 4 * estimate.standard_error < 0.2


def test_a_derivation_is_part_of_its_text(small):
    more = 0
    for text in islice(small.texts("zh"), 500):
        whole = small.log_probability(text.text, "zh")
        assert whole >= text.log_probability - 1e-9
        more += whole > text.log_probability + 1e-9
        if "适合跑步" in text.text and "天气" not in text.text and text.text.endswith("步。"):
            assert whole == pytest.approx(text.log_probability + math.log(2))
    assert 0 < more < 100


def test_the_seed_decides_and_draws_as_documented(small):
    draw = random.Random(5).random
    first = ["scenes.good_for", "scenes.gives", "scenes.capital"][
        0 if (u := draw() * 4) < 2 else 1 if u < 3 else 2
    ]
    world = World(5, "all", small.lexicon, [scene.frame for scene in small.scenes])
    assert next(world.texts("en")).frame == first
    pairs = list(islice(world.pairs(), 50))
    assert [t.text for t in islice(world.texts("zh"), 50)] == [pair.zh for pair in pairs]
    assert [t.text for t in islice(world.texts("en"), 50)] == [pair.en for pair in pairs]
    other = World(6, "all", small.lexicon, [scene.frame for scene in small.scenes])
    assert [t.text for t in islice(other.texts("zh"), 50)] != [pair.zh for pair in pairs]


def test_training_and_held_out_parts_share_no_combination():
    entry = {
        "frame": "x.y", "register": "story",
        "slots": {"a": "person", "b": "person != a ~ a"},
        "lines": [[{"zh": "{a}看见{b}。", "en": "{a} sees {b}."}]],
    }  # fmt: skip
    frame, errors = read_frame(entry)
    assert not errors
    words = tuple(read_word({"zh": f"人{i}号", "en": f"Person {i}"}, "person") for i in range(40))
    pairs = {}
    for part in ("training", "held-out"):
        world = World(1, part, Lexicon({"person": words}), [frame])
        texts = {text.text for text in islice(world.texts("zh"), 20_000)}
        pairs[part] = {frozenset(text.rstrip("。").split("看见")) for text in texts}
        total = math.fsum(math.exp(world.log_probability(text, "zh")) for text in texts)
        assert total == pytest.approx(1, abs=0.01)
    assert pairs["training"].isdisjoint(pairs["held-out"])
    assert len(pairs["training"] | pairs["held-out"]) == pytest.approx(40 * 39 / 2, rel=0.02)
    # one combination in eight, within five standard deviations of a binomial draw
    assert abs(len(pairs["held-out"]) - 780 / 8) < 5 * math.sqrt(780 * 7 / 64)


def test_one_combination_in_eight_is_held_out():
    draw = random.Random(0)
    held = sum(is_held_out(draw.getrandbits(65)) for _ in range(80_000))
    assert abs(held - 10_000) < 5 * math.sqrt(80_000 * 7 / 64)


def test_alignments_point_at_what_means_the_same(small):
    names = {"小王": "Xiao Wang", "小李": "Xiao Li", "安娜": "Anna", "大山": "Dashan",
             "他": "he him", "她": "she her", "递给了": "handed", "天气": "weather", "跑步": "running",
             "北京": "Beijing", "她的": "her", "他的": "his"}  # fmt: skip
    seen = set()
    for pair in islice(small.pairs(), 400):
        for (a, b), (c, d) in pair.alignments:
            zh, en = pair.zh[a:b], pair.en[c:d]
            assert zh and en
            if zh in names:
                assert en.lower() in names[zh].lower()
                seen.add(zh)
    assert {"小王", "他", "递给了", "天气", "跑步", "她的"} <= seen


@pytest.mark.parametrize(
    ("word", "form", "expected"),
    [
        ("walk", "past", "walked"), ("stop", "ing", "stopping"), ("make", "ing", "making"),
        ("open", "ing", "opening"), ("lie", "ing", "lying"), ("see", "ing", "seeing"),
        ("study", "third", "studies"), ("play", "third", "plays"),
        ("go home", "third", "goes home"),
        ("go for a walk", "ing", "going for a walk"), ("eat", "past", "ate"),
        ("write", "participle", "written"), ("carry", "past", "carried"),
        ("plan", "past", "planned"),
        ("fix", "past", "fixed"), ("box", "plural", "boxes"), ("city", "plural", "cities"),
        ("woman", "plural", "women"), ("cup of tea", "plural", "cups of tea"),
        ("tomato", "plural", "tomatoes"), ("apple", "a", "an apple"), ("hour", "a", "an hour"),
        ("university", "a", "a university"), ("umbrella", "a", "an umbrella"),
        ("big", "comparative", "bigger"), ("happy", "superlative", "happiest"),
        ("large", "comparative", "larger"), ("beautiful", "comparative", "more beautiful"),
        ("gentle", "superlative", "gentlest"), ("good", "comparative", "better"),
        ("Anna", "possessive", "Anna's"), ("read", "past", "read"),
        ("cold", "comparative", "colder"),
    ],
)  # fmt: skip
def test_english_forms(word, form, expected):
    assert english(read_word({"zh": "词", "en": word}), form) == expected


def test_a_words_own_form_comes_first_and_letters_are_spoken():
    assert english(read_word({"zh": "词", "en": "dig", "past": "digged"}), "past") == "digged"
    assert indefinite("MRI") == "an MRI" and indefinite("USB stick") == "a USB stick"
    with pytest.raises(KeyError, match="no English form 'pastt'"):
        english(read_word({"zh": "词", "en": "dig"}), "pastt")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"register": "storry"}, "did you mean story"),
        ({"slots": {"a": "person", "b": "person != c"}}, "no earlier slot 'c'"),
        ({"slots": {"a": "person ? b"}}, "cannot read"),
        ({"slots": ["a"]}, "slots must be a mapping"),
        ({"lines": [[{"zh": "{b}。", "en": "{a}."}]]}, "no slot 'b'"),
        ({"lines": [[{"zh": "{a。", "en": "{a}."}]]}, "belongs to no"),
        ({"lines": [[{"zh": "[好:1]。", "en": "good."}]]}, "one language only"),
        ({"lines": [[{"zh": "好。", "en": ""}]]}, "one language is empty"),
        ({"lines": [[{"zh": "好。", "en": True}]]}, "put it into quotes"),
        ({"lines": [[{"zh": "好。", "en": "good.", "when": "a"}]]}, "asks for nothing"),
        ({"weight": 0}, "above zero"),
        ({"regster": "story"}, "did you mean register"),
    ],
)
def test_mistakes_in_a_frame_are_named(change, message):
    entry = {"frame": "f.g", "register": "story", "slots": {"a": "person"},
             "lines": [[{"zh": "{a}来了。", "en": "{a} came."}]]}  # fmt: skip
    assert read_frame(entry)[1] == []
    frame, errors = read_frame(entry | change, "f.yaml")
    assert frame is None
    assert any(message in str(error) for error in errors)
    assert all(str(error).startswith("f.yaml: f.g: ") for error in errors)


def test_mistakes_of_a_folder_come_together(tmp_path):
    (tmp_path / "words").mkdir()
    (tmp_path / "frames").mkdir()
    (tmp_path / "words" / "a.yaml").write_text(
        "fruit:\n  - {zh: 苹果, en: apple}\n  - {zh: 橙, en: apple}\n  - {zh: 梨}\n", encoding="utf-8"
    )
    (tmp_path / "words" / "b.yaml").write_text("x: {a: 1, a: 2}\n", encoding="utf-8")
    (tmp_path / "frames" / "f.yaml").write_text(
        "- {frame: f.a, register: story, slots: {a: friut}, lines: [[{zh: '{a}', en: '{a}'}]]}\n"
        "- {frame: f.b, register: story, slots: {a: fruit}, "
        "lines: [[{zh: '{a}。', en: '{a.pastt}.'}]]}\n"
        "- {frame: f.c, register: story, slots: {a: fruit}, lines: [[{zh: '{a}。', en: '{a}.'}]]}\n",
        encoding="utf-8",
    )
    problems = []
    world = World.load(tmp_path, problems=problems)
    assert [scene.frame.name for scene in world.scenes] == ["f.c"]
    text = "\n".join(map(str, problems))
    for expected in ("apple is 橙 here and 苹果", "a mapping with zh and en", "stands here twice",
                     "did you mean fruit", "no English form 'pastt'"):  # fmt: skip
        assert expected in text
    with pytest.raises(ValueError):
        World.load(tmp_path)


@pytest.mark.parametrize(
    ("given", "error"), [({"part": "trainning"}, ValueError), ({"seed": 1.5}, TypeError)]
)
def test_a_world_refuses_what_it_cannot_be(small, given, error):
    with pytest.raises(error):
        World(**given, lexicon=small.lexicon, frames=[s.frame for s in small.scenes])


def test_a_language_must_be_known(small):
    with pytest.raises(ValueError, match="no language 'de'"):
        small.texts("de")


def test_the_packages_own_world_is_sound():
    problems = []
    world = World.load(CORPUS, part="all", problems=problems)
    assert [str(p) for p in [*problems, *audit(world, 2000)]] == []
    assert sum(len(scene.frame.lines) for scene in world.scenes) >= 400
    assert all(len(words) >= 1500 for words in content_words(world).values())
    for language in LANGUAGES:
        for text in islice(world.texts(language), 300):
            assert world.log_probability(text.text, language) >= text.log_probability - 1e-9
