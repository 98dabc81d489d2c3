"""Our Transformer against Hugging Face transformers, with the same random weights.

float32 throughout unless a test says otherwise; logits spread by about one and a half.
"""

from __future__ import annotations

import copy
import functools

import pytest
import torch
from torch.nn.functional import cross_entropy

from llmlab.checkpoints.state import convert_state
from llmlab.recording import RECORDABLE
from tests.families import DECODERS, FAMILIES, VOCAB, pair

TOLERANCE = 1e-4
WITH_CACHE = (*DECODERS, "marian")
DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)]
HALVES = {"bfloat16": torch.bfloat16, "float16": torch.float16}

every_family = pytest.mark.parametrize("family", FAMILIES)
every_device = pytest.mark.parametrize("device", DEVICES)


@functools.lru_cache
def models(family: str, device: str = "cpu", dtype: torch.dtype = torch.float32):
    """Hugging Face's model and ours."""
    theirs, ours = pair(family)
    return theirs.to(device, dtype), ours.to(device, dtype)


def random_ids(seed: int, batch: int, length: int, device: str = "cpu") -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(3, VOCAB, (batch, length), generator=generator).to(device)


def inputs(family: str, device: str = "cpu", length: int = 23) -> tuple[dict, dict]:
    """The same two texts for Hugging Face's model and for ours."""
    ids = random_ids(1, 2, length, device)
    if family == "marian":
        source = random_ids(2, 2, 17, device)
        return {"input_ids": source, "decoder_input_ids": ids}, {"ids": ids, "source": source}
    if family == "bert":
        types = (torch.arange(length, device=device) > length // 2).long().expand(2, -1)
        return {"input_ids": ids, "token_type_ids": types}, {"ids": ids, "token_types": types}
    return {"input_ids": ids}, {"ids": ids}


def padding(shape: torch.Size, side: str, device: str = "cpu") -> torch.Tensor:
    """Five padded positions on one side of the second text: (batch, position), True if real."""
    real = torch.ones(shape, dtype=torch.bool, device=device)
    if side == "right":
        real[1, -5:] = False
    else:
        real[1, :5] = False
    return real


def padded_inputs(family: str, side: str, device: str = "cpu"):
    """As ``inputs``, with masks; and which positions are real."""
    theirs, ours = inputs(family, device)
    real = padding(ours["ids"].shape, side, device)
    if family == "marian":
        source_real = padding(ours["source"].shape, side, device)
        theirs |= {"attention_mask": source_real.long(), "decoder_attention_mask": real.long()}
        ours |= {"mask": real, "source_mask": source_real}
    else:
        theirs["attention_mask"] = real.long()
        ours["mask"] = real
    return theirs, ours, real


def largest_difference(a: torch.Tensor, b: torch.Tensor) -> float:
    assert a.shape == b.shape
    assert a.isfinite().all() and b.isfinite().all()
    return (a.float() - b.float()).abs().max().item()


@every_family
@every_device
@torch.no_grad()
def test_logits(family, device):
    theirs, ours = models(family, device)
    for_theirs, for_ours = inputs(family, device)
    expected = theirs(**for_theirs).logits
    assert expected.std() > 1  # the weights make a difference
    assert largest_difference(ours(**for_ours).logits, expected) < TOLERANCE


@every_family
@every_device
@pytest.mark.parametrize("side", ["left", "right"])
@torch.no_grad()
def test_logits_with_padding(family, device, side):
    theirs, ours = models(family, device)
    for_theirs, for_ours, real = padded_inputs(family, side, device)
    expected = theirs(**for_theirs).logits
    actual = ours(**for_ours).logits
    assert actual.isfinite().all()  # padding included
    assert largest_difference(actual[real], expected[real]) < TOLERANCE


@every_family
@torch.no_grad()
def test_padding_changes_nothing(family):
    """A text among longer ones reads as it does alone."""
    _, ours = models(family)
    _, padded, _ = padded_inputs(family, "right")
    alone = {name: value[1:, :-5] for name, value in padded.items() if "mask" not in name}
    actual = ours(**padded).logits[1:, :-5]
    assert largest_difference(actual, ours(**alone).logits) < 1e-5


@every_family
@torch.no_grad()
def test_hidden_states_and_attentions(family):
    theirs, ours = models(family)
    for_theirs, for_ours, real = padded_inputs(family, "right")
    expected = theirs(**for_theirs, output_hidden_states=True, output_attentions=True)
    record = ["residual", "attention", "cross_attention", "encoder_attention"]
    recording = ours(**for_ours, record=record).recording

    prefix = "decoder_" if family == "marian" else ""
    hidden = torch.stack(expected[prefix + "hidden_states"], dim=1)
    residual = recording["residual"]
    if ours.final_norm is not None:  # transformers gives the last state after the final norm
        last = ours.final_norm(residual[:, -1:])
        residual = torch.cat((residual[:, :-1], last), dim=1)
    of_real = lambda x: x.transpose(1, 2)[real]  # noqa: E731  (real position, layer, …)
    assert largest_difference(of_real(residual), of_real(hidden)) < TOLERANCE

    attention = torch.stack(expected[prefix + "attentions"], dim=1)
    of_real = lambda x: x.permute(0, 3, 1, 2, 4)[real]  # noqa: E731  (real query, layer, …)
    assert largest_difference(of_real(recording["attention"]), of_real(attention)) < TOLERANCE
    if family == "marian":
        cross = torch.stack(expected.cross_attentions, dim=1)
        actual = recording["cross_attention"]
        assert largest_difference(of_real(actual), of_real(cross)) < TOLERANCE
        real = for_ours["source_mask"]
        encoder = torch.stack(expected.encoder_attentions, dim=1)
        actual = recording["encoder_attention"]
        assert largest_difference(of_real(actual), of_real(encoder)) < TOLERANCE


@pytest.mark.parametrize("family", WITH_CACHE)
@every_device
@torch.no_grad()
def test_cached_path(family, device):
    """A prompt of seven tokens, three at once, then one at a time."""
    theirs, ours = models(family, device)
    for_theirs, for_ours = inputs(family, device)
    expected = theirs(**for_theirs).logits
    ids, source = for_ours["ids"], for_ours.get("source")
    cache = ours.new_cache(batch=2, max_length=ids.size(1))
    for start, end in [(0, 7), (7, 10), *((i, i + 1) for i in range(10, ids.size(1)))]:
        logits = ours(ids[:, start:end], source=source, cache=cache).logits
        assert cache.length == end
        assert largest_difference(logits, expected[:, start:end]) < TOLERANCE, f"at {start}"


@pytest.mark.parametrize("family", WITH_CACHE)
@torch.no_grad()
def test_cached_path_with_padding(family):
    """Prompts of different lengths, padded on the left; the source comes once."""
    theirs, ours = models(family)
    for_theirs, for_ours, real = padded_inputs(family, "left")
    expected = theirs(**for_theirs).logits
    ids = for_ours["ids"]
    cache = ours.new_cache(batch=2, max_length=40)
    once = {name: for_ours[name] for name in ("source", "source_mask") if name in for_ours}
    for start, end in [(0, 9), *((i, i + 1) for i in range(9, ids.size(1)))]:
        logits = ours(ids[:, start:end], cache=cache, mask=real[:, :end], **once).logits
        here = real[:, start:end]
        assert largest_difference(logits[here], expected[:, start:end][here]) < TOLERANCE
        once = {}


@every_family
@every_device
def test_gradients(family, device):
    """Of a cross-entropy, for every parameter."""
    theirs, ours = copy.deepcopy(models(family, device))
    if family == "marian":  # there the head's bias is a buffer, which is not trained
        theirs.final_logits_bias.requires_grad_()
    for_theirs, for_ours = inputs(family, device)
    target = random_ids(3, 2, for_ours["ids"].size(1), device).flatten()
    cross_entropy(theirs(**for_theirs).logits.flatten(0, 1), target).backward()
    cross_entropy(ours(**for_ours).logits.flatten(0, 1), target).backward()

    gradients = {
        name: parameter.grad for name, parameter in theirs.named_parameters(remove_duplicate=False)
    }
    if family == "marian":
        gradients["final_logits_bias"] = theirs.final_logits_bias.grad
    held = {name: gradient for name, gradient in gradients.items() if gradient is not None}
    expected = convert_state(theirs.config.model_type, held, ours.config)
    compared = 0
    for name, parameter in ours.named_parameters():
        gradient = expected[name]
        if family == "gemma3" and name.endswith("norm.weight"):
            gradient = gradient - 1  # a weight's conversion adds one; a gradient's must not
        scale = gradient.abs().max().item()
        # A key's bias adds the same to all scores of a query, which softmax takes away again.
        if not name.endswith("attention.key.bias"):
            assert scale > 1e-5, f"{name} has no gradient to compare"
        difference = largest_difference(parameter.grad, gradient)
        assert difference < 1e-4 * scale + 1e-7, f"{name}: {difference} of {scale}"
        compared += 1
    assert compared == len(expected)


@every_family
@every_device
@pytest.mark.parametrize("half", HALVES)
@torch.no_grad()
def test_half_precision(family, device, half):
    """As near to the float32 logits as transformers is in the same precision."""
    for_theirs, for_ours = inputs(family, device)
    exact = models(family, device)[0](**for_theirs).logits
    theirs, ours = models(family, device, HALVES[half])
    actual, expected = ours(**for_ours).logits, theirs(**for_theirs).logits
    assert actual.dtype == HALVES[half]
    our_error = (actual.float() - exact).square().mean().sqrt()
    their_error = (expected.float() - exact).square().mean().sqrt()
    assert our_error < 1.5 * their_error
    assert our_error < 0.1 * exact.std()


@every_family
@every_device
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@torch.no_grad()
def test_recorded_path_equals_fused_path(family, device, dtype):
    _, ours = models(family, device, dtype)
    _, for_ours = inputs(family, device)
    fused = ours(**for_ours).logits
    output = ours(**for_ours, record=RECORDABLE)
    tolerance = 1e-5 if dtype == torch.float32 else 0.1 * fused.float().std().item()
    assert largest_difference(output.logits, fused) < tolerance
    assert torch.equal(output.recording["logits"], output.logits)


@every_family
@torch.no_grad()
def test_recording_one_thing_changes_no_value(family):
    _, ours = models(family)
    _, for_ours = inputs(family)
    everything = ours(**for_ours, record=RECORDABLE).recording
    for name in everything:
        alone = ours(**for_ours, record=[name]).recording
        assert set(alone) == {name}
        assert largest_difference(alone[name], everything[name]) < TOLERANCE


@torch.no_grad()
def test_sliding_window_is_seen():
    """The texts are longer than Gemma's window: without it the logits would differ."""
    _, ours = models("gemma3")
    _, for_ours = inputs("gemma3")
    attention = ours(**for_ours, record=["attention"]).recording["attention"]
    layers = attention[:, :, :, -1, :-5].amax(dim=(0, 2, 3))  # the last query, beyond the window
    assert layers[0] == 0 and layers[1] == 0 and layers[2] > 0.01
