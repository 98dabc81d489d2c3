"""The small world: Chinese and English text from one meaning, whose probabilities are known."""

from .frames import Frame, Line, Slot, Variant
from .words import Lexicon, Word
from .world import Entropy, Pair, Text, World

__all__ = [
    "Entropy", "Frame", "Lexicon", "Line", "Pair", "Slot", "Text", "Variant", "Word", "World",
]
