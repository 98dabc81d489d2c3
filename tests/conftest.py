"""Fixtures for tests in a real browser, and the marker of tests that need CUDA."""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Callable, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests import browser as browsers
from tests.fixtures_engine import engine_folder, exported, mini, random_models  # noqa: F401
from tests.fixtures_reference import gemma, gemma_default, reference_gemma  # noqa: F401

ROOT = Path(__file__).parent.parent
# Another built book can be tested: LLMLAB_SITE=/path/to/html pytest tests/test_site.py
SITE = Path(os.environ.get("LLMLAB_SITE", ROOT / "_build" / "html"))
LOCAL_HOSTS = {"127.0.0.1", "localhost", ""}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip tests marked `gpu` where torch sees no CUDA device."""
    on_gpu = [item for item in items if item.get_closest_marker("gpu")]
    if not on_gpu:
        return
    import torch

    if not torch.cuda.is_available():
        for item in on_gpu:
            item.add_marker(pytest.mark.skip(reason="needs a CUDA device"))


class QuietHandler(SimpleHTTPRequestHandler):
    """A file server that does not write a line for every request."""

    def log_message(self, *args: object) -> None:
        pass


@functools.lru_cache
def serve(folder: Path) -> str:
    """Serve a folder on this machine for the rest of the run.

    Returns:
        The address, such as "http://127.0.0.1:40123".
    """
    handler = functools.partial(QuietHandler, directory=str(folder))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_address[1]}"


@pytest.fixture(scope="session")
def site_folder() -> Path:
    """The folder of the built book."""
    if not (SITE / "index.html").exists():
        pytest.fail(f"No built book in {SITE}: run `make book` first.", pytrace=False)
    return SITE


@pytest.fixture(scope="session")
def site(site_folder: Path) -> str:
    """The address of a local file server over the built book."""
    return serve(site_folder)


# One browser a module, not a session: while Playwright runs, its event loop occupies the
# thread, and tests of other modules that call asyncio.run would fail.
@pytest.fixture(scope="module")
def browser() -> Iterator:
    """A headless Chromium."""
    from playwright.sync_api import sync_playwright

    try:
        path = browsers.find_or_install()
    except RuntimeError as error:
        pytest.fail(str(error), pytrace=False)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=path, args=list(browsers.ARGUMENTS), timeout=60_000
        )
        yield chromium
        chromium.close()


class Watch:
    """What went wrong on the pages of one test."""

    def __init__(self) -> None:
        self.foreign: list[str] = []  # addresses asked for on other hosts
        self.errors: list[str] = []  # console errors, exceptions, files not found

    def follow(self, context) -> None:
        """Watch every page of a browser context; requests to other hosts are stopped."""
        context.route(is_foreign, lambda route: (self.foreign.append(route.request.url),
                                                 route.abort()))
        context.on("console", self._console)
        context.on("weberror", lambda error: self.errors.append(str(error.error)))
        context.on("response", self._response)

    def _console(self, message) -> None:
        if message.type == "error":
            self.errors.append(f"{message.text} ({message.location.get('url', '')})")

    def _response(self, response) -> None:
        if response.status >= 400:
            self.errors.append(f"{response.status} {response.url}")


def is_foreign(address: str) -> bool:
    """Whether a request leaves this machine."""
    parts = urlsplit(address)
    return parts.scheme in ("http", "https", "ws", "wss") and parts.hostname not in LOCAL_HOSTS


@pytest.fixture
def open_page(browser) -> Iterator[Callable]:
    """A function that opens a page: `open_page(java_script_enabled=False, color_scheme="dark")`.

    Its arguments are those of Playwright's `new_context`; a wide window unless `viewport` says
    otherwise, and no service worker, which would fetch the whole book for each test. At the end
    the test fails if any page asked another host for anything, logged an error, raised an
    exception or missed a file.
    """
    watch = Watch()
    contexts = []

    def open_one(**options):
        usual = {"viewport": {"width": 1280, "height": 900}, "service_workers": "block"}
        options = {**usual, **options}
        context = browser.new_context(**options)
        context.set_default_timeout(30_000)
        contexts.append(context)
        watch.follow(context)
        return context.new_page()

    yield open_one
    for context in contexts:
        context.close()
    assert not watch.foreign, f"requests to other hosts: {watch.foreign}"
    assert not watch.errors, f"errors on the page: {watch.errors}"


@pytest.fixture
def page(open_page):
    """A page in a wide window; see `open_page` for what it watches."""
    return open_page()


@pytest.fixture
def show(open_page, tmp_path: Path) -> Callable:
    """A function that shows views without a kernel: `page = show(view, viewport=...)`.

    It writes the views into a page exactly as the book does (same element, same scripts),
    opens it, and waits until each is hydrated. `wait=False` returns before that;
    `from_file=True` opens it without a server; `models` are folders of exported models that its
    reader can run. Other options are Playwright's.
    """
    from llmlab.book.standalone import write_page

    def show_views(*views, wait: bool = True, from_file: bool = False, models=(), **options):
        address = write_page(tmp_path, views, models=models)
        page = open_page(**options)
        page.goto(address.as_uri() if from_file else f"{serve(tmp_path)}/{address.name}")
        if wait:
            for i in range(len(views)):
                box = page.locator(".llmlab-view").nth(i)
                box.scroll_into_view_if_needed()
                page.wait_for_function(
                    "i => document.querySelectorAll('.llmlab-view')[i].dataset.ready", arg=i
                )
        return page

    return show_views
