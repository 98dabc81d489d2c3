"""The GGUF reader, compared with the `gguf` package's own, and what it says of altered files."""

import math
import struct

import gguf
import numpy as np
import pytest

import llmlab
from llmlab.checkpoints.dequantize import BLOCKS, dequantize
from llmlab.checkpoints.gguf import GGUF
from llmlab.checkpoints.metadata import Strings
from llmlab.checkpoints.package import check_sha256, gemma_270m
from tests.gguf_reference import gemma_reader
from tests.small_gemma import write_small_gemma

ROWS = 4096  # of the real file's tensors at once, so that its embedding fits in little memory


@pytest.fixture(scope="module")
def gemma_file():
    return gemma_270m()


@pytest.fixture
def small_file(tmp_path):
    """A GGUF file with one value of every kind and one tensor of every type we read."""
    path = tmp_path / "small.gguf"
    writer = gguf.GGUFWriter(path, "gemma3")
    writer.add_uint32("a.count", 7)
    writer.add_float32("a.float", 0.5)
    writer.add_bool("a.flag", True)
    writer.add_string("a.text", "天安门")
    writer.add_int64("a.negative", -(2**40))
    writer.add_array("a.numbers", [1, 2, 3])
    writer.add_array("a.strings", ["", "▁the", "门"])
    for type, (n_weights, n_bytes) in BLOCKS.items():
        kind = gguf.GGMLQuantizationType[type]
        writer.add_tensor(type, random_blocks(type, 6), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def random_blocks(type: str, rows: int, seed: int = 0) -> np.ndarray:
    """Rows of two blocks with every bit random, but scales that are numbers."""
    n_weights, n_bytes = BLOCKS[type]
    n = 256 // n_weights
    random = np.random.default_rng(seed)
    blocks = random.integers(0, 256, (rows * 2 * n, n_bytes), dtype=np.uint8)
    scales = {"F32": [2], "F16": [0], "BF16": [0], "Q8_0": [0], "Q5_0": [0], "Q4_K": [0, 2],
              "Q6_K": [208]}[type]  # fmt: skip
    for at in scales:  # the exponent's highest bits, so that it is neither infinite nor NaN
        blocks[:, at + 1] &= 0b10111111
    return blocks.reshape(rows, -1)


@pytest.mark.parametrize("type", BLOCKS)
def test_dequantized_bits_equal_the_reference(type):
    stored = random_blocks(type, 50, seed=1)
    kind = gguf.GGMLQuantizationType[type]
    if type in ("F32", "F16"):  # the reference takes these as numbers
        view = stored.view({"F32": np.float32, "F16": np.float16}[type])
        expected = gguf.dequantize(view, kind)
    else:
        expected = gguf.dequantize(stored, kind)
    found = dequantize(stored, type)
    assert found.dtype == np.float32 and found.shape == expected.shape
    assert np.isfinite(found).all()
    assert (found.view(np.uint32) == expected.view(np.uint32)).all()


def test_every_weight_of_gemma_equals_the_reference(gemma_file):
    ours = GGUF(gemma_file)
    theirs = gemma_reader().tensors
    assert list(ours.tensors) == [tensor.name for tensor in theirs]
    for tensor in theirs:
        info = ours.tensors[tensor.name]
        assert info.shape == tuple(reversed(tensor.shape.tolist()))
        rows = tensor.data.reshape(info.n_rows, -1)
        for start in range(0, info.n_rows, ROWS):
            stop = min(start + ROWS, info.n_rows)
            expected = gguf.dequantize(rows[start:stop], tensor.tensor_type)
            found = dequantize(ours.read_rows(info, start, stop), info.type)
            assert (found.view(np.uint32) == expected.view(np.uint32)).all(), tensor.name


def test_metadata_of_gemma_equals_the_reference(gemma_file):
    ours = GGUF(gemma_file).metadata
    theirs = gemma_reader().fields
    names = [name for name in theirs if not name.startswith("GGUF.")]
    assert list(ours) == names
    for name in names:
        found, expected = ours[name], theirs[name].contents()
        if isinstance(found, Strings):
            found = [string.decode() for string in found]
        elif isinstance(found, np.ndarray):
            found = found.tolist()
        assert found == expected, name


def test_every_kind_of_value_and_tensor(small_file):
    file = GGUF(small_file)
    value = file.metadata
    assert value["general.architecture"] == "gemma3"
    assert (value["a.count"], value["a.float"], value["a.flag"]) == (7, 0.5, True)
    assert (value["a.text"], value["a.negative"]) == ("天安门", -(2**40))
    assert value["a.numbers"].tolist() == [1, 2, 3]
    assert list(value["a.strings"]) == [b"", "▁the".encode(), "门".encode()]
    for type in BLOCKS:
        tensor = file.tensors[type]
        assert (tensor.type, tensor.shape) == (type, (6, 512))
        assert (file.read_rows(tensor, 2, 5) == random_blocks(type, 6)[2:5]).all()


@pytest.mark.parametrize("keep", [6, 30, 100, 300, -1000, -40])
def test_truncated_file(small_file, keep):
    small_file.write_bytes(small_file.read_bytes()[:keep])
    with pytest.raises(ValueError, match=r"small\.gguf is truncated"):
        GGUF(small_file)


def test_no_gguf_file(tmp_path):
    path = tmp_path / "picture.gguf"
    path.write_bytes(b"\x89PNG\r\n" + bytes(100))
    with pytest.raises(ValueError, match=r"picture\.gguf is not a GGUF file: it begins with"):
        GGUF(path)
    with pytest.raises(FileNotFoundError):
        GGUF(tmp_path / "missing.gguf")


def test_altered_header(small_file):
    data = bytearray(small_file.read_bytes())
    data[4:8] = struct.pack("<I", 9)
    small_file.write_bytes(data)
    with pytest.raises(ValueError, match="GGUF version 9; versions 2 and 3"):
        GGUF(small_file)
    data[4:8] = struct.pack("<I", 3)
    data[24:32] = struct.pack("<Q", 2**60)  # length of the first name
    small_file.write_bytes(data)
    with pytest.raises(ValueError, match="truncated or altered"):
        GGUF(small_file)


def test_any_altered_byte_before_any_kind_of_tensor(small_file):
    """No altered byte gives anything but a value or a ValueError that names the file."""
    original = small_file.read_bytes()
    random = np.random.default_rng(0)
    for at in range(4, 900):
        data = bytearray(original)
        data[at] = random.integers(256)
        small_file.write_bytes(data)
        try:
            GGUF(small_file)
        except ValueError as error:
            assert str(small_file) in str(error)
            assert "\n" not in str(error)


def load_or_refuse(path):
    """The loaded model, shown to work, or else the one sentence that refuses the file."""
    try:
        model = llmlab.load(path, device="cpu", dtype="float32")
        ids = model.tokenizer.encode("ab b", special=True)
        assert [token.id for token in model.tokenizer.pieces("ab b", special=True)] == ids
        model.transformer(model.encode("ab b"))
    except ValueError as error:
        message = str(error)
        assert type(error) is ValueError, message
        assert str(path) in message
        assert "\n" not in message and len(message) < len(str(path)) + 400
        return message
    return model


U32, I64, U64, F32, F64, FLAG, TEXT, LIST = (
    getattr(gguf.GGUFValueType, kind)
    for kind in "UINT32 INT64 UINT64 FLOAT32 FLOAT64 BOOL STRING ARRAY".split()
)
ALTERED = [
    None, (0, U32), (1, U32), (3, U32), (2**32 - 1, U32), (-1, I64), (2**40, I64), (2**64 - 1, U64),
    (0.0, F32), (2.0, F32), (-1.5, F64), (1e300, F64), (math.nan, F64), (math.inf, F64),
    (True, FLAG), (False, FLAG), ("", TEXT), ("a\nb " * 500, TEXT), ([1], LIST),
    ([0.5] * 264, LIST), (["a"] * 264, LIST), ([9] * 264, LIST), ([[1]], LIST), ([[["a"]]], LIST),
]  # fmt: skip
NAMES = ["general.architecture", "general.alignment"] + [
    f"gemma3.{name}"
    for name in (
        "context_length", "embedding_length", "block_count", "feed_forward_length",
        "attention.head_count", "attention.head_count_kv", "attention.key_length",
        "attention.layer_norm_rms_epsilon", "rope.freq_base", "attention.sliding_window",
        "rope.scaling.type",
    )
] + [
    f"tokenizer.ggml.{name}"
    for name in (
        "model", "tokens", "token_type", "bos_token_id", "eos_token_id", "padding_token_id",
        "add_bos_token", "add_eos_token",
    )
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_any_altered_metadata_is_read_or_refused_in_one_sentence(name, tmp_path):
    """Each value left out, of every other kind, and out of range."""
    path = tmp_path / "altered.gguf"
    for value in ALTERED:
        load_or_refuse(write_small_gemma(path, values={name: value}))


REFUSED = [
    ("general.alignment", (0, U32), "general.alignment is 0, expected a whole number from 1 to"),
    ("general.tags", ([[1]], LIST), "an array of type 9; arrays of numbers and of strings"),
    ("tokenizer.ggml.tokens", None, "it has no tokenizer.ggml.tokens"),
    ("tokenizer.ggml.token_type", None, "it has no tokenizer.ggml.token_type"),
    ("tokenizer.ggml.token_type", ([1, 2], LIST), "array of 2 numbers .*, expected 264 whole"),
    ("tokenizer.ggml.token_type", ([7] * 264, LIST), "numbers from 7 to 7, expected 264 whole"),
    ("tokenizer.ggml.token_type", ([6] * 264, LIST), "token 0 is b'<pad>', expected a byte such"),
    ("tokenizer.ggml.token_type", ([1] * 264, LIST), "spells 0 bytes, expected all 256"),
    ("tokenizer.ggml.bos_token_id", (99999, U32), "bos_token_id is 99999, expected .* 0 to 263"),
    ("gemma3.block_count", (2.0, F32), "block_count is 2.0, expected a whole number from 1 to"),
    ("gemma3.block_count", (True, FLAG), "block_count is True, expected a whole number"),
    ("gemma3.block_count", (3, U32), r"blk\.2\.attn_norm\.weight should have shape .* no such"),
    ("gemma3.feed_forward_length", (2**30, U32), r"should have shape \(1073741824, 32\), found"),
    ("gemma3.embedding_length", (0, U32), "embedding_length is 0, expected a whole number"),
    ("gemma3.attention.head_count_kv", (3, U32), "n_heads=2 is not a multiple of n_kv_heads=3"),
    ("gemma3.rope.freq_base", (math.nan, F32), "freq_base is nan, expected a number from 1 to"),
]


@pytest.mark.parametrize("name, value, message", REFUSED)
def test_what_is_said_of_altered_metadata(name, value, message, tmp_path):
    path = write_small_gemma(tmp_path / "altered.gguf", values={name: value})
    with pytest.raises(ValueError, match=rf"altered\.gguf.*{message}"):
        llmlab.load(path, device="cpu")


def test_any_altered_byte_of_the_header_is_read_or_refused_in_one_sentence(tmp_path):
    """A model that works or a ValueError that names the file, whichever byte is changed."""
    path = write_small_gemma(tmp_path / "altered.gguf")
    original = path.read_bytes()
    end = original.index(b"blk.1.ffn_down.weight") + 60  # the last tensor's entry
    tensors = original.index(b"token_embd.weight") - 8
    random = np.random.default_rng(0)
    anywhere = random.integers(900, tensors, 300)
    for at in [*range(4, 900), *anywhere, *range(tensors, tensors + 200), *range(end - 200, end)]:
        data = bytearray(original)
        data[at] ^= random.integers(1, 256)
        path.write_bytes(data)
        load_or_refuse(path)


def test_a_header_cut_anywhere(tmp_path):
    path = write_small_gemma(tmp_path / "cut.gguf")
    original = path.read_bytes()
    for keep in range(4, len(original), 499):
        path.write_bytes(original[:keep])
        with pytest.raises(ValueError, match=r"cut\.gguf is truncated"):
            llmlab.load(path, device="cpu")


def test_type_that_cannot_be_read(tmp_path):
    path = tmp_path / "other.gguf"
    writer = gguf.GGUFWriter(path, "gemma3")
    blocks = np.zeros((1, 18), np.uint8)
    writer.add_tensor("weights", blocks, raw_dtype=gguf.GGMLQuantizationType.Q4_0)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    with pytest.raises(ValueError, match="tensor 'weights' has type number 2; these can be read"):
        GGUF(path)
    with pytest.raises(ValueError, match="'Q4_0' cannot be read"):
        dequantize(blocks, "Q4_0")
    with pytest.raises(ValueError, match="not whole Q8_0 blocks of 34"):
        dequantize(blocks, "Q8_0")


def test_sha256_is_checked_and_remembered(tmp_path):
    path = tmp_path / "model.gguf"
    path.write_bytes(b"abc")
    digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-2
    check_sha256(path, digest)
    check_sha256(path, digest)
    path.write_bytes(b"abd")
    with pytest.raises(ValueError, match=f"model.gguf is truncated or altered: .*{digest}, found"):
        check_sha256(path, digest)
