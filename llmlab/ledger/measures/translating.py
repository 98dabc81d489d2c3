"""The encoder and the decoder of the book's own translator, with the words it was trained on."""

from __future__ import annotations

from functools import cache

from ...checkpoints import load
from ...evaluation.texts import fresh_pairs
from ...evaluation.translation import measure_translation
from ...model import LanguageModel
from ...tracing import trace

MODEL = "mini-translate"
COLD = "小明今天感冒了。"  # Xiaoming has a cold today
AILMENTS = {"感冒了": "cold", "发烧了": "fever", "头疼": "headache"}


@cache
def translator() -> LanguageModel:
    """The model that these measures ask; the ledger's own is a decoder alone."""
    return load(MODEL, "cpu", "float32")


def source_changed() -> dict:
    """The next word after the same beginning, with another source in the encoder."""
    model, found = translator(), {}
    for source, word in AILMENTS.items():
        run = trace(model, "Xiaoming has a", record=("logits",), source=f"小明今天{source}。")
        (id,) = model.tokenizer.encode(word)
        found[word] = float(run.logits[-1].softmax(-1)[id])
    return found


def reply() -> dict:
    """Where the last layer looks to go on after "He should", with a source that ends before."""
    forced = "Xiaoming has a cold today. He should"
    run = trace(translator(), forced, record=("cross_attention",), source=COLD)
    row = run.cross_attention[-1, :, -1].mean(dim=0)
    of = {token.text: float(share) for token, share in zip(run.source, row, strict=True)}
    return {
        "first": max(of.keys() - {"<bos>", "。"}, key=of.get),  # of the words
        "cold": of["感冒"],
        "name": of["小"] + of["明"],
        "today": of["今天"],
        "le": of["了"],
        "stop": of["。"],
    }


def held_out() -> dict:
    """Translations of 100 texts of another seed than the training's, each way."""
    pairs, model = fresh_pairs(100), translator()
    to_english, to_chinese = (measure_translation(model, pairs, name) for name in ("zh", "en"))
    return {
        "texts": len(pairs),
        "exact_en": round(100 * to_english.exact),
        "chrf_en": to_english.chrf,
        "exact_zh": round(100 * to_chinese.exact),
        "chrf_zh": to_chinese.chrf,
    }


def begins() -> dict:
    """What the decoder begins with, and what it can look at."""
    run = trace(translator(), "", record=("cross_attention",), source=COLD)
    return {
        "first": run.tokens[0].text,
        "tokens": len(run.tokens),
        "vectors": run.cross_attention.size(-1),
        "looks": run.cross_attention.size(0) * run.cross_attention.size(1),
    }
