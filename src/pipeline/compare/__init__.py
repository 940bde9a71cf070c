"""Compare: ranks, Streubereiche, changes and medians of the Kennzahlen, and what of it all may be published.

Pure arithmetic on Arrow tables; reading the tables and writing the results is the business of `pipeline.steps`.
"""

from pipeline.compare.comparison import ComparisonError, Presentation, compare
from pipeline.compare.disclosure import Disclosed, EuroCell, Generation, Released, disclose
from pipeline.compare.reconciled import open_reconciliation
from pipeline.compare.secrecy import Rules

__all__ = [
    "ComparisonError",
    "Disclosed",
    "EuroCell",
    "Generation",
    "Presentation",
    "Released",
    "Rules",
    "compare",
    "disclose",
    "open_reconciliation",
]
