"""Linear maps by every route, against torch.nn.functional.linear in float64."""

from __future__ import annotations

import copy

import pytest
import torch
import torch.nn.functional as F

from llmlab import linear
from llmlab.linear import Linear, lay_side_by_side, project, project_together

D_IN, D_OUT = 24, 2 * linear.PIECE + 5  # pieces that do not divide


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


@pytest.mark.parametrize("n_rows", [1, linear.MANY_ROWS - 1, linear.MANY_ROWS, 40])
@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.float16, 2e-2), (torch.bfloat16, 2e-1)]
)
@pytest.mark.parametrize("has_bias", [False, True])
@torch.no_grad()
def test_project(n_rows, dtype, tolerance, has_bias):
    x = torch.randn(1, n_rows, D_IN)
    weight = torch.randn(D_OUT, D_IN).to(dtype)
    bias = torch.randn(D_OUT) if has_bias else None
    expected = F.linear(x.double(), weight.double(), None if bias is None else bias.double())
    found = project(x, weight, bias)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found.double(), expected, atol=tolerance, rtol=0)


@pytest.mark.parametrize("n_rows", [1, 40])
def test_gradients_go_through(n_rows):
    x, weight = torch.randn(n_rows, D_IN, requires_grad=True), torch.randn(D_OUT, D_IN)
    weight.requires_grad_()
    project(x, weight).square().sum().backward()
    found = x.grad, weight.grad
    x.grad = weight.grad = None
    F.linear(x, weight).square().sum().backward()
    torch.testing.assert_close(found, (x.grad, weight.grad))


def layers() -> list[Linear]:
    return [Linear(D_IN, n, bias=False) for n in (8, 3, 5)]


@torch.no_grad()
def test_one_product_for_several_layers():
    several, x = layers(), torch.randn(2, 7, D_IN)
    expected = [layer(x) for layer in several]
    before = [layer.weight.clone() for layer in several]
    lay_side_by_side(several)
    assert all(map(torch.equal, before, [layer.weight for layer in several]))
    assert linear._joined([layer.weight for layer in several]) is not None
    torch.testing.assert_close(list(project_together(x, several)), expected)
    several[1].weight.mul_(2)  # a change of one weight is seen by the joined product
    torch.testing.assert_close(project_together(x, several)[1], 2 * expected[1])


@torch.no_grad()
def test_layers_that_moved_apart_are_multiplied_one_by_one():
    several, x = layers(), torch.randn(2, 7, D_IN)
    lay_side_by_side(several)
    several[1].weight.data = several[1].weight.data.clone() + 1
    assert linear._joined([layer.weight for layer in several]) is None
    assert torch.equal(project_together(x, several)[1], several[1](x))
    copied = copy.deepcopy(torch.nn.ModuleList(several))
    torch.testing.assert_close(
        list(project_together(x, list(copied))), [layer(x) for layer in several]
    )


def test_with_gradients_layers_are_multiplied_one_by_one():
    several, x = layers(), torch.randn(2, 7, D_IN)
    lay_side_by_side(several)
    sum(part.sum() for part in project_together(x, several)).backward()
    for layer in several:
        expected = x.sum(dim=(0, 1)).expand_as(layer.weight)
        torch.testing.assert_close(layer.weight.grad, expected)
