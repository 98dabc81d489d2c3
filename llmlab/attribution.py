"""Which part of a model gave a token its logit: direct logit attribution."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from .config import TransformerConfig

if TYPE_CHECKING:
    from .tracing import Trace

RECORD = ("residual", "attention_output", "feedforward_output")  # what a trace must hold


def logits_are_sums(config: TransformerConfig) -> bool:
    """Whether the stream before the final norm is the embedding plus what the layers added.

    It is not where a norm follows each sum, nor where cross-attention adds as well; and a head
    that bends its input (BERT's) is no longer a product with what was added.
    """
    return (
        config.norm_placement != "post"
        and config.architecture != "encoder-decoder"
        and not config.head_transform
    )


def logit_contributions(trace: Trace, ids: list[int], position: int = -1) -> Tensor:
    """What each part of the model adds to the final logits of some tokens at one position.

    The final norm divides the stream by one number. With that number held at the value it had,
    norm and head are one product, so each vector that was added to the stream adds its own
    number to the logit, and these numbers sum to the logit (Elhage et al., 2021).

    Args:
        trace: recorded with ``RECORD``, with its model.
        ids: the tokens.

    Returns:
        (id, 2 · layer + 2): the embedding's part, then attention's and feed-forward's of each
        layer in turn, then that of the biases in norm and head, 0 where there are none.

    Raises:
        ValueError: a quantity that was not recorded, a trace without its model, or a model
            whose logits are no such sums.
        IndexError: no such position.
    """
    if not logits_are_sums(trace.config):
        raise ValueError(
            f"the logits of {trace.model_name} are no sum of what its layers add: it has a norm "
            "after each sum, cross-attention, or a head that bends its input"
        )
    stream, attention, feedforward = (
        trace._get(name)[:, trace._index(position)].double() for name in RECORD
    )
    parts = torch.cat((stream[:1], torch.stack((attention, feedforward), dim=1).flatten(0, 1)))
    transformer = trace._need_model().transformer
    norm, head = transformer.final_norm, transformer.head
    last = stream[-1]
    biases = torch.zeros(len(ids), dtype=torch.double)
    with torch.inference_mode():
        matrix = head.matrix(transformer.embedding.token)
        rows = matrix[torch.tensor(ids, device=matrix.device)].double().cpu()
        if trace.config.norm == "layernorm":  # it takes each part's mean away
            parts, last = (x - x.mean(dim=-1, keepdim=True) for x in (parts, last))
            biases += rows @ norm.bias.double().cpu()
        if head.bias is not None:
            biases += head.bias[ids].double().cpu()
        scale = torch.rsqrt(last.square().mean() + norm.eps)
        scaled = parts * scale * norm.weight.double().cpu()  # (part, d_model)
        contributions = rows @ scaled.T  # (id, part)
    return torch.cat((contributions, biases[:, None]), dim=1).float()
