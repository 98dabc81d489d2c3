"""The parts of the Transformer against torch.nn, hand formulas and one another."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from llmlab import Transformer, TransformerConfig
from llmlab.attention import MultiHeadAttention, attention, attention_mask
from llmlab.config import CHOICES, RopeScaling
from llmlab.feedforward import FeedForward
from llmlab.norm import LayerNorm, RMSNorm, layer_norm, rms_norm
from llmlab.positions import rotary, rotary_frequencies, rotate, sinusoidal
from llmlab.recording import RECORDABLE

SMALL = {
    "vocab_size": 50,
    "context_length": 32,
    "n_layers": 2,
    "d_model": 24,
    "n_heads": 4,
    "d_ff": 40,
}


def small(**values) -> TransformerConfig:
    return TransformerConfig(**{**SMALL, **values})


def random_transformer(config: TransformerConfig, seed: int = 0) -> Transformer:
    """With weights large enough that every part counts."""
    torch.manual_seed(seed)
    transformer = Transformer(config).eval()
    with torch.no_grad():
        for parameter in transformer.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    return transformer


def ids_of(config: TransformerConfig, batch: int = 2, length: int = 11, seed: int = 1):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(config.vocab_size, (batch, length), generator=generator)


def close(a: torch.Tensor, b: torch.Tensor, tolerance: float = 1e-5) -> None:
    torch.testing.assert_close(a, b, rtol=tolerance, atol=tolerance)


# Attention


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("scale", [None, 0.5])
def test_attention_is_pytorchs(masked, scale):
    query, key, value = torch.randn(3, 2, 4, 7, 6)
    mask = torch.ones(7, 7).tril().bool() if masked else None
    mixed, weights = attention(query, key, value, mask, scale)
    close(mixed, F.scaled_dot_product_attention(query, key, value, mask, scale=scale))
    close(weights.sum(-1), torch.ones(2, 4, 7))
    close(weights @ value, mixed)


def test_attention_by_hand():
    """Two positions, one head of one dimension: scores ln 3 and 0, so weights 3/4 and 1/4."""
    query = torch.tensor([[[[1.0]]]])
    key = torch.tensor([[[[math.log(3)], [0.0]]]])
    value = torch.tensor([[[[8.0], [4.0]]]])
    mixed, weights = attention(query, key, value)
    close(weights, torch.tensor([[[[0.75, 0.25]]]]))
    close(mixed, torch.tensor([[[[7.0]]]]))


@pytest.mark.parametrize("cross", [False, True])
def test_multi_head_attention_is_torch_nns(cross):
    config = small()
    torch.manual_seed(0)
    ours, theirs = MultiHeadAttention(config), nn.MultiheadAttention(24, 4, batch_first=True)
    projections = (ours.query, ours.key, ours.value)
    with torch.no_grad():
        theirs.in_proj_bias.normal_()
        theirs.out_proj.bias.normal_()
        parts = zip(
            projections, theirs.in_proj_weight.chunk(3), theirs.in_proj_bias.chunk(3), strict=True
        )
        for projection, weight, bias in parts:
            projection.weight.copy_(weight)
            projection.bias.copy_(bias)
        ours.output.load_state_dict(theirs.out_proj.state_dict())
    x, source = torch.randn(2, 9, 24), torch.randn(2, 5, 24)
    if cross:
        close(ours(x, source=source), theirs(x, source, source)[0])
    else:
        mask = attention_mask(9, 9, causal=True)
        close(ours(x, mask=mask), theirs(x, x, x, attn_mask=~mask)[0])


@pytest.mark.parametrize("n_kv_heads", [1, 2])
def test_grouped_queries_are_repeated_keys(n_kv_heads):
    """Grouped-query attention is multi-head attention whose key and value heads repeat."""
    torch.manual_seed(0)
    grouped = MultiHeadAttention(small(n_kv_heads=n_kv_heads))
    full = MultiHeadAttention(small())
    state = dict(grouped.state_dict())
    for name in ("key.weight", "key.bias", "value.weight", "value.bias"):
        heads = state[name].unflatten(0, (n_kv_heads, 6))
        state[name] = heads.repeat_interleave(4 // n_kv_heads, dim=0).flatten(0, 1)
    full.load_state_dict(state)
    x = torch.randn(2, 9, 24)
    close(grouped(x), full(x))


def test_mask_by_hand():
    causal = attention_mask(3, 3, causal=True)
    assert causal.int().tolist() == [[1, 0, 0], [1, 1, 0], [1, 1, 1]]
    window = attention_mask(4, 4, causal=True, window=2)
    assert window.int().tolist() == [[1, 0, 0, 0], [1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 1, 1]]
    both = attention_mask(3, 3, causal=False, window=2)
    assert both.int().tolist() == [[1, 1, 0], [1, 1, 1], [0, 1, 1]]
    continued = attention_mask(2, 4, causal=True)
    assert continued.int().tolist() == [[1, 1, 1, 0], [1, 1, 1, 1]]
    padded = attention_mask(3, 3, causal=True, padding=torch.tensor([[False, True, True]]))
    assert padded.int().tolist() == [[[[1, 0, 0], [0, 1, 0], [0, 1, 1]]]]
    assert attention_mask(3, 3, causal=False) is None
    assert attention_mask(1, 9, causal=True) is None
    assert attention_mask(1, 9, causal=True, window=9) is None
    assert attention_mask(1, 9, causal=True, window=8).int().tolist() == [[0] + 8 * [1]]


def test_window_hides_what_is_far():
    config = small(sliding_window=3, global_layers=(1,))
    transformer = random_transformer(config)
    weights = transformer(ids_of(config), record="attention").recording["attention"]
    distance = torch.arange(11)[:, None] - torch.arange(11)
    near = (distance >= 0) & (distance < 3)
    assert (weights[:, 0][..., ~near] == 0).all() and (weights[:, 0][..., near] > 0).all()
    assert (weights[:, 1][..., distance >= 0] > 0).all()
    assert config.window(0) == 3 and config.window(1) is None


# Norms, feed-forward, positions


@pytest.mark.parametrize("eps", [1e-5, 0.1])
def test_norms_are_pytorchs(eps):
    x, weight, bias = 3 * torch.randn(2, 5, 24) + 1, torch.randn(24), torch.randn(24)
    close(layer_norm(x, weight, bias, eps), F.layer_norm(x, (24,), weight, bias, eps))
    close(rms_norm(x, weight, eps), F.rms_norm(x, (24,), weight, eps))
    for ours, theirs in (
        (LayerNorm(24, eps), nn.LayerNorm(24, eps)),
        (RMSNorm(24, eps), nn.RMSNorm(24, eps)),
    ):
        theirs.load_state_dict(ours.state_dict())
        close(ours(x), theirs(x))


def test_norms_by_hand():
    x = torch.tensor([1.0, 3.0])  # mean 2, variance 1, mean square 5
    one, zero = torch.ones(2), torch.zeros(2)
    close(layer_norm(x, one, zero, eps=3.0), torch.tensor([-0.5, 0.5]))  # eps inside the root
    close(rms_norm(x, one, eps=11.0), torch.tensor([0.25, 0.75]))


@pytest.mark.parametrize(
    ("activation", "theirs"),
    [
        ("relu", nn.ReLU()),
        ("gelu", nn.GELU()),
        ("gelu_tanh", nn.GELU(approximate="tanh")),
        ("silu", nn.SiLU()),
    ],
)
def test_feedforward(activation, theirs):
    x = torch.randn(2, 5, 24)
    plain = FeedForward(small(activation=activation))
    close(plain(x), nn.Sequential(plain.up, theirs, plain.down)(x))
    gated = FeedForward(small(activation=activation, gated=True))
    close(gated(x), gated.down(theirs(gated.gate(x)) * gated.up(x)))


@pytest.mark.parametrize("halves", [False, True])
def test_sinusoids_by_hand(halves):
    vectors = sinusoidal(torch.arange(4, 9), 12, halves=halves)
    for row, position in enumerate(range(4, 9)):
        for i in range(6):
            angle = position / 10_000 ** (2 * i / 12)
            sine, cosine = (i, 6 + i) if halves else (2 * i, 2 * i + 1)
            assert vectors[row, sine].item() == pytest.approx(math.sin(angle), abs=1e-6)
            assert vectors[row, cosine].item() == pytest.approx(math.cos(angle), abs=1e-6)


def test_rotary_is_a_rotation_of_complex_numbers():
    config = small(positions="rotary", d_head=6, rope_theta=100.0)
    x = torch.randn(2, 4, 11, 6)
    pairs = torch.complex(*x.chunk(2, dim=-1))
    frequency = torch.tensor([100 ** (-2 * i / 6) for i in range(3)])
    angle = torch.arange(11)[:, None] * frequency
    turned = pairs * torch.polar(torch.ones_like(angle), angle)
    expected = torch.cat((turned.real, turned.imag), dim=-1)
    close(rotate(x, *rotary(torch.arange(11), config, layer=0)), expected)


def test_rotary_product_depends_on_distance_alone():
    config = small(positions="rotary")
    query, key = torch.randn(2, 1, 1, 1, 6)

    def product(query_position: int, key_position: int) -> torch.Tensor:
        at = lambda p: rotary(torch.tensor([p]), config, layer=0)  # noqa: E731
        return rotate(query, *at(query_position)) @ rotate(key, *at(key_position)).mT

    close(product(7, 3), product(104, 100), 1e-4)
    close(product(5, 5), query @ key.mT, 1e-4)
    assert (product(7, 3) - product(8, 3)).abs() > 1e-3


def test_rope_scaling():
    """Llama 3.1: long wavelengths stretched by the factor, short ones kept."""
    plain = rotary_frequencies(128, 500_000.0)
    scaled = rotary_frequencies(128, 500_000.0, RopeScaling())
    wavelength = 2 * math.pi / plain
    assert torch.equal(scaled[wavelength < 8192 / 4], plain[wavelength < 8192 / 4])
    close(scaled[wavelength > 8192], plain[wavelength > 8192] / 8, 1e-7)
    between = (wavelength > 8192 / 4) & (wavelength < 8192)
    assert between.any()
    assert ((scaled < plain) & (scaled > plain / 8))[between].all()
    linear = RopeScaling(kind="linear", factor=4.0)
    close(rotary_frequencies(128, 1e6, linear), rotary_frequencies(128, 1e6) / 4, 1e-7)


def test_layers_with_a_window_have_their_own_theta():
    config = small(
        positions="rotary", sliding_window=4, global_layers=(1,), rope_theta=1e6,
        rope_theta_local=1e4, rope_scaling=RopeScaling(kind="linear"),
    )  # fmt: skip
    assert config.rotary_base(0) == (1e4, None)
    assert config.rotary_base(1) == (1e6, RopeScaling(kind="linear"))


# The whole Transformer


@pytest.mark.parametrize("placement", CHOICES["norm_placement"])
@pytest.mark.parametrize("positions", CHOICES["positions"])
@pytest.mark.parametrize("norm", CHOICES["norm"])
@torch.no_grad()
def test_every_combination(placement, positions, norm):
    """Fused, recorded and cached runs give the same logits; left does not see right."""
    choices = itertools.product(CHOICES["activation"], (False, True), (1, 2, 4), (False, True))
    for activation, gated, n_kv_heads, qk_norm in choices:
        config = small(
            norm=norm, norm_placement=placement, positions=positions, activation=activation,
            gated=gated, n_kv_heads=n_kv_heads, qk_norm=qk_norm, sliding_window=4,
            global_layers=(1,), tied_embeddings=gated,
        )  # fmt: skip
        transformer = random_transformer(config)
        ids = ids_of(config)
        fused = transformer(ids).logits
        assert fused.shape == (2, 11, 50) and fused.std() > 0.1
        close(transformer(ids, record=RECORDABLE).logits, fused)
        cache = transformer.new_cache(2, 11)
        first = transformer(ids[:, :6], cache=cache).logits
        rest = transformer(ids[:, 6:], cache=cache).logits
        close(torch.cat((first, rest), dim=1), fused, 1e-4)
        close(transformer(ids[:, :6]).logits, fused[:, :6])
        close(transformer(ids, last_only=True).logits, fused[:, -1:])


@pytest.mark.parametrize("placement", CHOICES["norm_placement"])
@torch.no_grad()
def test_encoder_decoder(placement):
    config = small(
        architecture="encoder-decoder", n_encoder_layers=3, norm_placement=placement,
        positions="sinusoidal", n_kv_heads=2,
    )  # fmt: skip
    transformer = random_transformer(config)
    ids, source = ids_of(config), ids_of(config, length=7, seed=2)
    output = transformer(ids, source=source, record=RECORDABLE)
    close(transformer(ids, source=source).logits, output.logits)
    assert output.recording["cross_attention"].shape == (2, 2, 4, 11, 7)
    assert output.recording["encoder_attention"].shape == (2, 3, 4, 7, 7)
    assert (output.recording["encoder_attention"] > 0).all()  # the encoder looks both ways
    cache = transformer.new_cache(2, 11)
    steps = [
        transformer(ids[:, i : i + 1], source=source if i == 0 else None, cache=cache).logits
        for i in range(11)
    ]
    close(torch.cat(steps, dim=1), output.logits, 1e-4)
    other = transformer(ids, source=source.flip(1)).logits
    assert (other - output.logits).abs().max() > 0.01


@torch.no_grad()
def test_original_transformer_is_torch_nns():
    """Post-norm, ReLU, encoder and decoder: ``torch.nn.Transformer`` with our weights."""
    config = small(
        architecture="encoder-decoder", norm_placement="post", activation="relu",
        positions="sinusoidal", embedding_scale=24**0.5,
    )  # fmt: skip
    ours = random_transformer(config)
    theirs = nn.Transformer(24, 4, 2, 2, 40, dropout=0.0, batch_first=True).eval()
    theirs.encoder.norm = theirs.decoder.norm = None  # a post-norm stream is normalised already

    def fill_attention(target: nn.MultiheadAttention, part: MultiHeadAttention) -> None:
        projections = (part.query, part.key, part.value)
        target.in_proj_weight.copy_(torch.cat([p.weight for p in projections]))
        target.in_proj_bias.copy_(torch.cat([p.bias for p in projections]))
        target.out_proj.load_state_dict(part.output.state_dict())

    for stack, blocks in ((theirs.encoder, ours.encoder_blocks), (theirs.decoder, ours.blocks)):
        for layer, block in zip(stack.layers, blocks, strict=True):
            fill_attention(layer.self_attn, block.attention)
            norms = [block.attention_norm, block.feedforward_norm]
            if block.cross_attention is not None:
                fill_attention(layer.multihead_attn, block.cross_attention)
                norms.insert(1, block.cross_attention_norm)
            for i, norm in enumerate(norms, start=1):
                getattr(layer, f"norm{i}").load_state_dict(norm.state_dict())
            layer.linear1.load_state_dict(block.feedforward.up.state_dict())
            layer.linear2.load_state_dict(block.feedforward.down.state_dict())

    ids, source = ids_of(config), ids_of(config, length=7, seed=2)
    embed = lambda x: ours.embedding(x, torch.arange(x.size(1)))  # noqa: E731
    causal = nn.Transformer.generate_square_subsequent_mask(11)
    stream = theirs(embed(source), embed(ids), tgt_mask=causal)
    close(ours(ids, source=source).logits, stream @ ours.embedding.token.weight.T, 1e-4)


@pytest.mark.parametrize("placement", ["pre", "post"])
@torch.no_grad()
def test_recording_adds_up(placement):
    """The scores give the weights, and the heads give what attention adds to the stream."""
    config = small(norm_placement=placement, n_kv_heads=2, positions="rotary", sliding_window=4)
    transformer = random_transformer(config)
    ids = ids_of(config)
    recording = transformer(ids, record=RECORDABLE).recording
    mask = attention_mask(11, 11, causal=True, window=4)
    scores = recording["scores"] * config.attention_scale
    close(scores.masked_fill(~mask, -math.inf).softmax(-1), recording["attention"])

    for layer, block in enumerate(transformer.blocks):
        x = recording["residual"][:, layer]
        from_heads = recording["heads"][:, layer].sum(1) + block.attention.output.bias
        from_bend = block.feedforward.down(recording["feedforward"][:, layer])
        if placement == "pre":
            expected = x + from_heads + from_bend
        else:
            expected = block.feedforward_norm(block.attention_norm(x + from_heads) + from_bend)
        close(expected, recording["residual"][:, layer + 1], 1e-4)
    close(transformer.readout(recording["residual"][:, -1]), recording["logits"])


@pytest.mark.parametrize("placement", CHOICES["norm_placement"])
@torch.no_grad()
def test_what_each_sub_layer_adds_is_what_it_hands_to_the_sum(placement):
    """The last module of each sub-layer says it, through a hook of PyTorch's."""
    transformer = random_transformer(small(norm_placement=placement))
    names = ("attention", "feedforward")
    last = {name: f"{name}_post_norm" if placement == "sandwich" else name for name in names}
    added = {name: [] for name in names}
    for block in transformer.blocks:
        for name in names:
            keep = lambda module, inputs, output, to=added[name]: to.append(output)  # noqa: E731
            getattr(block, last[name]).register_forward_hook(keep)
    outputs = [f"{name}_output" for name in names]
    recording = transformer(ids_of(transformer.config), record=[*outputs, "residual"]).recording
    for name, output in zip(names, outputs):
        assert torch.equal(recording[output], torch.stack(added[name], dim=1))
    if placement != "post":  # there a norm of the sum stands between
        stream = recording["residual"]
        close(stream[:, :-1] + recording[outputs[0]] + recording[outputs[1]], stream[:, 1:])


