"""Where things lie: the store's layout, atomic writes, the lock, the register of deliveries, findings and result tables.

Steps meet here and nowhere else; nothing in this package knows a rule of the statistics.
"""

from pipeline.store.findings import Finding, read_findings, write_findings
from pipeline.store.layout import OPENED, Store, scan_of
from pipeline.store.lock import StoreBusyError
from pipeline.store.register import Delivery, Register
from pipeline.store.writing import (
    append_lines,
    read_json,
    whole_lines,
    write_bytes,
    write_json,
    write_parts,
    write_table,
)

__all__ = [
    "OPENED",
    "Delivery",
    "Finding",
    "Register",
    "Store",
    "StoreBusyError",
    "append_lines",
    "read_findings",
    "read_json",
    "scan_of",
    "whole_lines",
    "write_bytes",
    "write_findings",
    "write_json",
    "write_parts",
    "write_table",
]
