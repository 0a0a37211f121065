"""``amodels sample``: write a synthetic SGMI source directory."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click


@click.command()
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Directory to write.")
@click.option("--seed", default=7, show_default=True, help="Same seed, same bytes.")
@click.option(
    "--scale",
    default=1.0,
    show_default=True,
    type=click.FloatRange(min=0, min_open=True),
    help="Multiplies the counts of tables, views, jobs and rows.",
)
@click.option("--defects", is_flag=True, help="Plant each known defect of real dumps.")
@click.option(
    "--profile",
    type=click.Choice(["bank", "warehouse"]),
    default="bank",
    show_default=True,
    help="warehouse: 296 tables of 19,000 columns, 74 views of 27,500 columns in 2.4 MB.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
def sample(  # noqa: PLR0917
    out: Path, seed: int, scale: float, defects: bool, profile: str, as_json: bool
) -> None:
    """Write a synthetic SGMI source directory with its ground truth.

    \b
    Examples:
      amodels sample --out sample
      amodels sample --out large --scale 10
      amodels sample --out broken --defects --seed 3
      amodels sample --out warehouse --profile warehouse
    """
    from amodels_assets.sample import Profile, write_sample

    def progress(text: str) -> None:
        if not as_json:
            click.echo(text, err=True)

    try:
        summary = write_sample(
            out,
            seed=seed,
            scale=scale,
            defects=defects,
            profile=Profile(profile),
            progress=progress,
        )
    except OSError as error:
        raise click.ClickException(f"{out} cannot be written: {error.strerror or error}") from error
    if as_json:
        click.echo(json.dumps(asdict(summary), indent=2, default=str))
    else:
        for name, value in asdict(summary).items():
            click.echo(f"{name}: {value}")
