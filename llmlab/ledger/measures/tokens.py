"""Which pieces a text is cut into, and what they cost."""

from __future__ import annotations

import itertools

from ...corpus import World
from ...model import LanguageModel
from ...presets import preset
from ...tokenizers import ByteLevelBPE, Character, Unigram, WordPiece
from ...views.base import visible

QUESTION = "如何进行机器学习"


def cut(model: LanguageModel, text: str) -> str:
    """The pieces of a text, apart."""
    return " | ".join(visible(token.text) for token in model.tokenizer.pieces(text))


def question_in_pieces(model: LanguageModel) -> dict:
    tokenizer = model.tokenizer
    ids = tokenizer.encode(QUESTION)
    four = [tokenizer.encode(piece) for piece in ("如何", "进行", "机器", "学习")]
    return {
        "bytes": len(QUESTION.encode()),
        "tokens": len(ids),
        "pieces": cut(model, QUESTION),
        "four_single": sum(len(each) == 1 for each in four),
        "four_ids": ", ".join(str(id) for each in four for id in each),
        "their_texts": ", ".join(visible(tokenizer.token(i).text) for i in (1234, 9012, 3456)),
        "back": tokenizer.decode(ids),
        "vocabulary": tokenizer.vocab_size,
        "gpt3_vocabulary": preset("gpt3-175b").vocab_size,
    }


def three_methods(model: LanguageModel) -> dict:
    """Each method trained on the same 400 pairs of texts of the book's small world."""
    pairs = itertools.islice(World(seed=0).pairs(), 400)
    texts = [text for pair in pairs for text in (pair.zh, pair.en)]
    sentence = "我爱机器学习 and blockchain 😀"
    kinds = {"characters": Character, "bpe": ByteLevelBPE, "wordpiece": WordPiece,
             "unigram": Unigram}  # fmt: skip
    learned = {name: kind.train(texts, 2000) for name, kind in kinds.items()}
    found = {name: len(learned[name].encode(sentence)) for name in kinds}
    question = {f"question_{name}": len(learned[name].encode(QUESTION)) for name in kinds}
    return found | question | {"gemma": len(model.tokenizer.encode(sentence))}


def other_texts(model: LanguageModel) -> dict:
    encode = model.tokenizer.encode
    shared = set(encode("Il a une table")) & set(encode("He has a table"))
    return {
        "mountain": len(encode("世界上最高的山峰是哪座？")),
        "mountain_pieces": cut(model, "世界上最高的山峰是哪座？"),
        "weather": cut(model, "今天天氣真好"),
        "weather_tokens": len(encode("今天天氣真好")),
        "gate_characters": len("我爱北京天安"),
        "gate_tokens": len(encode("我爱北京天安")),
        "gate_pieces": cut(model, "我爱北京天安"),
        "large_model": cut(model, "大模型"),
        "fashion_model": cut(model, "模特"),
        "with_space": cut(model, "引力 原理"),
        "without_space": cut(model, "引力原理"),
        "shared": " and ".join(visible(model.tokenizer.token(id).text) for id in sorted(shared)),
    }
