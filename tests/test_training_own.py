"""The folders of the project's own models."""

import json
import sys

import pytest
import torch

import llmlab
from llmlab.checkpoints.own import is_own, load_own, load_tokenizer, save_model
from llmlab.config import TransformerConfig
from llmlab.quantized import BlockQuantizedTensor, dense
from llmlab.transformer import Transformer
from tests.training_setup import SHAPE, write_tokenizer


@pytest.fixture
def transformer():
    torch.manual_seed(0)
    return Transformer(TransformerConfig(vocab_size=64, **SHAPE)).eval()


@pytest.mark.parametrize("stored, near", [("float32", 0), ("bfloat16", 0.02), ("int8", 0.02)])
def test_a_saved_model_is_loaded_again(tmp_path, transformer, stored, near):
    tokenizer = write_tokenizer(tmp_path / "t")
    folder = save_model(tmp_path / "m", transformer, tokenizer, stored, {"seed": 3})
    model = load_own(folder, name="mini")
    ids = torch.randint(0, 64, (2, 9))
    with torch.no_grad():
        expected, found = transformer(ids).logits, model.transformer(ids).logits
    assert (found - expected).abs().max() <= near * expected.abs().max()
    assert model.name == "mini" and model.config == transformer.config
    assert model.tokenizer.encode("a cat") == load_tokenizer(tokenizer).encode("a cat")
    assert is_own(folder) and not is_own(tmp_path / "t") and not is_own(tmp_path / "nowhere")
    assert json.loads((folder / "training.json").read_text()) == {"seed": 3}
    half = load_own(folder, dtype=torch.float16)
    assert half.dtype == torch.float16 and half.transformer.stream_dtype == torch.float32


def test_integers_stay_in_blocks_unless_another_dtype_is_asked_for(tmp_path, transformer):
    folder = save_model(tmp_path / "m", transformer, write_tokenizer(tmp_path / "t"), "int8")
    blocks, plain = (load_own(folder, dtype=dtype).transformer for dtype in (None, torch.float32))
    for name, weight in plain.named_parameters():
        kept = blocks.get_parameter(name)
        assert isinstance(kept, BlockQuantizedTensor) == (weight.dim() == 2), name
        assert not isinstance(weight, BlockQuantizedTensor)
        assert torch.equal(dense(kept), weight), name
    ids = torch.randint(0, 64, (1, 9))
    with torch.no_grad():
        torch.testing.assert_close(blocks(ids).logits, plain(ids).logits, atol=1e-5, rtol=1e-4)


def test_the_books_models_load_by_name(tmp_path, transformer, monkeypatch):
    home = sys.modules["llmlab.checkpoints.load"]  # `llmlab.checkpoints.load` is the function
    monkeypatch.setattr(home, "OWN_MODELS", tmp_path / "models")
    with pytest.raises(ValueError, match="there is no model 'mini'; "):
        llmlab.load("mini")
    save_model(tmp_path / "models" / "mini", transformer, write_tokenizer(tmp_path / "t"), "int8")
    model = llmlab.load("mini", device="cpu")
    assert (model.name, model.dtype, model.config) == ("mini", torch.float32, transformer.config)
    with pytest.raises(ValueError, match="there is no model 'mimi'; did you mean 'mini'"):
        llmlab.load("mimi")


def test_sizes_on_the_disk(tmp_path, transformer):
    tokenizer = write_tokenizer(tmp_path / "t")
    n_bytes = {
        stored: (save_model(tmp_path / stored, transformer, tokenizer, stored)
                 / "model.safetensors").stat().st_size
        for stored in ("float32", "bfloat16", "int8")
    }  # fmt: skip
    count = sum(p.numel() for p in transformer.parameters())
    assert n_bytes["float32"] == pytest.approx(4 * count, rel=0.1)
    assert n_bytes["bfloat16"] == pytest.approx(2 * count, rel=0.15)
    assert n_bytes["int8"] < 0.75 * n_bytes["bfloat16"]


def test_a_folder_is_replaced_as_a_whole(tmp_path, transformer):
    tokenizer = write_tokenizer(tmp_path / "t")
    save_model(tmp_path / "m", transformer, tokenizer, record={"a": 1})
    save_model(tmp_path / "m", transformer, tokenizer)
    assert not (tmp_path / "m" / "training.json").exists()


def test_what_cannot_be_saved(tmp_path, transformer):
    with pytest.raises(ValueError, match="int8"):
        save_model(tmp_path / "m", transformer, write_tokenizer(tmp_path), "int4")
    with pytest.raises(FileNotFoundError, match="tokenizer"):
        save_model(tmp_path / "m", transformer, tmp_path / "nowhere")
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize(
    "change, word",
    [
        (lambda v: v.update(format=7), "format 7"),
        (lambda v: v.update(stored="int3"), "int3"),
        (lambda v: v.pop("transformer"), "not the config"),
        (lambda v: v["transformer"].update(d_modell=3), "d_model"),
        (lambda v: v["transformer"].update(d_ff=48), "shape"),
        (lambda v: v["transformer"].update(n_layers=3), "lacks"),
        (lambda v: v["transformer"].update(n_layers=1), "no place"),
        (lambda v: v["transformer"].update(vocab_size="many"), "altered"),
        (lambda v: v["transformer"].update(vocab_size=9), "shape"),
    ],
)
def test_altered_folders_are_refused(tmp_path, transformer, change, word):
    folder = save_model(tmp_path / "m", transformer, write_tokenizer(tmp_path / "t"))
    values = json.loads((folder / "config.json").read_text())
    change(values)
    (folder / "config.json").write_text(json.dumps(values))
    with pytest.raises(ValueError, match=word):
        load_own(folder)


def test_weights_that_are_cut_short(tmp_path, transformer):
    folder = save_model(tmp_path / "m", transformer, write_tokenizer(tmp_path / "t"))
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(ValueError, match="model.safetensors"):
        load_own(folder)
