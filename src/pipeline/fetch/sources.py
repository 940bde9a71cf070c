"""From what the operator wrote after --source to a source: directory, file, http(s), s3 or sftp.

Credentials in a URL are taken out here; the displayed name never has them.
"""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from pipeline.fetch.exchange import FetchError, Source
from pipeline.fetch.folders import Directory, Remote
from pipeline.fetch.pace import Pace
from pipeline.fetch.probing import Probing
from pipeline.settings import Settings

_SCHEME = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*)://")
SCHEMES = ("file", "http", "https", "s3", "sftp")
SFTP_CONNECTIONS = 4


def open_source(text: str, settings: Settings, probing: Probing, pace: Pace) -> Source:
    """Return the source that `text` names, not yet opened; raises FetchError for an unknown scheme or a broken URL."""
    if not text.strip():
        raise FetchError("a source is empty; give --source a folder or an address")
    match = _SCHEME.match(text)
    if match is None:
        path = Path(text)
        return Directory(path, str(path), settings.fetch_connections)
    scheme = match[1].lower()
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise FetchError(f"a source is no valid URL ({scheme}://…): {error}; check --source") from error
    if scheme == "file":
        path = Path(unquote(parts.path))
        return Directory(path, str(path), settings.fetch_connections)
    if scheme not in SCHEMES:
        raise FetchError(f"a source starts with {scheme}://; sources are directories or URLs with {', '.join(SCHEMES)}")
    if not parts.hostname:
        raise FetchError(f"a source starts with {scheme}:// but names no host; check --source")
    display = _display(scheme, parts, port)
    redact = redactor(parts)
    if scheme in ("http", "https"):
        from pipeline.fetch.web import Web

        root = display.removesuffix("?…").rstrip("/") + "/"
        return Web(root, parts.query, _authorization(parts), display, settings, redact, probing, pace)
    flat = scheme == "s3"
    if flat:
        connect, root = _s3(settings.fetch_connections, pace), parts.netloc.rsplit("@", 1)[-1] + parts.path
    else:
        connect, root = _sftp(parts, port, settings), unquote(parts.path)
    return Remote(
        connect,
        root,
        display,
        flat=flat,
        workers=settings.fetch_connections if flat else min(SFTP_CONNECTIONS, settings.fetch_connections),
        attempts=settings.fetch_attempts,
        backoff=settings.fetch_backoff,
        redact=redact,
        pace=pace,
    )


def _display(scheme: str, parts: SplitResult, port: int | None) -> str:
    host = parts.hostname or ""
    if scheme == "s3":
        host = parts.netloc.rsplit("@", 1)[-1]  # bucket names keep their case
        port = None
    elif ":" in host:
        host = f"[{host}]"
    return f"{scheme}://{host}{f':{port}' if port else ''}{parts.path}{'?…' if parts.query else ''}"


def redactor(parts: SplitResult) -> Callable[[str], str]:
    """Return a function that takes user, password and query of a URL out of a text."""
    secrets = {parts.username or "", parts.password or "", parts.query}
    secrets |= {unquote(s) for s in secrets} | {value for _, value in parse_qsl(parts.query)}
    if "@" in parts.netloc:
        secrets.add(parts.netloc.rsplit("@", 1)[0])
    ordered = sorted((s for s in secrets if len(s) > 2), key=len, reverse=True)

    def redact(text: str) -> str:
        for secret in ordered:
            text = text.replace(secret, "…")
        return text

    return redact


def _authorization(parts: SplitResult) -> str:
    if parts.username is None:
        return ""
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return "Basic " + base64.b64encode(pair.encode("utf-8")).decode("ascii")


def _s3(connections: int, pace: Pace) -> Callable[[], Any]:
    import s3fs
    from fsspec.asyn import sync

    async def paced(**_: object) -> None:
        await asyncio.sleep(pace.turn())
        pace.sent()

    class Paced(s3fs.S3FileSystem):  # type: ignore[misc]
        """Every request, also a repeated one and every page of a listing, takes its turn; `close` closes the connections."""

        cachable = False

        async def set_session(self, refresh: bool = False, kwargs: Any = None) -> Any:
            client = await super().set_session(refresh=refresh)
            client.meta.events.register("before-send.s3", paced, unique_id="pace")
            return client

        def close(self) -> None:
            if self._s3 is not None:
                sync(self.loop, self._s3creator.__aexit__, None, None, None)

    return lambda: Paced(config_kwargs={"max_pool_connections": connections})


def _sftp(parts: SplitResult, port: int | None, settings: Settings) -> Callable[[], Any]:
    import paramiko
    from fsspec.implementations.sftp import SFTPFileSystem

    class KnownHosts(SFTPFileSystem):  # type: ignore[misc]
        """Connects only to hosts whose key is known: deliveries hold personal data."""

        cachable = False

        def _connect(self) -> None:
            self.client = paramiko.SSHClient()
            self.client.load_system_host_keys()
            self.client.set_missing_host_key_policy(paramiko.RejectPolicy())
            try:
                self.client.connect(self.host, **self.ssh_kwargs)
            except paramiko.SSHException as error:
                if "not found in known_hosts" in str(error):
                    raise PermissionError(
                        f"the host key of {self.host} is not known; check it and add it to known_hosts (ssh-keyscan)"
                    ) from error
                raise
            self.ftp = self.client.open_sftp()

    options: dict[str, Any] = {"timeout": settings.fetch_timeout, "banner_timeout": settings.fetch_timeout}
    options["auth_timeout"] = settings.fetch_timeout
    if port:
        options["port"] = port
    if parts.username:
        options["username"] = unquote(parts.username)
    if parts.password:
        options["password"] = unquote(parts.password)
        options["look_for_keys"] = options["allow_agent"] = False
    return lambda: KnownHosts(parts.hostname, **options)
