"""One edition: which month and number, from what, made by which code, and how it calls itself.

Everything that several files of a release say alike is decided here once; no file is written here.
"""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.publish.wording import SYNTHETIC, month_name

TITLE = "Kennzahlen nach § 48a SGB II"
SOURCE_OFFICIAL = (
    "Datenlieferungen der kommunalen Jobcenter und Statistik der Bundesagentur für Arbeit (Eckwerte); "
    "Kennzahlen, Ränge, Streubereiche und Mediane: eigene Berechnungen"
)
SOURCE_SYNTHETIC = (
    "Synthetisch erzeugte Lieferungen, keine amtlichen Daten; "
    "Kennzahlen, Ränge, Streubereiche und Mediane: eigene Berechnungen"
)
LICENCE_OFFICIAL = (
    "Veröffentlichte Eckwerte unterliegen den Nutzungsbedingungen der Statistik der Bundesagentur für Arbeit; "
    "eigene Berechnungen sind als solche gekennzeichnet."
)
LICENCE_SYNTHETIC = "Erfundene Zahlen: nur zum Erproben der Software, nicht zitieren."


@dataclass(frozen=True)
class Edition:
    """What names a release. `code` is the code version, `digest` the sha-256 over everything the release is made from.

    `checks` is what may be said about the checks in one German phrase, empty if the verdict does not say; `estimates` says how
    many counts are estimated, empty if none is.
    """

    month: str
    number: int
    synthetic: bool
    site_url: str
    code: str
    digest: str
    checks: str
    estimates: str = ""

    @property
    def name(self) -> str:
        """Return the name of the release, `2018-07.1`."""
        return f"{self.month}.{self.number}"

    @property
    def month_text(self) -> str:
        """Return the month in words."""
        return month_name(self.month)

    @property
    def banner(self) -> str:
        """Return the line that marks synthetic data, empty for official data."""
        return SYNTHETIC if self.synthetic else ""

    @property
    def kind(self) -> str:
        """Return the value of the column `datenart`."""
        return "synthetisch" if self.synthetic else "amtlich"

    @property
    def source(self) -> str:
        """Return the note of the source."""
        return SOURCE_SYNTHETIC if self.synthetic else SOURCE_OFFICIAL

    @property
    def licence(self) -> str:
        """Return the note on the licence."""
        return LICENCE_SYNTHETIC if self.synthetic else LICENCE_OFFICIAL

    @property
    def address(self) -> str:
        """Return the public address of the release's folder with a final slash, empty if no address is set."""
        return f"{self.site_url.rstrip('/')}/{self.month}/{self.number}/" if self.site_url else ""
