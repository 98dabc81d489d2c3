"""What a NetworkView is given, checked and made plain."""

from __future__ import annotations

import difflib
import inspect
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..checks import is_number
from .base import visible

if TYPE_CHECKING:
    from ..lessons import Network, TrainingRecord

MOST_LAYERS, MOST_NEURONS = 4, 8  # more do not fit a drawing that can be read
MOST_EXAMPLES = 200  # that a page takes a step on while a reader waits


def network_of(network: Network | Mapping[str, Any]) -> Network:
    from ..lessons import Network, dense

    if isinstance(network, Network):
        plain = network
    elif isinstance(network, Mapping):
        known = list(inspect.signature(dense).parameters)
        for key in network:
            if key not in known:
                near = difflib.get_close_matches(str(key), known, n=1) or known
                raise ValueError(f"a network has no {key!r}; did you mean {' or '.join(near)}?")
        if "weights" not in network:
            raise ValueError("a network needs 'weights': a matrix (neuron, input) for each layer")
        plain = dense(**network)
    else:
        raise ValueError(f"give a Network or a dict with weights, not {type(network).__name__}")
    plain = plain.map(lambda value: float(getattr(value, "data", value)))
    finite("parameters", plain.parameters, len(plain.parameters))
    return plain


def check_size(shape: Sequence[int]) -> None:
    if len(shape) - 1 > MOST_LAYERS or max(shape) > MOST_NEURONS:
        raise ValueError(
            f"a network of {list(shape)} neurons is too large to show; at most {MOST_LAYERS} "
            f"layers of {MOST_NEURONS} neurons, and {MOST_NEURONS} inputs"
        )


def as_list(values: Any) -> list[float]:
    """A row of numbers, of a tensor or an array too, as a list."""
    return values.tolist() if hasattr(values, "tolist") else list(values)


def finite(name: str, values: Sequence[float], count: int) -> list[float]:
    if len(values) != count:
        raise ValueError(f"{len(values)} {name} were given; there must be {count}")
    for value in values:
        if not is_number(value) or not math.isfinite(value):
            raise ValueError(f"{name} must be finite numbers, not {value!r}")
    return list(map(float, values))


def inputs_of(network: Network, values: Any) -> list[float]:
    return finite("inputs", as_list(values), network.shape[0])


def layers_of(network: Network) -> list[dict[str, Any]]:
    return [
        {
            "weights": [list(row) for row in layer.weights],
            "biases": list(layer.biases),
            "activation": layer.activation,
        }
        for layer in network.layers
    ]


def reading_of(network: Network, title: str, inputs: Sequence[str], outputs: Sequence[str]) -> dict:
    renamed = network.renamed(inputs, outputs)  # checks the counts
    return {
        "title": shown(title or " / ".join(renamed.output_names)),
        "input_names": list(map(shown, renamed.input_names)),
        "output_names": list(map(shown, renamed.output_names)),
    }


def shown(name: str) -> str:
    """A name with nothing unseen in it but the spaces between words."""
    return " ".join(map(visible, name.split(" ")))


def limits_of(limits: Sequence | None, rows: list[list[float]]) -> list[list[float]]:
    if limits is None:
        return [[min(0.0, *column), max(1.0, *column)] for column in zip(*rows)]
    if len(limits) != len(rows[0]):
        raise ValueError(f"{len(limits)} limits were given; there are {len(rows[0])} inputs")
    checked = [finite("limits of an input", list(pair), 2) for pair in limits]
    wrong = next((pair for pair in checked if not pair[0] < pair[1]), None)
    if wrong:
        raise ValueError(f"limits are (least, most), not {tuple(wrong)}")
    return checked


def record_of(network: Network, record: TrainingRecord) -> dict[str, Any]:
    for moment in record.moments:
        if moment.network.shape != network.shape:
            raise ValueError(
                f"the record is of a network of {list(moment.network.shape)} neurons, "
                f"not {list(network.shape)}"
            )
    return record.to_json()


def moment_of(network: Network, record: TrainingRecord | None) -> int:
    """The last moment at which the record's network was this one."""
    moments = record.moments if record else ()
    same = [i for i, m in enumerate(moments) if m.network.parameters == network.parameters]
    return same[-1] if same else -1


def table_of(network: Network, rows: Sequence, labels: Sequence[int]) -> dict[str, Any]:
    """The examples to learn from: plain inputs, and for each the place of its right output."""
    from ..lessons.descent import check_table

    check_table(network, rows, labels)
    if len(rows) > MOST_EXAMPLES:
        raise ValueError(f"{len(rows)} examples were given; a page learns from {MOST_EXAMPLES}")
    return {"rows": [inputs_of(network, row) for row in rows], "labels": list(map(int, labels))}


def loss_of(network: Network, table: Mapping[str, Sequence]) -> float:
    """The mean cross-entropy over the examples, in nats."""
    from ..lessons import Value
    from ..lessons.descent import mean_loss

    return mean_loss(network.map(Value), table["rows"], table["labels"]).data
