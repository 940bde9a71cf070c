"""The real steps inside the real DAGs, once, on the small invented country of tests/data/sample."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pyarrow.parquet as pq
import pytest

SAMPLE = Path(__file__).parents[1] / "data" / "sample" / "lieferungen.zip"


@pytest.mark.slow
def test_both_dags_take_the_sample_from_deliveries_to_a_release_and_one_mail(bag, letterbox, tmp_path, monkeypatch):
    with zipfile.ZipFile(SAMPLE) as archive:
        archive.extractall(tmp_path / "lieferungen")
    store = tmp_path / "store"
    monkeypatch.setenv("KENNZAHLEN_STORE", str(store))
    monkeypatch.setenv("KENNZAHLEN_SOURCES", str(tmp_path / "lieferungen"))
    for dag_id in ("kennzahlen_monat", "kennzahlen_veroeffentlichung", "kennzahlen_veroeffentlichung"):
        run = bag.dags[dag_id].test(run_conf={"month": "2018-07"})
        assert run.state == "success", {ti.task_id: ti.state for ti in run.get_task_instances()}
    assert (store / "releases" / "aktuell").resolve() == (store / "releases" / "2018-07" / "1").resolve()
    assert [p.name for p in (store / "releases" / "2018-07").iterdir()] == ["1"]
    assert pq.read_table(store / "releases" / "2018-07" / "1" / "vergleich.parquet").num_rows > 0
    (mail,) = letterbox.mails
    assert "COUNT-NO-DELIVERY" in mail.get_body(("plain",)).get_content(), (
        "403 jobcenters of the registry deliver nothing"
    )
    (subject,) = letterbox.subjects
    assert subject.startswith("[Kennzahlen § 48a] 2018-07 veröffentlicht (Ausgabe 2018-07.1)")
