"""What a source and the run tell each other: offers, listings, and the ways in which pulling can fail.

A source says what it offers and copies one file into a `Body`; which files are wanted is decided elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from pipeline.fetch.incoming import Body
from pipeline.fetch.places import Layout, Place, Stray
from pipeline.store import Delivery


class FetchError(RuntimeError):
    """The run cannot go on: a source tells nothing at all, or the store cannot take files; what was fetched is kept."""


class UnreachableError(Exception):
    """Nothing can be learned from the source; the text is the cause, without credentials."""


class PullError(Exception):
    """One file or folder could not be pulled; the text is the cause of the last of `attempts` attempts."""

    def __init__(self, cause: str, attempts: int, *, source_suspect: bool = False) -> None:
        super().__init__(cause)
        self.cause = cause
        self.attempts = attempts
        self.source_suspect = source_suspect


@dataclass(frozen=True, slots=True)
class Offer:
    """One file that a source has now. `version` recognises a change without reading; empty if the source cannot tell."""

    place: Place
    version: str = ""
    size: int | None = None

    @property
    def address(self) -> str:
        """Return the address relative to the root of the source."""
        return self.place.address


@dataclass(frozen=True)
class Trouble:
    """A part of a source that could not be listed."""

    address: str
    cause: str
    attempts: int


@dataclass
class Listing:
    """All a source offers for the months of the run, what does not fit, and what could not be listed."""

    offers: list[Offer] = field(default_factory=list)
    strays: dict[str, Stray] = field(default_factory=dict)
    troubles: list[Trouble] = field(default_factory=list)

    def add(self, found: Place | Stray | bool | None, version: str = "", size: int | None = None) -> None:
        """Sort a judged file or folder into the listing."""
        if isinstance(found, Place):
            self.offers.append(Offer(found, version, size))
        elif isinstance(found, Stray):
            self.strays[found.address] = found


class Source(Protocol):
    """A place where deliveries come from. `display` is its name without credentials."""

    display: str
    hasty: bool
    """True while the source seems to be down: one attempt per file must do."""

    async def open(self) -> None:
        """Prepare connections; raises UnreachableError."""

    async def listing(self, layout: Layout) -> Listing:
        """Find what the source offers; raises UnreachableError if it tells nothing at all."""

    async def pull(self, offer: Offer, known: Delivery | None, body: Body) -> str | None:
        """Copy one file into `body` and return its version; None if it is still `known`. Raises PullError, HtmlPageError."""

    async def reachable(self) -> bool:
        """Tell whether the source answers at all."""

    async def close(self) -> None:
        """Release connections."""


def is_strong(version: str) -> bool:
    """Tell whether a version names one state of one file of one tree, whatever the source is called."""
    return version.startswith("tree:")
