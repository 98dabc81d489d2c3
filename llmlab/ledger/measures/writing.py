"""Writing: the loop of table, choice and new token."""

from __future__ import annotations

import torch

from ...generation import generate
from ...model import LanguageModel
from ...run import Run
from ...sampling import draw
from .reading import ASKED, DRINK, GATE, share, shares

LAST_LINE = "if __name__ == '__main__':\n    main()"
SENTENCE = "首先，需要明确机器学习的基本概念。机器学习是"


def repeated(run: Run, n: int = 4) -> tuple[int, int]:
    """How many runs of n tokens stood before, of how many."""
    ids = [token.id for token in run.tokens]
    runs = [tuple(ids[i : i + n]) for i in range(len(ids) - n + 1)]
    return len(runs) - len(set(runs)), len(runs)


def about_a_cold(model: LanguageModel, temperature: float) -> Run:
    """48 tokens after 他应该多喝, from the first 50 of each table; temperature 0 is greedy."""
    options = dict(top_k=1) if temperature == 0 else dict(temperature=temperature, top_k=50)
    return generate(model, DRINK, max_new_tokens=48, n_candidates=2, **options)


def at_temperatures(model: LanguageModel) -> dict:
    runs = {
        "greedy": about_a_cold(model, 0),
        "low": about_a_cold(model, 0.2),
        "high": about_a_cold(model, 0.8),
    }
    found = {name: repeated(run)[0] for name, run in runs.items()}
    firsts = {
        f"{name}_first": sum(s.chosen.id == s.candidates[0].id for s in run.steps)
        for name, run in runs.items()
    }
    sizes = [len(token.text) for token in runs["high"].tokens]
    return found | firsts | {
        "of": repeated(runs["greedy"])[1],
        "tokens": len(sizes),
        "single": sizes.count(1),
        "double": sizes.count(2),
        "triple": sizes.count(3),
    }  # fmt: skip


def ten_thousand_draws(model: LanguageModel) -> dict:
    top = float(shares(model, DRINK).max())
    others = sum(draw(seed, step=0) >= top for seed in range(10_000))
    return {"draws": 10_000, "others": others}


def ends(model: LanguageModel) -> dict:
    end = model.tokenizer.token(next(iter(model.tokenizer.eos_ids))).text
    program = generate(model, LAST_LINE, max_new_tokens=12, top_k=1)
    limit = generate(model, DRINK, max_new_tokens=12, top_k=1)
    return {
        "end": end,
        "program": share(model, LAST_LINE + "\n", end),
        "sentence": share(model, DRINK + "水。", end),
        "program_reason": program.stop_reason,
        "limit_reason": limit.stop_reason,
        "limit": len(limit.tokens),
    }


def with_and_without_cache(model: LanguageModel) -> dict:
    """Eight greedy tokens after 我爱北京天安, both ways."""
    network, found = model.transformer, {}
    for cached in (True, False):
        ids = model.encode(GATE)
        cache = network.new_cache(1, ids.size(1) + 8) if cached else None
        fresh, read = ids, 0
        for _ in range(8):
            with torch.inference_mode():
                logits = network(fresh, cache=cache, last_only=True).logits[:, -1]
            read += fresh.size(1)
            chosen = logits.argmax(-1, keepdim=True)
            ids = torch.cat([ids, chosen], dim=1)
            fresh = chosen if cached else ids
        found[cached] = ids[0].tolist(), read
    same = sum(a == b for a, b in zip(found[True][0], found[False][0]))
    return {
        "with_cache": found[True][1],
        "without": found[False][1],
        "same": same,
        "of": len(found[True][0]),
    }


def long_answer(model: LanguageModel) -> dict:
    """60 greedy tokens after the question."""
    run = generate(model, ASKED, max_new_tokens=60, top_k=1, n_candidates=2)
    again, of = repeated(run)
    return {"tokens": len(run.tokens), "again": again, "of": of, "steps": len(run.steps)}


def quoted_sentence(model: LanguageModel) -> dict:
    """Document B's first sentence, read as the answer."""
    ids = model.encode(ASKED + SENTENCE)[0]
    start = model.encode(ASKED).size(1)
    with torch.inference_mode():
        logits = model.transformer(model.encode(ASKED + SENTENCE)).logits[0]
    places = [
        int((logits[i - 1] > logits[i - 1, ids[i]]).sum()) + 1 for i in range(start, len(ids))
    ]
    return {
        "tokens": len(places),
        "among_four": sum(place <= 4 for place in places),
        "worst": max(places),
    }


def start_token(model: LanguageModel) -> dict:
    """What stands where the answer begins."""
    tokens = model.tokenizer.pieces(ASKED, special=True)
    return {"first": tokens[0].text, "last": tokens[-1].text, "tokens": len(tokens)}
