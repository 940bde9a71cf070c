"""A release that rests on published files as they come, workbooks and ZIP files, is computed anew from exactly their bytes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline import steps
from pipeline.months import month_range
from pipeline.store import Store
from pipeline.verify import verify
from published import files
from published.country import LAST, cells_of

pytestmark = pytest.mark.slow
WORKBOOK, ZIP = f"{LAST}/eckwerte/statistik.xlsx", f"{LAST}/eckwerte/statistik.zip"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Return a store with two releases: all months from workbooks, then the last month from a ZIP file in their place."""
    folder = tmp_path_factory.mktemp("published")
    source = folder / "source"
    for month in month_range("2018-05", LAST):
        path = source / month / "eckwerte" / "statistik.xlsx"
        path.parent.mkdir(parents=True)
        path.write_bytes(files.workbook(cells_of(month), month))
    assert publish(folder)["number"] == 1
    (source / WORKBOOK).unlink()
    (source / ZIP).write_bytes(files.sgb2info(cells_of(LAST), LAST, earlier="2018-06"))
    assert publish(folder)["number"] == 2
    return Store(folder / "store")


def publish(folder: Path) -> dict[str, object]:
    return steps.run_all(steps.open_run(folder / "store", LAST, [str(folder / "source")]))


def digest_of_delivery(store: Store, number: int, address: str) -> str:
    manifest = json.loads((store.release(LAST, number) / "manifest.json").read_text(encoding="utf-8"))
    (digest,) = [d["sha256"] for d in manifest["grundlage"]["eingaben"]["lieferungen"] if d["address"] == address]
    return str(digest)


@pytest.mark.parametrize(("number", "address"), [(1, WORKBOOK), (2, ZIP)])
def test_a_release_is_computed_anew_from_its_workbooks_and_zip_files(number: int, address: str, store: Store) -> None:
    assert digest_of_delivery(store, number, address)
    found = verify(store.root, f"{LAST}.{number}")
    assert found.problems == ()
    assert found.deliveries == 3


@pytest.mark.parametrize(("number", "address"), [(1, WORKBOOK), (2, ZIP)])
def test_a_byte_changed_in_a_kept_file_is_reported_with_its_address(number: int, address: str, store: Store) -> None:
    digest = digest_of_delivery(store, number, address)
    kept = store.snapshot(digest)
    content, mode = kept.read_bytes(), kept.stat().st_mode
    kept.chmod(mode | 0o200)
    middle = len(content) // 2
    kept.write_bytes(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])
    try:
        found = verify(store.root, f"{LAST}.{number}")
    finally:
        kept.write_bytes(content)
        kept.chmod(mode)
    assert found.problems == (f"delivery {address}: the kept bytes are not those of {digest}",)
