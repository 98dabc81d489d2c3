"""``llmlab bench``: speed, memory, and what the default mode changes, measured in one run.

Contenders take turns, round by round, so that a busy moment of the machine meets all of them;
what is reported is the median. Generation is greedy, one text at a time.
"""

from __future__ import annotations

import copy
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from . import __version__
from .bench_peer import in_transformers, their_forward, their_loading, their_speaker
from .checkpoints import choose_device, load
from .doctor import cores, processor
from .generation import generate
from .model import LanguageModel
from .tracing import trace

N_TOKENS = 48
PROMPT = "问：如何进行机器学习？\n答：首先"
TRACED = "问：如何进行机器学习？\n答：首先，"  # twelve tokens of Gemma, <bos> included
PROMPTS = (  # over which the default mode's probabilities are compared with float32's
    PROMPT,
    "我爱北京天安",
    "小明今天感冒了。他应该多喝",
    "请用 Python 写一个快速排序\n```python\n",
    "国王和女王住在",
    "The capital of France is",
    "Once upon a time, in a small village by the sea, there lived",
    "def fibonacci(n):\n    if n < 2:\n        return n\n    return",
    "Die Hauptstadt von Deutschland ist",
    "🙂🙃😀 2 + 2 =",
)
LOAD_ALONE = """
import sys, llmlab
from llmlab.bench import peak_memory
model = llmlab.load(sys.argv[1], device="cpu", dtype=sys.argv[2])
loaded = peak_memory()
llmlab.generate(model, sys.argv[3], 20, top_k=1)
print(loaded, peak_memory())
"""


def measure(name: str, device: str = "cpu", against: str | None = None, rounds: int = 5) -> dict:
    """All measurements as plain values.

    Args:
        name: the model, as ``llmlab.load`` takes it; against "transformers" a Gemma 3.
        rounds: how often each is measured; the median counts.

    Raises:
        ValueError: rounds below 1, or a model or device that is not there.
        ModuleNotFoundError: transformers was asked for and is not installed.
    """
    if rounds < 1:
        raise ValueError(f"rounds must be a whole number from 1, not {rounds}")
    device = choose_device(device)
    report = {"llmlab": __version__, "model": name, "rounds": rounds}
    memory = {}
    if device.type == "cpu":  # first: before this process fills the memory
        memory = {mode: memory_alone(name, mode) for mode in ("float32", "auto")}
    load_seconds, models = {}, {}
    for mode in ("float32", "auto"):
        load_seconds[f"llmlab {mode}"], models[mode] = timed(
            lambda mode=mode: load(name, device, mode)
        )
    machine = machine_of(models["auto"])
    traces = {f"llmlab {mode}": tracer(model) for mode, model in models.items()}
    speakers = {f"llmlab {mode}": speaker(model) for mode, model in models.items()}
    if against:
        ours = models["float32"]
        theirs = in_transformers(ours)
        traces["transformers float32"] = their_forward(theirs, ours.encode(TRACED))
        for mode, peer in (("float32", theirs), ("float16", copy.deepcopy(theirs).half())):
            speak = their_speaker(peer, ours.encode(PROMPT), N_TOKENS)
            speakers[f"transformers {mode}"] = speak
        if loading := their_loading(name):
            load_seconds["transformers float32"] = timed(loading)[0]
    return report | {
        "machine": machine,
        "memory_bytes": memory,
        "load_seconds": load_seconds,
        "trace_tokens": models["auto"].encode(TRACED).size(1),
        "trace_seconds": medians(traces, rounds),
        "seconds_per_token": medians(speakers, rounds, units=len),
        "default_mode": change(models["float32"], models["auto"]),
    }


def medians(
    contenders: dict[str, Callable], rounds: int, units: Callable[[Any], int] = lambda result: 1
) -> dict[str, float]:
    """Each contender's median seconds a unit; they take turns, and the first turn only warms up."""
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for turn in range(rounds + 1):
        for name, run in contenders.items():
            taken, result = timed(run)
            if turn:
                seconds[name].append(taken / units(result))
    return {name: statistics.median(values) for name, values in seconds.items()}


