"""Stand-ins for a trained model, whose next-token probabilities are given by a function."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import islice
from pathlib import Path
from types import SimpleNamespace

import torch

from llmlab.config import TransformerConfig
from llmlab.corpus import World
from llmlab.model import LanguageModel
from llmlab.tokenizers import Tokenizer
from llmlab.tokenizers.character import Character
from llmlab.transformer import Output, Transformer

SMALL = Path(__file__).parent / "small_world"
NEVER = -1e4  # a logit


class StatedTransformer:
    """Gives the logits that a function of the ids so far says, with a cache or without."""

    def __init__(self, vocab_size: int, logits: Callable[[tuple[int, ...]], torch.Tensor]) -> None:
        self.config = TransformerConfig(
            vocab_size=vocab_size, context_length=512, n_layers=1, n_heads=1, d_model=8, d_ff=8
        )
        self.embedding = SimpleNamespace(token=SimpleNamespace(weight=torch.zeros(vocab_size, 8)))
        self.logits = logits

    def new_cache(self, batch: int, max_length: int) -> SimpleNamespace:
        return SimpleNamespace(rows=[()] * batch, length=0)

    def __call__(self, ids, *, cache=None, last_only=False, record=None, **none) -> Output:
        before = cache.rows if cache else [()] * len(ids)
        whole = [old + tuple(new) for old, new in zip(before, ids.tolist(), strict=True)]
        if cache:
            cache.rows, cache.length = whole, len(whole[0])
        n_read = len(whole[0]) - ids.size(1)
        positions = range(len(whole[0]) if last_only else n_read + 1, len(whole[0]) + 1)
        logits = [[self.logits(row[:end]) for end in positions] for row in whole]
        return Output(torch.stack([torch.stack(row) for row in logits]))


def stated_model(tokenizer: Tokenizer, logits: Callable) -> LanguageModel:
    return LanguageModel("stated", StatedTransformer(tokenizer.vocab_size, logits), tokenizer)


def small_world() -> World:
    return World.load(SMALL, part="all")


def characters_of(texts) -> Character:
    return Character.train(texts, 500)


def exact_model(world: World, language: str, sharpness: float = 1.0) -> LanguageModel:
    """The world as a language model of characters; sharpness multiplies its logits."""
    tokenizer = characters_of([text.text for text in islice(world.texts(language), 3000)])
    (eos,) = tokenizer.eos_ids
    known: dict[str, torch.Tensor] = {}

    def logits(ids: tuple[int, ...]) -> torch.Tensor:
        prefix = tokenizer.decode(ids)
        if prefix not in known:
            found = torch.full((tokenizer.vocab_size,), NEVER)
            for character, p in world.next_characters(prefix, language).items():
                id = tokenizer.encode(character)[0] if character else eos
                found[id] = sharpness * torch.tensor(p).log()
            known[prefix] = found
        return known[prefix]

    return stated_model(tokenizer, logits)


def scripted_model(script: Mapping[str, str]) -> LanguageModel:
    """A model of characters that continues each prompt as the script says, and then ends."""
    wholes = [prompt + continuation for prompt, continuation in script.items()]
    tokenizer = characters_of(wholes)
    (eos,) = tokenizer.eos_ids

    def logits(ids: tuple[int, ...]) -> torch.Tensor:
        so_far = tokenizer.decode(ids)
        found = torch.zeros(tokenizer.vocab_size)
        goes_on = [whole for whole in wholes if whole.startswith(so_far)]
        following = goes_on[0][len(so_far) : len(so_far) + 1] if goes_on else ""
        found[tokenizer.encode(following)[0] if following else eos] = 20.0
        return found

    return stated_model(tokenizer, logits)


def random_model(tokenizer: Tokenizer, seed: int = 0, **changes) -> LanguageModel:
    """A small Transformer with large random weights, so that its choices are clear."""
    torch.manual_seed(seed)
    sizes = dict(context_length=512, n_layers=2, n_heads=2, d_model=32, d_ff=64,
                 positions="rotary", norm="rmsnorm")  # fmt: skip
    config = TransformerConfig(vocab_size=tokenizer.vocab_size, **{**sizes, **changes})
    transformer = Transformer(config).eval()
    for parameter in transformer.parameters():
        parameter.data *= 4
    return LanguageModel("random", transformer, tokenizer)
