"""`make bench-web`: the engine in a browser, alone and beside wllama and onnxruntime-web.

It measures the built site in headless Chromium and writes its tables into docs/benchmarks.md.
The two peers are fetched into _build/bench_web; nothing of them becomes part of the book.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import date
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue
from urllib.parse import quote

import psutil

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT))

from llmlab import doctor, load  # noqa: E402
from llmlab.bench import TRACED  # noqa: E402
from llmlab.checkpoints.load import GGUF_MODELS  # noqa: E402
from tests import browser as browsers  # noqa: E402
from tests.web_page import SETTLED  # noqa: E402

SITE, STORE, TABLES = ROOT / "_build/html", ROOT / "_build/bench_web", ROOT / "docs/benchmarks.md"
SCRIPTS = SITE / "_static" / "llmlab"
PEERS = {"@wllama/wllama": "3.13.0", "onnxruntime-web": "1.30.0"}
BEGIN, END = "<!-- make bench-web writes from here -->", "<!-- to here -->"
COLD_PAGE = "chapters/03_generating_language.html"
LINK = 50e6 / 8  # bytes a second: 50 Mbit/s
ROUND_TRIP = 0.02  # seconds before an answer begins
SLOWER = 4  # times slower a processor
MINI_PROMPT = "我爱北京天安"


class Link:
    """A line that carries so many bytes a second, shared by all who ask at a time."""

    def __init__(self, rate: float) -> None:
        self.rate, self.free, self.lock = rate, 0.0, threading.Lock()

    def carry(self, count: int) -> None:
        with self.lock:
            self.free = max(self.free, time.monotonic()) + count / self.rate
        time.sleep(max(0.0, self.free - time.monotonic()))


class Handler(SimpleHTTPRequestHandler):
    """Files, compressed as a server of static pages does, over a link where one is given."""

    protocol_version = "HTTP/1.1"

    def __init__(
        self,
        *args,
        link: Link | None,
        asked: list[Path],
        report: Callable[[dict], None] | None,
        **options,
    ) -> None:
        self.link, self.asked, self.report = link, asked, report
        super().__init__(*args, **options)

    def log_message(self, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        path = Path(self.translate_path(self.path))
        if path.is_dir():
            path /= "index.html"
        if not path.is_file():
            self.send_error(404)
            return
        self.asked.append(path)
        kind = self.guess_type(str(path))
        data = path.read_bytes()
        is_text = re.search("javascript|text|json|wasm|svg", kind)
        if is_text and self.link:
            data = gzip.compress(data, 6)
        if self.link:
            time.sleep(ROUND_TRIP)
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        if is_text and self.link:
            self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        for start in range(0, len(data), 16_384):
            piece = data[start : start + 16_384]
            if self.link:
                self.link.carry(len(piece))
            try:
                self.wfile.write(piece)
            except BrokenPipeError:  # the page was left
                return

    def do_POST(self) -> None:
        """What a page has found, which goes on when it has its answer."""
        if self.report is None:
            self.send_error(405)
            return
        self.report(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(204)
        self.end_headers()


@contextmanager
def served(
    folder: Path, link: Link | None = None, report: Callable[[dict], None] | None = None
) -> Iterator[tuple[str, list[Path]]]:
    """A server over a folder, on this machine alone: its address, and the files asked for."""
    asked: list[Path] = []
    handler = partial(Handler, directory=str(folder), link=link, asked=asked, report=report)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}", asked
    server.shutdown()


@contextmanager
def chromium() -> Iterator:
    """A browser with nothing in its cache."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = browsers.find_or_install()
        browser = playwright.chromium.launch(executable_path=path, args=list(browsers.ARGUMENTS))
        yield browser
        browser.close()


def renderers() -> list[psutil.Process]:
    """The processes of the pages of this program's browser."""
    children = psutil.Process().children(recursive=True)
    return [child for child in children if "--type=renderer" in child.cmdline()]


def megabytes() -> float:
    """What these processes hold for themselves alone."""
    return sum(page.memory_full_info().uss for page in renderers()) / 1e6


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


