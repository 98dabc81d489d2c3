"""Folders written by Hugging Face transformers, read back by our loader."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace
from pathlib import Path

import pytest
import tokenizers
import torch
import transformers as hf
from safetensors.torch import load_file, save_file

from llmlab import preset
from llmlab.checkpoints.configs import convert_config
from llmlab.checkpoints.huggingface import load_folder, load_transformer
from tests.families import DECODER, FAMILIES, VOCAB, llama_scaling, reference

TOLERANCE = 1e-4
every_family = pytest.mark.parametrize("family", FAMILIES)


def save(family: str, folder: Path, **options) -> torch.nn.Module:
    """Write a random model as transformers does, and return it."""
    model = reference(family)
    model.save_pretrained(folder, **options)
    return model


def change(folder: Path, **values) -> None:
    """Change values of config.json; None takes one away."""
    file = folder / "config.json"
    config = json.loads(file.read_text()) | values
    file.write_text(json.dumps({key: value for key, value in config.items() if value is not None}))


@torch.no_grad()
def assert_same_logits(theirs: torch.nn.Module, transformer) -> None:
    ids = torch.arange(3, 33).reshape(2, 15)
    if transformer.config.architecture == "encoder-decoder":
        expected = theirs(input_ids=ids.flip(1), decoder_input_ids=ids).logits
        actual = transformer(ids, source=ids.flip(1)).logits
    else:
        expected, actual = theirs(ids).logits, transformer(ids).logits
    assert (actual - expected).abs().max() < TOLERANCE


@every_family
def test_saved_folder(family, tmp_path):
    model = save(family, tmp_path)
    transformer = load_transformer(tmp_path)
    assert not transformer.training
    assert_same_logits(model, transformer)


@every_family
def test_sharded_folder(family, tmp_path):
    model = save(family, tmp_path, max_shard_size="40KB")
    assert len(list(tmp_path.glob("*.safetensors"))) > 2
    assert_same_logits(model, load_transformer(tmp_path))


@pytest.mark.parametrize("stored", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("asked", [torch.float32, torch.float16, torch.bfloat16], ids=str)
def test_dtype_is_the_asked_one(stored, asked, tmp_path):
    reference("llama").to(stored).save_pretrained(tmp_path)
    transformer = load_transformer(tmp_path, dtype=asked)
    matrix = transformer.blocks[0].attention.query.weight
    assert matrix.dtype == asked
    kept = load_file(tmp_path / "model.safetensors")["model.layers.0.self_attn.q_proj.weight"]
    assert torch.equal(matrix, kept.to(asked))


@every_family
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
@torch.no_grad()
def test_half_precision_is_no_worse_than_theirs(family, dtype, tmp_path):
    """Matrices in half precision, the residual stream in float32."""
    model = save(family, tmp_path)
    ids = torch.arange(3, 33).reshape(2, 15)
    marian = family == "marian"
    for_theirs = {"input_ids": ids, **({"decoder_input_ids": ids} if marian else {})}
    exact = model(**for_theirs).logits
    their_error = (model.to(dtype)(**for_theirs).logits - exact).square().mean()
    transformer = load_transformer(tmp_path, dtype=dtype)
    logits = transformer(ids, source=ids if marian else None).logits
    assert (logits - exact).square().mean() < their_error


def test_loading_holds_no_second_copy(tmp_path):
    """Nothing is kept of the larger tensors that GPT-2's query, key and value were cut from."""
    save("gpt2", tmp_path)
    parameters = list(load_transformer(tmp_path).parameters())
    assert all(parameter.is_contiguous() for parameter in parameters)
    held = {p.untyped_storage().data_ptr(): p.untyped_storage().nbytes() for p in parameters}
    assert sum(held.values()) == sum(parameter.nbytes for parameter in parameters)


def test_untied_and_tied_heads(tmp_path):
    for tied in (False, True):
        config = hf.LlamaConfig(**DECODER, tie_word_embeddings=tied)
        torch.manual_seed(0)
        model = hf.LlamaForCausalLM(config).eval()
        model.save_pretrained(tmp_path / str(tied))
        transformer = load_transformer(tmp_path / str(tied))
        assert (transformer.head.weight is None) == tied
        assert_same_logits(model, transformer)


