"""Which source word does cross-attention look at when a word is translated?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..corpus.forms import CHINESE_PRONOUN, PRONOUNS
from ..corpus.world import Pair
from ..model import LanguageModel
from .decoding import padded
from .spans import covering, token_spans

ROWS = 32
NO_CONTENT = {form for forms in PRONOUNS.values() for form in forms} | {
    pronoun + ending for pronoun in CHINESE_PRONOUN.values() for ending in ("", "的", "自己")
}
WRITTEN, READ = "written", "read"


@dataclass(frozen=True)
class Head:
    """The share of content words at which a head looks at the aligned source word.

    Attributes:
        when: "written", in the step that chooses the word's tokens, or "read", in the step that
            reads them, one later.
    """

    layer: int
    head: int
    when: str
    share: float


@dataclass(frozen=True)
class Alignment:
    """
    Attributes:
        direction: "zh-en" or "en-zh".
        heads: every head, both ways of looking; the best first.
        n_words: how many content words were looked at.
        chance: the share that weights even over the source would have: the mean share of the
            source's tokens that belong to the aligned word.
    """

    direction: str
    heads: tuple[Head, ...]
    n_words: int
    chance: float

    @property
    def best(self) -> Head:
        return self.heads[0]


def measure_alignment(model: LanguageModel, pairs: Sequence[Pair], source: str) -> Alignment:
    """Where each head's weight lies while the true translation is written, teacher-forced.

    Of a target word of several tokens the weights are added up. The head is right where the
    largest of the sums lies on a token of the aligned source word. Content words are those the
    pair aligns, but for pronouns.

    Args:
        source: the language to translate from, "zh" or "en".

    Raises:
        ValueError: a model without an encoder, another language, or no content word.
    """
    if model.config.architecture != "encoder-decoder":
        raise ValueError(f"{model.name} has no cross-attention; give an encoder-decoder")
    if source not in ("zh", "en"):
        raise ValueError(f"source={source!r} is no language here; expected 'zh' or 'en'")
    target = "en" if source == "zh" else "zh"
    order = sorted(pairs, key=lambda pair: len(pair.en))
    right: Tensor | int = 0
    n_words, chance = 0, 0.0
    for at in range(0, len(order), ROWS):
        batch = order[at : at + ROWS]
        weights = _cross_attention(model, batch, source, target)
        for pair, cross in zip(batch, weights, strict=True):
            for from_tokens, to_tokens, n_source in _words(model, pair, source, target):
                n_words += 1
                chance += len(from_tokens) / n_source
                # A token is written at the position before the one where it is read.
                rows = torch.tensor(to_tokens)
                both = torch.stack((cross[:, :, rows - 1], cross[:, :, rows]))
                largest = both.sum(-2).argmax(-1)  # (2, layer, head)
                right = right + torch.isin(largest, torch.tensor(from_tokens)).long()
    if not n_words:
        raise ValueError("no content word of these pairs is aligned; give others, or more")
    heads = [
        Head(layer, head, when, int(count) / n_words)
        for when, table in zip((WRITTEN, READ), right.tolist(), strict=True)
        for layer, row in enumerate(table)
        for head, count in enumerate(row)
    ]
    heads.sort(key=lambda head: -head.share)
    return Alignment(f"{source}-{target}", tuple(heads), n_words, chance / n_words)


def _words(model: LanguageModel, pair: Pair, source: str, target: str):
    """(positions in the source, positions in the target, source positions) of content words."""
    texts = {"zh": pair.zh, "en": pair.en}
    spans = {name: token_spans(model.tokenizer, text) for name, text in texts.items()}
    # Positions count what the model reads before the text: <bos>, and the decoder's start.
    plain, special = (model.tokenizer.encode(texts[source], special=s) for s in (False, True))
    lead = special.index(plain[0]) if plain else 0
    for zh, en in pair.alignments:
        said = {"zh": zh, "en": en}
        word = texts[target][slice(*said[target])]
        if word.lower() in NO_CONTENT:
            continue
        from_tokens = [lead + i for i in covering(spans[source], *said[source])]
        to_tokens = [1 + i for i in covering(spans[target], *said[target])]
        if from_tokens and to_tokens:
            yield from_tokens, to_tokens, len(special)


@torch.inference_mode()
def _cross_attention(
    model: LanguageModel, pairs: Sequence[Pair], source: str, target: str
) -> list[Tensor]:
    """(layer, head, target position, source position) of each pair, padding included."""
    padding = model.tokenizer.pad_id or 0
    read, mask = padded([model.encode(getattr(pair, source))[0] for pair in pairs], padding)
    ids, _ = padded([model.encode_target(getattr(pair, target))[0] for pair in pairs], padding)
    output = model.transformer(ids, source=read, source_mask=mask, record=("cross_attention",))
    return list(output.recording["cross_attention"].float().cpu())
