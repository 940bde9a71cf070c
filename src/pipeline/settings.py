"""The only reader of environment variables: what an operator may set, with embedded defaults.

Nothing here is statistics: assumptions that change a figure are switches of the catalog.
"""

from __future__ import annotations

import math
import os
import re
import secrets
import shutil
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

PREFIX = "KENNZAHLEN_"
KEY_BYTES = 32
_WHOLE = re.compile(r"[0-9]{1,18}")
_SIZE = re.compile(r"[0-9]+(\.[0-9]+)? ?[KMGT]i?B", re.IGNORECASE)


class SettingsError(ValueError):
    """A setting has a value that cannot be used; the text names the variable."""


class EngineError(SettingsError):
    """The engine that is chosen is unknown or not installed; the text says what to do."""


ENGINES = ("duckdb", "spark")


@dataclass(frozen=True)
class Settings:
    """Settings of one process. Sizes in bytes, times in seconds."""

    pseudonym_key: bytes | None = None
    pseudonym_key_file: Path | None = None
    memory_limit: str = "2GB"
    threads: int = 2
    engine: str = "duckdb"
    spark_master: str = ""
    spark_conf: tuple[tuple[str, str], ...] = ()
    spark_store: str = ""
    fetch_connections: int = 16
    fetch_timeout: float = 60.0
    fetch_attempts: int = 5
    fetch_backoff: float = 1.0
    fetch_requests_per_second: float = 0.0
    max_unpacked_bytes: int = 1024**3
    mail_to: tuple[str, ...] = ()
    mail_from: str = "kennzahlen@localhost"
    smtp_host: str = ""
    smtp_port: int = 25
    smtp_user: str = ""
    smtp_password: str = ""
    smtp_starttls: bool = False
    site_url: str = ""
    docs_url: str = ""
    switches: tuple[str, ...] = ()
    corrections: Path | None = None

    def require_engine(self) -> None:
        """Raise EngineError if the engine is unknown, or if PySpark or Java are absent that it needs."""
        if self.engine not in ENGINES:
            raise EngineError(f"{self.engine!r} is no engine; there are {', '.join(ENGINES)}")
        if self.engine != "spark":
            return
        if find_spec("pyspark") is None:
            raise EngineError("the engine spark needs PySpark: pip install 'kennzahlen-48a[spark]'; or take duckdb")
        if shutil.which("java") is None and not os.environ.get("JAVA_HOME"):
            raise EngineError("the engine spark needs Java 17: apt-get install openjdk-17-jre-headless; or take duckdb")

    def load_key(self, store_root: Path) -> bytes:
        """Return the secret key of the pseudonyms; without a setting one is made once inside the store, mode 0600."""
        if self.pseudonym_key is not None:
            return self.pseudonym_key
        path = self.pseudonym_key_file or store_root / "secret" / "pseudonym.key"
        if not path.exists():
            if self.pseudonym_key_file is not None:
                raise SettingsError(f"{PREFIX}PSEUDONYM_KEY_FILE: {path} does not exist; create it with 64 hex digits")
            _make_key(path)
        return _key(path.read_text(encoding="ascii", errors="replace").strip(), str(path))


