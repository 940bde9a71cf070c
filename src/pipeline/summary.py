"""The few lines that end a run: the best kommunale Jobcenter, one jobcenter's row, where the release lies.

Reads a release only, so it shows what readers see: ranks are those of the pages, by the displayed value.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.store import Store, read_json


class NoReleaseError(ValueError):
    """There is no release of the month."""


def newest_release(store_root: Path, month: str) -> Path:
    """Return the folder of the newest release of a month; raises NoReleaseError."""
    folder = Store(store_root).releases / month
    numbers = sorted(int(p.name) for p in folder.iterdir() if p.name.isdigit()) if folder.is_dir() else []
    if not numbers:
        raise NoReleaseError(f"there is no release of {month} in {store_root}; run it first")
    return folder / str(numbers[-1])


def german(value: Decimal | None) -> str:
    """Return a value with decimal comma, or a dash where there is none."""
    return "–" if value is None else f"{value:.1f}".replace(".", ",").replace("-", "−")


def summary_lines(release: Path, kennzahl: str, jobcenter: str, best: int) -> list[str]:
    """Return the lines: title, the `best` kommunale Jobcenter, the row of `jobcenter`, folder and page."""
    table = pq.read_table(release / "vergleich.parquet")
    chosen = table.filter(
        pc.and_(pc.and_(pc.equal(table["kennzahl"], kennzahl), pc.equal(table["geschlecht"], "T")), table["in_kraft"])
    ).to_pylist()
    if not chosen:
        raise NoReleaseError(f"{release}: no indicator {kennzahl}")
    manifest = read_json(release / "manifest.json")
    ranked = sorted(
        (r for r in chosen if r["traeger"] == "zkT" and r["rang_kommunal"] is not None),
        key=lambda r: (r["rang_anzeige_kommunal"], r["rang_kommunal"], r["jc_id"]),
    )[:best]
    lines = [manifest["hinweis"]] if manifest.get("hinweis") else []
    lines.append(f"{kennzahl} ({chosen[0]['definition']}), Bezugsmonat {chosen[0]['ref_month']}: kommunale Jobcenter")
    lines.extend(_line(row) for row in ranked)
    own = [r for r in chosen if r["jc_id"] == jobcenter]
    if own and own[0] not in ranked:
        lines.append("…")
    lines.extend([_sentence(row) for row in own])
    if manifest.get("schaetzungen"):
        lines.append(manifest["schaetzungen"])
    return [*lines, f"Release:  {release}", f"Tabelle:  {release / manifest['seite']}"]


def _line(row: dict[str, Any]) -> str:
    return (
        f"{row['rang_anzeige_kommunal']:>4}. {row['name']:<40}{german(row['wert_anzeige']):>7} %   "
        f"Rang {row['rang_anzeige_alle']} von {row['anzahl_alle']}{' i' if row['basis'] == 'imputiert' else ''}"
    )


def _sentence(row: dict[str, Any]) -> str:
    if row["wert_anzeige"] is None:
        return f"{row['name']} ({row['jc_id']}): kein Wert ({row['grund']})"
    estimated = ", enthält geschätzte (imputierte) Monate" if row["basis"] == "imputiert" else ""
    rank = f", Rang {row['rang_anzeige_alle']} von {row['anzahl_alle']}" if row["rang_alle"] else ""
    return f"{row['name']} ({row['jc_id']}): {german(row['wert_anzeige'])} %{rank}{estimated}"
