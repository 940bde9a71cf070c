"""A release is computed anew from the original bytes: what is equal is equal byte by byte, a forgery is found."""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline import steps
from pipeline.publish.manifest import broken_files, digest_of
from pipeline.verify import verify

SAMPLE = Path(__file__).parents[1] / "data" / "sample" / "lieferungen.zip"
MONTH = "2018-07"
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> steps.Run:
    """Return a published run; its source lacks a delivery and has a list of its own, which no kept delivery tells."""
    folder = tmp_path_factory.mktemp("sample")
    deliveries = folder / "lieferungen"
    with zipfile.ZipFile(SAMPLE) as archive:
        archive.extractall(deliveries)
    (deliveries / MONTH / "massnahme" / "t04502.csv").unlink()
    (deliveries / "gebietsaenderungen.csv").write_text("alt,neu,ab\nt04502,t04412,2018-01-01\n", encoding="utf-8")
    run = steps.open_run(folder / "store", MONTH, [str(deliveries)])
    steps.run_all(run)
    return run


def test_what_is_newer_than_its_check_is_not_published(published: steps.Run) -> None:
    fetched = published.store.run(MONTH) / "deliveries.json"
    content = fetched.read_bytes()
    fetched.write_bytes(content.replace(b"t04412", b"t04448", 1))
    with pytest.raises(steps.StepError, match="newer than their check"):
        steps.publish(replace(published))
    fetched.write_bytes(content)
    assert steps.publish(replace(published))["unchanged"]


def test_a_forged_file_differs_from_what_its_deliveries_give_and_no_other_does(published: steps.Run) -> None:
    folder = published.store.release(MONTH, 1)
    forged, manifest = folder / "vergleich.csv", folder / "manifest.json"
    for path in (folder, forged, manifest):
        path.chmod(path.stat().st_mode | 0o200)
    forged.write_bytes(forged.read_bytes().replace(b"Saalekreis", b"Saalekraus", 1))
    said = json.loads(manifest.read_text(encoding="utf-8"))
    said["dateien"]["vergleich.csv"]["sha256"] = digest_of(forged)
    manifest.write_text(json.dumps(said, ensure_ascii=False, sort_keys=True, indent=2) + "\n", encoding="utf-8")
    assert broken_files(folder) == []

    found = verify(published.store.root, f"{MONTH}.1")
    assert set(found.problems) == {"recomputed: manifest.json differs", "recomputed: vergleich.csv differs"}
    assert found.deliveries == len(list(Path(published.sources[0]).glob("*/*/*.csv")))
    assert list(published.store.tmp.iterdir()) == []
