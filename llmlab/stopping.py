"""Where generated text ends: stop strings, and characters whose bytes are not all there yet."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator, Sequence

from .step import Step
from .tokenizers.token import Token


def stop_strings(stop: str | Sequence[str] | None) -> tuple[str, ...]:
    """The stop strings as a tuple.

    Raises:
        ValueError: one of them is empty or not a string.
    """
    if stop is None:
        return ()
    if not isinstance(stop, Iterable):
        raise ValueError(f"stop must be a string or several, not {stop!r}")
    stops = (stop,) if isinstance(stop, str) else tuple(stop)
    for string in stops:
        if not isinstance(string, str) or not string:
            raise ValueError(f"a stop string must hold at least one character, not {string!r}")
    return stops


def find_stop(text: str, stops: Sequence[str]) -> int | None:
    """Where the first stop string begins; None where the text holds none."""
    return min((text.find(stop) for stop in stops if stop in text), default=None)


def continuation(tokenizer, before: int | None, ids: Sequence[int]) -> str:
    """The text that tokens add after the token `before`; None: they begin a text.

    Decoded alone they might lose the space they begin with, which some tokenizers put before the
    first word of every text and take away again.
    """
    if before is None:
        return tokenizer.decode(ids)
    return tokenizer.decode([before, *ids])[len(tokenizer.decode([before])) :]


def readable_text(tokenizer, tokens: Sequence[Token], before: int | None = None) -> str:
    """``continuation`` without a last character whose bytes are not all there yet."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    for token in tokens[-8:]:  # a character has at most four bytes
        decoder.decode(token.bytes)
    n_missing, end = len(decoder.getstate()[0]), len(tokens)
    while n_missing > 0:
        end -= 1
        n_missing -= len(tokens[end].bytes)
    return continuation(tokenizer, before, [token.id for token in tokens[:end]])


def stream_text(
    tokenizer,
    steps: Iterable[Step],
    stop: str | Sequence[str] | None = None,
    before: int | None = None,
) -> Iterator[tuple[Step, str]]:
    """Each step with the text that it makes certain.

    A character split over several tokens comes with its last one, and what may be the beginning
    of a stop string waits until it is clear that it is not. `before` is the prompt's last token.
    """
    stops, chosen, shown = stop_strings(stop), [], ""
    step = None
    for step in steps:
        chosen.append(step.chosen)
        text = readable_text(tokenizer, chosen, before)
        cut = find_stop(text, stops)
        end = len(text) - longest_start(text, stops) if cut is None else cut
        new = text[len(shown) : end]
        shown += new
        yield step, new
    rest = continuation(tokenizer, before, [token.id for token in chosen])
    rest = rest[: find_stop(rest, stops)][len(shown) :]
    if rest:
        yield step, rest


def longest_start(text: str, stops: Sequence[str]) -> int:
    """How many characters at the end of the text could be the beginning of a stop string."""
    return max(
        (n for stop in stops for n in range(1, len(stop)) if text.endswith(stop[:n])), default=0
    )
