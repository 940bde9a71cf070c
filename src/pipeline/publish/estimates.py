"""What a release says about the estimates in it: how many counts of how many jobcenters, in one German sentence.

Which counts are estimated is decided by the step count; here they are only counted.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.publish.wording import german


def estimates_in(eckwerte: pa.Table) -> str:
    """Return the sentence, empty if nothing in the table `eckwerte` is estimated; suppressed estimates are counted, too."""
    estimated = eckwerte.filter(pc.equal(eckwerte.column("basis"), "imputiert"))
    if not estimated.num_rows:
        return ""
    units = pc.count_distinct(estimated.column("jc_id")).as_py()
    return (
        f"Enthält Schätzungen: {german(estimated.num_rows)} von {german(eckwerte.num_rows)} Eckwerten "
        f"({german(units)} Jobcenter)."
    )
