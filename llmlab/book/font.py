"""The font of formulas: STIX Two Math, cut to the characters a book on this subject can use.

It comes from the package `ziamath`, which carries the original (SIL Open Font License).
"""

from __future__ import annotations

import functools
import io
from importlib.metadata import distribution
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont

FILE = "ziamath/fonts/STIXTwoMath-Regular.ttf"
WRITTEN = "stix-two-math.woff"

# First and last character of each block that LaTeX commands lead to.
BLOCKS = (
    (0x0020, 0x00FF),  # Latin
    (0x02B0, 0x036F),  # accents
    (0x0370, 0x03FF),  # Greek
    (0x2000, 0x206F),  # punctuation, primes, invisible operators
    (0x20D0, 0x20FF),  # combining arrows
    (0x2100, 0x214F),  # letter-like: R, ell
    (0x2190, 0x21D5),  # arrows
    (0x2200, 0x22FF),  # operators
    (0x2300, 0x23FF),  # brackets and their pieces
    (0x25A0, 0x25FF),  # shapes
    (0x27C0, 0x27FF),  # brackets, long arrows
    (0x1D400, 0x1D4CF),  # bold, italic and script letters
    (0x1D538, 0x1D56B),  # double-struck letters
    (0x1D6A4, 0x1D755),  # bold and italic Greek
    (0x1D7CE, 0x1D7E1),  # bold and double-struck digits
)


@functools.lru_cache
def math_font() -> bytes:
    """The cut font, WOFF."""
    font = TTFont(Path(distribution("ziamath").locate_file(FILE)))
    options = subset.Options(layout_features=["*"], hinting=False, notdef_outline=True)
    cutter = subset.Subsetter(options)
    cutter.populate(unicodes=[c for first, last in BLOCKS for c in range(first, last + 1)])
    cutter.subset(font)
    font.flavor = "woff"
    written = io.BytesIO()
    font.save(written)
    return written.getvalue()


def write_math_font(folder: Path) -> None:
    """Write the font into a folder, once: cutting it takes seconds."""
    path = folder / WRITTEN
    if not path.exists():
        path.write_bytes(math_font())
