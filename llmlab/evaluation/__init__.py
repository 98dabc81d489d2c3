"""How good are the book's own models, and how good could they be?"""

from .alignment import Alignment, measure_alignment
from .calibration import Calibration, measure_calibration
from .exact import ExactComparison, compare_with_exact
from .gap import Gap, Gaps, measure_gaps
from .meanings import Meanings, measure_meanings
from .prompts import Check, measure_prompts
from .pronouns import Pronouns, Question, handing_over, measure_pronouns, questions
from .reliability import Bin, Bins, Reliability
from .suite import QUICK, Sizes, evaluate
from .translation import Translation, measure_translation

__all__ = [
    "QUICK",
    "Alignment",
    "Bin",
    "Bins",
    "Calibration",
    "Check",
    "ExactComparison",
    "Gap",
    "Gaps",
    "Meanings",
    "Pronouns",
    "Question",
    "Reliability",
    "Sizes",
    "Translation",
    "compare_with_exact",
    "evaluate",
    "handing_over",
    "measure_alignment",
    "measure_calibration",
    "measure_gaps",
    "measure_meanings",
    "measure_prompts",
    "measure_pronouns",
    "measure_translation",
    "questions",
]
