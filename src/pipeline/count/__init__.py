"""Persons are counted once, month by month, into the Eckwerte; published counts enter the same table.

The expressions are Ibis on DuckDB; what was counted is kept and reused as long as the deliveries it read stay the same.
"""

from pipeline.count.counting import Counted, NothingDeliveredError, count, territories_before, territory_of

__all__ = ["Counted", "NothingDeliveredError", "count", "territories_before", "territory_of"]
