"""The HTML of a view and of a chart: one element that holds its data and its picture.

Whatever a model or a reader wrote is data here. It stands inside a JSON script element, where
nothing is markup once every `<` is escaped, or in an attribute, escaped by `html.escape`.
"""

from __future__ import annotations

import hashlib
import html
import json
from typing import Any


def script_json(value: Any) -> str:
    r"""A value as JSON that can stand inside a script element.

    All of it is ASCII: a lone surrogate, which no UTF-8 file can hold, becomes \ud800, and no
    byte of a token can end the element.
    """
    return json.dumps(value, separators=(",", ":")).replace("<", "\\u003c")


def version(source: str) -> str:
    """A short digest, so that a browser's cache never shows a module's older text."""
    return hashlib.sha256(source.encode()).hexdigest()[:8]


def attribute(text: str) -> str:
    """Text for an attribute, without the lone surrogates that no file can hold."""
    return html.escape(text.encode("utf-8", "backslashreplace").decode())


def view_start(esm: str, state: str, digest: str = "") -> str:
    """The opening of a view's element.

    Args:
        esm: the name of its JavaScript module.
        state: its state, from `script_json`.
        digest: the `version` of the module's source.
    """
    return (
        f'<div class="llmlab-view" data-esm="{attribute(esm)}" data-version="{digest}">'
        f'<script type="application/json">{state}</script>'
    )


def chart_start(figure: str) -> str:
    """The opening of a plotly chart's element; `figure` comes from `script_json`."""
    return (
        '<div class="llmlab-chart"><script type="application/json">'
        f"{figure}</script><noscript><p>This chart needs JavaScript.</p></noscript>"
    )


END = "</div>"
