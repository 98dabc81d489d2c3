"""Block-quantised matrices, against the matrices they stand for."""

from __future__ import annotations

import copy
import subprocess
import sys

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from llmlab import linear
from llmlab.linear import Linear, lay_side_by_side, project, project_together
from llmlab.quantized import BlockQuantizedTensor, concatenate, dense, quantize

# Widths as the formats have them; the last is large enough for two threads.
SHAPES = [(5, 3, 32), (7, 4, 16), (6, 2, 64), (2 * linear.PIECE + 3, 2, 32)]


def matrix(shape=(5, 3, 32), *, minimums: bool = False, seed: int = 0) -> BlockQuantizedTensor:
    draw = torch.Generator().manual_seed(seed)
    quants = torch.randint(-127, 128, shape, dtype=torch.int8, generator=draw)
    scales = torch.rand(shape[:2], generator=draw)
    return BlockQuantizedTensor(
        quants, scales, torch.rand(shape[:2], generator=draw) if minimums else None
    )


def plain(m: BlockQuantizedTensor) -> torch.Tensor:
    """The formula, in float64: (row, column)."""
    weights = m.quants.double() * m.scales[..., None]
    if len(m.minimums):
        weights = weights - m.minimums[..., None]
    return weights.flatten(1)


@pytest.mark.parametrize("minimums", [False, True])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_widened_weights_are_scale_times_integer_less_minimum(shape, minimums):
    m = matrix(shape, minimums=minimums)
    assert (m.shape, m.dtype, m.device.type) == (
        (shape[0], shape[1] * shape[2]), torch.float32, "cpu",
    )  # fmt: skip
    torch.testing.assert_close(m.dequantize().double(), plain(m), atol=2e-5, rtol=1e-6)
    if not minimums:  # an integer of 8 bits times a scale is rounded once
        assert torch.equal(m.dequantize(), (m.quants * m.scales[..., None]).flatten(1))
    at = torch.tensor([[3, 0], [4, 4]])
    for found in (F.embedding(at, m), m[at]):
        assert torch.equal(found, m.dequantize()[at])
    assert torch.equal(m[2:4].dequantize(), m.dequantize()[2:4])
    assert [len(part) for part in m.split(3)] == [len(part) for part in plain(m).split(3)]


@pytest.mark.parametrize("n_vectors", [1, 3, 4, 7, linear.MANY_IN_BLOCKS - 1, linear.MANY_IN_BLOCKS])
@pytest.mark.parametrize("minimums", [False, True])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@torch.no_grad()
def test_products(shape, minimums, n_vectors):
    m = matrix(shape, minimums=minimums)
    x = torch.randn(1, n_vectors, m.size(1), generator=torch.Generator().manual_seed(1))
    expected = F.linear(x.double(), plain(m))
    bias = torch.arange(float(len(m)))
    largest = expected.abs().max()
    for found, exact in ((project(x, m), expected), (project(x, m, bias), expected + bias)):
        assert found.dtype == torch.float32
        assert (found - exact).abs().max() < 2e-6 * largest
    assert torch.equal(project(x.double(), m).float(), F.linear(x.double(), plain(m)).float()) or (
        (project(x.double(), m) - expected).abs().max() < 2e-6 * largest
    )


def test_gradients_reach_the_vector_and_the_matrix():
    m = nn.Parameter(matrix(minimums=True))
    x = torch.randn(4, m.size(1), requires_grad=True)
    project(x, m).square().sum().backward()
    weight = plain(m.detach()).float().requires_grad_()
    twin = x.detach().clone().requires_grad_()
    F.linear(twin, weight).square().sum().backward()
    torch.testing.assert_close(x.grad, twin.grad, rtol=1e-4, atol=1e-2)


def test_what_knows_nothing_of_blocks_gets_the_weights():
    m = matrix()
    torch.testing.assert_close(m @ torch.ones(96), plain(m).float().sum(1))
    torch.testing.assert_close(m.to(torch.float64), m.dequantize().double())
    assert torch.equal(torch.cat([m, torch.zeros(1, 96)])[:-1], m.dequantize())
    assert repr(m) == "BlockQuantizedTensor of 5 × 96 weights"
    twin = copy.deepcopy(nn.Parameter(m, requires_grad=False))
    assert torch.equal(twin.dequantize(), m.dequantize())
    assert twin.quants.data_ptr() != m.quants.data_ptr()


@pytest.mark.parametrize(
    "write", [lambda m: m.mul_(2), lambda m: m.copy_(torch.zeros(5, 96)), lambda m: m.zero_()]
)
def test_weights_in_blocks_are_not_written_to(write):
    with pytest.raises(RuntimeError, match="cannot be written to; replace .* by its dequantize"):
        write(matrix())


def test_scales_of_another_shape():
    with pytest.raises(ValueError, match=r"of shape \(5, 3, 32\) need .* \(5, 3\), found \(5, 2\)"):
        BlockQuantizedTensor(torch.zeros(5, 3, 32, dtype=torch.int8), torch.zeros(5, 2))


def layers(*matrices: BlockQuantizedTensor) -> list[Linear]:
    several = [Linear(m.size(1), len(m), bias=False) for m in matrices]
    for layer, m in zip(several, matrices, strict=True):
        layer.weight = nn.Parameter(m, requires_grad=False)
    return several


