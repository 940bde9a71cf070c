"""A mail server for tests that keeps what arrives and refuses what it is told to refuse."""

from __future__ import annotations

import socket
from collections.abc import Callable
from email import message_from_bytes, policy
from email.message import EmailMessage


class Letterbox:
    """An aiosmtpd handler; `mails` are parsed messages, with the envelope's recipients in `X-RcptTo`."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.refuse_recipients: set[str] = set()
        self.refuse_data: Callable[[bytes], bool] = lambda content: False

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802
        if address in self.refuse_recipients:
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        if self.refuse_data(envelope.content):
            return "554 transaction failed"
        mail = message_from_bytes(envelope.content, policy=policy.default)
        mail["X-RcptTo"] = ", ".join(envelope.rcpt_tos)
        self.mails.append(mail)
        return "250 OK"

    @property
    def subjects(self) -> list[str]:
        return [str(mail["Subject"]) for mail in self.mails]


def free_port() -> int:
    """Return a port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
