"""`make bench-web`: the engine in a browser, alone and beside wllama and onnxruntime-web.

It measures the built site in headless Chromium and writes its tables into docs/benchmarks.md.
The two peers are fetched into _build/bench_web; nothing of them becomes part of the book.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from datetime import date
from pathlib import Path
from queue import Queue
from urllib.parse import quote

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT))

from llmlab import doctor, load  # noqa: E402
from llmlab.bench import TRACED  # noqa: E402
from llmlab.checkpoints.load import GGUF_MODELS  # noqa: E402
from processes import megabytes  # noqa: E402
from serving import ROUND_TRIP, served  # noqa: E402
from tests import browser as browsers  # noqa: E402
from visits import PROMPT as MINI_PROMPT  # noqa: E402
from visits import cold_page, scripts  # noqa: E402

SITE, STORE, TABLES = ROOT / "_build/html", ROOT / "_build/bench_web", ROOT / "docs/benchmarks.md"
SCRIPTS = SITE / "_static" / "llmlab"
PEERS = {"@wllama/wllama": "3.13.0", "onnxruntime-web": "1.30.0"}
BEGIN, END = "<!-- make bench-web writes from here -->", "<!-- to here -->"


def run(address: str, reports: Queue[dict], function: str, values: dict) -> dict:
    """What a function of measure.js gives on an empty page, and the memory the page then holds.

    Nobody drives this browser: for who does, it keeps what its pages fetched, up to 100 MB of it.
    """
    asked = quote(json.dumps([function, values]))
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [browsers.find_or_install(), "--headless", *browsers.ARGUMENTS]
        browser = subprocess.Popen(
            [*command, f"--user-data-dir={profile}", f"{address}/run.html#{asked}"],
            stderr=subprocess.DEVNULL,
        )
        try:
            empty, found = reports.get(timeout=60), reports.get(timeout=600)
        finally:
            browser.terminate()
            browser.wait()
    if "failed" in found:
        raise RuntimeError(f"{function} failed in the browser: {found['failed']}")
    return {**found, "empty": empty["memory"]}


def made_ready(gemma: Path) -> Path:
    """A folder to serve: the site, the peers and their models."""
    STORE.mkdir(parents=True, exist_ok=True)
    wanted = [f"{name}@{version}" for name, version in PEERS.items()]
    if not all((STORE / "node_modules" / name).exists() for name in PEERS):
        (STORE / "package.json").write_text('{"private": true}\n')
        subprocess.run(["npm", "install", "--ignore-scripts", *wanted], cwd=STORE, check=True)
    graph = STORE / "gemma.onnx"
    if not graph.exists():
        script = Path(__file__).with_name("gemma_onnx.py")
        subprocess.run([sys.executable, script, gemma / "model.json", graph], check=True)
    links = {
        "site": SITE,
        "measure.js": Path(__file__).with_name("measure.js"),
        "run.html": Path(__file__).with_name("run.html"),
        "gemma.gguf": GGUF_MODELS["gemma-3-270m"](),
    }
    for name, target in links.items():
        (STORE / name).unlink(missing_ok=True)
        (STORE / name).symlink_to(Path(target).resolve())
    return STORE


def compare(rounds: int) -> dict:
    """Each engine over Gemma, and the book's own over mini too; and how many tokens are kept."""
    (gemma,), (mini,) = ([*SCRIPTS.glob(f"models/{name}-????????")] for name in ("gemma*", "mini"))
    (engine,) = SCRIPTS.glob("web-*/engine/engine.js")
    kept = json.loads((gemma / "model.json").read_text())["kept"]
    model = load("gemma-3-270m", "cpu")
    ids = [kept.index(id) for id in model.encode(TRACED)[0].tolist()]

    def at(path: Path) -> str:
        return f"/site/{path.relative_to(SITE)}"

    own = {"engine": at(engine), "rounds": rounds}
    reports: Queue[dict] = Queue()

    def report(found: dict) -> None:
        reports.put({**found, "memory": megabytes()})

    with served(made_ready(gemma), report=report) as (address, _):
        contenders = {
            "ours": ("ours", {**own, "model": at(gemma), "prompt": TRACED}),
            "wllama": (
                "wllama",
                {"folder": f"{address}/node_modules/@wllama/wllama/esm", "prompt": TRACED,
                 "model": f"{address}/gemma.gguf", "rounds": rounds},
            ),
            "onnx": (
                "onnx",
                {"folder": f"{address}/node_modules/onnxruntime-web/dist", "ids": ids,
                 "model": "/gemma.onnx", "rounds": rounds, "dHead": model.config.d_head},
            ),
            "mini": ("ours", {**own, "model": at(mini), "prompt": MINI_PROMPT}),
        }  # fmt: skip
        found = {name: run(address, reports, *what) for name, what in contenders.items()}
    return {**found, "kept": len(kept)}


