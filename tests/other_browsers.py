"""Firefox and WebKit where they are installed, driven by the W3C's own protocols.

Playwright drives only its own builds of these two. Those of the system answer to WebDriver:
Firefox to its two-way form over a web socket, WebKit to the classic one over HTTP. A page here
has the three methods of Playwright's that the tests need: goto, evaluate, close.
"""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

PATIENCE = 120  # seconds for a page or a script
WEBKITS = ("/usr/lib/*/webkit2gtk-*/MiniBrowser", "/usr/libexec/webkit2gtk-*/MiniBrowser")


def expression(function: str, argument: object) -> str:
    """A promise of what a function gives for an argument, as JSON, as Playwright asks for it."""
    value = json.dumps(argument)  # ASCII: a lone surrogate is written as its escape
    return f"(async () => JSON.stringify((await ({function})({value})) ?? null))()"


class PageError(Exception):
    """What a page's script failed with."""


class Firefox:
    """A page of a headless Firefox, over WebDriver BiDi."""

    def __init__(self, address: str) -> None:
        import websocket

        self.socket = websocket.create_connection(
            f"{address}/session", timeout=PATIENCE, suppress_origin=True
        )
        self.asked = 0
        self.errors: list[str] = []
        self.send("session.new", capabilities={})
        self.send("session.subscribe", events=["log.entryAdded"])
        self.context = self.send("browsingContext.getTree")["contexts"][0]["context"]

    def send(self, method: str, **params: object) -> dict:
        """The result of a command; errors that the page logs meanwhile are kept."""
        self.asked += 1
        self.socket.send(json.dumps({"id": self.asked, "method": method, "params": params}))
        while True:
            message = json.loads(self.socket.recv())
            if message.get("method") == "log.entryAdded":
                if message["params"]["level"] == "error":
                    self.errors.append(message["params"]["text"])
            elif message.get("id") == self.asked:
                if message["type"] == "error":
                    raise PageError(f"{method}: {message['message']}")
                return message["result"]

    def goto(self, address: str) -> None:
        self.send("browsingContext.navigate", context=self.context, url=address, wait="complete")

    def evaluate(self, function: str, argument: object = None) -> object:
        answer = self.send(
            "script.evaluate",
            expression=expression(function, argument),
            target={"context": self.context},
            awaitPromise=True,
        )
        if answer["type"] == "exception":
            raise PageError(answer["exceptionDetails"]["text"])
        return json.loads(answer["result"]["value"])

    def close(self) -> None:
        self.socket.close()


class WebKit:
    """A page of WebKit's small browser, over WebDriver."""

    def __init__(self, address: str, binary: str) -> None:
        self.address = address
        self.errors: list[str] = []  # this protocol tells of none
        options = {"binary": binary, "args": ["--automation"]}
        wanted = {"alwaysMatch": {"webkitgtk:browserOptions": options}}
        session = self.send("POST", "/session", capabilities=wanted)["sessionId"]
        self.address += f"/session/{session}"
        self.send("POST", "/timeouts", script=PATIENCE * 1000)

    def send(self, method: str, path: str, **body: object) -> dict:
        """The value that a command answers with."""
        data = json.dumps(body).encode() if method == "POST" else None
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(self.address + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as response:
                return json.load(response)["value"]
        except urllib.error.HTTPError as error:
            raise PageError(json.load(error)["value"]["message"]) from None

    def goto(self, address: str) -> None:
        self.send("POST", "/url", url=address)

    def evaluate(self, function: str, argument: object = None) -> object:
        script = (
            "const done = arguments[arguments.length - 1];"
            f"{expression(function, argument)}.then("
            "value => done({ value }), error => done({ error: String(error) }));"
        )
        answer = self.send("POST", "/execute/async", script=script, args=[])
        if "error" in answer:
            raise PageError(answer["error"])
        return json.loads(answer["value"])

    def close(self) -> None:
        self.send("DELETE", "")


@contextlib.contextmanager
def firefox() -> Iterator[Firefox]:
    """A Firefox with a profile of its own, ended afterwards."""
    command = [firefox_path(), "--headless", "--remote-debugging-port=0", "--profile"]
    with TemporaryDirectory() as profile, TemporaryDirectory() as logs:
        with started([*command, profile], Path(logs), r"BiDi listening on (ws://\S+)") as address:
            page = Firefox(address)
            yield page
            page.close()


@contextlib.contextmanager
def webkit() -> Iterator[WebKit]:
    """WebKit's small browser on a screen of its own, both ended afterwards."""
    binary = str(webkits()[0])
    with TemporaryDirectory() as logs:
        screen = ["Xvfb", "-displayfd", "1", "-screen", "0", "1280x1024x24", "-nolisten", "tcp"]
        with started(screen, Path(logs), r"^(\d+)$") as display:
            port = free_port()
            driver = ["env", f"DISPLAY=:{display}", "WebKitWebDriver", f"--port={port}"]
            with started([*driver, "--host=127.0.0.1"], Path(logs), None):
                page = opened(lambda: WebKit(f"http://127.0.0.1:{port}", binary))
                yield page
                page.close()


def firefox_path() -> str | None:
    """The program of a Firefox on this machine."""
    return shutil.which("firefox-esr") or shutil.which("firefox")


def webkits() -> list[Path]:
    """The small browsers that come with WebKit's driver."""
    return [path for pattern in WEBKITS for path in Path("/").glob(pattern.lstrip("/"))]


def free_port() -> int:
    """A port of this machine that nothing listens on."""
    with socket.socket() as chosen:
        chosen.bind(("127.0.0.1", 0))
        return chosen.getsockname()[1]


@contextlib.contextmanager
def started(command: list[str], logs: Path, says: str | None) -> Iterator[str]:
    """A program that runs until the block ends, and the part of its first words asked for."""
    log = logs / f"{Path(command[0]).name}.log"
    with log.open("w") as out:
        program = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT)
    try:
        yield opened(lambda: re.search(says, log.read_text(), re.M)[1]) if says else ""
    finally:
        program.terminate()
        program.wait(timeout=30)


def opened(attempt: Callable):
    """What an attempt gives once the program behind it is ready, within a minute."""
    end = time.monotonic() + 60
    while True:
        try:
            return attempt()
        except (TypeError, OSError):  # nothing said yet, or nobody listening
            if time.monotonic() > end:
                raise
            time.sleep(0.2)


BROWSERS = {"firefox": firefox, "webkit": webkit}


def missing(name: str) -> str | None:
    """What a machine lacks to try a browser, None where all is there."""
    if name == "firefox":
        return None if firefox_path() else "Firefox is not installed (Debian: firefox-esr)"
    if shutil.which("WebKitWebDriver") and shutil.which("Xvfb") and webkits():
        return None
    return "WebKit, its driver and a screen are not installed (Debian: webkit2gtk-driver xvfb)"
