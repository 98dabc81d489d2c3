"""A tiny corpus, a tokenizer of characters and configurations that train in a second."""

from __future__ import annotations

import json
import random
from pathlib import Path

from llmlab.training.config import TrainingConfig, config_from

LETTERS = "abcdefghijklmnopqrstuvwxyz .\n"
SHAPE = {
    "context_length": 48,
    "n_layers": 2,
    "d_model": 32,
    "n_heads": 2,
    "d_ff": 64,
    "norm": "rmsnorm",
    "activation": "silu",
    "gated": True,
    "positions": "rotary",
}


def sentences(n: int, seed: int = 0) -> list[str]:
    """Sentences of a language with 36 of them."""
    pick = random.Random(seed)
    subjects = ("the cat", "a dog", "my bird", "one fish")
    return [
        f"{pick.choice(subjects)} {pick.choice(('eats', 'sees', 'likes'))} "
        f"{pick.choice(('rice', 'apples', 'milk'))}."
        for _ in range(n)
    ]


def write_tokenizer(folder: Path, special: tuple[str, ...] = ("<pad>", "<eos>", "<bos>")) -> Path:
    """A tokenizer.json of single characters; it puts <bos>, where there is one, before a text."""
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers
    from tokenizers.processors import TemplateProcessing

    names = [*special, "<unk>"]
    ids = {piece: id for id, piece in enumerate([*names, *LETTERS])}
    tokenizer = Tokenizer(models.WordLevel(ids, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    tokenizer.add_special_tokens(names)
    if "<bos>" in special:
        before = [("<bos>", ids["<bos>"])]
        tokenizer.post_processor = TemplateProcessing(single="<bos> $A", special_tokens=before)
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    roles = {f"{name[1:-1]}_token": name for name in special}
    (folder / "tokenizer_config.json").write_text(json.dumps(roles))
    return folder / "tokenizer.json"


def write_corpus(folder: Path, pairs: bool = False) -> None:
    """train.* and valid.* beside a tokenizer: texts, or pairs of a sentence and its reverse."""
    write_tokenizer(folder)
    for name, n, seed in (("train", 400, 0), ("valid", 60, 1)):
        texts = sentences(n, seed)
        if pairs:
            lines = [json.dumps({"source": text, "target": text[::-1]}) for text in texts]
            (folder / f"{name}.jsonl").write_text("\n".join(lines))
        else:
            (folder / f"{name}.txt").write_text("\n\n".join(texts))


def configuration(pairs: bool = False, **changes) -> dict:
    """Plain values of a run of twelve steps in a folder "run"."""
    ending = "jsonl" if pairs else "txt"
    data = {
        "train": f"train.{ending}",
        "validation": f"valid.{ending}",
        "tokenizer": "tokenizer.json",
    }
    model = SHAPE | ({"architecture": "encoder-decoder"} if pairs else {})
    values = {
        "name": "tiny",
        "folder": "run",
        "data": data,
        "model": model,
        "steps": 12,
        "batch_size": 8,
        "evaluate_every": 4,
        "evaluation_batches": 2,
        "checkpoint_every": 3,
        "device": "cpu",
        "precision": "float32",  # "auto" would be bfloat16 on some processors
        "threads": 1,
        "optimizer": {"learning_rate": 0.01, "warmup_steps": 3},
    }
    return values | changes


def tiny_run(at: Path, pairs: bool = False, **changes) -> TrainingConfig:
    """The corpus in a folder, and the configuration of a run over it."""
    if not (at / "tokenizer.json").exists():
        write_corpus(at, pairs)
    return config_from(configuration(pairs, **changes), at)
