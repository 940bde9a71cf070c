"""The command that says where a published figure comes from: finds the release, lets `publish` explain, shows it."""

from pipeline.explain.figure import FigureFound, UnknownFigureError, explain
from pipeline.explain.persons import PersonsRefusedError, persons_behind, persons_json, persons_lines
from pipeline.explain.record import as_json
from pipeline.explain.terminal import as_lines

__all__ = [
    "FigureFound",
    "PersonsRefusedError",
    "UnknownFigureError",
    "as_json",
    "as_lines",
    "explain",
    "persons_behind",
    "persons_json",
    "persons_lines",
]
