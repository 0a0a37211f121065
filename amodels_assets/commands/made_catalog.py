"""The catalog that a command reads: of the artifact store, or a folder of ``amodels catalog``."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    import pyarrow as pa

CATALOG_OPTION = click.option(
    "--catalog",
    "folder",
    type=click.Path(path_type=Path),
    help="A folder written by `amodels catalog`; by default the catalog of the last run.",
)


def read_catalog(folder: Path | None, names: Iterable[str]) -> dict[str, pa.Table]:
    """Tables of a catalog by name.

    Args:
        folder: Written by ``amodels catalog``; None for the artifact store.
        names: Which tables.

    Raises:
        ClickException: There is no catalog.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    place = folder or _stored()[0]
    try:
        return {name: pq.read_table(place / f"{name}.parquet") for name in names}
    except FileNotFoundError as error:
        text = f"{place} holds no catalog: write one with amodels catalog SOURCE --out {place}"
        raise click.ClickException(text) from error
    except (OSError, pa.ArrowException) as error:
        raise click.ClickException(f"the catalog in {place} cannot be read: {error}") from error


def catalog_time(folder: Path | None) -> datetime:
    """When a catalog was made, in UTC."""
    if folder is None:
        return _stored()[1]
    return datetime.fromtimestamp((folder / "tables.parquet").stat().st_mtime, UTC)


def _stored() -> tuple[Path, datetime]:
    from amodels_assets.artifacts import ArtifactStore
    from amodels_assets.settings import from_environment

    artifact = ArtifactStore(from_environment().artifacts_path()).find("sgmi/catalog")
    if artifact is None:
        text = "no catalog has been made yet: say amodels run, or name one with --catalog"
        raise click.ClickException(text)
    return artifact.path, datetime.fromisoformat(artifact.manifest.created_at)
