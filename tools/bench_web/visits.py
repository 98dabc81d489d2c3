"""Visits to the built site: a first one over a slow line, and what each page brings of script."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from processes import slowed
from serving import Link, served

from tests import browser as browsers
from tests.web_page import SETTLED

PAGE, PROMPT = "chapters/03_generating_language.html", "我爱北京天安"
LINK = 50e6 / 8  # bytes a second: 50 Mbit/s
SLOWER = 4  # times slower a processor

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
def chromium() -> Iterator:
    """A browser with nothing in its cache."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = browsers.find_or_install()
        browser = playwright.chromium.launch(executable_path=path, args=list(browsers.ARGUMENTS))
        yield browser
        browser.close()


def cold_page(site: Path) -> dict[str, float]:
    """A first visit over the slow link, on the slow processor, that runs mini at once."""
    with served(site, Link(LINK)) as (address, _), chromium() as browser:
        page = browser.new_page()
        plain = page.evaluate(SUMS)
        with slowed(SLOWER):
            slow = page.evaluate(SUMS)
            page.goto(f"{address}/{PAGE}", wait_until="commit")
            painted = page.evaluate(PAINTED)
            page.wait_for_load_state("domcontentloaded")
            found = page.evaluate(COLD, ["next_token", PROMPT])
    factors = [after / before for before, after in zip(plain, slow, strict=True)]
    return {"painted": painted, **found, "page_factor": factors[0], "worker_factor": factors[1]}


def scripts(site: Path) -> dict[str, int]:
    """Bytes of script and kernel of each page, gzipped: all views drawn, the engine begun."""
    weights = {}
    for page_file in sorted(site.glob("chapters/*.html")):
        with served(site) as (address, asked), chromium() as browser:
            page = browser.new_page()
            page.goto(f"{address}/{page_file.relative_to(site)}")
            page.evaluate(SETTLED)
            page.evaluate("document.querySelector('.llmlab-form textarea')?.focus()")
            page.wait_for_load_state("networkidle")
            code = {path for path in asked if path.suffix in (".js", ".wasm", ".mjs")}
            weights[page_file.stem] = sum(len(gzip.compress(path.read_bytes())) for path in code)
    return weights
