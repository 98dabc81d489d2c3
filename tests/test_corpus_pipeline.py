"""The data pipeline: what was damaged on purpose is found, and what is sound is left alone."""

import random
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from llmlab.corpus import World
from llmlab.corpus.cleaning import clean, join_lines, normalise, repair_mojibake, strip_markup
from llmlab.corpus.deduplication import (
    PRIME,
    drop_duplicates,
    drop_near_duplicates,
    jaccard,
    minhash,
)
from llmlab.corpus.dirt import dirty
from llmlab.corpus.documents import Document, run, sentences
from llmlab.corpus.pipeline import documents, prepare
from llmlab.corpus.quality import filter_quality
from llmlab.corpus.splitting import mix, mixed, split

SMALL = Path(__file__).parent / "small_world"


@pytest.fixture(scope="module", params=("zh", "en"))
def sound(request) -> list[Document]:
    return list(islice(documents(World.load(SMALL), request.param), 2000))


@pytest.mark.parametrize("kind", ["markup", "broken lines", "advertisement", "mojibake"])
def test_what_dirt_does_cleaning_undoes(sound, kind):
    damaged = list(dirty(sound, 3, {kind: 1.0}))
    assert len(damaged) == len(sound)
    if kind != "mojibake" or sound[0].language == "zh":  # ASCII cannot be garbled
        assert sum(d.damage == (kind,) for d in damaged) > 0.9 * len(sound)
    cleaned, record = clean(damaged)
    assert [d.text for d in cleaned] == [d.text for d in sound]
    assert record.before == record.after == len(sound)
    assert record.changed == sum(d.damage != () for d in damaged)


def test_sound_text_passes_untouched(sound):
    assert clean(sound)[0] == sound
    assert filter_quality(sound)[0] == sound


def test_junk_is_filtered_out(sound):
    damaged = list(dirty(sound, 3, {"junk": 1.0}))
    kept, record = filter_quality(damaged)
    # A text cut off between two sentences, or in what could be a signature, reads as whole.
    assert len(kept) < 0.05 * len(damaged)
    assert sum(record.reasons.values()) == record.before - record.after


def test_the_seed_decides_the_damage(sound):
    assert list(dirty(sound, 3)) == list(dirty(sound, 3)) != list(dirty(sound, 4))
    with pytest.raises(ValueError, match="no damage 'mud'"):
        dirty(sound, 3, {"mud": 0.5})


@pytest.mark.parametrize(
    ("step", "before", "after"),
    [
        (strip_markup, '<p class="a">1 &lt; 2 &amp; 3</p>', "1 < 2 & 3"),
        (strip_markup, "a < b and c > d", "a < b and c > d"),
        (repair_mojibake, "你好，café".encode().decode("latin-1"), "你好，café"),
        (repair_mojibake, "café", "café"),
        (normalise, "e\u0301 \u00a0x\x00\r\n", "\u00e9  x"),
        (lambda t: join_lines(t, "zh"), "今天天气\n很好。\n问：真的？", "今天天气很好。\n问：真的？"),
        (lambda t: join_lines(t, "en"), "it is\nfine.\n```\na = 1\nb = 2\n```",
         "it is fine.\n```\na = 1\nb = 2\n```"),
    ],
)  # fmt: skip
def test_single_cleaners(step, before, after):
    assert step(before) == after


def test_the_packages_own_text_passes_untouched():
    world = World(3)
    for language in ("zh", "en"):
        given = list(islice(documents(world, language), 1500))
        assert clean(given)[0] == given
        assert filter_quality(given)[0] == given


@pytest.mark.parametrize(
    ("text", "language", "reason"),
    [
        ("好。", "zh", "too short"), ("我们去公园散", "zh", "unfinished"),
        ("ä½\xa0å\xa5½å\x95\x8a。", "zh", "garbled"), ("很好很好 ________ 。", "zh", "symbols"),
        ("Yes yes. Yes yes. Yes yes. No no.", "en", "repetitive"),
        ("This is an English sentence, in full.", "zh", "other language"),
    ],
)  # fmt: skip
def test_each_rule_of_quality_has_its_count(text, language, reason):
    kept, record = filter_quality([Document(text, language)])
    assert kept == [] and {k for k, v in record.reasons.items() if v} == {reason}


def test_exact_duplicates(sound):
    kept, record = drop_duplicates(sound)
    assert [d.text for d in kept] == list(dict.fromkeys(d.text for d in sound))
    assert record.before - record.after == len(sound) - len(kept) > 0


