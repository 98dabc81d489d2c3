"""Loss, optimiser, schedule, precision, evaluation and throughput, each beside another's."""

import math

import pytest
import torch
import torch.nn.functional as F

from llmlab.config import TransformerConfig
from llmlab.training.config import OptimizerConfig
from llmlab.training.evaluation import Evaluation
from llmlab.training.loss import IGNORED, cross_entropy_sum
from llmlab.training.objective import Objective
from llmlab.training.optimizer import clip_gradients, learning_rate, make_optimizer
from llmlab.training.precision import choose_precision, has_bfloat16, mixed
from llmlab.training.random_state import random_state, restore_random_state, seed_all
from llmlab.training.throughput import flops_per_token, peak_flops
from llmlab.transformer import Transformer

CPU = torch.device("cpu")


@pytest.mark.parametrize("with_bias", [False, True])
@pytest.mark.parametrize("n_ignored", [0, 3, 50])
def test_loss_and_gradients_are_those_of_torch(with_bias, n_ignored):
    torch.manual_seed(0)
    x = torch.randn(5, 10, 16, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(23, 16, dtype=torch.float64, requires_grad=True)
    bias = torch.randn(23, dtype=torch.float64, requires_grad=True) if with_bias else None
    targets = torch.randint(0, 23, (5, 10))
    targets.flatten()[:n_ignored] = IGNORED
    narrow_bias = bias.float() if with_bias else None
    ours = cross_entropy_sum(x.float(), weight.float(), targets, narrow_bias, chunk=7)
    found = torch.autograd.grad(ours * 0.3, [x, weight, *([bias] if with_bias else [])])
    theirs = F.cross_entropy(
        F.linear(x, weight, bias).flatten(0, 1), targets.flatten(), reduction="sum"
    )
    expected = torch.autograd.grad(theirs * 0.3, [x, weight, *([bias] if with_bias else [])])
    assert ours.item() == pytest.approx(theirs.item(), rel=1e-6, abs=1e-12)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)


def test_a_sure_prediction_of_another_token_keeps_its_gradient():
    x = torch.tensor([[200.0]], requires_grad=True)  # p of the target is below float32
    weight = torch.tensor([[1.0], [-1.0]])
    loss = cross_entropy_sum(x, weight, torch.tensor([1]))
    loss.backward()
    assert loss.item() == pytest.approx(400.0) and x.grad.item() == pytest.approx(2.0)


@pytest.mark.parametrize("architecture", ["decoder", "encoder-decoder"])
@pytest.mark.parametrize("tied", [True, False])
def test_the_objective_is_the_transformers_own_loss(architecture, tied):
    torch.manual_seed(1)
    config = TransformerConfig(
        vocab_size=50, context_length=12, n_layers=2, d_model=16, n_heads=2, d_ff=32,
        architecture=architecture, tied_embeddings=tied, head_bias=not tied,
    )  # fmt: skip
    model = Transformer(config)
    if not tied:
        torch.nn.init.normal_(model.head.weight)
    ids, targets = torch.randint(0, 50, (2, 3, 12))
    inputs = {}
    if architecture == "encoder-decoder":
        mask = torch.ones(3, 9, dtype=torch.bool)
        mask[1, 4:] = False
        inputs = {"source": torch.randint(0, 50, (3, 9)), "source_mask": mask}
    ours = Objective(model)(ids, targets, *inputs.values())
    found = torch.autograd.grad(ours, list(model.parameters()))
    logits = model(ids, **inputs).logits
    theirs = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="sum")
    expected = torch.autograd.grad(theirs, list(model.parameters()))
    assert ours.item() == pytest.approx(theirs.item(), rel=1e-6)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-5)


def test_learning_rate_by_hand():
    config = OptimizerConfig(learning_rate=1.0, final_learning_rate=0.2, warmup_steps=4)
    rates = [learning_rate(step, 13, config) for step in range(13)]
    assert rates[:4] == [0.25, 0.5, 0.75, 1.0] and rates[4] == 1.0
    assert rates[8] == pytest.approx(0.6)  # halfway down
    assert rates[12] == pytest.approx(0.2)
    assert rates[6] == pytest.approx(0.2 + 0.8 * (1 + math.cos(math.pi / 4)) / 2)
    assert learning_rate(0, 1, OptimizerConfig(warmup_steps=0)) > 0


def test_learning_rate_with_a_plateau():
    config = OptimizerConfig(
        learning_rate=1.0, final_learning_rate=0.2, warmup_steps=4, decay_steps=4
    )
    rates = [learning_rate(step, 13, config) for step in range(13)]
    assert rates[:9] == [0.25, 0.5, 0.75] + 6 * [1.0]
    assert rates[9] == pytest.approx(0.2 + 0.8 * (1 + math.cos(math.pi / 4)) / 2)
    assert rates[10:] == [pytest.approx(0.6), pytest.approx(rates[11]), pytest.approx(0.2)]
    # A longer run has the same beginning; a fall longer than the run begins after the warm-up.
    assert [learning_rate(step, 99, config) for step in range(9)] == rates[:9]
    all_of_it = OptimizerConfig(
        learning_rate=1.0, final_learning_rate=0.2, warmup_steps=4, decay_steps=50
    )
    assert learning_rate(8, 13, all_of_it) == pytest.approx(0.6)


