"""Runs over the tiny country with all persons: source, opened run, readings other than decided, what was computed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from pipeline import steps
from pipeline.synthetic import generate
from unit.synthetic.tiny_country import tiny_catalog

LAST = "2018-06"
OTHERWISE = (
    "window_bounds=closed_left",
    "exit_day=last_day",
    "lzb_min_age=17",
    "k3e2_person=each",
    "check_day=anniversary",
    "oegb_at_check=fails",
    "job_change_counts=false",
    "require_start_ge_entry=true",
    "group_at_vorstichtag=false",
)


def tiny_source(folder: Path, first: str) -> Path:
    """Write the deliveries of the months from `first` to LAST."""
    generate(folder, first, LAST, scale=0.001, seed=7, workers=1, everyone=True, catalog=tiny_catalog())
    return folder


def opened(store: Path, *sources: Path, switches: tuple[str, ...] = (), **settings: Any) -> steps.Run:
    """Return the run of LAST on a store, with some settings of its own."""
    run = steps.open_run(store, LAST, [str(s) for s in sources], switches=switches)
    return replace(run, declared=tiny_catalog(), settings=replace(run.settings, **settings))


def computed(store: Path) -> dict[str, bytes]:
    """Return every file that has been computed, by its place below `computed/`."""
    place = store / "computed"
    return {str(p.relative_to(place)): p.read_bytes() for p in sorted(place.rglob("*")) if p.is_file()}