def test_minhash_estimates_jaccard_similarity():
    draw = np.random.default_rng(0)
    factors, offsets = draw.integers(1, PRIME, (2, 4000), dtype=np.int64)
    numbers = [int(n) for n in draw.integers(0, PRIME, 300)]
    a, b = frozenset(numbers[:200]), frozenset(numbers[100:])
    agree = (minhash(a, factors, offsets) == minhash(b, factors, offsets)).mean()
    assert jaccard(a, b) == 1 / 3
    assert abs(agree - 1 / 3) < 5 * np.sqrt(1 / 3 * 2 / 3 / 4000)


def test_near_duplicates_are_those_a_comparison_of_all_finds():
    draw = random.Random(1)
    words = [f"word{i}" for i in range(60)]
    texts = []
    for _ in range(60):
        text = [draw.choice(words) for _ in range(25)]
        changed = [*text]
        changed[draw.randrange(25)] = "else"
        texts += [" ".join(text), " ".join(changed)]
    given = [Document(text, "en") for text in texts]
    kept, record = drop_near_duplicates(given, threshold=0.75, shingle=4)
    runs = [frozenset(t[i : i + 4] for i in range(len(t) - 3)) for t in texts]
    expected = []
    for i in range(len(texts)):
        if all(jaccard(runs[i], runs[j]) < 0.75 for j in expected):
            expected.append(i)
    assert [d.text for d in kept] == [texts[i] for i in expected]
    assert 60 <= len(kept) < 80 and record.reasons["candidates compared"] < 120 * 119 / 2 / 5


def test_splits_share_no_sentence():
    draw = random.Random(2)
    lines = [f"句子{i}。" for i in range(3000)] + ["你好。"] * 100
    given = [Document("".join(draw.choice(lines) for _ in range(3)), "zh") for _ in range(1500)]
    training, held_out, record = split(given, share=0.1)
    said = [{s for d in part for s in sentences(d.text)} for part in (training, held_out)]
    assert said[0] and said[1] and said[0].isdisjoint(said[1])
    assert not any("你好。" in d.text for d in held_out)
    assert 80 < len(held_out) < 200
    reasons = record.reasons
    lost = reasons["shares a sentence with held-out text"]
    assert record.after + reasons["held out"] + lost == 1500
    with pytest.raises(ValueError, match="could be held out"):
        split([Document("你好。", "zh")] * 20)


def test_sentences_of_both_languages():
    assert sentences("他说：“好。”她笑了！\n问：谁？") == ["他说：“好。”", "她笑了！", "问：谁？"]
    assert sentences('He said "yes." It is 3.5 m. Who?') == ['He said "yes."', "It is 3.5 m.", "Who?"]


def test_a_mixture_has_its_shares_and_ends_with_a_source():
    sources = {name: [Document(f"{name} {i}", "en", name) for i in range(9000)] for name in "ab"}
    mixture = list(islice(mix(sources, {"a": 3, "b": 1}, seed=1), 8000))
    assert abs(mixed(mixture).reasons["b"] - 2000) < 5 * (8000 * 3 / 16) ** 0.5
    assert [d for d in mixture if d.source == "a"] == sources["a"][: mixed(mixture).reasons["a"]]
    short = {"a": sources["a"][:5], "b": sources["b"]}
    assert sum(d.source == "a" for d in mix(short, {"a": 1, "b": 1})) == 5
    with pytest.raises(ValueError, match="the same names"):
        mix(sources, {"a": 1})


def test_the_whole_pipeline_counts_what_it_does():
    world = World.load(SMALL)
    raw = list(dirty(islice(documents(world, "zh"), 3000), 1))
    prepared = prepare(raw, share=0.1)
    assert [r.step for r in prepared.records] == [
        "cleaning", "quality", "exact duplicates", "near duplicates", "split",
    ]  # fmt: skip
    assert prepared.records[0].before == len(raw)
    for one, following in zip(prepared.records, prepared.records[1:], strict=False):
        assert one.after == following.before and one.characters_after == following.characters_before

    def possible(texts: set[str]) -> float:
        return sum(world.log_probability(text, "zh") > -1e9 for text in texts) / len(texts)

    # What is left that the world cannot say are small changes, which no rule can tell from text.
    left = possible({d.text for d in prepared.training})
    assert left > 0.75 > 0.4 > possible({d.text for d in raw})
    with pytest.raises(ValueError, match="corpus is empty"):
        run([], [clean])