def test_adamw_is_the_papers_and_decays_matrices_only():
    torch.manual_seed(2)
    model = torch.nn.Linear(3, 2)
    config = OptimizerConfig(learning_rate=0.1, weight_decay=0.5, beta1=0.8, beta2=0.9)
    expected = {name: p.detach().double().clone() for name, p in model.named_parameters()}
    first = {name: torch.zeros_like(p) for name, p in expected.items()}
    second = {name: torch.zeros_like(p) for name, p in expected.items()}
    optimizer = make_optimizer(model, config)
    for t in range(1, 6):
        optimizer.zero_grad()
        model(torch.randn(4, 3)).square().sum().backward()
        for name, parameter in model.named_parameters():  # Algorithm 2 of Loshchilov and Hutter
            gradient = parameter.grad.double()
            first[name] = 0.8 * first[name] + 0.2 * gradient
            second[name] = 0.9 * second[name] + 0.1 * gradient**2
            step = (first[name] / (1 - 0.8**t)) / ((second[name] / (1 - 0.9**t)).sqrt() + 1e-8)
            decay = 0.5 if name == "weight" else 0.0
            expected[name] = expected[name] - 0.1 * (step + decay * expected[name])
        optimizer.step()
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(parameter.double(), expected[name], rtol=1e-5, atol=1e-6)


def test_clipping_by_hand():
    parameter = torch.nn.Parameter(torch.zeros(2))
    for largest, expected in ((1.0, [0.6, 0.8]), (10.0, [3.0, 4.0]), (0, [3.0, 4.0])):
        parameter.grad = torch.tensor([3.0, 4.0])
        assert clip_gradients([parameter], largest).item() == pytest.approx(5.0)
        assert parameter.grad.tolist() == pytest.approx(expected, rel=1e-5)


def test_perplexity_and_bits_per_character():
    found = Evaluation(loss=math.log(8), n_tokens=10, tokens_per_character=0.5)
    assert found.perplexity == pytest.approx(8) and found.bits_per_character == pytest.approx(1.5)


def test_precision_follows_the_processor():
    expected = torch.bfloat16 if has_bfloat16(CPU) else torch.float32
    assert choose_precision("auto", CPU) == expected
    assert choose_precision("float32", CPU) == torch.float32
    assert choose_precision("bfloat16", CPU) == torch.bfloat16


def test_bfloat16_products_keep_float32_weights_and_about_the_same_gradient():
    torch.manual_seed(3)
    config = TransformerConfig(
        vocab_size=60, context_length=16, n_layers=2, d_model=32, n_heads=2, d_ff=64,
        norm="rmsnorm", activation="silu", gated=True, positions="rotary",
    )  # fmt: skip
    objective = Objective(Transformer(config))
    ids, targets = torch.randint(0, 60, (2, 4, 16))
    losses, gradients = [], []
    for dtype in (torch.float32, torch.bfloat16):
        objective.zero_grad()
        with mixed(dtype, CPU):
            loss = objective(ids, targets)
        loss.backward()
        losses.append(loss.item())
        gradients.append(torch.cat([p.grad.flatten() for p in objective.parameters()]))
    assert losses[0] != losses[1] and losses[1] == pytest.approx(losses[0], rel=2e-3)
    assert gradients[1].dtype == torch.float32
    assert F.cosine_similarity(*gradients, dim=0) > 0.999


def test_flops_of_gpt_3():
    from llmlab import preset

    config = preset("gpt3-175b")
    with torch.device("meta"):
        model = Transformer(config)
    # Brown et al. (2020), table D.1: 6 FLOPs for each of 174.6e9 parameters and token.
    assert flops_per_token(model, 0) == pytest.approx(6 * 174.6e9, rel=0.01)
    extra = flops_per_token(model, 2048) - flops_per_token(model, 0)
    assert extra == 12 * 96 * 12288 * 2048


def test_flops_are_counted_as_torch_counts_them():
    from torch.utils.flop_counter import FlopCounterMode

    config = TransformerConfig(
        vocab_size=50, context_length=12, n_layers=2, d_model=16, n_heads=2, d_ff=32,
        tied_embeddings=False,
    )  # fmt: skip
    model = Transformer(config)
    ids = torch.randint(0, 50, (3, 12))
    with FlopCounterMode(display=False) as counter:
        model(ids).logits.sum().backward()
    # Torch's counter may not see attention's fused kernel: what it sees lies between.
    with_attention, without = (flops_per_token(model, n) * 36 for n in (12, 0))
    assert without * 0.99 <= counter.get_total_flops() <= with_attention * 1.2


def test_peak_is_a_speed_of_this_machine():
    assert 1e8 < peak_flops(CPU, torch.float32, seconds=0.05) < 1e15


def test_random_states_go_through_json():
    import json
    import random

    import numpy as np

    def draw():
        return random.random(), np.random.rand(), torch.rand(3).tolist(), torch.randn(1).item()

    seed_all(4)
    draw()
    state = json.loads(json.dumps(random_state()))
    expected = draw()
    seed_all(9)
    restore_random_state(state)
    assert draw() == expected
