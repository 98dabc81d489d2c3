"""Values against torch: hundreds of random expressions, and the corners of each operation."""

import math
import operator
import random

import pytest
import torch

from llmlab.lessons import Value, total

UNARY = ("exp", "log", "tanh", "sigmoid", "relu", "neg")
BINARY = {"add": operator.add, "sub": operator.sub, "mul": operator.mul, "div": operator.truediv}
LARGEST = 50.0  # further away float64 says nothing about the rules


def random_expression(seed: int):
    """The same random computation as Values and as tensors: all nodes, in order.

    Operands are taken from all nodes so far, so nodes are shared and operands repeat.
    """
    choose = random.Random(seed)
    numbers = [choose.uniform(-3, 3) for _ in range(choose.randint(1, 4))]
    values = [Value(number) for number in numbers]
    tensors = [torch.tensor(n, dtype=torch.float64, requires_grad=True) for n in numbers]
    while len(values) < len(numbers) + choose.randint(3, 25):
        made = one_more(choose, values, tensors)
        if made is None or not abs(made[0].data) < LARGEST:
            continue
        values.append(made[0])
        tensors.append(made[1])
        made[1].retain_grad()
    return values, tensors


def one_more(choose: random.Random, values, tensors):
    i, j = choose.randrange(len(values)), choose.randrange(len(values))
    (a, b), (x, y) = (values[i], values[j]), (tensors[i], tensors[j])
    kind = choose.choice([*UNARY, *BINARY, "power", "root", "number", "number first", "sum"])
    if kind == "neg":
        return -a, -x
    if kind == "log" and a.data < 0.05 or kind == "div" and abs(b.data) < 0.05:
        return None
    if kind in UNARY:
        return getattr(a, kind)(), getattr(x, kind)()
    if kind in BINARY:
        return BINARY[kind](a, b), BINARY[kind](x, y)
    if kind == "power":
        exponent = choose.choice([0, 1, 2, 3])
        return a**exponent, x**exponent
    if kind == "root":
        return (a**b, x**y) if 0.05 < a.data < 5 and abs(b.data) < 3 else None
    operation = choose.choice([operator.add, operator.sub, operator.mul])
    number = choose.choice([2, -1.5, 0])
    if kind == "number":
        return operation(a, number), operation(x, number)
    if kind == "number first":
        return operation(number, a), operation(number, x)
    return total([a, b, a]), x + y + x


def gradients_agree(values, tensors) -> None:
    for value, tensor in zip(values, tensors):
        expected = 0.0 if tensor.grad is None else tensor.grad.item()
        assert value.gradient == pytest.approx(expected, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("seed", range(400))
def test_random_expressions_equal_torch(seed):
    values, tensors = random_expression(seed)
    for value, tensor in zip(values, tensors):
        assert value.data == pytest.approx(tensor.item(), rel=1e-12, abs=1e-12)
    values[-1].backward()
    tensors[-1].backward(retain_graph=True)
    gradients_agree(values, tensors)
    # Once more through the same graph, and then from a node in the middle: everything adds up.
    middle = len(values) // 2
    for place in (-1, middle):
        values[place].backward()
        tensors[place].backward(retain_graph=True)
        gradients_agree(values, tensors)
    for value in values:
        value.zero_grad()
    for tensor in tensors:
        tensor.grad = None
    values[-1].backward()
    tensors[-1].backward()
    gradients_agree(values, tensors)


def test_the_random_expressions_try_everything():
    operations, shared, repeated = set(), 0, 0
    for seed in range(400):
        values, _ = random_expression(seed)
        for value in values:
            operations.add(value.operation.split()[0] if value.operation else "")
            repeated += len(set(value.parents)) < len(value.parents)
        parents = [parent for value in values for parent in set(value.parents)]
        shared += len(parents) > len(set(parents))
    assert operations >= set("+−×÷") | {"power", "exp", "log", "tanh", "sigmoid", "ReLU"}
    assert operations >= {"sum", "negative"}
    assert shared > 300 and repeated > 300


@pytest.mark.parametrize(
    "expression",
    [
        lambda x: x * x,
        lambda x: x / x,
        lambda x: x - x,
        lambda x: x**x,
        lambda x: 2**x,
        lambda x: 3 / x,
        lambda x: 1 - x,
        lambda x: (x * x + x) * (x * x + x),
        lambda x: x**-2,
        lambda x: x**0.5,
    ],
)
def test_one_value_in_several_places(expression):
    x, y = Value(1.7), torch.tensor(1.7, dtype=torch.float64, requires_grad=True)
    expression(x).backward()
    expression(y).backward()
    assert x.gradient == pytest.approx(y.grad.item(), rel=1e-12)


@pytest.mark.parametrize(
    "expression, at",
    [
        (lambda x: x.relu(), 0.0),
        (lambda x: x**0, 0.0),
        (lambda x: x**1, 0.0),
        (lambda x: x**2, 0.0),
        (lambda x: x.sigmoid(), 800.0),
        (lambda x: x.sigmoid(), -800.0),
        (lambda x: x.tanh(), 800.0),
        (lambda x: x**3, -2.0),
    ],
)
def test_corners_as_in_torch(expression, at):
    x, y = Value(at), torch.tensor(at, dtype=torch.float64, requires_grad=True)
    mine, theirs = expression(x), expression(y)
    mine.backward()
    theirs.backward()
    assert mine.data == pytest.approx(theirs.item(), abs=1e-15)
    assert x.gradient == pytest.approx(y.grad.item(), abs=1e-15)


def test_a_long_sum_needs_no_recursion():
    x = Value(0.5)
    result = x
    for _ in range(20_000):
        result = result + x
    result.backward()
    assert result.data == 0.5 * 20_001 and x.gradient == 20_001
    result.zero_grad()
    assert x.gradient == 0


def test_what_has_no_number_or_no_gradient_is_refused_in_one_sentence():
    with pytest.raises(ValueError, match="log needs a positive number, not 0"):
        Value(0).log()
    with pytest.raises(ValueError, match="log needs a positive number, not nan"):
        Value(math.nan).log()
    with pytest.raises(ZeroDivisionError, match="1 is divided by zero"):
        Value(1) / 0
    with pytest.raises(ValueError, match="-8 to the power 0.333"):
        Value(-8) ** (1 / 3)
    with pytest.raises(ValueError, match="0 to the power -1"):
        Value(0) ** -1
    with pytest.raises(ValueError, match="the base -2 has no gradient by its exponent"):
        Value(-2) ** Value(2)
    with pytest.raises(OverflowError, match=r"exp\(1000\) is too large"):
        Value(1000).exp()
    with pytest.raises(ValueError, match="nothing to add"):
        total([])
    for wrong in ("3", None, [1], True):
        with pytest.raises(TypeError, match="a Value holds one number"):
            Value(wrong)
    with pytest.raises(TypeError, match="not 'a'"):
        Value(1) + "a"
