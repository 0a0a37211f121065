"""``amodels status``: what was made, from what, and which checks it passed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from amodels_assets.artifacts import ArtifactStore
from amodels_assets.settings import from_environment


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def status(as_json: bool) -> None:
    """Show every artifact with its version, age and checks.

    \b
    Examples:
      amodels status
      amodels status --json
    """
    store = ArtifactStore(from_environment().artifacts_path())
    rows = [_row(store, name) for name in store.names()]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    if not rows:
        click.echo("Nothing has been made yet: say `amodels run`.")
    for row in rows:
        checks = f"{row['checks_passed']} checks passed"
        if row["checks_failed"]:
            checks += f", FAILED: {', '.join(row['checks_failed'])}"
        click.echo(
            f"{row['artifact']:<34} {row['data_version'][:12]}  {row['created_at']}  {checks}"
        )


def _row(store: ArtifactStore, name: str) -> dict[str, Any]:
    artifact = store.get(name)
    records = store.checks(name).values()
    return {
        "artifact": name,
        "data_version": artifact.data_version,
        "created_at": artifact.manifest.created_at,
        "inputs": artifact.manifest.inputs,
        "path": str(Path(artifact.path)),
        "checks_passed": sum(record.passed for record in records),
        "checks_failed": sorted(record.check for record in records if not record.passed),
    }
