"""What a world holds, in numbers."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator
from itertools import islice

from .audit import sentence_translations
from .templates import Literal, Use
from .world import World

# Words that carry no content of their own: articles, pronouns, auxiliaries, prepositions.
FUNCTION = set(
    """a an the this that these those some any no every each all both such i you he she it we they
    me him her us them my your his its our their mine yours hers ours theirs myself yourself himself
    herself itself ourselves themselves who whom whose which what where when why how is am are was
    were be been being do does did have has had having will would shall should can could may might
    must and or but nor so yet if because as than then while until unless since of in on at by for
    with from to into onto about over under up down out off after before between through during
    without within against not only too also very just more most less least there here it's don't
    i'm let's that's isn't q""".split()
)


def survey(world: World, samples: int = 4000) -> Iterator[str]:
    """Lines of a report: words, frames, sentences, registers, ambiguity."""
    lexicon = world.lexicon
    yield f"words: {len(lexicon.words())} in {len(lexicon.categories)} categories"
    for language, words in content_words(world).items():
        yield f"content words {language}: {len(words)}"
    frames = [scene.frame for scene in world.scenes]
    variants = [v for frame in frames for line in frame.lines for v in line.variants if v.zh]
    yield f"frames: {len(frames)}; sentences (variants that are not empty): {len(variants)}"
    total = sum(frame.weight for frame in frames)
    for title, name in (("registers", lambda f: f.register), ("files", lambda f: f.file)):
        shares: Counter = Counter()
        for frame in frames:
            shares[name(frame)] += frame.weight / total
        yield f"{title}: " + ", ".join(f"{n} {share:.1%}" for n, share in shares.most_common())
    used = {slot.category for frame in frames for slot in frame.slots}
    unused = sorted(set(lexicon.categories) - used)
    yield f"categories in no frame: {', '.join(unused) or 'none'}"
    few = [name for name, n in frame_counts(world).items() if n < 3]
    yield f"categories in fewer than three frames: {', '.join(few) or 'none'}"
    texts = list(islice(world.pairs(), min(samples, 1000)))
    for language in ("zh", "en"):
        lengths = sorted(len(getattr(pair, language)) for pair in texts)
        middle, longest = lengths[len(lengths) // 2], lengths[-1]
        yield f"characters a text {language}: median {middle}, longest {longest}"
        exact = [world.log_probability(getattr(p, language), language) for p in texts]
        more = [e - p.log_probability for e, p in zip(exact, texts, strict=True)]
        if min(more) < -1e-6:
            lost = texts[more.index(min(more))]
            yield f"NOT FOUND AGAIN {language}: {lost.frame}: {getattr(lost, language)!r}"
        ambiguous = [p.frame for p, m in zip(texts, more, strict=True) if m > 1e-6]
        common = ", ".join(f"{n} {count}" for n, count in Counter(ambiguous).most_common(5))
        yield (
            f"texts with more than one derivation {language}: {len(ambiguous) / len(texts):.2%}"
            + (f" (most: {common})" if common else "")
        )
        values = [-e for e in exact if math.isfinite(e)]
        yield f"entropy {language}: about {math.fsum(values) / len(values):.1f} nats a text"
    different = len({pair.zh for pair in texts}) / len(texts)
    yield f"different texts among the first {len(texts)}: {different:.1%}"
    doubled = sentence_translations(world, samples)
    yield f"sentences with another translation elsewhere, in {samples} texts: {len(doubled)}"
    for text, one, here, another, there in doubled[:12]:
        yield f"  {text!r}: {one!r} ({here}), {another!r} ({there})"


def content_words(world: World) -> dict[str, set[str]]:
    """The content words of a world: its lexicon's, and those in its templates.

    English templates are split at spaces and their plural, -ed and -ing forms counted with a
    dictionary form that also occurs; Chinese templates count their numbered words.
    """
    lexicon = world.lexicon.words()
    words = {"zh": {w.zh for w in lexicon}, "en": {w.en.lower() for w in lexicon}}
    parts = [
        (language, part)
        for scene in world.scenes
        for line in scene.frame.lines
        for variant in line.variants
        for language in ("zh", "en")
        for part in variant.template(language)
        if not isinstance(part, Use)
    ]
    for language, part in parts:
        if isinstance(part, Literal) and language == "zh" and part.number is not None:
            words["zh"].add(part.text)
    plain = {
        token for language, part in parts if language == "en"
        for token in re.findall(r"[a-z]{2,}", part.text.lower())
    } - FUNCTION  # fmt: skip
    known = plain | words["en"]
    words["en"] |= {token for token in plain if not any(b in known for b in _bases(token))}
    return words


def frame_counts(world: World) -> dict[str, int]:
    """In how many frames each category is a slot."""
    counts = {category: 0 for category in world.lexicon.categories}
    for scene in world.scenes:
        for category in {slot.category for slot in scene.frame.slots} - {None}:
            counts[category] += 1
    return counts


def _bases(word: str) -> list[str]:
    bases = []
    for ending, also in (("s", ""), ("es", ""), ("ed", ""), ("ed", "e"), ("ing", ""), ("ing", "e"),
                         ("ies", "y"), ("ied", "y")):  # fmt: skip
        if word.endswith(ending):
            base = word[: -len(ending)]
            bases += [base + also] + ([base[:-1]] if base[-1:] == base[-2:-1] else [])
    return bases
