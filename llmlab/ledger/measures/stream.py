"""The residual stream: what layers add, and what can be read out of it."""

from __future__ import annotations

from contextlib import ExitStack

import torch

from ...attribution import logit_contributions
from ...model import LanguageModel
from ...tracing import trace
from .reading import ASKED, DRINK, GATE, alike, id_of, recorded, share, shares_after

FORMS = ("如何进行{}？", "为什么要重视{}？", "谁最需要了解{}？", "什么时候开始{}？")
TOPICS = ("机器学习", "环境保护", "投资", "减肥", "编程", "摄影")
RECORD = ("residual", "attention_output", "feedforward_output", "logits")


def additions(model: LanguageModel) -> dict:
    """我爱北京天安: the stream at the last token, sum by sum."""
    found = trace(model, GATE, record=RECORD)
    stream = found.residual[:, -1]
    attention, feedforward = found.attention_output[:, -1], found.feedforward_output[:, -1]
    total = stream[0] + attention.sum(dim=0) + feedforward.sum(dim=0)
    (parts,) = logit_contributions(found, [id_of(model, "门")])
    return {
        "additions": len(attention) + len(feedforward),
        "layers": len(attention),
        "apart": float((total - stream[-1]).norm() / stream[-1].norm()),
        "longer": float(attention[0].norm() / stream[0].norm()),
        "direction": alike(stream[1], stream[0]),
        "from_embedding": float(parts[0]),
        "logit": float(parts.sum()),
    }


def left_out_layers(model: LanguageModel) -> dict:
    """我爱北京天安 read without each layer in turn."""
    ids, gate, found = model.encode(GATE), id_of(model, "门"), []
    for block in model.transformer.blocks:
        with block.register_forward_hook(lambda module, inputs, output: inputs[0]):
            found.append(float(shares_after(model, ids)[gate]))
    return {
        "above": sum(share > 0.9 for share in found),
        "below": sum(share < 0.02 for share in found),
        "of": len(found),
        "zero": float((silent(model, 9) - recorded(model, GATE, "residual")[9]).abs().max()),
    }


def silent(model: LanguageModel, layer: int) -> torch.Tensor:
    """The stream after a layer whose two parts return zeros."""
    block = model.transformer.blocks[layer]
    parts = (block.attention_post_norm, block.feedforward_post_norm)
    with ExitStack() as hooks:
        for part in parts:
            hooks.enter_context(part.register_forward_hook(lambda m, i, output: 0 * output))
        return recorded(model, GATE, "residual")[layer + 1]


def form_and_topic(model: LanguageModel) -> dict:
    """24 questions, four forms by six topics: what the vector at the final colon tells apart."""

    def at_colon(form: str, topic: str) -> torch.Tensor:
        text = "问：" + form.format(topic) + "\n答："
        return recorded(model, text, "residual")[:, -1]

    stream = torch.stack([torch.stack([at_colon(f, t) for t in TOPICS]) for f in FORMS])
    centre = stream.mean((0, 1))
    total = (stream - centre).square().sum((0, 1, 3))
    by_form = len(TOPICS) * (stream.mean(1) - centre).square().sum((0, 2)) / total
    by_topic = len(FORMS) * (stream.mean(0) - centre).square().sum((0, 2)) / total
    return {
        "form": float(by_form[9]),
        "before": float(by_topic[12]),
        "after": float(by_topic[13]),
        "layers": len(total) - 1,
    }


def gate_by_layer(model: LanguageModel) -> dict:
    """When 门 can be read out of the stream of 我爱北京天安."""
    gate = id_of(model, "门")
    stream = recorded(model, GATE, "residual")[:, -1]
    with torch.inference_mode():
        read = model.transformer.readout(stream).softmax(dim=-1)[:, gate].tolist()
    first = next(n for n, value in enumerate(read) if value > 0.01)
    return {
        "first": first,
        "at_first": read[first],
        "next": read[first + 1],
        "before_last": read[-2],
        "last": read[-1],
        "layers": len(read) - 1,
    }


def concepts(model: LanguageModel) -> dict:
    """Five terms in the lens of the question, a third of the way and at the end."""
    names = {"topic": "机器学习", "data": "数据集", "algorithm": "算法", "python": "Python"}
    stream = recorded(model, ASKED, "residual")[:, -1]
    with torch.inference_mode():
        third, last = model.transformer.readout(stream[[6, -1]])
    found: dict[str, float | int] = {}
    for name, text in names.items():
        id = id_of(model, text)
        # In the tail the logits lie so close together that a place would differ from one
        # machine's rounding to another's; the share of the vocabulary ahead does not.
        found[f"{name}_third"] = float((third > third[id]).double().mean())
        found[f"{name}_last"] = int((last > last[id]).sum()) + 1
    return found


def every_token_counts(model: LanguageModel) -> dict:
    """小明今天感冒了。他应该多喝, with each token in turn replaced by 的."""
    ids = model.encode(DRINK)
    of = id_of(model, "的")
    with torch.inference_mode():
        whole = recorded(model, DRINK, "residual")[-1, -1]
        changes = []
        for place in range(1, ids.size(1) - 1):
            other = ids.clone()
            other[0, place] = of
            end = model.transformer(other, record=("residual",), last_only=True)
            end = end.recording["residual"][0, -1, -1]
            changes.append(float((end - whole).norm() / whole.norm()))
    return {"least": min(changes), "most": max(changes), "places": len(changes)}


def apple_in_two_texts(model: LanguageModel) -> dict:
    """苹果 at the end of a sentence about eating and of one about a firm."""
    fruit, firm = "我今天吃了一个苹果", "他喜欢的公司是苹果"
    stream = [recorded(model, text, "residual")[:, -1] for text in (fruit, firm)]
    return {
        "at_first": alike(stream[0][0], stream[1][0]),
        "at_last": alike(stream[0][-1], stream[1][-1]),
        "juice": share(model, fruit, "汁"),
        "company": share(model, firm, "公司"),
    }
