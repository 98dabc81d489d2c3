"""What all views share: state that becomes JSON, one module's source, a picture with alt text."""

import base64
import json
import re
import unicodedata
from pathlib import Path
from typing import Any, ClassVar

import anywidget
import traitlets

MIME = "application/vnd.llmlab.view+json"

_FOLDER = Path(__file__).parent

# Control pictures for C0 and DEL; a newline, a tab and a space have signs that readers know.
_PICTURES = {chr(code): chr(0x2400 + code) for code in range(32)} | {
    "\n": "⏎",
    "\t": "⇥",
    " ": "·",
    "\x7f": "␡",
}
# Drawn as nothing although their category is a letter's, a mark's or a symbol's.
_BLANK = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\uffa0]")


def visible(text: str) -> str:
    """The text with nothing in it that a reader could not see.

    A space becomes ·, a newline ⏎, a tab ⇥, NUL ␀; what else draws nothing, or turns the
    direction of the text around, is named: U+200F. A mark that would sit on the character before
    it gets a dotted circle to sit on. `common.js` has the same function.
    """
    written = "".join(_PICTURES.get(char) or _named(char) for char in text)
    starts_with_mark = text != "" and written[0] == text[0] and _category(text[0]) == "M"
    return "◌" + written if starts_with_mark else written


def _category(char: str) -> str:
    return unicodedata.category(char)[0]


def _named(char: str) -> str:
    unseen = _category(char) in "CZ" and unicodedata.category(char) != "Cn"
    return f"U+{ord(char):04X}" if unseen or _BLANK.match(char) else char


def percent(share: float) -> str:
    """A share as per cent: 0.7531 is "75.3 %"; what would round to nothing is "< 0.1 %"."""
    return "< 0.1 %" if 0 < share < 0.0005 else f"{share * 100:.1f} %"


def after_layers(count: int) -> str:
    """Where a stream is read out, in words: after 3 layers."""
    return f"after {count} layer{'' if count == 1 else 's'}" if count else "at the embedding"


def array(values: Any, dtype: str = "float16") -> dict[str, Any]:
    """Numbers of any shape as an array object of the trace's JSON.

    Args:
        values: a tensor, a NumPy array or a list.
        dtype: "float16", enough for what is only drawn, or "float32".

    Raises:
        ValueError: another dtype, or a number too large for float16.
    """
    import torch

    from ..serialization import array_to_json

    return array_to_json(torch.as_tensor(values), dtype)


def module_source(name: str) -> str:
    """The JavaScript module of a view, joined from its files so that it needs no import.

    A page opened from a file runs its modules from blob addresses, and those cannot import from
    each other. So the style sheet, the shared helpers, the view's parts (`name_*.js`) and the view
    become one text.
    """
    style = "\n".join(_read(f"{stem}.css") for stem in ("common", name))
    parts = sorted(path.name for path in _FOLDER.glob(f"{name}_*.js"))
    scripts = "\n".join(map(_read, ["common.js", *parts, f"{name}.js"]))
    return f"const STYLE = {json.dumps(style)};\n\n{scripts}"


def _read(filename: str) -> str:
    path = _FOLDER / filename
    if filename.endswith(".css") and not path.exists():  # a view may do with the common style
        return ""
    return path.read_text(encoding="utf-8")


class View(anywidget.AnyWidget):
    """A record of a model, shown.

    A subclass names its JavaScript module (`_name`), holds what the module needs in synced traits
    of plain JSON values, and says in `picture` and `alt` what a reader without scripts gets.
    """

    _name: ClassVar[str] = ""
    kernel = traitlets.Bool(True, help="whether Python answers; False on a static page").tag(
        sync=True
    )

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "_name" in cls.__dict__:
            cls._esm = module_source(cls._name)

    def picture(self) -> bytes:
        """The view as a still picture, PNG."""
        raise NotImplementedError(f"{type(self).__name__} must draw its picture")

    def alt(self) -> str:
        """The picture in words, with its main numbers."""
        raise NotImplementedError(f"{type(self).__name__} must put its picture into words")

    def state(self) -> dict[str, Any]:
        """What a page without a kernel needs: every synced trait of the view, and the alt text."""
        traits = set(self.traits(sync=True)) - set(anywidget.AnyWidget.class_traits(sync=True))
        values = {name: getattr(self, name) for name in sorted(traits) if name[0] != "_"}
        return {**values, "kernel": False, "alt": self.alt()}

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict, dict]:
        data, metadata = super()._repr_mimebundle_(**kwargs)
        state = self.state()
        data[MIME] = {"esm": self._name, "state": state}
        data["image/png"] = base64.b64encode(self.picture()).decode("ascii")
        metadata["image/png"] = {"alt": state["alt"]}
        return data, metadata

    def __repr__(self) -> str:
        # No address in it: what a notebook stores is the same each time it runs.
        return f"<{type(self).__name__}>"
