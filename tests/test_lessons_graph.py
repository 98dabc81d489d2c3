"""The graph of a computation: its edges carry the chain rule, and it can be drawn and read out."""

import io
import math

import numpy as np
import pytest
from PIL import Image

from llmlab.lessons import Value, graph
from llmlab.lessons.graph_picture import APART, DPI, SIZE, _free_place
from tests.small_models import HOSTILE


@pytest.fixture
def loss():
    a, b, c = Value(2, "a"), Value(-3, "b"), Value(10, "c")
    e = a * b + c
    e.name = "e"
    result = e * e.tanh()
    result.name = "L"
    result.backward()
    return result


def test_edges_carry_the_chain_rule(loss):
    """The sum over all paths of the products of their derivatives is the gradient."""
    drawn = graph(loss)

    def paths(place: int) -> float:
        if place == len(drawn.nodes) - 1:
            return 1.0
        return sum(e.derivative * paths(e.target) for e in drawn.edges if e.source == place)

    for place, node in enumerate(drawn.nodes):
        assert node.gradient == pytest.approx(paths(place), rel=1e-12)


def test_nodes_and_edges(loss):
    drawn = graph(loss)
    assert [node.name for node in drawn.nodes] == ["a", "b", "", "c", "e", "", "L"]
    assert [node.operation for node in drawn.nodes] == ["", "", "×", "", "+", "tanh", "×"]
    assert len(drawn.edges) == 7
    for edge in drawn.edges:
        assert edge.source < edge.target
        assert drawn.nodes[edge.source].column < drawn.nodes[edge.target].column
    places = [(node.column, node.row) for node in drawn.nodes]
    assert len(set(places)) == len(places)


def test_an_operand_twice_is_two_edges():
    x = Value(3, "x")
    drawn = graph(x * x)
    assert [(edge.source, edge.target, edge.derivative) for edge in drawn.edges] == [(0, 1, 3)] * 2
    assert drawn.picture().startswith(b"\x89PNG")


def test_picture_and_words(loss):
    drawn = graph(loss)
    picture = drawn.picture()
    assert picture == drawn.picture() and len(picture) < 40_000
    assert Image.open(io.BytesIO(picture)).format == "PNG"
    data, metadata = drawn._repr_mimebundle_()
    assert metadata["image/png"]["alt"] == drawn.alt()
    assert set(data) == {"text/plain", "image/png"}
    assert "a is 2, gradient" in drawn.alt() and "e is 4 from + of number 3, c" in drawn.alt()
    assert "0x" not in repr(drawn)


def test_a_title_stands_above_and_is_never_cut(loss):
    assert graph(loss).title and graph(loss, "A loss").title == "A loss"
    assert graph(loss).picture() != graph(loss, "A loss").picture()
    drawn = Image.open(io.BytesIO(graph(Value(1), "One number with a long title " * 3).picture()))
    pixels = np.asarray(drawn.convert("L"))
    assert (pixels[: len(pixels) // 3] < 128).any()  # it is there
    assert (pixels[:, :5] == 255).all() and (pixels[:, -5:] == 255).all()


@pytest.mark.parametrize("columns", [1, 2, 4, 7])
def test_text_is_large_enough_on_a_page(columns):
    """A page's text is 688 pixels wide, and a wider picture is made smaller."""
    value = Value(1.0)
    for _ in range(columns - 1):
        value = value.tanh()
    width = Image.open(io.BytesIO(graph(value).picture())).width
    assert SIZE / 72 * DPI * min(1, 688 / width) >= 9


def test_one_number_alone_and_too_many():
    assert graph(Value(1)).picture().startswith(b"\x89PNG")
    result = Value(0)
    for _ in range(40):
        result = result + 1
    with pytest.raises(ValueError, match="81 nodes, too many to draw"):
        graph(result).picture()
    data, _ = graph(result)._repr_mimebundle_()
    assert data == {"text/plain": "<Graph of 81 nodes and 80 edges>"}


def test_hostile_names_are_drawn_as_text():
    result = Value(0)
    for name in HOSTILE:
        result = result + Value(1, name)
        assert graph(Value(1), name).picture().startswith(b"\x89PNG")
    assert graph(result).picture().startswith(b"\x89PNG")


def test_numbers_of_crossing_arrows_do_not_cover_each_other():
    taken: list[tuple[float, float]] = []
    for start, end in (((0, 0), (2, -1)), ((0, -1), (2, 0)), ((0, -0.2), (2, -0.2))):
        place = _free_place(start, end, 0.0, taken)
        assert all(math.dist(place, other) > APART for other in taken)
        # It stands on its own arrow.
        along = place[0] / 2
        assert place[1] == pytest.approx(start[1] + along * (end[1] - start[1]))
        taken.append(place)
