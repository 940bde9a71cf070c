"""From original bytes to typed, pseudonymised Parquet: one file per table and month, bad rows named and set aside.

What breaks the data contract is decided here and nowhere else: a broken structure takes the delivery out, a bad row goes to
quarantine and the rest counts. Plausibility is not judged here.
"""

from pipeline.stage.staging import Staged, stage

__all__ = ["Staged", "stage"]
