"""Reads what was published: which release was current on a day, why one replaced another, and a comparison table as text.

Only releases and the journal beside them are read, so nothing appears here that readers of the release do not see.
"""

from pipeline.reader.choosing import Choice, NothingPublishedError, choose, listing
from pipeline.reader.table import ComparisonTable, comparison_table

__all__ = ["Choice", "ComparisonTable", "NothingPublishedError", "choose", "comparison_table", "listing"]
