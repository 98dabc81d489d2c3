"""The ledger of claims: what the source documents say, held against what is measured.

``chapters/claims.yaml`` holds every claim with its measured values, ``measures`` the functions that
measure them again, and ``llmlab.book.ledger`` makes the page of it.
"""

from .claims import VERDICTS, Claim, Document, Ledger, read
from .recompute import Difference, differences, measure

__all__ = [
    "VERDICTS",
    "Claim",
    "Difference",
    "Document",
    "Ledger",
    "differences",
    "measure",
    "read",
]