@torch.no_grad()
def test_what_is_not_asked_for_is_not_kept():
    config = small()
    transformer, ids = random_transformer(config), ids_of(config)
    assert transformer(ids).recording == {}
    assert set(transformer(ids, record="residual").recording) == {"residual"}
    with pytest.raises(ValueError, match="cannot record 'atention'; choose from attention"):
        transformer(ids, record=["atention"])


def test_dropout_in_training_alone():
    config = small(dropout=0.5)
    transformer, ids = random_transformer(config), ids_of(config)
    assert torch.equal(transformer(ids).logits, transformer(ids).logits)
    transformer.train()
    torch.manual_seed(1)
    first, second = transformer(ids).logits, transformer(ids).logits
    assert not torch.allclose(first, second)
    torch.manual_seed(1)
    assert torch.equal(transformer(ids).logits, first)
    assert not torch.allclose(transformer(ids, record="attention").logits, first)
    without = random_transformer(small()).train()
    assert torch.equal(without(ids).logits, without(ids).logits)


def test_dropout_keeps_the_mean():
    """The mean over many masks is the value without any, to the first order."""
    torch.manual_seed(0)
    layer = MultiHeadAttention(small(dropout=0.3))
    x = torch.randn(1, 5, 24).expand(20_000, -1, -1)
    with torch.no_grad():
        close(layer.train()(x).mean(0), layer.eval()(x[:1])[0], 0.02)


