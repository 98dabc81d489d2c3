"""The table of next tokens: single probabilities, and the shape of the whole."""

from __future__ import annotations

import math

import torch

from ...config import TransformerConfig
from ...model import LanguageModel
from ...presets import PRESETS, preset
from ...sampling import apply_temperature
from ...transformer import Transformer
from .reading import (
    ASKED,
    DRINK,
    GATE,
    QUICKSORT,
    chance,
    id_of,
    rank,
    recorded,
    share,
    shares,
)

TABLES = {  # the next-token tables of document B, in per cent
    "first": (15.2, 12.8, 11.5, 8.3, 6.7, 5.2, 4.1, 3.8, 3.2, 2.9),
    "second": (22.5, 15.3, 12.1, 9.8, 7.6, 5.4, 4.2, 3.8, 2.9, 2.4),
    "third": (18.7, 16.2, 14.5, 11.3, 9.8, 7.6, 6.4, 5.2, 4.3, 3.1),
}
FIRST_WORDS = ("机器", "进行", "首先", "要", "学习", "开始", "了解", "掌握", "需要", "可以")
THREE_TEXTS = (GATE, DRINK, QUICKSORT)


def likeliest(model: LanguageModel, text: str) -> str:
    """The token that leads the table."""
    return model.tokenizer.token(int(shares(model, text).argmax())).text


def distribution(model: LanguageModel) -> dict:
    """我爱北京天安: from logits to probabilities."""
    logits = recorded(model, GATE, "logits")[-1].double()
    after = logits.softmax(dim=-1)
    return {
        "vocabulary": len(logits),
        "lowest": float(logits.min()),
        "highest": float(logits.max()),
        "sum": float(after.sum()),
        "logit_sum": float(logits.sum()),
        "gate": float(after[id_of(model, "门")]),
        "bias": int(model.transformer.head.bias is not None),
        "biased": ", ".join(name for name in PRESETS if preset(name).head_bias),
        "width": model.config.d_model,
    }


def quoted_tables() -> dict:
    """What document B's own numbers add up to, and what a temperature does to them."""
    lead = TABLES["first"][0] / TABLES["first"][2]
    return {
        **{name: sum(table) / 100 for name, table in TABLES.items()},
        "rank": 1 + sum(value > 11.5 for value in TABLES["first"]),
        "lead": lead,
        "lead_at": lead ** (1 / 0.7),
    }


def first_word(model: LanguageModel) -> dict:
    """The answer's first token, with the question asked as question and answer."""
    table = shares(model, ASKED)
    words = [table[id_of(model, word)] for word in FIRST_WORDS]
    places = [int((table > share).sum()) + 1 for share in words]
    return {
        "first": float(table[id_of(model, "首先")]),
        "first_rank": places[FIRST_WORDS.index("首先")],
        "machine": float(table[id_of(model, "机器")]),
        "ten": float(table.topk(10).values.sum()),
        "among_fifty": sum(place <= 50 for place in places),
        "words": len(places),
    }


def later_words(model: LanguageModel) -> dict:
    second, third = ASKED + "首先", ASKED + "首先，"
    return {
        "comma": share(model, second, "，"),
        "comma_rank": rank(model, second, "，"),
        "need": share(model, third, "需要"),
        "need_rank": rank(model, third, "需要"),
        "top": likeliest(model, third),
        "top_share": float(shares(model, third).max()),
    }


def gravity(model: LanguageModel) -> dict:
    """After 请解释一下引力 (please explain gravity)."""
    text = "请解释一下引力"
    names = {"is_": "是", "of_": "的", "principle": "原理", "wave": "波"}
    return {name: share(model, text, word) for name, word in names.items()}


