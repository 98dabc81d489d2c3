"""Cross-entropy of the next token, without all logits in memory at once."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

IGNORED = -100  # a target that counts for nothing, as in torch.nn.functional.cross_entropy
CHUNK = 256  # rows at a time: their logits, forward and back, stay in the processor's cache


def cross_entropy_sum(
    x: Tensor,  # (…, d_model): what the head multiplies
    weight: Tensor,  # (vocab, d_model)
    targets: Tensor,  # (…), IGNORED where nothing is predicted
    bias: Tensor | None = None,  # (vocab,)
    chunk: int = CHUNK,
) -> Tensor:
    """Sum of −log p(target), in nats: a scalar.

    The same as ``F.cross_entropy(x @ weight.T + bias, targets, reduction="sum")``. Logits for a
    whole batch are the largest tensor of a small model's training; here they are made, turned
    into a loss and into gradients chunk by chunk, and each chunk is gone before the next.
    """
    x, targets = x.flatten(0, -2), targets.flatten()
    if torch.is_autocast_enabled(x.device.type):  # a custom function sees no autocast by itself
        dtype = torch.get_autocast_dtype(x.device.type)
        x, weight = x.to(dtype), weight.to(dtype)
        bias = None if bias is None else bias.to(dtype)
    wants_gradient = torch.is_grad_enabled() and (x.requires_grad or weight.requires_grad)
    return _ChunkedCrossEntropy.apply(x, weight, bias, targets, chunk, wants_gradient)


class _ChunkedCrossEntropy(torch.autograd.Function):
    """The gradient is worked out in the forward pass, while a chunk's logits are at hand."""

    @staticmethod
    def forward(ctx, x, weight, bias, targets, chunk: int, wants_gradient: bool) -> Tensor:
        total = x.new_zeros((), dtype=torch.float32)
        if wants_gradient:
            grad_x, grad_weight = torch.empty_like(x), torch.zeros_like(weight, dtype=torch.float32)
            grad_bias = None if bias is None else torch.zeros_like(bias, dtype=torch.float32)
        for start in range(0, x.size(0), chunk):
            rows = slice(start, start + chunk)
            log_p = F.linear(x[rows], weight, bias).float().log_softmax(-1)
            counts = targets[rows] != IGNORED
            target = targets[rows].clamp_min(0)[:, None]
            total -= (log_p.gather(1, target)[:, 0] * counts).sum()
            if wants_gradient:  # softmax − one at the target
                grad = log_p.exp_()
                grad.scatter_add_(1, target, grad.new_full((1, 1), -1.0).expand_as(target))
                if not counts.all():
                    grad *= counts[:, None]
                if bias is not None:
                    grad_bias += grad.sum(0)
                grad = grad.to(x.dtype)
                torch.mm(grad, weight, out=grad_x[rows])
                if weight.dtype == torch.float32:
                    grad_weight.addmm_(grad.T, x[rows])
                else:
                    grad_weight += grad.T @ x[rows]
        if wants_gradient:
            ctx.save_for_backward(grad_x, grad_weight, grad_bias)
            ctx.dtypes = weight.dtype, None if bias is None else bias.dtype
        return total

    @staticmethod
    def backward(ctx, grad_total: Tensor):
        grad_x, grad_weight, grad_bias = ctx.saved_tensors
        weight_dtype, bias_dtype = ctx.dtypes
        return (
            grad_x * grad_total,
            (grad_weight * grad_total).to(weight_dtype),
            None if grad_bias is None else (grad_bias * grad_total).to(bias_dtype),
            None,
            None,
            None,
        )