def timed(run: Callable):
    """Seconds that a call takes, and what it returns."""
    start = time.perf_counter()
    result = run()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - start, result


def speaker(model: LanguageModel) -> Callable[[], Sequence]:
    """Writes N_TOKENS after PROMPT, every step with its table; returns the new tokens."""
    return lambda: generate(model, PROMPT, N_TOKENS, top_k=1).tokens


def tracer(model: LanguageModel) -> Callable:
    """A recorded run over TRACED: attention, scores, residual stream and logits."""
    return lambda: trace(model, TRACED)


@torch.inference_mode()
def change(
    exact: LanguageModel, default: LanguageModel, prompts: Sequence[str] = PROMPTS
) -> dict[str, float]:
    """What the default mode does to the next-token probabilities, at every position of the prompts.

    Both read the prompts as generation does, through the cache and one token at a time: a single
    row takes other kernels than a whole prompt, which round otherwise. A probability that is no
    number makes the differences no numbers too.
    """
    largest, mean, leading, divergence, same = [], [], [], [], []
    for prompt in prompts:
        ids = exact.encode(prompt)
        expected = token_by_token(exact, ids)
        found = token_by_token(default, ids)
        difference = (expected.exp() - found.exp()).abs()
        first = expected.argmax(-1)
        largest.append(difference.amax(-1))
        mean.append(difference.mean(-1))
        leading.append(difference.gather(-1, first[:, None])[:, 0])
        divergence.append((expected.exp() * (expected - found)).sum(-1))
        same.append(first == found.argmax(-1))
    return {
        "positions": len(torch.cat(same)),
        "largest_difference": torch.cat(largest).max().item(),
        "mean_difference": torch.cat(mean).mean().item(),
        "mean_difference_of_the_first": torch.cat(leading).mean().item(),
        "mean_divergence_nats": torch.cat(divergence).mean().item(),
        "largest_divergence_nats": torch.cat(divergence).max().item(),
        "same_first": torch.cat(same).sum().item(),
    }


def token_by_token(model: LanguageModel, ids: Tensor) -> Tensor:
    """Logarithms of the next-token probabilities after each of the ids, (position, vocab).

    Every token is read by itself, with those before it in the cache.
    """
    cache = model.transformer.new_cache(1, ids.size(1))
    logits = [model.transformer(token, cache=cache).logits[0] for token in ids.split(1, dim=1)]
    return torch.cat(logits).double().log_softmax(-1)


def memory_alone(name: str, mode: str) -> tuple[int, int]:
    """Peak bytes of a fresh process that loads the model, and after 20 tokens more."""
    command = [sys.executable, "-c", LOAD_ALONE, name, mode, PROMPT]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise ValueError(f"a process that only loads {name} as {mode} failed: {last}")
    loaded, generated = map(int, done.stdout.split())
    return loaded, generated


def peak_memory() -> int:
    """The most memory this process has had resident, in bytes."""
    try:
        with open("/proc/self/status", encoding="utf-8") as status:
            lines = dict(line.split(":", 1) for line in status)
        return int(lines["VmHWM"].split()[0]) * 1024
    except (OSError, KeyError):
        import resource  # not on Windows

        # On Linux this would begin with the parent's memory; elsewhere there is nothing better.
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024


def machine_of(model: LanguageModel) -> str:
    """The machine in one line."""
    is_cuda = model.device.type == "cuda"
    graphics = f", {torch.cuda.get_device_name(model.device)}" if is_cuda else ""
    return (
        f"{processor()}, {cores()} cores, {torch.get_num_threads()} threads{graphics}, "
        f"torch {torch.__version__}, on {model.device}, default mode {model.dtype}"
    )
