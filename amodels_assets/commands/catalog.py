"""``amodels catalog``: read a source directory into the catalog's Parquet files."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from amodels_assets.commands.replacing import refuse_other_things, replace_folder

if TYPE_CHECKING:
    import pyarrow as pa


@click.command()
@click.argument("source", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Directory to write.")
@click.option(
    "--workers",
    default=1,
    show_default=True,
    type=click.IntRange(min=1),
    help="Processes that read and follow views; worth it from some megabytes of views on.",
)
@click.option("--json", "as_json", is_flag=True, help="Print counts and diagnostics as JSON.")
def catalog(source: Path, out: Path, workers: int, as_json: bool) -> None:
    """Read SOURCE, a directory of dumps, into Parquet files below --out.

    A catalog that --out already holds is replaced; profile.json says what has changed since.
    Exits with 1 when something of the input was lost; the files hold all the rest.

    \b
    Examples:
      amodels catalog data/sgmi --out catalog
      amodels catalog /dumps --out catalog --workers 4
      amodels catalog /dumps --out catalog --json
    """
    from amodels_assets.settings import from_environment
    from amodels_assets.sgmi.catalog import build_catalog, write_catalog
    from amodels_assets.sgmi.parallel import WorkerError
    from amodels_assets.sgmi.source import SourceError

    # Arrow's other allocators keep what they have once got: a sixth more memory at the peak.
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")

    def say(step: str) -> None:
        if sys.stderr.isatty():
            click.echo(step, err=True)

    refuse_other_things(out, "a catalog", {"tables.parquet"})
    try:
        built = build_catalog(
            source,
            progress=say,
            timezone=from_environment().timezone,
            workers=workers,
            previous=lambda: _columns_of(out),
        )
    except (SourceError, WorkerError) as error:
        raise click.ClickException(str(error)) from error
    replace_folder(out, lambda folder: write_catalog(built, folder))
    counts = {name: table.num_rows for name, table in built.tables.items()}
    diagnostics = built.tables["diagnostics"].to_pylist()
    if as_json:
        click.echo(json.dumps({"counts": counts, "diagnostics": diagnostics}, indent=2))
    else:
        for name, count in counts.items():
            click.echo(f"{count:>8,}  {out / name}.parquet")
        for row in diagnostics:
            place = f"{row['file']}:{row['line']}" if row["line"] else row["file"]
            click.echo(f"{row['severity']}: {place}: {row['message']}", err=True)
    sys.exit(1 if any(row["severity"] == "error" for row in diagnostics) else 0)


def _columns_of(out: Path) -> pa.Table | None:
    """Columns of the catalog that is there already."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        # read_table would load pandas and Arrow's data sets: 50 MB.
        with pq.ParquetFile(out / "columns.parquet") as file:
            return file.read(["database", "table", "column", "type"])
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, pa.ArrowException) as error:
        text = f"{out / 'columns.parquet'} cannot be read: {error}; name another folder"
        raise click.ClickException(text) from error