def test_biases_of_llama_and_qwen3(tmp_path):
    configs = (
        hf.LlamaConfig(**DECODER, attention_bias=True, mlp_bias=True, head_dim=20),
        hf.Qwen3Config(**DECODER, attention_bias=True, head_dim=20),
    )
    for config in configs:
        model = hf.AutoModelForCausalLM.from_config(config).eval()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(torch.randn_like(parameter) * 0.2)
        model.save_pretrained(tmp_path / config.model_type)
        assert_same_logits(model, load_transformer(tmp_path / config.model_type))


def test_gemma_with_images_gives_its_text_part(tmp_path):
    """The larger Gemma 3 models: a vision part is left out, global layers are stretched."""
    text = {
        **DECODER, "head_dim": 16, "sliding_window": 5, "num_hidden_layers": 2,
        "layer_types": ["sliding_attention", "full_attention"],
        "rope_parameters": {
            "full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 1e6},
            "sliding_attention": {"rope_type": "default", "rope_theta": 1e4},
        },
    }  # fmt: skip
    vision = {
        "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1,
        "num_attention_heads": 2, "image_size": 16, "patch_size": 8,
    }  # fmt: skip
    config = hf.Gemma3Config(
        text_config=text, vision_config=vision, mm_tokens_per_image=1,
        image_token_index=90, boi_token_index=91, eoi_token_index=92,
    )  # fmt: skip
    torch.manual_seed(0)
    model = hf.Gemma3ForConditionalGeneration(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.2)
    model.save_pretrained(tmp_path)
    assert_same_logits(model, load_transformer(tmp_path))


def test_gpt2_as_first_published(tmp_path):
    """Without the prefix "transformer.", and with the causal mask as a tensor."""
    model = save("gpt2", tmp_path)
    file = tmp_path / "model.safetensors"
    old = {name.removeprefix("transformer."): t for name, t in load_file(file).items()}
    old["h.0.attn.bias"] = torch.ones(1, 1, 64, 64).tril()
    save_file(old, file)
    assert_same_logits(model, load_transformer(tmp_path))


def test_bert_as_first_published(tmp_path):
    """With TensorFlow's names, the pooler and the next-sentence head."""
    model = save("bert", tmp_path)
    file = tmp_path / "model.safetensors"
    old = {
        name.replace("LayerNorm.weight", "LayerNorm.gamma").replace(
            "LayerNorm.bias", "LayerNorm.beta"
        ): tensor
        for name, tensor in load_file(file).items()
    }
    assert any(name.endswith("gamma") for name in old)
    for name in ("bert.pooler.dense.weight", "cls.seq_relationship.bias"):
        old[name] = torch.zeros(48)
    save_file(old, file)
    assert_same_logits(model, load_transformer(tmp_path))


def test_rotary_settings_as_transformers_4_wrote_them(tmp_path):
    save("llama", tmp_path)
    new = convert_config(json.loads((tmp_path / "config.json").read_text()))
    scaling = llama_scaling()
    change(
        tmp_path, rope_parameters=None, rope_theta=scaling.pop("rope_theta"), rope_scaling=scaling
    )
    assert convert_config(json.loads((tmp_path / "config.json").read_text())) == new


