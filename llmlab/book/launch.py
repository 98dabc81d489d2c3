"""The launch button: Binder, for the repository that the book was built in.

A fork's site opens the fork. Without a public repository there is no button, rather than one
that leads nowhere.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.config import Config

GITHUB = re.compile(r"(?:https://|git@|ssh://git@)github\.com[:/]([^/\s]+/[^/\s]+?)(?:\.git)?/?$")


def github_address(remote: str) -> str:
    """The web address of a GitHub remote, or "" if it is not one."""
    match = GITHUB.match(remote.strip())
    return f"https://github.com/{match[1]}" if match else ""


def repository_address(folder: Path) -> str:
    """The web address of the repository in a folder, or "".

    GitHub's own machines say it in GITHUB_REPOSITORY; elsewhere git's remote does.
    """
    if os.environ.get("GITHUB_REPOSITORY"):
        return f"https://github.com/{os.environ['GITHUB_REPOSITORY']}"
    try:
        answer = subprocess.run(
            ["git", "remote", "get-url", "origin"], cwd=folder, capture_output=True, text=True
        )
    except FileNotFoundError:  # no git on this machine
        return ""
    return github_address(answer.stdout)


def name_repository(app: Sphinx, config: Config) -> None:
    """Give the theme the repository, or take its buttons away."""
    address = repository_address(Path(app.srcdir))
    options = {**config.html_theme_options, "repository_url": address}
    if not address:
        options["launch_buttons"] = {}
        options["use_repository_button"] = False
        options["use_issues_button"] = False
    config.html_theme_options = options


def setup(app: Sphinx) -> None:
    """Register the step."""
    app.connect("config-inited", name_repository)
