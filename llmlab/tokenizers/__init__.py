"""Tokenizers: text to ids and back."""

from .protocol import Tokenizer  # first: the others are subclasses of it
from .byte_fallback import ByteFallbackBPE
from .byte_level import ByteLevelBPE
from .character import Character
from .record import TrainingRecord
from .token import Token
from .trained_files import load_trained
from .unigram import Unigram
from .wordpiece import WordPiece

__all__ = [
    "ByteFallbackBPE",
    "ByteLevelBPE",
    "Character",
    "Token",
    "Tokenizer",
    "TrainingRecord",
    "Unigram",
    "WordPiece",
    "load_trained",
]
