"""What earlier runs fetched, and appending what this one does: in batches, durable bytes first, then the register.

A killed run loses at most one batch; everything registered is not pulled again.
"""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import datetime

from pipeline.fetch.exchange import Offer, is_strong
from pipeline.fetch.incoming import Incoming, StoreWriteError
from pipeline.fetch.places import Key
from pipeline.store import Delivery, Register, Store

BATCH_FILES = 1000
BATCH_SECONDS = 3.0


class Registering:
    """The register during one fetch."""

    def __init__(self, store: Store, incoming: Incoming, now: Callable[[], datetime]) -> None:
        self._incoming = incoming
        self._now = now
        self._register = Register(store.register_file)
        self._batch: list[Delivery] = []
        self._since = time.monotonic()
        self.history = self._register.history()
        self.newest: dict[Key, Delivery] = {d.key: d for d in self.history}
        self.before = dict(self.newest)
        # What a plan has pulled need not be pulled again; it comes into force when a source still offers it.
        pulled = sorted([*Register(store.planned_file).history(), *self.history], key=lambda d: d.fetched_at)
        self._by_source: dict[str, dict[str, Delivery]] = defaultdict(dict)
        for delivery in pulled:
            self._by_source[delivery.source][delivery.address] = delivery
        self._by_version = {(d.address, d.version): d for d in pulled if is_strong(d.version)}

    def known(self, source: str, offer: Offer) -> Delivery | None:
        """Return what the store has of this address of the source, if its bytes are still there."""
        address = offer.address
        known = self._by_version.get((address, offer.version)) or self._by_source[source].get(address)
        return known if known is not None and self.is_stored(known) else None

    def is_unchanged(self, known: Delivery, offer: Offer) -> bool:
        """Tell from version and size alone whether an offer is what is known."""
        return bool(offer.version) and offer.version == known.version and offer.size in (None, known.bytes)

    def is_stored(self, delivery: Delivery) -> bool:
        """Tell whether the bytes of a registered delivery are in the store, whole."""
        return self._incoming.is_stored(delivery.sha256, delivery.bytes)

    def add(self, source: str, offer: Offer, digest: str, size: int, version: str) -> Delivery:
        """Register a pulled file with the next batch."""
        place = offer.place
        moment = sys.intern(self._now().isoformat(timespec="seconds"))
        delivery = Delivery(
            place.table, place.ref_month, place.unit, place.suffix, place.address, digest, size, source, version, moment
        )
        self._batch.append(delivery)
        if len(self._batch) >= BATCH_FILES or time.monotonic() - self._since >= BATCH_SECONDS:
            self.flush()
        return delivery

    def flush(self) -> None:
        """Make the batch durable: first the bytes, then the register that names them."""
        self._since = time.monotonic()
        if not self._batch:
            return
        batch = sorted(self._batch, key=lambda d: d.key)
        try:
            self._incoming.sync()
            self._register.append(batch)
        except OSError as error:
            raise StoreWriteError(f"{self._register.path}: {error.strerror}") from error
        self._batch = []
        self.history += batch
        self.newest.update((d.key, d) for d in batch)

    def settle(self, offered: Mapping[Key, Delivery], month: str) -> dict[Key, Delivery]:
        """Make the register's newest entries those in force and return these, months up to `month` only.

        What a source offers now wins even if another source delivered something else since: it is registered again.
        """
        self._batch += [
            d for key, d in offered.items() if key not in self.newest or self.newest[key].sha256 != d.sha256
        ]
        self.flush()
        return {key: offered.get(key, d) for key, d in self.newest.items() if key[0] <= month}
