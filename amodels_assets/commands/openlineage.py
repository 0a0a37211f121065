"""``amodels openlineage``: the catalog as OpenLineage events."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import click

from amodels_assets.commands.made_catalog import CATALOG_OPTION, catalog_time, read_catalog


@click.command()
@click.option("--out", type=click.Path(path_type=Path), help="File to write; default: print.")
@click.option("--namespace", default="hive://sgmi", show_default=True, help="Of tables and views.")
@click.option("--job-namespace", default="controlm://sgmi", show_default=True, help="Of jobs.")
@click.option(
    "--event-time",
    type=click.DateTime(["%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d"]),
    help="When this was true; default: when the catalog was made. UTC unless it says its zone.",
)
@CATALOG_OPTION
def openlineage(
    out: Path | None,
    namespace: str,
    job_namespace: str,
    event_time: datetime | None,
    folder: Path | None,
) -> None:
    """Write the catalog as OpenLineage events, one JSON object a line.

    Each table is a DatasetEvent; each view a JobEvent with its query, schema and column lineage;
    each Control-M job a JobEvent with the tables that its scripts read and write. Every event is
    checked against the JSON Schema before it is written.

    \b
    Examples:
      amodels openlineage --out events.ndjson
      amodels openlineage --catalog catalog --namespace hive://warehouse:10000 | wc -l
    """
    from importlib.metadata import version

    from amodels_assets.artifacts import write_atomically
    from amodels_assets.sgmi.openlineage import TABLES, InvalidEventError, Writer, check_event

    catalog = read_catalog(folder, TABLES)
    time = event_time or catalog_time(folder)
    time = time if time.tzinfo else time.replace(tzinfo=UTC)
    writer = Writer(time, f"urn:amodels:{version('amodels')}", namespace, job_namespace)
    lines = []
    try:
        for event in writer.events(catalog):
            check_event(event)
            lines.append(json.dumps(event, ensure_ascii=False, separators=(",", ":")))
    except InvalidEventError as error:
        raise click.ClickException(
            f"an event is not valid, nothing was written: {error}"
        ) from error
    text = "".join(f"{line}\n" for line in lines)
    if out is None:
        click.echo(text, nl=False)
        return
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(out, text.encode())
    except OSError as error:
        raise click.ClickException(f"{out} cannot be written: {error.strerror or error}") from error
    click.echo(f"{len(lines):>8,}  events in {out}")
