"""Numbers that remember how they were computed: reverse-mode automatic differentiation.

Every operation stores its operands and its partial derivative by each of them, both taken when it
is computed. The chain rule is then the same loop for all of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from ..checks import is_number

__all__ = ["Value", "total"]


class Value:
    """A number, what it was computed from, and after `backward` the gradient by it.

    Args:
        data: the number.
        name: what a drawing calls it.

    Attributes:
        gradient: the sum over all calls of `backward` of d result / d this value, as PyTorch's
            `.grad` (with `retain_grad` on every tensor and `retain_graph` at every call).
        operation: the sign or name of the operation it came from, "" for a given number.
        parents: the operands.
        derivatives: d this value / d parent, one for each of them, at the time of computing.

    Raises:
        TypeError: `data` is no number.
    """

    __slots__ = ("data", "derivatives", "gradient", "name", "operation", "parents")

    def __init__(self, data: float, name: str = "") -> None:
        if not is_number(data):
            raise TypeError(f"a Value holds one number, not {data!r}")
        self.data = float(data)
        self.name = name
        self.gradient = 0.0
        self.operation = ""
        self.parents: tuple[Value, ...] = ()
        self.derivatives: tuple[float, ...] = ()

    def backward(self) -> None:
        """Add d self / d value to the gradient of every value that self was computed from.

        A second call adds once more: `zero_grad` comes before the gradient of a new step.
        """
        ordered = self.ancestors()
        # This pass has its own sums. What earlier calls left in `gradient` must not flow on.
        flow = {value: 0.0 for value in ordered}
        flow[self] = 1.0
        for value in reversed(ordered):
            value.gradient += flow[value]
            for parent, derivative in zip(value.parents, value.derivatives):
                flow[parent] += flow[value] * derivative

    def zero_grad(self) -> None:
        """Set the gradient of self and of all it was computed from to zero."""
        for value in self.ancestors():
            value.gradient = 0.0

    def ancestors(self) -> list[Value]:
        """Self and all it was computed from, each once, operands before results."""
        ordered: list[Value] = []
        seen = {self}
        # Depth first with a list of our own: a long sum would end Python's recursion.
        path = [(self, iter(self.parents))]
        while path:
            value, parents = path[-1]
            for parent in parents:
                if parent not in seen:
                    seen.add(parent)
                    path.append((parent, iter(parent.parents)))
                    break
            else:
                ordered.append(value)
                path.pop()
        return ordered

    def __add__(self, other: Value | float) -> Value:
        other = _value(other)
        return _result(self.data + other.data, "+", (self, other), (1.0, 1.0))

    def __sub__(self, other: Value | float) -> Value:
        other = _value(other)
        return _result(self.data - other.data, "−", (self, other), (1.0, -1.0))

    def __mul__(self, other: Value | float) -> Value:
        other = _value(other)
        return _result(self.data * other.data, "×", (self, other), (other.data, self.data))

    def __truediv__(self, other: Value | float) -> Value:
        """Raises ZeroDivisionError for a divisor of zero."""
        other = _value(other)
        if other.data == 0:
            raise ZeroDivisionError(f"{self.data:g} is divided by zero; no gradient would follow")
        quotient = self.data / other.data
        return _result(quotient, "÷", (self, other), (1 / other.data, -quotient / other.data))

    def __pow__(self, exponent: Value | float) -> Value:
        """A power: the exponent is a number, or a Value too where the base is positive.

        Raises:
            ValueError: a power that is no finite real number.
        """
        if isinstance(exponent, Value):
            if self.data <= 0:
                raise ValueError(
                    f"the base {self.data:g} has no gradient by its exponent; "
                    "give a positive base or a plain number as exponent"
                )
            power = _power(self.data, exponent.data)
            by_base = exponent.data * power / self.data
            by_exponent = power * math.log(self.data)
            return _result(power, "power", (self, exponent), (by_base, by_exponent))
        power = _power(self.data, exponent)
        slope = exponent * _power(self.data, exponent - 1) if exponent else 0.0
        return _result(power, f"power {exponent:g}", (self,), (slope,))

    def exp(self) -> Value:
        """Raises OverflowError where the result is too large for a float."""
        try:
            power = math.exp(self.data)
        except OverflowError:
            raise OverflowError(f"exp({self.data:g}) is too large for a float") from None
        return _result(power, "exp", (self,), (power,))

    def log(self) -> Value:
        """The natural logarithm. Raises ValueError for what is not positive."""
        if not self.data > 0:
            raise ValueError(f"log needs a positive number, not {self.data:g}")
        return _result(math.log(self.data), "log", (self,), (1 / self.data,))

    def tanh(self) -> Value:
        result = math.tanh(self.data)
        return _result(result, "tanh", (self,), (1 - result * result,))

    def sigmoid(self) -> Value:
        """1 / (1 + exp(−x)), written through tanh so that no x overflows."""
        result = 0.5 + 0.5 * math.tanh(0.5 * self.data)
        return _result(result, "sigmoid", (self,), (result * (1 - result),))

    def relu(self) -> Value:
        """max(x, 0); at exactly 0 the derivative is taken as 0, as PyTorch does."""
        positive = self.data > 0
        return _result(self.data if positive else 0.0, "ReLU", (self,), (float(positive),))

    def __neg__(self) -> Value:
        return _result(-self.data, "negative", (self,), (-1.0,))

    def __radd__(self, other: float) -> Value:
        return _value(other) + self

    def __rsub__(self, other: float) -> Value:
        return _value(other) - self

    def __rmul__(self, other: float) -> Value:
        return _value(other) * self

    def __rtruediv__(self, other: float) -> Value:
        return _value(other) / self

    def __rpow__(self, other: float) -> Value:
        return _value(other) ** self

    def __repr__(self) -> str:
        name = f"{self.name} = " if self.name else ""
        return f"Value({name}{self.data:g}, gradient {self.gradient:g})"


def total(values: Iterable[Value | float]) -> Value:
    """The sum of values from left to right, as one operation.

    Raises:
        ValueError: nothing to add.
    """
    operands = tuple(map(_value, values))
    if not operands:
        raise ValueError("there is nothing to add; give at least one value")
    return _result(sum(value.data for value in operands), "sum", operands, (1.0,) * len(operands))


def _value(number: Value | float) -> Value:
    return number if isinstance(number, Value) else Value(number)


def _result(
    data: float, operation: str, parents: tuple[Value, ...], derivatives: tuple[float, ...]
) -> Value:
    result = Value.__new__(Value)  # what arithmetic gives needs no check
    result.data, result.name, result.gradient = data, "", 0.0
    result.operation, result.parents, result.derivatives = operation, parents, derivatives
    return result


def _power(base: float, exponent: float) -> float:
    try:
        power = base**exponent
    except (ZeroDivisionError, OverflowError):
        power = None
    if isinstance(power, complex) or power is None:
        raise ValueError(f"{base:g} to the power {exponent:g} is no finite real number")
    return power
