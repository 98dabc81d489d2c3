"""What a configuration refuses."""

import math

import pytest

from llmlab.config import RopeScaling, TransformerConfig

SIZES = {
    "vocab_size": 16, "context_length": 8, "n_layers": 1, "d_model": 8, "n_heads": 2, "d_ff": 16
}  # fmt: skip


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"kind": "yarn"}, "kind='yarn' is not known; choose one of ('llama3', 'linear')"),
        ({"factor": 0}, "factor=0 must be above 0"),
        ({"factor": math.nan}, "factor=nan must be above 0"),
        ({"original_context": -1}, "original_context=-1 must be above 0"),
        ({"low_freq_factor": 4.0}, "high_freq_factor=4.0 must be above low_freq_factor=4.0"),
    ],
)
def test_scalings_that_cannot_be_computed(values, message):
    with pytest.raises(ValueError) as refused:
        RopeScaling(**values)
    assert message in str(refused.value)
    with pytest.raises(ValueError):  # and so where it is read back from JSON
        TransformerConfig(**SIZES, positions="rotary", rope_scaling=values)


@pytest.mark.parametrize("field", ["n_kv_heads", "d_head", "n_encoder_layers", "n_token_types"])
def test_sizes_below_nothing(field):
    with pytest.raises(ValueError, match=f"{field}=-1 must be at least 0"):
        TransformerConfig(**SIZES, **{field: -1})
