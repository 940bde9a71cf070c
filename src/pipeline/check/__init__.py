"""Holds deliveries, results and releases against the expectations of `expectations/` with Great Expectations.

A verdict says what is broken, where and how badly; nothing here changes data or decides what happens then.
"""

from pipeline.check.broken import Broken, broken_in, with_broken
from pipeline.check.deliveries import check_deliveries
from pipeline.check.results import check_results
from pipeline.check.suites import Suite, SuiteError, load_suite, rule_ids
from pipeline.check.verdict import Cell, RuleResult, Verdict

__all__ = [
    "Broken",
    "Cell",
    "RuleResult",
    "Suite",
    "SuiteError",
    "Verdict",
    "broken_in",
    "check_deliveries",
    "check_results",
    "load_suite",
    "rule_ids",
    "with_broken",
]
