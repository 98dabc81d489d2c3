"""The table of token embeddings: what its directions say."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import normalize

from ...embeddings import analogy, cosines, similarity, word_vector
from ...model import LanguageModel
from .reading import recorded

OPPOSITES = (("好", "坏"), ("大", "小"), ("高兴", "难过"), ("增加", "减少"), ("成功", "失败"),
             (" hot", " cold"))  # fmt: skip
MEMBERS = ("猫", "苹果", "玫瑰", "医生", "北京", "红色")  # cat apple rose doctor Beijing red
KINDS = ("动物", "水果", "植物", "职业", "城市", "颜色")  # animal fruit plant job city colour
PAIRS = {
    "gender": "国王/女王 男人/女人 父亲/母亲 爸爸/妈妈 儿子/女儿 哥哥/姐姐 "
    "弟弟/妹妹 丈夫/妻子 王子/公主 先生/女士 男孩/女孩 爷爷/奶奶",
    "feeling": "坏/好 痛苦/快乐 讨厌/喜欢 失败/成功 恨/爱 敌人/朋友 "
    "战争/和平 危险/安全 错误/正确 疾病/健康 困难/容易 愤怒/高兴",
    "tense": "walk/walked eat/ate go/went see/saw play/played write/wrote "
    "like/liked run/ran speak/spoke look/looked make/made ask/asked",
}

unit = functools.partial(normalize, dim=-1)  # vectors of length 1


def word(model: LanguageModel, text: str) -> Tensor:
    """A word's vector of length 1, (d_model,)."""
    return unit(word_vector(model, text))


def rows(model: LanguageModel) -> Tensor:
    """The table, (vocab, d_model)."""
    return model.transformer.embedding.token.weight.detach()


@functools.cache
def words_of(model: LanguageModel, is_word: Callable[[str], bool]) -> Tensor:
    """The ids of all tokens whose text is a word of this kind."""
    texts = ((id, model.tokenizer.token(id).text) for id in range(len(rows(model))))
    return torch.tensor([id for id, text in texts if is_word(text)])


def is_chinese(text: str) -> bool:
    """Two Chinese characters."""
    return len(text) == 2 and all("\u4e00" <= c <= "\u9fff" for c in text)


def is_english(text: str) -> bool:
    """A space and three or more English letters."""
    return text[:1] == " " and text.isascii() and text[1:].isalpha() and len(text) > 3


def looked_up(model: LanguageModel) -> dict:
    """The row of 猫 (cat), and what enters the network for 苹果 (apple)."""
    (id,) = model.tokenizer.encode("猫")
    row = rows(model)[id]
    one_hot = torch.zeros(len(rows(model)))
    one_hot[id] = 1
    entering = recorded(model, "我喜欢吃苹果", "residual")[0, -1]
    apple = word_vector(model, "苹果") * math.sqrt(model.config.d_model)
    four = recorded(model, "今天天氣真好", "residual")[0, 1:]
    return {
        "width": len(row),
        "first": float(row[0]),
        "second": float(row[1]),
        "third": float(row[2]),
        "apart": float((one_hot @ rows(model) - row).abs().max()),
        "scale": math.sqrt(model.config.d_model),
        "added": float((entering - apple).abs().max()),
        "vectors": len(four),
    }


def learning_and_others(model: LanguageModel) -> dict:
    words = ("学习", "训练", "教育", "机器", "苹果")
    own = similarity(model, words)[0].tolist()
    others = words_of(model, is_chinese)
    all_cosines = cosines(model, word(model, "学习"))[others]
    nearer = [int((all_cosines > c + 1e-6).sum()) - 1 for c in own[1:]]
    return {
        **dict(zip(("train", "education", "machine", "apple"), own[1:])),
        **dict(zip(("nearer_train", "nearer_education", "nearer_machine", "nearer_apple"), nearer)),
        "of": len(others) - 1,
        "mean": float(all_cosines[all_cosines < 0.999].mean()),
    }