# What the published config.json files say, as far as it decides the numbers.
PUBLISHED = {
    "gpt2": {
        "model_type": "gpt2", "activation_function": "gelu_new", "n_embd": 768, "n_head": 12,
        "n_layer": 12, "n_positions": 1024, "vocab_size": 50257, "layer_norm_epsilon": 1e-05,
        "resid_pdrop": 0.1,
    },
    "llama-3.1-8b": {
        "model_type": "llama", "attention_bias": False, "hidden_act": "silu",
        "hidden_size": 4096, "intermediate_size": 14336, "max_position_embeddings": 131072,
        "num_attention_heads": 32, "num_hidden_layers": 32, "num_key_value_heads": 8,
        "rms_norm_eps": 1e-05, "rope_theta": 500000.0, "tie_word_embeddings": False,
        "vocab_size": 128256,
        "rope_scaling": {
            "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
            "original_max_position_embeddings": 8192, "rope_type": "llama3",
        },
    },
    "qwen2-0.5b": {
        "model_type": "qwen2", "hidden_act": "silu", "hidden_size": 896,
        "intermediate_size": 4864, "max_position_embeddings": 131072, "max_window_layers": 24,
        "num_attention_heads": 14, "num_hidden_layers": 24, "num_key_value_heads": 2,
        "rms_norm_eps": 1e-06, "rope_theta": 1000000.0, "sliding_window": 131072,
        "tie_word_embeddings": True, "use_sliding_window": False, "vocab_size": 151936,
    },
    "qwen3-0.6b": {
        "model_type": "qwen3", "attention_bias": False, "head_dim": 128, "hidden_act": "silu",
        "hidden_size": 1024, "intermediate_size": 3072, "max_position_embeddings": 40960,
        "max_window_layers": 28, "num_attention_heads": 16, "num_hidden_layers": 28,
        "num_key_value_heads": 8, "rms_norm_eps": 1e-06, "rope_scaling": None,
        "rope_theta": 1000000, "sliding_window": None, "tie_word_embeddings": True,
        "use_sliding_window": False, "vocab_size": 151936,
    },
    "gemma-3-270m": {
        "model_type": "gemma3_text", "_sliding_window_pattern": 6, "attention_bias": False,
        "final_logit_softcapping": None, "attn_logit_softcapping": None, "head_dim": 256,
        "hidden_activation": "gelu_pytorch_tanh", "hidden_size": 640, "intermediate_size": 2048,
        "max_position_embeddings": 32768, "num_attention_heads": 4, "num_hidden_layers": 18,
        "num_key_value_heads": 1, "query_pre_attn_scalar": 256, "rms_norm_eps": 1e-06,
        "rope_local_base_freq": 10000.0, "rope_scaling": None, "rope_theta": 1000000.0,
        "sliding_window": 512, "use_bidirectional_attention": False, "vocab_size": 262144,
    },
    "bert-base": {
        "model_type": "bert", "hidden_act": "gelu", "hidden_dropout_prob": 0.1,
        "hidden_size": 768, "intermediate_size": 3072, "layer_norm_eps": 1e-12,
        "max_position_embeddings": 512, "num_attention_heads": 12, "num_hidden_layers": 12,
        "type_vocab_size": 2, "vocab_size": 30522,
    },
}  # fmt: skip


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_configs_give_the_presets(name):
    expected = preset(name)
    if name == "qwen2-0.5b":  # the paper's context; the file has the one for stretched positions
        expected = replace(expected, context_length=131_072)
    assert convert_config(PUBLISHED[name]) == expected


def test_folder_with_its_tokenizer(tmp_path):
    config = hf.GPT2Config(vocab_size=300, n_positions=64, n_embd=32, n_layer=2, n_head=2)
    model = hf.GPT2LMHeadModel(config).eval()
    model.save_pretrained(tmp_path)
    alphabet = sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())
    tokenizer = tokenizers.Tokenizer(
        tokenizers.models.BPE({letter: id for id, letter in enumerate(alphabet)}, [])
    )
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = tokenizers.decoders.ByteLevel()
    tokenizer.save(str(tmp_path / "tokenizer.json"))

    loaded = load_folder(tmp_path, name="tiny")
    assert loaded.name == "tiny" and load_folder(tmp_path).name == str(tmp_path)
    assert loaded.dtype == torch.float32 and loaded.device.type == "cpu"
    text = "学 <img src=x>\n"
    assert loaded.tokenizer.decode(loaded.tokenizer.encode(text)) == text
    assert loaded.tokenizer.vocab_size == 300
    with torch.no_grad():
        ids = loaded.encode(text)
        assert (loaded.transformer(ids).logits - model(ids).logits).abs().max() < TOLERANCE


def refusal(kind: type[Exception], folder: Path) -> str:
    """The one sentence with which a folder is refused."""
    with pytest.raises(kind) as refused:
        load_transformer(folder)
    message = str(refused.value)
    assert "\n" not in message and message
    return message


def test_no_folder(tmp_path):
    assert "there is no folder" in refusal(FileNotFoundError, tmp_path / "nothing")


def test_no_config(tmp_path):
    assert "has no config.json" in refusal(FileNotFoundError, tmp_path)


@pytest.mark.parametrize("text", ["{", "", "\x00", "[1]", "3"])
def test_broken_config(text, tmp_path):
    (tmp_path / "config.json").write_text(text)
    assert "config.json" in refusal(ValueError, tmp_path)


def test_unknown_family(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "mamba"}')
    message = refusal(ValueError, tmp_path)
    assert "model_type 'mamba'" in message and "gpt2, llama, qwen2, qwen3, gemma3_text" in message
    (tmp_path / "config.json").write_text("{}")
    assert "model_type None" in refusal(ValueError, tmp_path)


@every_family
def test_missing_value(family, tmp_path):
    save(family, tmp_path)
    change(tmp_path, vocab_size=None, hidden_size=None, n_embd=None, d_model=None)
    assert "has no '" in refusal(ValueError, tmp_path)