def _make_key(path: Path) -> None:
    """Write a new key, whole or not at all; if another process was faster, its key stays."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, aside = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(KEY_BYTES) + "\n")
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            path.hardlink_to(aside)
    finally:
        Path(aside).unlink()


def _key(text: str, source: str) -> bytes:
    try:
        key = bytes.fromhex(text)
    except ValueError as error:
        raise SettingsError(f"{source}: the pseudonym key must be hexadecimal") from error
    if len(key) < 16:
        raise SettingsError(f"{source}: the pseudonym key is too short, use at least 32 hex digits")
    return key


def load_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from `environment` (default: the process's); an empty variable is none. Raises SettingsError."""
    env = os.environ if environment is None else environment

    def text(name: str, default: str) -> str:
        return env.get(PREFIX + name) or default

    def number(name: str, default: float, least: float = 0.0) -> float:
        raw = text(name, str(default))
        try:
            value = float(raw)
        except ValueError as error:
            raise SettingsError(f"{PREFIX}{name}: {raw!r} is not a number") from error
        if not least <= value < math.inf:
            raise SettingsError(f"{PREFIX}{name}: {raw!r} is out of range, at least {least:g} is needed")
        return value

    def whole(name: str, default: int, most: int = sys.maxsize) -> int:
        raw = text(name, str(default))
        if not _WHOLE.fullmatch(raw):
            raise SettingsError(f"{PREFIX}{name}: {raw!r} is not a whole number")
        if not 1 <= int(raw) <= most:
            raise SettingsError(f"{PREFIX}{name}: {raw!r} is out of range, allowed is 1 to {most}")
        return int(raw)

    def flag(name: str, default: bool) -> bool:
        raw = text(name, str(default).lower())
        if raw not in ("true", "false"):
            raise SettingsError(f"{PREFIX}{name}: {raw!r} is neither true nor false")
        return raw == "true"

    def size(name: str, default: str) -> str:
        raw = text(name, default)
        if not _SIZE.fullmatch(raw):
            raise SettingsError(f"{PREFIX}{name}: {raw!r} is no size, write 2GB or 500MB")
        return raw

    def pairs(name: str) -> tuple[tuple[str, str], ...]:
        parts = [part.strip() for part in text(name, "").split(";") if part.strip()]
        for part in parts:
            if not part.partition("=")[2]:
                raise SettingsError(
                    f"{PREFIX}{name}: {part!r} is not name=value; write several as name=value;name=value"
                )
        return tuple((part.partition("=")[0].strip(), part.partition("=")[2].strip()) for part in parts)

    defaults = Settings()
    key = env.get(PREFIX + "PSEUDONYM_KEY")
    key_file = env.get(PREFIX + "PSEUDONYM_KEY_FILE")
    return Settings(
        pseudonym_key=_key(key, PREFIX + "PSEUDONYM_KEY") if key else None,
        pseudonym_key_file=Path(key_file) if key_file else None,
        memory_limit=size("MEMORY_LIMIT", defaults.memory_limit),
        threads=whole("THREADS", defaults.threads),
        engine=text("ENGINE", defaults.engine),
        spark_master=text("SPARK_MASTER", defaults.spark_master),
        spark_conf=pairs("SPARK_CONF"),
        spark_store=text("SPARK_STORE", defaults.spark_store),
        fetch_connections=whole("FETCH_CONNECTIONS", defaults.fetch_connections),
        fetch_timeout=number("FETCH_TIMEOUT", defaults.fetch_timeout, least=0.001),
        fetch_attempts=whole("FETCH_ATTEMPTS", defaults.fetch_attempts),
        fetch_backoff=number("FETCH_BACKOFF", defaults.fetch_backoff),
        fetch_requests_per_second=number("FETCH_REQUESTS_PER_SECOND", defaults.fetch_requests_per_second),
        max_unpacked_bytes=whole("MAX_UNPACKED_BYTES", defaults.max_unpacked_bytes),
        mail_to=tuple(a.strip() for a in text("MAIL_TO", "").split(",") if a.strip()),
        mail_from=text("MAIL_FROM", defaults.mail_from),
        smtp_host=text("SMTP_HOST", defaults.smtp_host),
        smtp_port=whole("SMTP_PORT", defaults.smtp_port, most=65535),
        smtp_user=text("SMTP_USER", defaults.smtp_user),
        smtp_password=text("SMTP_PASSWORD", defaults.smtp_password),
        smtp_starttls=flag("SMTP_STARTTLS", defaults.smtp_starttls),
        site_url=text("SITE_URL", defaults.site_url),
        docs_url=text("DOCS_URL", defaults.docs_url),
        switches=tuple(part.strip() for part in text("SWITCHES", "").split(",") if part.strip()),
        corrections=Path(folder) if (folder := text("CORRECTIONS", "")) else None,
    )
