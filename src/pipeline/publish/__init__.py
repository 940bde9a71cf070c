"""Publish: suppressed tables of a run become one immutable release: Parquet, CSV, XLSX, PDF, site, descriptions, manifest.

No count is made or hidden here; nothing in a release depends on clock, host or place.
"""

from pipeline.publish.manifest import broken_files, read_manifest
from pipeline.publish.release import Published, publish

__all__ = ["Published", "broken_files", "publish", "read_manifest"]
