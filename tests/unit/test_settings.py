"""Settings: a default for everything, a clear error for what cannot be used, the key of the pseudonyms."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from pathlib import Path

import pytest

from pipeline.settings import PREFIX, Settings, SettingsError, load_settings

KEY = "0123456789abcdef" * 4


def test_nothing_has_to_be_set() -> None:
    assert load_settings({}) == Settings()


def test_an_empty_variable_is_as_good_as_none() -> None:
    assert load_settings({PREFIX + f.name.upper(): "" for f in fields(Settings)}) == Settings()


def test_variables_of_others_are_not_read() -> None:
    assert load_settings({"THREADS": "7", "XKENNZAHLEN_THREADS": "7"}) == Settings()


GIVEN = [
    ("PSEUDONYM_KEY", KEY, bytes.fromhex(KEY)),
    ("PSEUDONYM_KEY_FILE", "some/key", Path("some/key")),
    ("MEMORY_LIMIT", "500MB", "500MB"),
    ("THREADS", "8", 8),
    ("ENGINE", "spark", "spark"),
    ("SPARK_MASTER", "spark://host:7077", "spark://host:7077"),
    ("SPARK_CONF", "spark.executor.cores=2;", (("spark.executor.cores", "2"),)),
    ("SPARK_STORE", "s3://bucket/prefix", "s3://bucket/prefix"),
    ("FETCH_CONNECTIONS", "4", 4),
    ("FETCH_TIMEOUT", "2.5", 2.5),
    ("FETCH_ATTEMPTS", "1", 1),
    ("FETCH_BACKOFF", "0", 0.0),
    ("FETCH_REQUESTS_PER_SECOND", "1.5", 1.5),
    ("MAX_UNPACKED_BYTES", "1000", 1000),
    ("MAIL_TO", "a@example.org, b@example.org,", ("a@example.org", "b@example.org")),
    ("MAIL_FROM", "c@example.org", "c@example.org"),
    ("SMTP_HOST", "mail", "mail"),
    ("SMTP_PORT", "465", 465),
    ("SMTP_USER", "u", "u"),
    ("SMTP_PASSWORD", "p", "p"),
    ("SMTP_STARTTLS", "true", True),
    ("SITE_URL", "https://example.org/", "https://example.org/"),
    ("DOCS_URL", "https://example.org/docs", "https://example.org/docs"),
    ("SWITCHES", "imputer=on, check_day=zaehltag,", ("imputer=on", "check_day=zaehltag")),
    ("CORRECTIONS", "some/folder", Path("some/folder")),
]


@pytest.mark.parametrize(("name", "text", "value"), GIVEN)
def test_a_variable_sets_its_setting_and_no_other(name: str, text: str, value: object) -> None:
    found = load_settings({PREFIX + name: text})
    changed = {f.name: getattr(found, f.name) for f in fields(Settings) if getattr(found, f.name) != f.default}
    assert changed == {name.lower(): value}


def test_every_setting_can_be_set() -> None:
    assert {name.lower() for name, _, _ in GIVEN} == {f.name for f in fields(Settings)}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("THREADS", "many"),
        ("THREADS", "2.5"),
        ("THREADS", "0"),
        ("THREADS", "-1"),
        ("THREADS", "nan"),
        ("FETCH_CONNECTIONS", "1e3"),
        ("FETCH_ATTEMPTS", "inf"),
        ("FETCH_TIMEOUT", "nan"),
        ("FETCH_TIMEOUT", "0"),
        ("FETCH_TIMEOUT", "-5"),
        ("FETCH_TIMEOUT", "inf"),
        ("FETCH_BACKOFF", "soon"),
        ("FETCH_REQUESTS_PER_SECOND", "-1"),
        ("MAX_UNPACKED_BYTES", "8GB"),
        ("MEMORY_LIMIT", "much"),
        ("MEMORY_LIMIT", "2"),
        ("SMTP_PORT", "70000"),
        ("SMTP_STARTTLS", "True"),
        ("SMTP_STARTTLS", "yes"),
        ("PSEUDONYM_KEY", "not hexadecimal"),
        ("PSEUDONYM_KEY", "abcdef"),
    ],
)
def test_a_value_that_cannot_be_used_is_refused_by_the_name_of_its_variable(name: str, text: str) -> None:
    with pytest.raises(SettingsError, match=f"^{PREFIX}{name}: "):
        load_settings({PREFIX + name: text})


def test_a_refused_key_is_not_repeated_in_the_message() -> None:
    with pytest.raises(SettingsError) as error:
        load_settings({PREFIX + "PSEUDONYM_KEY": "zz-secret"})
    assert "zz-secret" not in str(error.value)


def test_a_key_is_made_once_inside_the_store_and_is_nobody_elses(tmp_path: Path) -> None:
    store = tmp_path / "store"
    key = Settings().load_key(store)
    (file,) = [p for p in store.rglob("*") if p.is_file()]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert bytes.fromhex(file.read_text().strip()) == key
    assert len(key) == 32
    assert Settings().load_key(store) == key
    assert Settings().load_key(tmp_path / "other") != key


def test_many_processes_that_begin_at_once_get_the_same_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: Settings().load_key(tmp_path), range(32)))
    assert len(keys) == 1
    assert len(list((tmp_path / "secret").iterdir())) == 1


def test_a_key_that_is_set_leaves_no_file(tmp_path: Path) -> None:
    settings = load_settings({PREFIX + "PSEUDONYM_KEY": KEY})
    assert settings.load_key(tmp_path / "store") == bytes.fromhex(KEY)
    assert not (tmp_path / "store").exists()


def test_a_key_file_is_read_where_it_is(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(KEY + "\n")
    settings = load_settings({PREFIX + "PSEUDONYM_KEY_FILE": str(file)})
    assert settings.load_key(tmp_path / "store") == bytes.fromhex(KEY)


def test_a_key_file_that_is_not_there_is_never_made(tmp_path: Path) -> None:
    settings = load_settings({PREFIX + "PSEUDONYM_KEY_FILE": str(tmp_path / "key")})
    with pytest.raises(SettingsError, match=f"^{PREFIX}PSEUDONYM_KEY_FILE: .*does not exist"):
        settings.load_key(tmp_path / "store")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", ["", "short", "abcd", "g" * 64, "ä" * 64], ids=range(5))
def test_a_key_file_without_a_key_is_refused_by_its_name(tmp_path: Path, content: str) -> None:
    file = tmp_path / "key"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(SettingsError, match=str(file)):
        load_settings({PREFIX + "PSEUDONYM_KEY_FILE": str(file)}).load_key(tmp_path)