def near_meanings(model: LanguageModel) -> dict:
    some = unit(rows(model)[words_of(model, is_chinese)[::5]])  # every fifth, so that all pairs fit
    pairs = (some @ some.T)[torch.ones(len(some), len(some), dtype=torch.bool).triu(1)]
    return {
        "cat_dog": float(word(model, "猫") @ word(model, "狗")),
        "learn_train": float(word(model, "学习") @ word(model, "训练")),
        "mean": float(pairs.mean()),
    }


def opposites(model: LanguageModel) -> dict:
    found, places = [], []
    for a, b in OPPOSITES:
        value = float(word(model, a) @ word(model, b))
        nearer = int((cosines(model, word(model, a)) > value + 1e-6).sum()) - 1
        found.append(value)
        places.append(nearer)
    return {
        "pairs": len(OPPOSITES),
        "least": min(found),
        "most": max(found),
        "among_ten": sum(place < 10 for place in places),
    }


def kinds_and_members(model: LanguageModel) -> dict:
    n = len(MEMBERS)
    table = similarity(model, MEMBERS + KINDS)[:n, n:]
    own = table.diagonal()
    return {
        "own": float(own.mean()),
        "other": float((table.sum() - own.sum()) / (n * n - n)),
        "right": int((table.argmax(dim=1) == torch.arange(n)).sum()),
        "members": n,
    }


def directions(model: LanguageModel) -> dict:
    """Gender, feeling and tense: each pair judged by the direction of the other eleven."""
    right, largest, total = 0, [], 0
    for text in PAIRS.values():
        space = " " if text.isascii() else ""  # English words as in a text
        pairs = [[space + part for part in pair.split("/")] for pair in text.split()]
        steps = unit(torch.stack([word(model, b) - word(model, a) for a, b in pairs]))
        right += int(((steps * (steps.sum(0) - steps)).sum(-1) > 0).sum())
        total += len(steps)
        largest.append(float(unit(steps.sum(0)).square().max()))
    return {"right": right, "pairs": total, "largest": max(largest)}


def king_and_queen(model: LanguageModel) -> dict:
    found, ways = [], ((" king", " man", " woman", " queen"), ("king", "man", "woman", "queen"),
                       ("国王", "男人", "女人", "女王"))  # fmt: skip
    for a, b, c, expected in ways:
        wanted = word(model, a) - word(model, b) + word(model, c)
        all_cosines = cosines(model, wanted)
        (id,) = model.tokenizer.encode(expected)
        place = int((all_cosines > all_cosines[id]).sum()) + 1
        texts = [row.id for row in analogy(model, a, b, c, k=5)]
        found.append((float(all_cosines[id]), place, texts.index(id) + 1))
    return {
        "ways": len(ways),
        "least": min(row[0] for row in found),
        "most": max(row[0] for row in found),
        "worst_in": max(row[1] for row in found),
        "worst_out": max(row[2] for row in found),
        "first_out": sum(row[2] == 1 for row in found),
    }


def machine_learning(model: LanguageModel) -> dict:
    own = word(model, "机器学习")
    names = {"intelligence": "人工智能", "algorithm": "算法", "data": "数据"}
    all_cosines = cosines(model, own)[words_of(model, is_chinese)]
    return {
        **{name: float(own @ word(model, text)) for name, text in names.items()},
        "tokens": len(model.tokenizer.encode("机器学习")),
        "mean": float(all_cosines.mean()),
    }


def fever(model: LanguageModel) -> dict:
    english = words_of(model, is_english)
    value = float(word(model, " fever") @ word(model, " infection"))
    all_cosines = cosines(model, word(model, " fever"))[english]
    return {
        "tokens": len(model.tokenizer.encode("发热")),
        "infection": float(word(model, "发热") @ word(model, "感染")),
        "apple": float(word(model, "发热") @ word(model, "苹果")),
        "english": value,
        "nearer": int((all_cosines > value + 1e-6).sum()) - 1,
        "of": len(english),
    }
