"""``amodels catalog``: read a source directory into the catalog's Parquet files."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

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

    try:
        built = build_catalog(
            source,
            progress=say,
            timezone=from_environment().timezone,
            workers=workers,
            previous=lambda: _columns_of(out),
        )
        out.parent.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
        try:
            write_catalog(built, aside)
            _swap(aside, out)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
    except (SourceError, WorkerError) as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        raise click.ClickException(f"{out} cannot be written: {error.strerror or error}") from error
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


def _swap(aside: Path, out: Path) -> None:
    """Put a finished folder in the place of an older catalog; refuse to replace anything else."""
    aside.chmod(0o755)
    if not out.exists():
        aside.rename(out)
        return
    names = {path.name for path in out.iterdir()}
    if names and "tables.parquet" not in names:
        raise click.ClickException(f"{out} holds something other than a catalog: name another")
    old = aside.with_name(f"{aside.name}.old")
    out.rename(old)
    aside.rename(out)
    shutil.rmtree(old)
