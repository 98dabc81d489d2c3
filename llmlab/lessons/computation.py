"""The graph of a computation: its numbers, how they depend on each other, and where they stand."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

from .value import Value

MOST_NODES = 60  # a drawing of more is no longer read


@dataclass(frozen=True)
class Node:
    """One number of a computation.

    Attributes:
        name: as given to the Value, or "".
        operation: what it came from, "" for a given number.
        data, gradient: its value and the gradient by it, so far.
        column: for a result, one more than its furthest operand; for a given number, one less
            than its nearest result.
        row: its place in the column, counted downwards from the middle of the drawing.
    """

    name: str
    operation: str
    data: float
    gradient: float
    column: int
    row: float


@dataclass(frozen=True)
class Edge:
    """An operand and its result, as places in the list of nodes, and d result / d operand."""

    source: int
    target: int
    derivative: float


@dataclass(frozen=True)
class Graph:
    """What a value was computed from. In a notebook it shows itself as a picture with alt text.

    Attributes:
        nodes: operands before results; the last is the value itself.
        edges: one for each operand of each node: two for x × x.
        title: stands above the picture.
    """

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    title: str = "Graph of a computation"

    def picture(self) -> bytes:
        """The graph as PNG.

        Raises:
            ValueError: more nodes than a drawing can hold.
        """
        if len(self.nodes) > MOST_NODES:
            raise ValueError(
                f"the graph has {len(self.nodes)} nodes, too many to draw; "
                f"draw a part of the computation, at most {MOST_NODES}"
            )
        from .graph_picture import graph_picture  # matplotlib loads when it is needed

        return graph_picture(self)

    def alt(self) -> str:
        """The graph in words: each number, what it came from, and its gradient."""
        names = [self.label(i) for i in range(len(self.nodes))]
        parts = []
        for place, node in enumerate(self.nodes):
            operands = ", ".join(names[e.source] for e in self.edges if e.target == place)
            origin = f" from {node.operation} of {operands}" if operands else ""
            parts.append(f"{names[place]} is {node.data:.4g}{origin}, gradient {node.gradient:.4g}")
        return f"Graph of a computation with {len(self.nodes)} numbers: {'; '.join(parts)}."

    def label(self, place: int) -> str:
        """A node's name, or "number 3" for one that has none, counted from 1."""
        return self.nodes[place].name or f"number {place + 1}"

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict, dict]:
        if len(self.nodes) > MOST_NODES:
            return {"text/plain": repr(self)}, {}
        data = {
            "text/plain": repr(self),
            "image/png": base64.b64encode(self.picture()).decode("ascii"),
        }
        return data, {"image/png": {"alt": self.alt()}}

    def __repr__(self) -> str:
        return f"<Graph of {len(self.nodes)} nodes and {len(self.edges)} edges>"


def graph(value: Value, title: str = Graph.title) -> Graph:
    """The graph that ends in `value`, with the data and gradients of this moment.

    Its picture has the title above it.
    """
    values = value.ancestors()
    place = {each: i for i, each in enumerate(values)}
    columns = _columns(values, place)
    rows = _rows(values, place, columns)
    nodes = tuple(
        Node(each.name, each.operation, each.data, each.gradient, column, row)
        for each, column, row in zip(values, columns, rows)
    )
    edges = tuple(
        Edge(place[parent], place[each], derivative)
        for each in values
        for parent, derivative in zip(each.parents, each.derivatives)
    )
    return Graph(nodes, edges, title)


def _columns(values: list[Value], place: dict[Value, int]) -> list[int]:
    columns: list[int] = []
    nearest: dict[Value, int] = {}
    for each in values:
        columns.append(1 + max((columns[place[p]] for p in each.parents), default=-1))
        for parent in each.parents:
            nearest[parent] = min(nearest.get(parent, columns[-1]), columns[-1])
    return [
        column if each.parents else nearest.get(each, 1) - 1
        for each, column in zip(values, columns)
    ]


def _rows(values: list[Value], place: dict[Value, int], columns: list[int]) -> list[float]:
    """Rows one apart in each column, sorted by where their operands stand, so few edges cross."""
    rows = [0.0] * len(values)
    for column in range(max(columns) + 1):
        members = [i for i in range(len(values)) if columns[i] == column]

        def height(i: int) -> float:
            parents = [rows[place[parent]] for parent in values[i].parents]
            return sum(parents) / len(parents) if parents else float(i)

        members.sort(key=lambda i: (height(i), i))
        for order, i in enumerate(members):
            rows[i] = order - (len(members) - 1) / 2
    return rows