def test_initial_weights_are_gpt2s():
    config = TransformerConfig(
        vocab_size=500, context_length=64, n_layers=8, d_model=256, n_heads=4, d_ff=1024
    )
    torch.manual_seed(0)
    for name, parameter in Transformer(config).named_parameters():
        if parameter.dim() == 2:
            scaled = name.endswith(("attention.output.weight", "down.weight"))
            expected = 0.02 / math.sqrt(2 * 8) if scaled else 0.02
            assert parameter.std().item() == pytest.approx(expected, rel=0.05), name
        else:
            assert (parameter == (1 if name.endswith("weight") else 0)).all(), name


def test_first_loss_is_that_of_a_guess():
    config = small(vocab_size=1000)
    torch.manual_seed(0)
    transformer = Transformer(config)
    ids = ids_of(config, batch=8, length=32)
    loss = F.cross_entropy(transformer(ids).logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten())
    assert loss.item() == pytest.approx(math.log(1000), rel=0.02)


@pytest.mark.parametrize("positions", ["learned", "rotary"])
def test_autocast_gives_near_gradients(positions):
    """Training with bfloat16 products and float32 weights."""
    config = small(positions=positions, n_kv_heads=2, activation="silu", gated=True)
    transformer, ids = random_transformer(config), ids_of(config)
    gradients = []
    for autocast in (False, True):
        transformer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            logits = transformer(ids[:, :-1]).logits
            loss = F.cross_entropy(logits.flatten(0, 1).float(), ids[:, 1:].flatten())
        loss.backward()
        gradients.append(torch.cat([p.grad.flatten() for p in transformer.parameters()]))
    assert F.cosine_similarity(*gradients, dim=0) > 0.99


