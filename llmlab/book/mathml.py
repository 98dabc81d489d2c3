"""Formulas as MathML: written when the book is built, so a page needs no script for them.

MathML is text to a screen reader and to a search, and every browser since 2023 draws it. It
needs a font with a MATH table (stretching brackets, italic corrections), which few systems have:
`assets` brings STIX Two Math along.
"""

from __future__ import annotations

import html
import re

from docutils import nodes
from math_core import LatexError, LatexToMathML
from sphinx.application import Sphinx
from sphinx.locale import _
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number

logger = logging.getLogger(__name__)
converter = LatexToMathML(annotation=True, fancy_error=False)

# Sphinx numbers an equation itself; a second number inside the formula would be wrong.
NUMBERED = re.compile(r"\\(begin|end)\{(align|gather|equation|multline)\}")
# Combining marks have no width of their own and are drawn to the left of their letter; the
# spacing forms are what MathML centres (and stretches) above it.
ACCENTS = str.maketrans({"\u0305": "\u203e", "\u0332": "\u203e", "\u20d7": "\u2192"})


def to_mathml(latex: str, display: bool) -> str:
    """A formula as a <math> element.

    Args:
        latex: the formula, without dollar signs.
        display: whether it stands on a line of its own.

    Raises:
        ValueError: the formula cannot be read; the message says where.
    """
    source = NUMBERED.sub(r"\\\1{\2*}", latex.strip())
    if display and r"\\" in source and r"\begin" not in source:
        source = rf"\begin{{aligned}}{source}\end{{aligned}}"
    try:
        written = converter.convert_with_local_state(source, displaystyle=display)
    except LatexError as error:
        raise ValueError(f"cannot read the formula {latex.strip()!r}: {error}") from error
    return re.sub(r"<mo[^>]*>[\u0305\u0332\u20d7]</mo>", _spacing_accent, written)


def _spacing_accent(match: re.Match) -> str:
    return match[0].translate(ACCENTS)


def _converted(node: nodes.Element, display: bool) -> str:
    try:
        return to_mathml(node.astext(), display)
    except ValueError as error:
        logger.warning("%s", error, location=node)
        return f"<code>{html.escape(node.astext())}</code>"


def visit_inline(translator, node: nodes.math) -> None:
    """Write an inline formula."""
    translator.body.append(f'<span class="math">{_converted(node, display=False)}</span>')
    raise nodes.SkipNode


def visit_block(translator, node: nodes.math_block) -> None:
    """Write a formula on a line of its own, with its number if it has one."""
    translator.body.append(translator.starttag(node, "div", CLASS="math"))
    translator.body.append(_converted(node, display=True))
    if node.get("number"):
        number = get_node_equation_number(translator, node)
        translator.body.append(f'<span class="eqno">({number})')
        translator.add_permalink_ref(node, _("Link to this equation"))
        translator.body.append("</span>")
    translator.body.append("</div>\n")
    raise nodes.SkipNode


def setup(app: Sphinx) -> None:
    """Register the renderer as `html_math_renderer: mathml`."""
    app.add_html_math_renderer("mathml", (visit_inline, None), (visit_block, None))
