"""The command `alerts`, which looks after the alarms that could not be sent."""

from __future__ import annotations

from typing import Annotated

import typer

from pipeline.commands.options import ExistingStore, Json
from pipeline.commands.output import result


def alerts(
    store: ExistingStore,
    send: Annotated[bool, typer.Option("--send", help="send the waiting alarms now")] = False,
    as_json: Json = False,
) -> None:
    """Show the alarms that wait for the mail server, or send them."""
    from pipeline import notify
    from pipeline.settings import load_settings
    from pipeline.store import Store

    opened = Store(store)
    if send:
        notify.flush(opened, load_settings())
    waiting = notify.queued(opened)
    result({"waiting": waiting}, as_json, [f"{len(waiting)} alarm(s) waiting", *waiting])
