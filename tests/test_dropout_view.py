"""Dropout masks and DropoutView in Python: every number against torch's or a count of all masks."""

from __future__ import annotations

import itertools
import json
import warnings

import pytest
import torch
import traitlets

from llmlab.lessons import dropout_mask
from llmlab.sampling import draw
from llmlab.views import MIME, DropoutView
from tests.small_models import HOSTILE

VALUES = [0.5, 2.0, 0.0, 1.25]
WEIGHTS = [1.0, -0.5, 3.0, 0.2]


@pytest.fixture
def view():
    return DropoutView(VALUES, WEIGHTS, 0.1, p=0.4, seed=7, names="abcd", neuron="flower")


def test_masks_come_from_the_projects_generator():
    for p, number in itertools.product((0.0, 0.2, 0.9), range(5)):
        drawn = [draw(3, 4 * number + i) for i in range(4)]
        expected = [0.0 if u < p else 1 / (1 - p) for u in drawn]
        assert dropout_mask(4, p, seed=3, number=number) == expected


def test_a_larger_p_drops_the_same_and_more():
    dropped = [
        {i for i, factor in enumerate(dropout_mask(50, p, seed=1)) if factor == 0}
        for p in (0, 0.1, 0.5, 0.9)
    ]
    assert dropped[0] == set()
    assert all(few < more for few, more in zip(dropped, dropped[1:]))


def test_share_and_mean_are_those_of_torchs_dropout():
    mine = torch.tensor([dropout_mask(100, 0.3, number=n) for n in range(400)])
    torch.manual_seed(0)
    torchs = torch.nn.functional.dropout(torch.ones(400, 100), 0.3)
    for masks in (mine, torchs):
        assert (masks == 0).float().mean() == pytest.approx(0.3, abs=0.01)
        assert masks.mean() == pytest.approx(1, abs=0.015)
    assert set(mine.unique().tolist()) == set(torchs.unique().tolist())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (dict(p=1), "p must be at least 0 and below 1, not 1"),
        (dict(p=-0.1), "not -0.1"),
        (dict(p="half"), "not 'half'"),
        (dict(p=float("nan")), "not nan"),
        (dict(count=2.5), "count must be a whole number from 0"),
        (dict(number=-1), "number must be a whole number from 0"),
        (dict(seed=2**64), "seed must be a whole number from 0 to 2"),
    ],
)
def test_what_is_no_mask_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        dropout_mask(**{"count": 4, "p": 0.5, **arguments})


def test_sums_are_torchs(view):
    view.draws = 50
    masks = torch.tensor([dropout_mask(4, 0.4, seed=7, number=n) for n in range(50)])
    expected = (masks * torch.tensor(VALUES)) @ torch.tensor(WEIGHTS) + 0.1
    torch.testing.assert_close(torch.tensor(view.sums), expected)
    assert view.mask == pytest.approx(masks[-1].tolist())
    layer = torch.nn.Linear(4, 1)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([WEIGHTS]))
        layer.bias.fill_(0.1)
        assert view.evaluation == pytest.approx(layer(torch.tensor(VALUES)).item())


def test_the_average_comes_to_evaluation(view):
    view.draws = 10_000
    sums = torch.tensor(view.sums)
    # Each product is dropped by itself: its variance is product² · p / (1 − p).
    products = torch.tensor(VALUES) * torch.tensor(WEIGHTS)
    spread = (products.square().sum() * 0.4 / 0.6).sqrt()
    assert sums.std() == pytest.approx(spread.item(), rel=0.03)
    assert abs(sums.mean() - view.evaluation) < 3 * spread / 100


def test_alt_says_the_main_numbers(view):
    dropped = [name for name, factor in zip("abcd", view.mask) if factor == 0]
    assert dropped
    alt = view.alt()
    assert f"{len(dropped)} of 4 values are dropped ({', '.join(dropped)})" in alt
    assert "the others are multiplied by 1.667" in alt
    assert f"average over 1 mask is {view.sums[0]:.4g}".replace("-", "−") in alt
    assert "evaluation mode gives −0.15" in alt
    view.training = False
    assert view.alt() == (
        "Dropout in evaluation mode: all 4 values are kept as they are, and the sum at flower is "
        "−0.15."
    )


def test_picture_and_state_are_the_same_each_time(view):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert view.picture() == view.picture()
        view.draws = 1000
        assert len(view.picture()) < 40_000
        view.training = False
        assert view.picture().startswith(b"\x89PNG")
    state = view.state()
    assert json.loads(json.dumps(state)) == state
    bundle, metadata = view._repr_mimebundle_()
    assert bundle[MIME]["esm"] == "dropout"
    assert metadata["image/png"]["alt"] == view.alt()
    assert repr(view) == "<DropoutView of 4 values, p 0.4>"


def test_tensors_and_hostile_names():
    shown = DropoutView(
        torch.tensor(VALUES), torch.tensor(WEIGHTS), names=HOSTILE[:4], neuron="</script>$x$"
    )
    json.dumps(shown.state(), ensure_ascii=False).encode("utf-8")
    assert shown.picture().startswith(b"\x89PNG")
    assert DropoutView([1.0], [2.0], p=0).names == ["neuron 1"]
    assert DropoutView([0.0] * 12, [0.0] * 12).picture().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (dict(values=[1.0] * 13), "13 values were given; the view shows 1 to 12"),
        (dict(values=[]), "0 values were given"),
        (dict(weights=[1.0]), "1 weights were given for 4 values"),
        (dict(values=[1, 2, 3, float("inf")]), "values must be finite numbers, not inf"),
        (dict(bias=float("nan")), "bias must be finite numbers, not nan"),
        (dict(names=["a"]), "4 names are needed"),
        (dict(p=1.0), "p must be at least 0 and below 1"),
        (dict(p=0.99), "shows at most 0.95"),
        (dict(seed=2**53), r"0 to 2\^53 - 1"),
        (dict(seed=-1), "seed must be a whole number"),
        (dict(draws=0), "draws must be a whole number from 1 to 10,000"),
        (dict(draws=10_001), "not 10001"),
    ],
)
def test_bad_input_is_told_in_one_sentence(changes, message):
    with pytest.raises((ValueError, traitlets.TraitError), match=message):
        DropoutView(**{"values": VALUES, "weights": WEIGHTS, **changes})
