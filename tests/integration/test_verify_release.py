"""A release is computed anew from the original bytes: what is equal is equal byte by byte, a forgery is found."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from pipeline import steps
from pipeline.publish.manifest import broken_files, digest_of
from pipeline.verify import verify

SAMPLE = Path(__file__).parents[1] / "data" / "sample" / "lieferungen.zip"
MONTH = "2018-07"


@pytest.mark.slow
def test_a_forged_file_differs_from_what_its_deliveries_give_and_no_other_does(tmp_path: Path) -> None:
    with zipfile.ZipFile(SAMPLE) as archive:
        archive.extractall(tmp_path / "lieferungen")
    # A missing delivery and a list of the source's own: the release tells of both, neither is in the kept deliveries.
    (tmp_path / "lieferungen" / MONTH / "massnahme" / "t04502.csv").unlink()
    (tmp_path / "lieferungen" / "gebietsaenderungen.csv").write_text("alt,neu,ab\nt04502,t04412,2018-01-01\n")
    run = steps.open_run(tmp_path / "store", MONTH, [str(tmp_path / "lieferungen")])
    folder = Path(steps.run_all(run)["release"])

    forged, manifest = folder / "vergleich.csv", folder / "manifest.json"
    for path in (folder, forged, manifest):
        path.chmod(path.stat().st_mode | 0o200)
    forged.write_bytes(forged.read_bytes().replace(b"Saalekreis", b"Saalekraus", 1))
    said = json.loads(manifest.read_text(encoding="utf-8"))
    said["dateien"]["vergleich.csv"]["sha256"] = digest_of(forged)
    manifest.write_text(json.dumps(said, ensure_ascii=False, sort_keys=True, indent=2) + "\n", encoding="utf-8")
    assert broken_files(folder) == []

    found = verify(tmp_path / "store", f"{MONTH}.1")
    assert set(found.problems) == {"recomputed: manifest.json differs", "recomputed: vergleich.csv differs"}
    assert found.deliveries == len(list((tmp_path / "lieferungen").glob("*/*/*.csv")))
    assert list((tmp_path / "store" / "tmp").iterdir()) == []
