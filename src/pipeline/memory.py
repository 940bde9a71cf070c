"""Where the tables of a process lie."""

from __future__ import annotations

import pyarrow as pa


def tables_from_malloc() -> None:
    """Let Arrow take its memory from malloc, in the whole process.

    Arrow's own allocator holds on to large blocks that are free: a count of the country took 1.03 GB with it, 0.93 with malloc, in
    the same time. Small ones it gives back to ask for them again, which staging would pay for.
    """
    pa.set_memory_pool(pa.system_memory_pool())