# Bad input


@torch.no_grad()
def test_cache_too_long():
    config = small(positions="rotary")
    transformer, ids = random_transformer(config), ids_of(config)
    cache = transformer.new_cache(2, 8)
    transformer(ids[:, :6], cache=cache)
    with pytest.raises(ValueError, match="holds 8 positions and cannot take position 9"):
        transformer(ids[:, 6:9], cache=cache)
    assert cache.length == 6  # as before: the text can go on
    transformer(ids[:, 6:8], cache=cache)


def test_text_longer_than_the_table():
    config = small()
    with pytest.raises(ValueError, match="33 positions were given and this model has 32"):
        Transformer(config)(torch.zeros(1, 33, dtype=torch.long))
    rotary_model = Transformer(small(positions="rotary"))
    assert rotary_model(torch.zeros(1, 33, dtype=torch.long)).logits.shape == (1, 33, 50)


@torch.no_grad()
def test_mask_of_another_shape():
    config = small()
    transformer, ids = random_transformer(config), ids_of(config)
    with pytest.raises(ValueError, match=r"mask has the shape \(2, 5\) and must have \(2, 11\)"):
        transformer(ids, mask=torch.ones(2, 5).bool())
    cache = transformer.new_cache(2, 11)
    transformer(ids[:, :10], cache=cache)
    with pytest.raises(ValueError, match=r"\(2, 1\) and must have \(2, 11\)"):
        transformer(ids[:, 10:], cache=cache, mask=torch.ones(2, 1).bool())


