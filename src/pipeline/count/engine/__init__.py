"""Engines: what they are (`protocol`), DuckDB (`duck`) and Spark (`spark`) side by side, and the one that the settings choose."""

from __future__ import annotations

from pathlib import Path

from pipeline.count.engine.duck import DuckDb
from pipeline.count.engine.protocol import Engine, File, Input, input_schema, write_state
from pipeline.settings import Settings


def opened(settings: Settings, store: Path, spill: Path) -> Engine:
    """Return the engine that the settings choose, for files below `store`; raises EngineError if it is not installed."""
    settings.require_engine()
    if settings.engine == "spark":
        from pipeline.count.engine.spark import Spark

        return Spark(settings, store, spill)
    return DuckDb(settings.memory_limit, settings.threads, spill)


__all__ = ["DuckDb", "Engine", "File", "Input", "input_schema", "opened", "write_state"]