@pytest.mark.parametrize("n_vectors", [1, 20, linear.MANY_IN_BLOCKS])
@torch.no_grad()
def test_one_product_for_several_layers(n_vectors):
    matrices = [matrix((n, 3, 32), seed=n) for n in (8, 3, 5)]
    several, x = layers(*matrices), torch.randn(1, n_vectors, 96)
    expected = [F.linear(x, m.dequantize()) for m in matrices]
    lay_side_by_side(several)
    assert several[0].weight.whole_of([layer.weight for layer in several]).shape == (16, 96)
    assert all(
        torch.equal(layer.weight.dequantize(), m.dequantize())
        for layer, m in zip(several, matrices, strict=True)
    )
    torch.testing.assert_close(list(project_together(x, several)), expected, rtol=1e-4, atol=1e-2)
    several[1].weight = nn.Parameter(matrix((3, 3, 32), seed=9), requires_grad=False)
    changed = F.linear(x, several[1].weight.dequantize())
    torch.testing.assert_close(project_together(x, several)[1], changed, rtol=1e-4, atol=1e-2)


@torch.no_grad()
def test_blocks_of_different_kinds_stay_apart():
    matrices = [matrix((4, 3, 32)), matrix((4, 6, 16)), matrix((4, 3, 32), minimums=True)]
    assert concatenate(matrices[:2]) is None
    assert concatenate([matrices[0], matrices[2]]) is None
    several, x = layers(*matrices), torch.randn(2, 1, 96)
    lay_side_by_side(several)
    for found, m in zip(project_together(x, several), matrices, strict=True):
        torch.testing.assert_close(found, F.linear(x, m.dequantize()), rtol=1e-4, atol=1e-2)


@pytest.mark.parametrize("columns, width", [(256, 64), (96, 32), (688, 16), (20, 20)])
@torch.no_grad()
def test_quantizing_rounds_to_half_a_step(columns, width):
    weight = torch.randn(7, columns, generator=torch.Generator().manual_seed(2))
    m = quantize(weight)
    assert m.quants.shape == (7, columns // width, width)
    steps = m.scales.repeat_interleave(width, dim=1)
    assert ((m.dequantize() - weight).abs() <= 0.5001 * steps).all()
    assert (m.quants.abs().amax(2) == 127).all()
    assert m.can_multiply == (width % 16 == 0)
    x = torch.randn(3, columns, generator=torch.Generator().manual_seed(3))
    expected = F.linear(x.double(), m.dequantize().double())
    torch.testing.assert_close(project(x, m).double(), expected, atol=1e-4, rtol=1e-5)


@torch.no_grad()
def test_rows_that_do_not_lie_together():
    m = matrix((6, 3, 32))
    x = torch.randn(2, 5, 96, generator=torch.Generator().manual_seed(4))
    expected = F.linear(x.double(), plain(m))
    for part in (slice(-1, None), slice(1, 4, 2)):
        found = project(x[:, part], m)
        torch.testing.assert_close(found.double(), expected[:, part], atol=1e-3, rtol=1e-5)
    apart = torch.zeros(6, 6, 32, dtype=torch.int8)
    apart[:, ::2] = m.quants
    twin = BlockQuantizedTensor(apart[:, ::2], m.scales.T.contiguous().T)
    assert torch.equal(twin.dequantize(), m.dequantize())
    assert torch.equal(project(x[:, -1:], twin), project(x[:, -1:], m))


INDICES = [3, (2, slice(6)), slice(1, 3), (slice(1, 3), 4), [4, 2], torch.tensor([[1, 0]])]


@pytest.mark.parametrize("index", INDICES, ids=str)
def test_what_is_taken_out_is_all_that_is_widened(index, monkeypatch):
    weight = matrix((5, 3, 32), minimums=True)
    expected, sizes = weight.dequantize()[index], []
    widen = BlockQuantizedTensor.rows

    def watched(self, which, out=None):
        found = widen(self, which, out)
        sizes.append(found.numel())
        return found

    monkeypatch.setattr(BlockQuantizedTensor, "rows", watched)
    found = dense(weight[index])
    assert torch.equal(found, expected)
    assert sum(sizes) <= 2 * weight.size(1)  # two rows at most


def test_a_gradient_goes_through_the_product_with_a_vector():
    weight = matrix()
    x = torch.randn(weight.size(1), requires_grad=True)
    (weight @ x).sum().backward()
    torch.testing.assert_close(x.grad, weight.dequantize().sum(dim=0))


def test_what_lessons_ask_for_imports_nothing_more():
    """PyTorch imports 45 MB at the first operation that its dispatcher hands to a class like ours."""
    script = """
import sys, torch
from torch import nn
from llmlab.linear import Linear, lay_side_by_side
from llmlab.quantized import quantize
from llmlab.vocabulary import Table

matrix = quantize(torch.randn(8, 64))
some, x = torch.tensor([[1, 2]]), torch.randn(64)
results = [matrix[3], matrix[some], matrix[1:5], matrix.split(3), matrix.detach(), matrix @ x,
           torch.randn(2, 8) @ matrix, matrix.norm(dim=-1)]
table, layers = Table(8, 64), [Linear(64, 8, bias=False) for _ in range(2)]
for module in (table, *layers):
    module.weight = nn.Parameter(matrix, requires_grad=False)
lay_side_by_side(layers)
results += [table(some), layers[0](x)]
assert "torch.distributed.tensor" not in sys.modules
torch.exp(matrix)  # any other operation does go that way
assert "torch.distributed.tensor" in sys.modules
"""
    subprocess.run([sys.executable, "-c", script], check=True)
