"""Small tokenizers of every kind, trained in a second on the text that the tests write."""

from llmlab.tokenizers import ByteFallbackBPE, ByteLevelBPE, Character, Unigram, WordPiece

TEXTS = [
    "我爱北京天安门。天安门在北京。 The king is in the city; the queen is in the city too. " * 3,
    "def learn(examples):\n    return sum(examples) / len(examples)\n" * 3,
]


def small_tokenizers():
    """By name, in the order in which views show them."""
    return {
        "character": Character.train(TEXTS, 200),
        "byte level": ByteLevelBPE.train(TEXTS, 330),
        "byte fallback": ByteFallbackBPE.train(TEXTS, 370),
        "WordPiece": WordPiece.train(TEXTS, 200),
        "Unigram": Unigram.train(TEXTS, 400),
    }