def quicksort(model: LanguageModel) -> dict:
    bare = QUICKSORT.split("\n")[0]
    return {
        "def_": share(model, QUICKSORT, "def"),
        "comment": share(model, QUICKSORT, "#"),
        "this": share(model, QUICKSORT, "这"),
        "bare": share(model, bare, "def"),
        "quick_sort": chance(model, QUICKSORT + "def", " quick", "_", "sort"),
        "quickSort": share(model, QUICKSORT + "def", " quickSort"),
        "quick": share(model, QUICKSORT + "def", " quick"),
        "underscore": share(model, QUICKSORT + "def quick", "_"),
        "sort": share(model, QUICKSORT + "def quick_", "sort"),
    }


def pairs_of_words(model: LanguageModel) -> dict:
    """What is said to follow each other often."""
    loop = "def f(n):\n    for i in range"
    walk, game = "今天天气真好，适合去", ("打", "游戏")
    return {
        "weather_tokens": len(model.tokenizer.encode("天气")),
        "cut": share(model, "今天天", "气"),
        "colon": share(model, loop, ":"),
        "bracket": share(model, loop, "("),
        "closing": share(model, loop + "(n", "):"),
        "line": share(model, loop + "(n):", "\n"),
        "indent": share(model, loop + "(n):\n", "        "),
        "fine": chance(model, "“你好吗？”“", "我", "很好"),
        "fine_name": chance(model, "“你叫什么？”“", "我", "很好"),
        "fine_times": chance(model, "“你好吗？”“", "我", "很好")
        / chance(model, "“你叫什么？”“", "我", "很好"),
        "walk": chance(model, walk, "散", "步"),
        "game": chance(model, walk, *game),
        "walk_times": chance(model, walk, "散", "步") / chance(model, walk, *game),
    }


def temperatures(model: LanguageModel) -> dict:
    """水 (water) after 他应该多喝, at three temperatures."""
    logits, water = shares(model, DRINK).log(), id_of(model, "水")

    def at(temperature: float) -> float:
        return float(apply_temperature(logits, temperature).softmax(dim=-1)[water])

    return {"low": at(0.2), "high": at(0.8), "one": at(1.0)}


def filters(model: LanguageModel) -> dict:
    """How many tokens reach 0.9, and what a top-k of 50 cuts off, in three texts."""
    tables = [shares(model, text).sort(descending=True).values for text in THREE_TEXTS]
    pools = [int((table.cumsum(0) < 0.9).sum()) + 1 for table in tables]
    cut = [float(table[50:].sum()) for table in tables]
    return {
        **dict(zip(("gate", "drink", "quicksort"), pools)),
        **dict(zip(("cut_gate", "cut_drink", "cut_quicksort"), cut)),
    }


def untrained(model: LanguageModel) -> dict:
    """A network before training, with the model's vocabulary, beside the trained one."""
    config = TransformerConfig(
        vocab_size=model.config.vocab_size, context_length=64, n_layers=2, d_model=32,
        n_heads=4, d_ff=64,
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = Transformer(config).eval()
    with torch.inference_mode():
        logits = network(model.encode(GATE), last_only=True).logits[0, -1]
    before = float(logits.double().softmax(dim=-1)[id_of(model, "门")])
    after = share(model, GATE, "门")
    return {
        "vocabulary": config.vocab_size,
        "one_in": round(1 / before, -3),
        "loss_before": -math.log(before),
        "even": math.log(config.vocab_size),
        "after": after,
        "loss_after": -math.log(after),
    }


def two_outputs() -> dict:
    """Which two scores softmax turns into 0.8 and 0.2."""
    apart = math.log(0.8 / 0.2)
    scores = torch.tensor([[apart, 0.0], [apart + 10, 10.0]], dtype=torch.double)
    first = scores.softmax(dim=-1)[:, 0]
    powers = scores.exp() / scores.exp().sum(dim=-1, keepdim=True)
    return {
        "apart": apart,
        "share": float(first[0]),
        "shifted": float(first[1]),
        "from_formula": float((scores.softmax(dim=-1) - powers).abs().max()),
    }
