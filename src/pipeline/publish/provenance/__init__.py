"""Where a published figure comes from: one `Explanation` feeds the terminal, the JSON and the pages of a release.

Only what a release itself says is read: its suppressed tables, its foundation and the code lists that the foundation names.
"""

from pipeline.publish.provenance.evidence import Evidence, evidence_of
from pipeline.publish.provenance.explaining import explained
from pipeline.publish.provenance.model import Explanation

__all__ = ["Evidence", "Explanation", "evidence_of", "explained"]
