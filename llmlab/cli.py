"""The command ``llmlab``, from ``doctor`` to ``bench``.

What a command needs is imported when it runs: ``llmlab --help`` answers without torch.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from . import __version__
from .terminal import Printer, harmless, pad, table

DEFAULT_MODEL = "gemma-3-270m"
BAD_INPUT = 2  # the exit code for what the user can put right, as argparse's own


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit code: 0 done, 1 not well, 2 bad input, 130 interrupted."""
    options = parser().parse_args(arguments)
    try:
        return options.run(options)
    except (ValueError, IndexError, OSError, ImportError) as error:
        if isinstance(error, BrokenPipeError):  # the reader of our output has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 1
        return _refuse(str(error) or type(error).__name__)
    except (MemoryError, RuntimeError) as error:
        if not _is_out_of_memory(error):
            raise
        return _refuse(
            "there is not enough memory for this; give a shorter text or a smaller model, record "
            f"less, or choose another --device or --dtype ({error})"
        )
    except KeyboardInterrupt:
        print(file=sys.stderr)
        return 130


def _refuse(why: str) -> int:
    """Say why in one line, and return the exit code."""
    print(f"llmlab: {harmless(' '.join(why.split()))}", file=sys.stderr)
    return BAD_INPUT


def _is_out_of_memory(error: Exception) -> bool:
    import torch

    # On a device torch has an error of its own; on the CPU its allocator says so in words.
    return isinstance(error, (MemoryError, torch.OutOfMemoryError)) or (
        "can't allocate memory" in str(error)
    )


def parser() -> argparse.ArgumentParser:
    """All commands and their options."""
    whole = argparse.ArgumentParser(
        prog="llmlab", description="A real Transformer whose every number can be looked at."
    )
    whole.add_argument("--version", action="version", version=f"llmlab {__version__}")
    commands = whole.add_subparsers(title="commands", required=True, metavar="COMMAND")

    doctor = commands.add_parser("doctor", help="what is installed, and which models load")
    doctor.set_defaults(run=run_doctor)

    trace = commands.add_parser("trace", help="read a text and show what the model did with it")
    trace.add_argument("text", metavar="TEXT")
    _add_model_options(trace)
    trace.add_argument("--top", type=int, default=10, metavar="K", help="rows of the table (10)")
    trace.add_argument(
        "--record",
        metavar="NAMES",
        default="attention,scores,residual,logits",
        help="with commas: attention, scores, heads, feedforward, residual, logits",
    )
    trace.add_argument("--json", type=Path, metavar="FILE", help="write the whole trace there")
    trace.set_defaults(run=run_trace)

    generate = commands.add_parser("generate", help="continue a text, one token at a time")
    generate.add_argument("prompt", metavar="PROMPT")
    _add_model_options(generate)
    generate.add_argument("--max-new-tokens", type=int, default=20, metavar="N", help="20")
    generate.add_argument(
        "--temperature", type=float, default=0.7, metavar="T", help="0.7; for greedy: --top-k 1"
    )
    generate.add_argument("--top-k", type=int, metavar="K", help="keep the K most probable tokens")
    generate.add_argument(
        "--top-p", type=float, metavar="P", help="keep the first that reach mass P"
    )
    generate.add_argument("--seed", type=int, default=0, help="0")
    generate.add_argument(
        "--stop", action="append", metavar="TEXT", help="end here; may be repeated"
    )
    generate.add_argument("--rows", type=int, default=5, metavar="N", help="rows of each step (5)")
    generate.add_argument("--text-only", action="store_true", help="the text without the tables")
    generate.add_argument("--json", type=Path, metavar="FILE", help="write the whole run there")
    generate.set_defaults(run=run_generate)

    corpus = commands.add_parser("corpus", help="write the small world's texts, ready to train on")
    corpus.add_argument("folder", type=Path, metavar="FOLDER")
    corpus.add_argument("--texts", type=int, default=600_000, metavar="N", help="of each language")
    corpus.add_argument("--held-out", type=int, default=4_000, metavar="N", help="the same (4000)")
    corpus.add_argument("--vocabulary", type=int, default=6144, metavar="N", help="tokens (6144)")
    corpus.add_argument(
        "--tokenizer", type=Path, metavar="FOLDER", help="of a model that is to go on; trains none"
    )
    corpus.set_defaults(run=run_corpus)

    train = commands.add_parser("train", help="train a model, or go on with a run")
    train.add_argument("config", nargs="?", type=Path, metavar="CONFIG.yaml")
    train.add_argument("--resume", type=Path, metavar="FOLDER", help="go on with the run there")
    train.add_argument("--until", type=int, metavar="STEP", help="stop there, with a checkpoint")
    train.add_argument(
        "--compact", type=Path, metavar="FOLDER", help="write the run's last checkpoint, small"
    )
    train.set_defaults(run=run_train)

    evaluate = commands.add_parser("evaluate", help="measure one of the book's own models")
    evaluate.add_argument("model", metavar="MODEL", help="its name or folder, or a run's folder")
    evaluate.add_argument("--quick", action="store_true", help="fewer texts, in about a minute")
    evaluate.add_argument("--json", type=Path, metavar="FILE", help="write every number there")
    evaluate.set_defaults(run=run_evaluate)

    export = commands.add_parser("export", help="write a model for the engine in a browser")
    export.add_argument("what", choices=["web"], metavar="web")
    export.add_argument("model", metavar="MODEL", help="a name, a .gguf file or a folder")
    export.add_argument("--to", type=Path, required=True, metavar="FOLDER", help="it is replaced")
    export.add_argument(
        "--texts", type=Path, nargs="*", default=[], metavar="FILE", help="whose tokens are kept"
    )
    export.set_defaults(run=run_export)

    ledger = commands.add_parser("ledger", help="measure the claims of the ledger again")
    ledger.add_argument("ids", nargs="*", metavar="ID", help="only these rows")
    ledger.add_argument("--file", type=Path, metavar="FILE", help="chapters/claims.yaml")
    ledger.add_argument("--write", action="store_true", help="store what is measured")
    ledger.set_defaults(run=run_ledger)

    bench = commands.add_parser("bench", help="measure speed and memory beside other libraries")
    bench.add_argument("what", nargs="?", choices=["generation", "training"], default="generation")
    bench.add_argument("--model", default=DEFAULT_MODEL)
    bench.add_argument("--device", default="cpu", help="cpu, cuda or mps (cpu)")
    bench.add_argument(
        "--against", metavar="PEER", help="transformers; for training a folder with nanoGPT's model.py"
    )
    bench.add_argument("--rounds", type=int, default=5, metavar="N", help="5, of which the median")
    bench.add_argument("--json", action="store_true", help="numbers as JSON, not as a table")
    bench.set_defaults(run=run_bench)
    return whole


