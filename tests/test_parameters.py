"""Presets and their parameter counts, against published tables and Hugging Face's models."""

from __future__ import annotations

import pytest
import torch
import transformers

import llmlab
from llmlab.presets import PRESETS

PUBLISHED = {  # the released checkpoints' own counts
    "gpt2": 124_439_808,
    "gpt2-medium": 354_823_168,
    "gpt2-large": 774_030_080,
    "gpt2-xl": 1_557_611_200,
    "gpt3-175b": 174_604_259_328,
    "llama-3.1-8b": 8_030_261_248,
    "qwen2-0.5b": 494_032_768,
    "qwen3-0.6b": 596_049_920,
    "gemma-3-270m": 268_098_176,
    "bert-base": 109_514_298,
}

HUGGING_FACE = {
    "gpt2": (transformers.GPT2LMHeadModel, transformers.GPT2Config()),
    "bert-base": (transformers.BertForMaskedLM, transformers.BertConfig()),
    "llama-3.1-8b": (
        transformers.LlamaForCausalLM,
        transformers.LlamaConfig(
            vocab_size=128_256,
            hidden_size=4096,
            intermediate_size=14_336,
            num_hidden_layers=32,
            num_attention_heads=32,
            num_key_value_heads=8,
        ),
    ),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_counts_are_those_published(name):
    assert llmlab.parameter_table(llmlab.preset(name)).total == PUBLISHED[name]


@pytest.mark.parametrize("name", HUGGING_FACE)
def test_counts_are_those_of_hugging_face(name):
    kind, config = HUGGING_FACE[name]
    with torch.device("meta"):
        model = kind(config)
    assert llmlab.parameter_table(llmlab.preset(name)).total == model.num_parameters()


def test_the_original_transformer_by_hand():
    d, d_ff, layers, vocabulary = 512, 2048, 6, 37_000
    feedforward = 2 * d * d_ff + d_ff + d
    encoder = layers * (4 * d * d + feedforward + 2 * 2 * d)
    decoder = layers * (8 * d * d + feedforward + 3 * 2 * d)
    table = llmlab.parameter_table(llmlab.preset("transformer-base"))
    assert table.total == vocabulary * d + encoder + decoder
    assert table["cross-attention"].count == layers * 4 * d * d


def test_parts_of_gpt3():
    table = llmlab.parameter_table(llmlab.preset("gpt3-175b"))
    # 96 layers of four square matrices and their biases; not 96 heads.
    assert table["attention"].count == 96 * (4 * 12_288**2 + 4 * 12_288)
    assert table["token embedding"].count == 50_257 * 12_288
    assert sum(row.count for row in table.rows) == table.total
    assert sum(row.share for row in table.rows) == pytest.approx(1)
    assert "174,604,259,328" in str(table)
    with pytest.raises(KeyError, match="'hands' is not among"):
        table["hands"]


def test_every_preset_builds_without_memory():
    for name in PRESETS:
        assert llmlab.parameter_table(llmlab.preset(name)).total > 10**7


def test_an_unknown_preset_offers_near_ones():
    with pytest.raises(ValueError, match="no preset 'gpt-2'; did you mean 'gpt2'"):
        llmlab.preset("gpt-2")
    with pytest.raises(ValueError, match="no preset None"):
        llmlab.preset(None)
