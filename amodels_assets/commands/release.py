"""``amodels release``: what is released, and why; what is served is in ``release_served.py``."""

from __future__ import annotations

import json

import click

from amodels_assets.artifacts import ArtifactStore
from amodels_assets.commands.release_served import explain, list_, promote, rollback
from amodels_assets.settings import from_environment


@click.group()
def release() -> None:
    """Look at releases, and say which one is served."""


for command in (list_, explain, promote, rollback):
    release.add_command(command)


@release.command()
@click.option("--json", "as_json", is_flag=True, help="Print the release manifest.")
def show(as_json: bool) -> None:
    """Show what is released and the evidence for it.

    \b
    Examples:
      amodels release show
      amodels release show --json
    """
    found = ArtifactStore(from_environment().artifacts_path()).find("release/released_model")
    if found is None:
        raise click.ClickException("nothing is released yet: say `amodels run`")
    text = found.verified_file("release.json").read_text()
    if as_json:
        click.echo(text.rstrip())
        return
    manifest = json.loads(text)
    score = manifest["score"]
    click.echo(f"{manifest['release']}, released {found.manifest.created_at}")
    click.echo(
        f"{score['metric']} {score['value']:.4f} ({score['low']:.4f} to {score['high']:.4f}), "
        f"n={score['n']}, supersedes {manifest['supersedes'] or 'nothing'}"
    )
    for rule in manifest["rules"]:
        click.echo(f"- {rule['rule']}: {rule['detail']}")
