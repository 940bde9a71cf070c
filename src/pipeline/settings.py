"""The only reader of environment variables: what an operator may set, with embedded defaults.

Nothing here is statistics: assumptions that change a figure are switches of the catalog.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

PREFIX = "KENNZAHLEN_"
KEY_BYTES = 32


class SettingsError(ValueError):
    """A setting has a value that cannot be used; the text names the variable."""


@dataclass(frozen=True)
class Settings:
    """Settings of one process. Sizes in bytes, times in seconds."""

    pseudonym_key: bytes | None = None
    pseudonym_key_file: Path | None = None
    memory_limit: str = "2GB"
    threads: int = 2
    fetch_connections: int = 16
    fetch_timeout: float = 60.0
    fetch_attempts: int = 5
    fetch_backoff: float = 1.0
    fetch_requests_per_second: float = 0.0
    max_unpacked_bytes: int = 8 * 1024**3
    mail_to: tuple[str, ...] = ()
    mail_from: str = "kennzahlen@localhost"
    smtp_host: str = ""
    smtp_port: int = 25
    smtp_user: str = ""
    smtp_password: str = ""
    smtp_starttls: bool = False
    site_url: str = ""

    def load_key(self, store_root: Path) -> bytes:
        """Return the secret key of the pseudonyms; without a setting one is made once inside the store, mode 0600."""
        if self.pseudonym_key is not None:
            return self.pseudonym_key
        path = self.pseudonym_key_file or store_root / "secret" / "pseudonym.key"
        if not path.exists():
            if self.pseudonym_key_file is not None:
                raise SettingsError(f"{PREFIX}PSEUDONYM_KEY_FILE: {path} does not exist; create it with 64 hex digits")
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            try:
                handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            except FileExistsError:
                pass
            else:
                with os.fdopen(handle, "w", encoding="ascii") as file:
                    file.write(secrets.token_hex(KEY_BYTES) + "\n")
                    file.flush()
                    os.fsync(file.fileno())
        return _key(path.read_text(encoding="ascii").strip(), str(path))


def _key(text: str, source: str) -> bytes:
    try:
        key = bytes.fromhex(text)
    except ValueError as error:
        raise SettingsError(f"{source}: the pseudonym key must be hexadecimal") from error
    if len(key) < 16:
        raise SettingsError(f"{source}: the pseudonym key is too short, use at least 32 hex digits")
    return key


def load_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from `environment` (default: the process's); raises SettingsError."""
    env = os.environ if environment is None else environment

    def text(name: str, default: str) -> str:
        return env.get(PREFIX + name, default)

    def number(name: str, default: float) -> float:
        raw = env.get(PREFIX + name)
        if raw is None:
            return default
        try:
            return float(raw)
        except ValueError as error:
            raise SettingsError(f"{PREFIX}{name}: {raw!r} is not a number") from error

    defaults = Settings()
    key = env.get(PREFIX + "PSEUDONYM_KEY")
    key_file = env.get(PREFIX + "PSEUDONYM_KEY_FILE")
    return Settings(
        pseudonym_key=_key(key, PREFIX + "PSEUDONYM_KEY") if key else None,
        pseudonym_key_file=Path(key_file) if key_file else None,
        memory_limit=text("MEMORY_LIMIT", defaults.memory_limit),
        threads=int(number("THREADS", defaults.threads)),
        fetch_connections=int(number("FETCH_CONNECTIONS", defaults.fetch_connections)),
        fetch_timeout=number("FETCH_TIMEOUT", defaults.fetch_timeout),
        fetch_attempts=int(number("FETCH_ATTEMPTS", defaults.fetch_attempts)),
        fetch_backoff=number("FETCH_BACKOFF", defaults.fetch_backoff),
        fetch_requests_per_second=number("FETCH_REQUESTS_PER_SECOND", defaults.fetch_requests_per_second),
        max_unpacked_bytes=int(number("MAX_UNPACKED_BYTES", defaults.max_unpacked_bytes)),
        mail_to=tuple(a.strip() for a in text("MAIL_TO", "").split(",") if a.strip()),
        mail_from=text("MAIL_FROM", defaults.mail_from),
        smtp_host=text("SMTP_HOST", defaults.smtp_host),
        smtp_port=int(number("SMTP_PORT", defaults.smtp_port)),
        smtp_user=text("SMTP_USER", defaults.smtp_user),
        smtp_password=text("SMTP_PASSWORD", defaults.smtp_password),
        smtp_starttls=text("SMTP_STARTTLS", "false") == "true",
        site_url=text("SITE_URL", defaults.site_url),
    )
