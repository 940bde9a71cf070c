"""All sixteen indicators from the Eckwerte: exact rationals, both K2E3 definitions, all levels, a reason for every missing value.

Pure functions: no files, no clock, no environment.
"""

from pipeline.calculate.block import Block, block_of
from pipeline.calculate.indicators import in_force, kennzahlen, months_read, reihe, versions_for
from pipeline.calculate.rational import displayed, percent

__all__ = [
    "Block",
    "block_of",
    "displayed",
    "in_force",
    "kennzahlen",
    "months_read",
    "percent",
    "reihe",
    "versions_for",
]
