"""``amodels search``: tables, views, columns and jobs by words."""

from __future__ import annotations

import json
import os
from pathlib import Path

import click

from amodels_assets.artifacts import ArtifactStore
from amodels_assets.search.names import FILE_INDEX
from amodels_assets.settings import POSTGRES, from_environment

_KINDS = ("table", "view", "column", "job")


@click.command()
@click.argument("words", nargs=-1, required=True)
@click.option(
    "--kind", "kinds", multiple=True, type=click.Choice(_KINDS), help="Only these; default: all."
)
@click.option("--number", type=click.IntRange(min=1), default=20, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def search(words: tuple[str, ...], kinds: tuple[str, ...], number: int, as_json: bool) -> None:
    """Find tables, views, columns and jobs by words in names, comments, queries and scripts.

    Beginnings of words are enough. What has all of them comes first; where nothing has all, what
    has one. The index is PostgreSQL's where AMODELS_POSTGRES_URL is set, a file otherwise.

    \b
    Examples:
      amodels search balance daily
      amodels search --kind column --number 5 rating
      amodels search --json facility
    """
    from amodels_assets.schemas.connect import ReplicaError
    from amodels_assets.search.find import SearchError
    from amodels_assets.search.find import search as find

    settings = from_environment()
    index: Path | str = os.environ.get(POSTGRES, "")
    if not index:
        index = ArtifactStore(settings.artifacts_path()).get(FILE_INDEX).path
    try:
        hits = find(index, " ".join(words), kinds or _KINDS, number)
    except (SearchError, ReplicaError) as error:
        raise click.ClickException(str(error)) from error
    if as_json:
        click.echo(json.dumps([hit._asdict() for hit in hits], indent=2))
        return
    for hit in hits:
        comment = f"  {' '.join(hit.comment.split())}" if hit.comment else ""
        click.echo(f"{hit.kind:<7} {hit.name}{comment[:80]}")
    if not hits:
        click.echo("nothing found")