def _add_model_options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--model", default=DEFAULT_MODEL, help=f"a name, a .gguf file or a folder ({DEFAULT_MODEL})"
    )
    command.add_argument("--device", default="auto", help="cpu, cuda or mps (the fastest)")
    command.add_argument("--dtype", default="auto", help="float32, float16 or bfloat16 (auto)")


def run_doctor(options: argparse.Namespace) -> int:
    """``llmlab doctor``: 0 where a model loads, else 1."""
    from .doctor import examine

    return 0 if examine(Printer()) else 1


def run_trace(options: argparse.Namespace) -> int:
    """``llmlab trace TEXT``: the tokens, the next-token table, the table after every layer."""
    from .checkpoints import load
    from .tracing import trace
    from .views.base import percent, visible

    model = load(options.model, options.device, options.dtype)
    names = tuple(name.strip() for name in options.record.split(",") if name.strip())
    found = trace(model, options.text, record=names)
    if options.json:
        options.json.write_text(found.to_json(), encoding="utf-8")
    out = Printer()
    out.line(f"{len(found.tokens)} tokens", "bold")
    rows = [(str(i), visible(token.text), str(token.id)) for i, token in enumerate(found.tokens)]
    for line in table(rows, right="02"):
        out.line(line)
    if found.logits is not None:
        out.line("\nNext token", "bold")
        rows = [
            (visible(row.text), str(row.id), f"{row.logit:.2f}", percent(row.probability))
            for row in found.top(options.top)
        ]
        for line in table([("token", "id", "logit", "p"), *rows], right="123"):
            out.line(line)
    if found.residual is not None:
        out.line("\nRead out after every layer", "bold")
        layers = found.lens(k=3)
        rows = [
            (str(i), *(f"{visible(row.text)} {percent(row.probability)}" for row in layer))
            for i, layer in enumerate(layers)
        ]
        for line in table([("layer", "first", "second", "third"), *rows], right="0"):
            out.line(line)
    if options.json:
        out.line(f"\nwritten to {options.json}: {', '.join(found.recorded)}", "dim")
    return 0


