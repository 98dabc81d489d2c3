"""Still pictures of views: the same bytes each time, with letters the installed fonts can draw."""

import functools
import io
from collections.abc import Sequence
from pathlib import Path

from matplotlib import font_manager
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ft2font import FT2Font
from PIL import Image

from .base import visible

# Fonts with Chinese, by the beginnings of their files' names, in the order they are preferred.
_CHINESE_FONTS = (
    "NotoSansCJK-Regular",
    "NotoSansSC",
    "NotoSansCJKsc-Regular",
    "SourceHanSans",
    "PingFang",
    "msyh",
    "HiraginoSansGB",
    "wqy",
    "NotoSerifCJK-Regular",
    "simhei",
    "simsun",
    "STHeiti",
    "Arial Unicode",
    "DroidSansFallback",
)

# The same ramp as in common.js: one hue, told apart by lightness.
RAMP = LinearSegmentedColormap.from_list(
    "llmlab", ["#ffffff", "#dbe7f3", "#a9c7e2", "#6a9fcb", "#34719f", "#164a73", "#082b49"]
)


@functools.lru_cache(maxsize=1)
def chinese_font() -> str | None:
    """The family name of an installed font with Chinese characters, or None."""
    files = sorted(font_manager.findSystemFonts())
    for beginning in _CHINESE_FONTS:
        for path in files:
            if Path(path).name.lower().startswith(beginning.lower()):
                font_manager.fontManager.addfont(path)
                return font_manager.FontProperties(fname=path).get_name()
    return None


def font_families() -> list[str]:
    """matplotlib's own font, then one with Chinese where there is one."""
    chinese = chinese_font()
    return ["DejaVu Sans", chinese] if chinese else ["DejaVu Sans"]


@functools.lru_cache(maxsize=1)
def _drawable() -> frozenset[int]:
    """The code points that these fonts can draw."""
    files = [font_manager.findfont(family) for family in font_families()]
    return frozenset().union(*(FT2Font(path).get_charmap() for path in files))


def labels(texts: Sequence[str], longest: int = 14) -> tuple[list[str], str]:
    """Labels that can be drawn, and a note where some are numbers instead.

    A text that the installed fonts cannot draw is labelled with its place in `texts`, counted
    from 0: a row of empty boxes would say nothing.

    Returns:
        As many labels as texts, and a sentence for the picture ("" where nothing is missing).
    """
    shown = [_shortened(visible(text), longest) for text in texts]
    legible = [_drawable().issuperset(map(ord, text)) for text in shown]
    names = [text if ok else f"#{i}" for i, (text, ok) in enumerate(zip(shown, legible))]
    missing = len(names) - sum(legible)
    if not missing:
        return names, ""
    return names, "No installed font has all their characters: # is a token's place, from 0."


def _shortened(text: str, longest: int) -> str:
    # matplotlib would read a pair of dollar signs as a formula.
    text = text if len(text) <= longest else text[: longest - 1] + "…"
    return text.replace("$", r"\$")


def png(figure: Figure, dpi: int = 100) -> bytes:
    """The figure as PNG of at most 256 colours: equal figures, equal bytes.

    Neither a date nor a program's name is written, and a palette halves the size.
    """
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", dpi=dpi)
    image = Image.open(drawn).convert("RGB").quantize(256, dither=Image.Dither.NONE)
    stored = io.BytesIO()
    image.save(stored, format="png", optimize=True)
    return stored.getvalue()
