"""Where the tests get a Chromium from.

An installed one is used; else Debian's, where apt-get may install; else Playwright's own
download. `python tests/browser.py` prints its path, or says what to do and exits with 1.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MAC_APPLICATIONS = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
# A quiet browser: nothing of its own may reach the network while tests count requests.
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
HELP = (
    "No Chromium was found and none could be installed. Install one (Debian and Ubuntu: "
    "`sudo apt-get install chromium`; anywhere: `python -m playwright install chromium`) or set "
    "LLMLAB_BROWSER to the path of a Chromium or Chrome."
)


def installed() -> str | None:
    """The path of a Chromium on this machine, or None."""
    wanted = os.environ.get("LLMLAB_BROWSER")
    if wanted:
        return wanted
    found = (shutil.which(name) for name in NAMES)
    on_mac = (path for path in MAC_APPLICATIONS if Path(path).exists())
    return next(filter(None, found), None) or next(on_mac, None) or playwrights_own()


def playwrights_own() -> str | None:
    """The path of the Chromium that Playwright downloaded, or None."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).exists() else None


def installers() -> list[list[str]]:
    """Commands that may bring a Chromium, in the order to try them."""
    commands = []
    if shutil.which("apt-get"):
        sudo = [] if os.geteuid() == 0 else ["sudo", "-n"]
        if not sudo or shutil.which("sudo"):
            commands.append([*sudo, "sh", "-c", "apt-get update && apt-get install -y chromium"])
    commands.append([sys.executable, "-m", "playwright", "install", "chromium"])
    return commands


def find_or_install() -> str:
    """The path of a Chromium, installing one where that is possible.

    Raises:
        RuntimeError: none is installed and none can be had.
    """
    path = installed()
    for command in installers():
        if path:
            break
        print("No Chromium found; trying:", " ".join(command), file=sys.stderr)
        try:
            result = subprocess.run(command, capture_output=True, text=True, timeout=900)
        except subprocess.TimeoutExpired:
            print("That took longer than 15 minutes.", file=sys.stderr)
            continue
        if result.returncode:
            print(result.stderr.strip()[-300:], file=sys.stderr)
        path = installed()
    if path is None:
        raise RuntimeError(HELP)
    return path


if __name__ == "__main__":
    try:
        print(find_or_install())
    except RuntimeError as error:
        sys.exit(str(error))
