"""Attention: who looks at whom."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from ...attention import attention
from ...generation import generate
from ...model import LanguageModel
from ...tracing import trace
from .reading import ASKED, DRINK, head, of_ids, recorded, share, weights

WANG_AND_LI = "小王把苹果递给了小李，因为他饿了"  # Wang gave Li the apple, for he was hungry
TERMS = (("机器", "学习"), ("神经", "网络"), ("人工", "智能"), ("风险", "管理"))
OTHERS = (("学习", "机器"), ("苹果", "学习"), ("教育", "训练"), ("机器", "苹果"))


def formula(model: LanguageModel) -> dict:
    """softmax(Q Kᵀ / √d) V, beside PyTorch's own and beside a sum by hand."""
    draw = torch.Generator().manual_seed(0)
    query, key, value = (torch.randn(1, 8, 5, 64, generator=draw).double() for _ in range(3))
    mask = torch.ones(5, 5, dtype=torch.bool).tril()
    ours, of_them = attention(query, key, value, mask)
    torchs = F.scaled_dot_product_attention(query, key, value, attn_mask=mask)
    by_hand = sum(of_them[..., k, None] * value[..., k, None, :] for k in range(5))
    text = weights(model, "我喜欢吃苹果")
    rows = text.flatten(0, 2).sum(dim=-1)
    return {
        "from_torch": float((ours - torchs).abs().max()),
        "from_sum": float((ours - by_hand).abs().max()),
        "rows": len(rows),
        "to_one": int(((rows - 1).abs() < 1e-5).sum()),
    }


def you_are_who(model: LanguageModel) -> dict:
    """你 · 是 · 谁 (who are you), given as three tokens."""
    mean = of_ids(model, ("你", "是", "谁"), "attention")["attention"].mean(dim=(0, 1))
    return {
        "tokens": len(model.tokenizer.encode("你是谁")),
        "first": float(mean[1, 0]),
        "itself": float(mean[1, 1]),
        "later": float(mean[1, 2:].sum()),
    }


def apple(model: LanguageModel) -> dict:
    """苹果 (apple) after three verbs, in the head that gives 吃 (eat) most."""
    found = trace(model, "我喜欢吃苹果", record=("attention", "scores"))
    to_eat = found.attention[:, :, -1, -2].flatten()
    best = int(to_eat.argmax())
    place = divmod(best, model.config.n_heads)
    score = float(found.scores[place][-1, -2])
    return {
        "head": head(best, model),
        "eat": float(to_eat[best]),
        "mean": float(to_eat.mean()),
        "draw": float(weights(model, "我喜欢画苹果")[place][-1, -2]),
        "buy": float(weights(model, "我喜欢买苹果")[place][-1, -2]),
        "score": score,
        "scaled": score * model.config.attention_scale,
    }


def company(model: LanguageModel) -> dict:
    seen = weights(model, "苹果公司推出新品")  # Apple launches new products
    return {
        "ahead": float(seen[:, :, 1, 2].max()),
        "back": float(seen[:, :, 2, 1].max()),
        "heads": seen.size(0) * seen.size(1),
    }


def how_to_do(model: LanguageModel) -> dict:
    """如何进行机器学习: what 如何 (how) sees, and what becomes of it."""
    question = trace(model, "如何进行机器学习", record=("attention", "residual"))
    alone = recorded(model, "如何", "residual")[:, 1]
    inside = question.residual[:, 1]
    apart = (alone - inside).norm(dim=-1) / inside.norm(dim=-1)
    above = torch.ones(4, 4, dtype=torch.bool).triu(1)
    return {
        "ahead": float(question.attention[:, :, 1, 2:].max()),
        "above": float(question.attention[:, :, above].max()),
        "heads": question.attention.size(0) * question.attention.size(1),
        "apart": float(apart.max()),
        "vectors": len(inside),
    }


def split_term(model: LanguageModel) -> dict:
    """机器 · 学习 as two tokens after 如何进行, and seven other pairs in their place."""

    def looks(pair):
        seen = of_ids(model, ("如何", "进行", *pair), "attention")["attention"]
        return seen[0, :, -1, -2]

    terms = torch.stack([looks(pair) for pair in TERMS])
    others = torch.stack([looks(pair) for pair in OTHERS])
    best = int(terms[0].argmax())
    return {
        "head": head(best, model),
        "learning": float(terms[0, best]),
        "least_term": float(terms[:, best].min()),
        "most_term": float(terms[:, best].max()),
        "least_other": float(others[:, best].min()),
        "most_other": float(others[:, best].max()),
        "tokens": len(model.tokenizer.encode("机器学习")),
    }


def pronoun(model: LanguageModel) -> dict:
    """他 (he) in the sentence about Wang and Li."""
    giver, receiver, he = 2, 8, 11
    hungry = weights(model, WANG_AND_LI)[:, :, he]
    full = weights(model, WANG_AND_LI.replace("饿", "饱"))[:, :, he]
    swapped = weights(model, "小李把苹果递给了小王，因为他饿了")[:, :, he]
    asked = WANG_AND_LI + "。饿的人是小"  # the hungry one is …
    return {
        "li": float(hungry[..., receiver].mean()),
        "wang": float(hungry[..., giver].mean()),
        "first": float(hungry[..., 0].mean()),
        "changed": float((full - hungry).abs().max()),
        "second": int((hungry[..., receiver] > hungry[..., giver]).sum()),
        "second_swapped": int((swapped[..., receiver] > swapped[..., giver]).sum()),
        "says_wang": share(model, asked, "王"),
        "says_li": share(model, asked, "李"),
    }


def cold(model: LanguageModel) -> dict:
    """喝 (drink) after a sentence about a cold, 感冒, two tokens here."""
    texts = [token.text for token in model.tokenizer.pieces(DRINK, special=True)]
    last = weights(model, DRINK)[:, :, -1]
    on_cold = last[..., texts.index("冒")]
    best = int(on_cold.argmax())
    row = last.flatten(0, 1)[best]
    return {
        "head": head(best, model),
        "cold": float(row[texts.index("冒")]),
        "ming": float(row[texts.index("明")]),
        "today": float(row[texts.index("今天")]),
        "mean": float(on_cold.mean()),
        "first": float(last[..., 0].mean()),
    }


def answer_looks_back(model: LanguageModel) -> dict:
    """The newest token of an answer, and the question in front of it."""
    how = weights(model, ASKED + "首先")[:, :, -1, 3]
    chosen = generate(model, ASKED + "首先", max_new_tokens=4, top_k=1, record=("attention",))
    at = [step.chosen.text for step in chosen.steps].index("机器学习")
    topic = chosen.steps[at].trace.attention[:, :, 0, 5].flatten()
    greedy = generate(model, ASKED, max_new_tokens=12, top_k=1, record=("attention",)).steps
    question = [float(s.trace.attention[:, :, 0, 3:6].mean((0, 1)).sum()) for s in greedy]
    return {
        "how": float(how.max()),
        "how_mean": float(how.mean()),
        "topic": float(topic.max()),
        "topic_head": head(int(topic.argmax()), model),
        "topic_mean": float(topic.mean()),
        "at_first": question[0],
        "at_last": question[-1],
        "steps": len(question),
    }