def test_source_where_it_belongs():
    ids = torch.zeros(1, 3, dtype=torch.long)
    with pytest.raises(ValueError, match="decoder-only model takes no source"):
        Transformer(small())(ids, source=ids)
    both = Transformer(small(architecture="encoder-decoder"))
    with pytest.raises(ValueError, match="an encoder-decoder needs source"):
        both(ids)
    with pytest.raises(ValueError, match=r"source_mask has the shape \(1, 2\)"):
        both(ids, source=ids, source_mask=torch.ones(1, 2).bool())


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"norm": "batchnorm"}, "norm='batchnorm' is not known; choose one of"),
        ({"architecture": "rnn"}, "architecture='rnn' is not known; choose one of"),
        ({"norm_placement": "middle"}, "norm_placement='middle' is not known"),
        ({"activation": "swish"}, "activation='swish' is not known"),
        ({"positions": "alibi"}, "positions='alibi' is not known"),
        ({"d_model": 25}, "d_model=25 does not divide into n_heads=4"),
        ({"n_kv_heads": 3}, "n_heads=4 is not a multiple of n_kv_heads=3"),
        ({"positions": "rotary", "d_head": 5}, "d_head=5 must be even"),
        ({"positions": "sinusoidal", "d_model": 25, "d_head": 6}, "d_model=25 must be even"),
        ({"n_layers": 0}, "n_layers=0 must be at least 1"),
        ({"vocab_size": -1}, "vocab_size=-1 must be at least 1"),
        ({"sliding_window": 0}, "sliding_window=0 must be at least 1"),
        ({"dropout": 1.0}, "dropout=1.0 must be at least 0 and below 1"),
    ],
)
def test_config_errors(values, message):
    with pytest.raises(ValueError) as refused:
        small(**values)
    assert message in str(refused.value)


def test_config_as_plain_values():
    config = small(rope_scaling=RopeScaling(), positions="rotary", global_layers=(1,))
    assert TransformerConfig(**config.to_dict()) == config


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("n_kv_heads", [1, 2, 4])
@torch.no_grad()
def test_cuda_is_the_cpu(dtype, n_kv_heads):
    config = small(positions="rotary", n_kv_heads=n_kv_heads, sliding_window=4, global_layers=(1,))
    transformer, ids = random_transformer(config), ids_of(config)
    expected = transformer(ids).logits
    on_cuda = transformer.to("cuda", dtype)
    tolerance = 1e-4 if dtype == torch.float32 else 0.1 * expected.std().item()
    for record in (None, RECORDABLE):
        actual = on_cuda(ids.cuda(), record=record).logits.float().cpu()
        assert (actual - expected).abs().max() < tolerance
