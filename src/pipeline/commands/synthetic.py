"""The command `synth`, which writes an invented country."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from pipeline.commands.options import Json, a_month
from pipeline.commands.output import progress, result


class Persons(StrEnum):
    """Which jobcenters deliver persons; the others appear in the published counts alone."""

    KOMMUNAL = "kommunal"
    ALLE = "alle"


def synth(
    out: Annotated[Path, typer.Option("--out", help="folder of the delivery tree")],
    first: Annotated[str, typer.Option("--from", callback=a_month, help="first month")],
    last: Annotated[str, typer.Option("--to", callback=a_month, help="last month")],
    scale: Annotated[float, typer.Option("--scale", min=0.001, max=1.0, help="1 is the size of the country")] = 0.1,
    seed: Annotated[int, typer.Option("--seed", help="same seed, same bytes")] = 1,
    persons: Annotated[
        Persons, typer.Option("--persons", help="which jobcenters deliver persons: the kommunale ones, or all")
    ] = Persons.KOMMUNAL,
    as_json: Json = False,
) -> None:
    """Write a synthetic country: deliveries of all jobcenters, invented and marked as such."""
    from pipeline.synthetic import generate

    with progress("synth") as bar:
        summary = generate(out, first, last, scale=scale, seed=seed, progress=bar, everyone=persons is Persons.ALLE)
    result(summary, as_json, [f"{out}: synthetic deliveries {first} to {last}, scale {scale}, seed {seed}"])