# As soon as the view has its form, the text is there and the button pressed. Times count from the
# navigation on.
COLD = """async ([name, text]) => {
  const until = async (found) => {
    for (;;) {
      const value = found();
      if (value) return value;
      await new Promise((go) => setTimeout(go, 5));
    }
  };
  const box = document.querySelector(`.llmlab-view[data-esm="${name}"]`);
  box.scrollIntoView();
  const form = await until(() => box.querySelector(".llmlab-form"));
  const woken = performance.now();
  form.querySelector("textarea").value = text;
  const line = form.querySelector(".llmlab-live");
  const told = []; // when each new token was written into the line
  const isTold = () => /^So far/u.test(line.textContent) && told.push(performance.now());
  new MutationObserver(isTold).observe(line, { childList: true, characterData: true, subtree: true });
  form.requestSubmit();
  await until(() => /Computed/u.test(line.textContent));
  return { woken, first: told[0], token: (told.at(-1) - told[0]) / (told.length - 1) };
}"""
PAINTED = """() => new Promise((go) => new PerformanceObserver((list) =>
  go(list.getEntries().at(-1).startTime)).observe({ type: "paint", buffered: true }))"""
# The same sum on the page and in a worker: whether both are slowed down.
SUMS = """async () => {
  const sum = () => { let s = 0; for (let i = 0; i < 2e8; i++) s = (s * 31 + i) | 0; return s; };
  const code = `const sum = ${sum}; sum(); const t = performance.now(); sum();
    postMessage(performance.now() - t)`;
  const worker = new Worker(URL.createObjectURL(new Blob([code])));
  const there = await new Promise((go) => { worker.onmessage = ({ data }) => go(data); });
  sum();
  const since = performance.now();
  sum();
  return [performance.now() - since, there];
}"""


@contextmanager
def slowed(factor: int, slice: float = 0.004) -> Iterator[None]:
    """The processes of this program's pages, with all their threads, so many times slower.

    They are stopped for most of the time. The browser's own way slows down no workers.
    """
    over = threading.Event()

    def stop_and_go() -> None:
        pages, seen, ran = [], 0.0, slice
        while not over.is_set():
            if time.monotonic() - seen > 0.1:  # a navigation may bring a new process
                pages, seen = renderers(), time.monotonic()
            signal_all(pages, signal.SIGSTOP)
            time.sleep(ran * (factor - 1))  # as long as the last turn really took
            began = time.monotonic()
            signal_all(pages, signal.SIGCONT)
            time.sleep(slice)
            ran = time.monotonic() - began

    thread = threading.Thread(target=stop_and_go)
    thread.start()
    yield
    over.set()
    thread.join()


def signal_all(pages: list[psutil.Process], which: signal.Signals) -> None:
    for page in pages:
        with suppress(psutil.NoSuchProcess):
            page.send_signal(which)


def cold_page() -> dict[str, float]:
    """A first visit over the slow link, on the slow processor, that runs mini at once."""
    with served(SITE, Link(LINK)) as (address, _), chromium() as browser:
        page = browser.new_page()
        plain = page.evaluate(SUMS)
        with slowed(SLOWER):
            slow = page.evaluate(SUMS)
            page.goto(f"{address}/{COLD_PAGE}", wait_until="commit")
            painted = page.evaluate(PAINTED)
            page.wait_for_load_state("domcontentloaded")
            found = page.evaluate(COLD, ["next_token", MINI_PROMPT])
    factors = [after / before for before, after in zip(plain, slow, strict=True)]
    return {"painted": painted, **found, "page_factor": factors[0], "worker_factor": factors[1]}


def scripts() -> dict[str, int]:
    """Bytes of script and kernel of each page, gzipped: all views drawn, the engine begun."""
    weights = {}
    for page_file in sorted(SITE.glob("chapters/*.html")):
        with served(SITE) as (address, asked), chromium() as browser:
            page = browser.new_page()
            page.goto(f"{address}/{page_file.relative_to(SITE)}")
            page.evaluate(SETTLED)
            page.evaluate("document.querySelector('.llmlab-form textarea')?.focus()")
            page.wait_for_load_state("networkidle")
            code = {path for path in asked if path.suffix in (".js", ".wasm", ".mjs")}
            weights[page_file.stem] = sum(len(gzip.compress(path.read_bytes())) for path in code)
    return weights


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
        f"headless Chromium, one thread each; the median of {rounds}. One after the other in one run.",
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
    tables = as_markdown(found, [cold_page() for _ in range(rounds)], scripts(), rounds)
    print(tables)
    before, _, rest = TABLES.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    TABLES.write_text(f"{before}{BEGIN}\n\n{tables}\n\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