def run_generate(options: argparse.Namespace) -> int:
    """``llmlab generate PROMPT``: each step's table as it is made, then the text."""
    from .checkpoints import load
    from .generation import collect, model_input, stream
    from .stopping import stream_text

    if options.rows < 1:
        raise ValueError(f"--rows must be a whole number from 1, not {options.rows}")
    model = load(options.model, options.device, options.dtype)
    out, steps = Printer(), []
    running = stream(
        model,
        options.prompt,
        options.max_new_tokens,
        options.temperature,
        options.top_k,
        options.top_p,
        options.seed,
        options.stop,
    )
    before = int(model_input(model, options.prompt)[0][0, -1])
    for step, text in stream_text(model.tokenizer, running, options.stop, before):
        is_new = not steps or step is not steps[-1]  # the last may come again with held-back text
        if options.text_only:
            out.write("" if steps else options.prompt, "dim")
            out.write(text)
        elif is_new:
            _print_step(out, step, options.rows)
        if is_new:
            steps.append(step)
    run = collect(
        model,
        options.prompt,
        steps,
        seed=options.seed,
        max_new_tokens=options.max_new_tokens,
        stop=options.stop,
    )
    if options.text_only:
        out.line()
    else:
        out.write(options.prompt, "dim")
        out.line(run.text, "bold")
        out.line(f"\n{len(steps)} tokens, seed {run.seed}, ended by {run.stop_reason}", "dim")
    if options.json:
        options.json.write_text(run.to_json(), encoding="utf-8")
    return 0


def _print_step(out: Printer, step, rows: int) -> None:
    """One step: its draw, and its first candidates before and after the filters."""
    from .views.base import percent, visible

    out.line(f"{step.index + 1}. draw {step.draw:.4f} → {visible(step.chosen.text)}", "bold")
    candidates = list(step.candidates[:rows])
    at = next(i for i, row in enumerate(step.candidates) if row.id == step.chosen.id)
    if at >= rows:
        candidates.append(step.candidates[at])
    for row in candidates:
        cells = (
            pad(visible(row.text), 20),
            pad(str(row.id), 7, right=True),
            pad(percent(row.probability), 8, right=True),
            pad(percent(row.sampling_probability) if row.kept else "–", 8, right=True),
            pad(f"{row.cumulative:.4f}" if row.kept else "–", 7, right=True),
        )
        mark = "→" if row.id == step.chosen.id else " "
        style = ("cyan", "bold") if mark == "→" else () if row.kept else ("dim",)
        bar = "█" * round(20 * row.sampling_probability)
        out.line(f" {mark} {'  '.join(cells)}  {bar}".rstrip(), *style)
    n_rest = sum(step.tail.counts) + len(step.candidates) - len(candidates)
    rest = max(0.0, 1 - sum(row.probability for row in candidates))
    out.line(f"   and {n_rest:,} more, {percent(rest)} together", "dim")


def run_corpus(options: argparse.Namespace) -> int:
    """``llmlab corpus FOLDER``: a tokenizer and the token files of the small world."""
    from .corpus.build import build
    from .tokenizers import load_trained

    tokenizer = load_trained(options.tokenizer) if options.tokenizer else None
    build(options.folder, options.texts, options.held_out, options.vocabulary, tokenizer)
    return 0


def run_train(options: argparse.Namespace) -> int:
    """``llmlab train``: a run from a YAML file, or from where it stopped."""
    from .training import command

    folder = command.run(options)
    if int(os.environ.get("RANK", 0)) == 0:  # under torchrun one process speaks for all
        Printer().line(f"written to {folder}", "dim")
    return 0


def run_evaluate(options: argparse.Namespace) -> int:
    """``llmlab evaluate MODEL``: every measurement that fits it, as tables and as JSON."""
    from .evaluation.command import run

    return run(options)


def run_export(options: argparse.Namespace) -> int:
    """``llmlab export web MODEL --to FOLDER``: what the browser engine reads."""
    from .checkpoints import load
    from .web.export import export_web, size_of

    texts = [path.read_text(encoding="utf-8") for path in options.texts]
    folder = export_web(load(options.model, "cpu"), options.to, texts=texts)
    Printer().line(f"written to {folder}, {size_of(folder) / 1e6:.1f} MB", "dim")
    return 0


def run_ledger(options: argparse.Namespace) -> int:
    """``llmlab ledger``: 0 where all is as the file says, or was stored, else 1."""
    from .ledger.command import run

    return run(options)


def run_bench(options: argparse.Namespace) -> int:
    """``llmlab bench``: a Markdown table, or JSON."""
    if options.what == "training":
        from . import bench_training

        measured = bench_training.measure(options.against, options.device, options.rounds)
        as_text = bench_training.as_json if options.json else bench_training.as_markdown
        Printer().line(as_text(measured))
        return 0
    if options.against not in (None, "transformers"):
        raise ValueError(f"--against {options.against} is not known; expected transformers")
    from .bench import measure
    from .bench_table import as_json, as_markdown

    measured = measure(options.model, options.device, options.against, options.rounds)
    Printer().line(as_json(measured) if options.json else as_markdown(measured))
    return 0
