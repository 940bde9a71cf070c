"""How mails leave: written to the store first, sent, then marked, so that neither a dead mail server nor a kill loses one.

A mail can leave twice if the process dies between sending and marking; it is never lost. What it says is not known here.
"""

from __future__ import annotations

import logging
import smtplib
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path

from pipeline.notify.messages import Message
from pipeline.settings import Settings
from pipeline.store import Store, StoreBusyError, write_bytes, write_json
from pipeline.store.lock import exclusive

log = logging.getLogger(__name__)

SMTP_TIMEOUT = 20.0
LOCK_WAIT = 60.0
IMPLICIT_TLS_PORT = 465


@dataclass
class Flushed:
    """What a flush did: keys that left, keys still waiting, and the mail server's complaints."""

    sent: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


def queued(store: Store) -> list[str]:
    """Return the keys of the mails that wait, oldest name first."""
    return sorted(path.stem for path in _queue(store).glob("*.eml"))


def was_reported(store: Store, key: str) -> bool:
    """Return whether a mail with this key has left or is covered by another one."""
    return _mark(store, key).exists()


def cover(store: Store, key: str, by: str) -> None:
    """Mark `key` as reported by the mail `by`, so that a second watcher of the same event stays silent."""
    try:
        write_json(_mark(store, key), {"covered_by": by})
    except OSError as error:
        log.warning("alert %s: could not be marked (%s); a second mail may follow", key, error)


def forget(store: Store, keys: str) -> None:
    """Forget that mails whose key begins with `keys` have left: what they reported is over, if it returns it is news."""
    for mark in (store.alerts / "sent").glob(f"{keys}*"):
        mark.unlink(missing_ok=True)


def deliver(store: Store, settings: Settings, message: Message) -> bool:
    """Queue a message and send what is queued; return whether this message has left, now or earlier.

    Never raises for a mail server, a full disk or another process that is sending: an alarm must not end its run.
    """
    if was_reported(store, message.key):
        return True
    path = _queue(store) / f"{message.key}.eml"
    if not path.exists():
        content = _as_mail(message).as_bytes()
        try:
            write_bytes(path, content)
        except OSError as error:
            log.error("alert %s: cannot be queued (%s), sending it without", message.key, error)
            return _send_unqueued(store, settings, message.key, content)
    flush(store, settings)
    return was_reported(store, message.key)


def flush(store: Store, settings: Settings) -> Flushed:
    """Send all queued mails; those that cannot be sent stay. Never raises for a mail server or a busy store."""
    result = Flushed()
    if not settings.smtp_host or not settings.mail_to:
        result.waiting = queued(store)
        if result.waiting:
            result.errors.append("no mail server or recipient: set KENNZAHLEN_SMTP_HOST and KENNZAHLEN_MAIL_TO")
            log.warning("%d alert(s) wait in %s: %s", len(result.waiting), _queue(store), result.errors[0])
        return result
    if not queued(store):
        return result
    try:
        with _sending(store):
            while pending := [key for key in queued(store) if key not in result.waiting]:
                _send_all(store, settings, pending, result)
    except (OSError, StoreBusyError) as error:
        result.errors.append(str(error))
    result.waiting = queued(store)
    for text in result.errors:
        log.error("alerts: %s; %d alert(s) wait and leave with the next try", text, len(result.waiting))
    return result


def _send_all(store: Store, settings: Settings, keys: list[str], result: Flushed) -> None:
    try:
        with _server(settings) as server:
            for key in keys:
                path = _queue(store) / f"{key}.eml"
                if not was_reported(store, key):
                    try:
                        refused = _send(server, settings, path.read_bytes())
                    except smtplib.SMTPServerDisconnected:
                        raise
                    except smtplib.SMTPException as error:
                        result.waiting.append(key)
                        result.errors.append(f"{key}: {error}")
                        server.rset()
                        continue
                    _mark_sent(store, key, refused)
                    result.sent.append(key)
                path.unlink(missing_ok=True)
    except (OSError, smtplib.SMTPException) as error:
        result.waiting.extend(key for key in keys if key not in result.sent)
        result.errors.append(f"{settings.smtp_host}:{settings.smtp_port}: {error or type(error).__name__}")


def _send_unqueued(store: Store, settings: Settings, key: str, content: bytes) -> bool:
    if not settings.smtp_host or not settings.mail_to:
        return False
    try:
        with _server(settings) as server:
            refused = _send(server, settings, content)
    except (OSError, smtplib.SMTPException) as error:
        log.error("alert %s: neither queued nor sent (%s)", key, error)
        return False
    try:
        _mark_sent(store, key, refused)
    except OSError as error:
        log.warning("alert %s: sent, but could not be marked (%s); a second mail may follow", key, error)
    return True


@contextmanager
def _server(settings: Settings) -> Iterator[smtplib.SMTP]:
    address = (settings.smtp_host, settings.smtp_port)
    if settings.smtp_port == IMPLICIT_TLS_PORT:
        server: smtplib.SMTP = smtplib.SMTP_SSL(*address, timeout=SMTP_TIMEOUT, context=ssl.create_default_context())
    else:
        server = smtplib.SMTP(*address, timeout=SMTP_TIMEOUT)
    with server:
        if settings.smtp_starttls:
            server.starttls(context=ssl.create_default_context())
        if settings.smtp_user:
            server.login(settings.smtp_user, settings.smtp_password)
        yield server


def _send(server: smtplib.SMTP, settings: Settings, content: bytes) -> list[str]:
    """Send to the recipients of today, not to those of the day the mail was queued; return the refused ones."""
    mail = message_from_bytes(content, policy=policy.SMTP)
    for header, value in (("From", settings.mail_from), ("To", ", ".join(settings.mail_to))):
        del mail[header]
        mail[header] = value
    refused = server.send_message(mail, from_addr=settings.mail_from, to_addrs=list(settings.mail_to))
    for address, (code, reason) in refused.items():
        log.error("alerts: the mail server refuses %s (%s %r); the others got the mail", address, code, reason)
    return sorted(refused)


def _as_mail(message: Message) -> EmailMessage:
    now = datetime.now(UTC)
    mail = EmailMessage(policy=policy.SMTP)
    mail["Subject"] = message.subject
    mail["Date"] = format_datetime(now)
    mail["Message-ID"] = f"<{message.key}.{now:%Y%m%d%H%M%S}@kennzahlen.invalid>"
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Kennzahlen-Key"] = message.key
    mail.set_content(message.text)
    mail.add_alternative(message.html, subtype="html")
    return mail


@contextmanager
def _sending(store: Store) -> Iterator[None]:
    """Hold the right to send; waits for another sender, who would otherwise send the same mails."""
    end = time.monotonic() + LOCK_WAIT
    while True:
        lock = exclusive(store.alerts / ".lock", "alerts")
        try:
            lock.__enter__()
        except StoreBusyError:
            if time.monotonic() >= end:
                raise
            time.sleep(0.2)
            continue
        break
    try:
        yield
    finally:
        lock.__exit__(None, None, None)


def _mark_sent(store: Store, key: str, refused: list[str]) -> None:
    write_json(_mark(store, key), {"sent": datetime.now(UTC).isoformat(timespec="seconds"), "refused": refused})


def _queue(store: Store) -> Path:
    return store.alerts / "queue"


def _mark(store: Store, key: str) -> Path:
    return store.alerts / "sent" / key
