"""A real mail server on this machine, and settings that point to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller

from integration.notify.letterbox import Letterbox, free_port
from pipeline.settings import Settings
from pipeline.store import Store


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def letterbox(port: int) -> Iterator[Letterbox]:
    box = Letterbox()
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    yield box
    controller.stop()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


@pytest.fixture
def settings(port: int) -> Settings:
    return Settings(smtp_host="127.0.0.1", smtp_port=port, mail_to=("betrieb@example.org",), mail_from="k@example.org")
