"""The measurements of ``llmlab bench`` as a Markdown table and as JSON."""

from __future__ import annotations

import json
import math


def as_json(measured: dict) -> str:
    return json.dumps(measured, indent=2, ensure_ascii=False)


def as_markdown(measured: dict) -> str:
    """The measurements as Markdown, ready for docs/benchmarks.md."""
    per_token, traced = measured["seconds_per_token"], measured["trace_seconds"]
    loads, changed = measured["load_seconds"], measured["default_mode"]
    lines = [f"{measured['model']}: {measured['machine']}; median of {measured['rounds']}", ""]
    lines += ["| greedy generation, batch 1 | tokens/s |", "|---|---|"]
    lines += [f"| {label(name)} | {1 / seconds:.1f} |" for name, seconds in per_token.items()]
    for mode in ("float32", "float16"):
        if (theirs := per_token.get(f"transformers {mode}")) is not None:
            ratio = theirs / per_token["llmlab auto"]
            lines.append(f"| default mode, times transformers {mode} | {ratio:.2f} × |")
    n_tokens = measured["trace_tokens"]
    lines += ["", f"| {n_tokens} tokens, recorded | ms |", "|---|---|"]
    lines += [f"| {label(name)} | {seconds * 1000:.0f} |" for name, seconds in traced.items()]
    if "transformers float32" in traced:
        ratio = traced["llmlab float32"] / traced["transformers float32"]
        lines.append(f"| llmlab float32, share of transformers float32's time | {ratio:.2f} |")
    lines += ["", "| loading | s |", "|---|---|"]
    lines += [f"| {label(name)} | {seconds:.1f} |" for name, seconds in loads.items()]
    if measured["memory_bytes"]:
        heading = "| peak memory, own process | loaded, MB | after 20 tokens more, MB |"
        lines += ["", heading, "|---|---|---|"]
        lines += [
            f"| {label('llmlab ' + mode)} | {loaded / 1e6:.0f} | {generated / 1e6:.0f} |"
            for mode, (loaded, generated) in measured["memory_bytes"].items()
        ]
    first = changed["mean_difference_of_the_first"]
    lines += [
        "",
        f"| default mode against float32, {changed['positions']} positions, "
        "one token at a time | |",
        "|---|---|",
        f"| largest change of a probability | {points(changed['largest_difference'])} |",
        f"| mean change of the most probable token's | {points(first)} |",
        f"| mean change over the vocabulary | {changed['mean_difference']:.1e} |",
        f"| Kullback–Leibler divergence, mean (largest) | {changed['mean_divergence_nats']:.1e} "
        f"({changed['largest_divergence_nats']:.1e}) nats |",
        f"| same most probable token | {changed['same_first']} of {changed['positions']} |",
    ]
    return "\n".join(lines)


def label(name: str) -> str:
    return name.replace(" auto", ", default mode").replace(" float", ", float")


def points(share: float) -> str:
    """A difference of probabilities in percentage points."""
    return "not a number" if math.isnan(share) else f"{share * 100:.3f} percentage points"