@pytest.mark.parametrize(
    ("family", "values", "expected"),
    [
        ("llama", {"hidden_act": "mish"}, "hidden_act='mish'"),
        ("llama", {"rope_parameters": {"rope_type": "yarn", "rope_theta": 1e4}}, "'yarn'"),
        ("llama", {"quantization_config": {"quant_method": "fp8"}}, "quantization_config="),
        ("gpt2", {"scale_attn_by_inverse_layer_idx": True}, "scale_attn_by_inverse_layer_idx"),
        ("gemma3", {"final_logit_softcapping": 30.0}, "final_logit_softcapping=30.0"),
        ("gemma3", {"use_bidirectional_attention": True}, "use_bidirectional_attention=True"),
        ("bert", {"is_decoder": True}, "is_decoder=True"),
        ("marian", {"share_encoder_decoder_embeddings": False}, "share_encoder_decoder"),
        ("marian", {"encoder_ffn_dim": 8}, "encoder_ffn_dim=8 and decoder_ffn_dim=80"),
    ],
)
def test_what_is_not_built_is_refused(family, values, expected, tmp_path):
    save(family, tmp_path)
    change(tmp_path, **values)
    assert expected in refusal(ValueError, tmp_path)


@every_family
def test_checkpoint_of_another_shape(family, tmp_path):
    save(family, tmp_path)
    change(tmp_path, vocab_size=VOCAB + 1)
    message = refusal(ValueError, tmp_path)
    assert "different models" in message
    assert f"(97, 48) where config.json asks for ({VOCAB + 1}, 48)" in message


@every_family
def test_missing_tensor(family, tmp_path):
    save(family, tmp_path)
    file = tmp_path / "model.safetensors"
    tensors = load_file(file)
    lost = next(name for name in tensors if "layer" in name or ".h." in name)
    del tensors[lost]
    save_file(tensors, file)
    message = refusal(ValueError, tmp_path)
    assert "lacks 1 of the tensors" in message
    assert lost.split(".", 1)[1] in message


@every_family
def test_more_layers_than_the_config_says(family, tmp_path):
    save(family, tmp_path)
    layers = {"gpt2": "n_layer", "marian": "decoder_layers"}.get(family, "num_hidden_layers")
    change(tmp_path, **{layers: 2}, layer_types=None)
    message = refusal(ValueError, tmp_path)
    assert "has no place for" in message and ".2." in message


def test_only_safetensors_are_read(tmp_path):
    """A pickle in the folder is never opened: opening this one would make a file."""
    trap = tmp_path / "opened"

    class Trap:
        def __reduce__(self):
            return (open, (str(trap), "w"))

    model = save("gpt2", tmp_path)
    (tmp_path / "pytorch_model.bin").write_bytes(pickle.dumps(Trap()))
    assert_same_logits(model, load_transformer(tmp_path))
    (tmp_path / "model.safetensors").unlink()
    message = refusal(FileNotFoundError, tmp_path)
    assert "pytorch_model.bin is a pickle" in message and "save_pretrained" in message
    assert not trap.exists()


def test_broken_safetensors(tmp_path):
    save("gpt2", tmp_path)
    file = tmp_path / "model.safetensors"
    whole = file.read_bytes()
    for broken in (whole[: len(whole) // 2], whole[:5], b"", b"\xff" * 64):
        file.write_bytes(broken)
        assert "cannot be read" in refusal(ValueError, tmp_path)


def test_broken_index(tmp_path):
    save("gpt2", tmp_path, max_shard_size="40KB")
    index = tmp_path / "model.safetensors.index.json"
    shard = sorted(tmp_path.glob("model-*.safetensors"))[1]
    shard.unlink()
    message = refusal(FileNotFoundError, tmp_path)
    assert f"names {shard.name}, which is not there" in message
    index.write_text('{"weight_map": {"wte.weight": "../elsewhere.safetensors"}}')
    assert "not a file of its own folder" in refusal(ValueError, tmp_path)
    for text in ("{", "[]", "{}", '{"weight_map": 3}', '{"weight_map": {"a": []}}'):
        index.write_text(text)
        assert "not an index" in refusal(ValueError, tmp_path)


@pytest.mark.gpu
@every_family
def test_loads_onto_cuda(family, tmp_path):
    model = save(family, tmp_path)
    transformer = load_transformer(tmp_path, device="cuda")
    assert all(parameter.is_cuda for parameter in transformer.parameters())
    assert_same_logits(model, transformer.cpu())
