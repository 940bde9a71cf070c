"""What one fetch has to tell, in the order in which it was found."""

from __future__ import annotations

from pipeline.catalog import Catalog
from pipeline.fetch.judging import finding
from pipeline.fetch.places import CODELIST, Key
from pipeline.store import Finding, Store, write_findings


class Notes:
    """The findings of a fetch of a month; they are written also when it ends with an error."""

    def __init__(self, store: Store, month: str, catalog: Catalog) -> None:
        self._path = store.findings(month, "fetch")
        self._catalog = catalog
        self.findings: list[Finding] = []

    def add(self, rule: str, message: str, *, key: Key | None = None, file: str = "", **more: str | int) -> None:
        """Note a finding; `key` is that of a delivery or a code list."""
        if key is not None and key[1] == CODELIST:
            key = None
        self.findings.append(finding(self._catalog, rule, message, file=file, key=key, **more))

    def write(self) -> None:
        """Write all findings so far to the store."""
        write_findings(self._path, self.findings)