def as_markdown(found: dict, cold: list[dict], code: dict[str, int], rounds: int) -> str:
    """The tables of docs/benchmarks.md."""

    def middle(name: str) -> float:
        return statistics.median(visit[name] for visit in cold)

    kept = f"{found['kept']:,} tokens kept"
    rows = {
        f"the book's engine, {kept}": found["ours"],
        f"wllama {PEERS['@wllama/wllama']}, the whole vocabulary": found["wllama"],
        f"onnxruntime-web {PEERS['onnxruntime-web']}, int8, {kept}": found["onnx"],
    }
    largest = max(code, key=code.get)
    ours, mini = found["ours"], found["mini"]
    lines = [
        f"Measured on {date.today():%d %B %Y}, {doctor.processor()}, {doctor.cores()} cores, "
        "headless Chromium, one thread each, and a second one for the book's lens; the median of "
        f"{rounds}. One after the other in one run.",
        "",
        "| Gemma 3 270M | loading, s | a prompt of 12 tokens and the first new one, ms "
        "| a token, ms | memory of the page, MB |",
        "|---|---|---|---|---|",
        *(
            f"| {name} | {row['load'] / 1e3:.1f} | {row['prompt']:.0f} | {row['token']:.1f} | "
            f"{row['memory'] - row['empty']:.0f} |"
            for name, row in rows.items()
        ),
        "",
        "| the book's engine | measured | limit |",
        "|---|---|---|",
        f"| Gemma, 12 tokens with all attention and the lens | {ours['trace']:.0f} ms | 250 ms |",
        f"| Gemma, a token | {ours['token']:.1f} ms | 30 ms |",
        f"| Gemma, memory of the page, an empty page's taken off | "
        f"{ours['memory'] - ours['empty']:.0f} MB | 400 MB |",
        f"| mini, a token | {mini['token']:.1f} ms | |",
        f"| mini, {mini['tokens']} tokens with all attention and the lens "
        f"| {mini['trace']:.0f} ms | |",
        f"| script and kernel of the heaviest page ({largest}), gzipped | "
        f"{code[largest] / 1e3:.0f} kB | 300 kB |",
        "",
        f"| a first visit at 50 Mbit/s, {ROUND_TRIP * 1e3:.0f} ms away, on a processor "
        f"{middle('page_factor'):.1f} times slower ({middle('worker_factor'):.1f} in a worker) "
        "| measured | limit |",
        "|---|---|---|",
        f"| the page with its stored pictures is painted | {middle('painted') / 1e3:.1f} s | |",
        f"| the view is drawn and has its form | {middle('woken') / 1e3:.1f} s | |",
        f"| mini's first own token, from the press of the button | "
        f"{(middle('first') - middle('woken')) / 1e3:.1f} s | 2.5 s |",
        f"| the same, from the opening of the page | {middle('first') / 1e3:.1f} s | |",
        f"| each further token | {middle('token'):.0f} ms | 25 ms |",
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    if not (SITE / "index.html").exists():
        sys.exit("There is no built book: run `make book` first.")
    found = compare(rounds)
    tables = as_markdown(found, [cold_page(SITE) for _ in range(rounds)], scripts(SITE), rounds)
    print(tables)
    before, _, rest = TABLES.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    TABLES.write_text(f"{before}{BEGIN}\n\n{tables}\n\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
