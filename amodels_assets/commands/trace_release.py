"""``amodels trace --release`` and ``--request``: what an answer stands on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from amodels_assets.artifacts import ArtifactStore
from amodels_assets.settings import from_environment

if TYPE_CHECKING:
    from amodels_assets.release.provenance import Provenance, Version
    from amodels_assets.serving.audit_log import AuditLine

# Of a text; --json has all.
MOST_TABLES = 40


def trace_release(name: str, *, as_json: bool) -> None:
    """Print what a release stands on."""
    found = _provenance(name)
    if as_json:
        click.echo(json.dumps(found.to_json(), indent=2))
        return
    for line in as_text(found):
        click.echo(line)


def trace_request(request: str, *, as_json: bool) -> None:
    """Print which release answered a request, and what it stands on."""
    from amodels_assets.serving.audit_log import AuditLogError, find_request

    try:
        lines = find_request(from_environment().home / "gateway" / "audit", request)
    except AuditLogError as error:
        raise click.ClickException(str(error)) from error
    found: list[Provenance] = []
    unknown = []
    for name in dict.fromkeys(line.release for line in lines if line.release):
        try:
            found.append(_provenance(name))
        except click.ClickException as error:
            # A model server that somebody started by hand: the request is shown all the same.
            unknown.append(error.message)
    if as_json:
        said = {
            "requests": [asdict(line) for line in lines],
            "releases": [each.to_json() for each in found],
            "unknown": unknown,
        }
        click.echo(json.dumps(said, indent=2))
        return
    for line in lines:
        click.echo(_request(line))
    for each in found:
        click.echo()
        for text in as_text(each):
            click.echo(text)
    for message in unknown:
        click.echo(f"\n{message}")


def as_text(found: Provenance) -> Iterator[str]:
    """Lines for people, from the release to the jobs."""
    after = f", supersedes {found.supersedes}" if found.supersedes else ""
    yield f"{found.release} ({found.kind.replace('_', ' ')}), released {found.released_at}{after}"
    yield f"├─ checkpoint  {_version(found.checkpoint)}"
    if found.base is not None:
        yield f"├─ base model  {_version(found.base)}"
    for stage in found.stages:
        yield f"├─ made from   {_version(stage)}"
    for source in found.sources:
        yield f"├─ source      {_version(source)}"
    read = sum(table.read for table in found.tables)
    yield f"└─ {read} tables and views, {len(found.tables) - read} more that they are made of"
    for table in found.tables[:MOST_TABLES]:
        yield f"   {table.name}{'' if table.read else '  (behind a view)'}"
        for load in table.jobs:
            started = f"{load.trigger} {load.cron}".strip()
            yield f"     loaded by {load.job} ({started})  {load.file}:{load.line}"
    if len(found.tables) > MOST_TABLES:
        yield f"   and {len(found.tables) - MOST_TABLES} more: --json has all"


def _version(version: Version) -> str:
    when = f"  {version.made_at}" if version.made_at else ""
    gone = "" if version.kept else "  (no longer kept)"
    return f"{version.name}  {version.data_version[:12]}{when}{gone}"


def _request(line: AuditLine) -> str:
    answered = f"answered by {line.release}" if line.release else "no release answered"
    cut = "" if line.complete else ", cut off"
    return (
        f"{line.at}  {line.method} {line.path}  model {line.model or '-'}, key {line.name} "
        f"({line.key}): status {line.status}{cut}, {line.tokens} tokens, {line.seconds:.3f} s, "
        f"{answered}"
    )


def _provenance(name: str) -> Provenance:
    from amodels_assets.release.provenance import ProvenanceError, find_release, provenance_of

    store = ArtifactStore(from_environment().artifacts_path())
    try:
        return provenance_of(store, find_release(store, name))
    except ProvenanceError as error:
        raise click.ClickException(str(error)) from error
