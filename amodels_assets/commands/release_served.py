"""``amodels release list|explain|promote|rollback``: what is served, and asking for another."""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import click

from amodels_assets.artifacts import ArtifactStore
from amodels_assets.release.supervised import PROMOTE, ROLLBACK, Known, SupervisedReleases
from amodels_assets.settings import from_environment

_LOOK_SECONDS = 0.2
# A supervisor that runs and has nothing to do takes a request up within a second.
_TAKEN_UP_SECONDS = 15.0

_wait = click.option(
    "--wait",
    type=click.FloatRange(0),
    metavar="SECONDS",
    help="Wait so long for what becomes of it.",
)
_json = click.option("--json", "as_json", is_flag=True, help="Print as JSON.")


@click.command("list")
@_json
def list_(as_json: bool) -> None:
    """Show the releases of language models and how each stands.

    \b
    Examples:
      amodels release list
      amodels release list --json
    """
    found = _releases().all()
    if as_json:
        click.echo(json.dumps([known.to_json() for known in found], indent=2))
        return
    if not found:
        click.echo("No language model is released yet: see docs/language-scores.md.")
    for known in found:
        rejected = known.verdict if known.state == "rejected" else None
        reason = f"  {rejected.reason}" if rejected else ""
        click.echo(f"{known.name:<34} {known.state:<14}{reason:.160}".rstrip())


@click.command()
@click.argument("name")
@_json
def explain(name: str, as_json: bool) -> None:
    """Show why a release is served, or why it is not, with the figures.

    \b
    Examples:
      amodels release explain catalog-language-0123456789ab
      amodels release explain catalog-language-0123456789ab --json
    """
    known = _releases().find(name)
    manifest: dict[str, Any] = {}
    if known.artifact is not None:
        manifest = json.loads(known.artifact.verified_file("release.json").read_text())
    if as_json:
        rules = manifest.get("rules")
        click.echo(json.dumps({**known.to_json(), "rules": rules}, indent=2))
        return
    for line in _explained(known, manifest):
        click.echo(line)


@click.command()
@click.argument("name")
@_wait
@_json
def promote(name: str, wait: float | None, as_json: bool) -> None:
    """Ask for a release to be served, an older one or one that was rejected too.

    It is verified and tried as every release, and the one that is served stays where it fails.

    \b
    Examples:
      amodels release promote catalog-language-0123456789ab
      amodels release promote catalog-language-0123456789ab --wait 600
    """
    releases = _releases()
    releases.find(name)
    _asked(releases, PROMOTE, name, wait, as_json=as_json)


@click.command()
@_wait
@_json
def rollback(wait: float | None, as_json: bool) -> None:
    """Ask for the release that was served before to be served again.

    \b
    Examples:
      amodels release rollback
      amodels release rollback --wait 600
    """
    _asked(_releases(), ROLLBACK, "", wait, as_json=as_json)


def _releases() -> SupervisedReleases:
    settings = from_environment()
    return SupervisedReleases(ArtifactStore(settings.artifacts_path()), settings.home)


def _explained(known: Known, manifest: dict[str, Any]) -> list[str]:
    lines = [f"{known.name}: {known.state}"]
    verdict = known.verdict
    if verdict:
        decided = verdict.decided_at.isoformat()
        lines.append(f"{verdict.decision} {decided}, {verdict.phase}")
        if verdict.reason:
            lines.append(f"because: {verdict.reason}")
        lines += [_line(*check) for check in verdict.checks]
        lines += [f"  {name} = {value:g}" for name, value in sorted(verdict.figures.items())]
        if verdict.log:
            lines += ["its server's last words:", *(f"  {x}" for x in verdict.log.splitlines())]
    else:
        lines.append("no supervisor has tried it yet")
    if manifest:
        lines.append(f"released by the gate, supersedes {manifest['supersedes'] or 'nothing'}:")
        lines += [_line(r["rule"], r["passed"], r["detail"]) for r in manifest["rules"]]
    return lines


def _line(name: str, passed: bool, detail: str) -> str:
    return f"- {'passed' if passed else 'FAILED'}: {name}: {detail}"


def _asked(
    releases: SupervisedReleases, action: str, name: str, wait: float | None, *, as_json: bool
) -> None:
    identity = releases.ask(action, name)
    answer = _waited(releases, identity, wait) if wait is not None else None
    outcome = answer["outcome"] if answer else "asked"
    detail = answer["detail"] if answer else f"{action} {name}".rstrip()
    if as_json:
        click.echo(json.dumps({"request": identity, "outcome": outcome, "detail": detail}))
    else:
        click.echo(f"{outcome}: {detail}")
    if outcome not in {"asked", "accepted"}:
        sys.exit(1)


def _waited(releases: SupervisedReleases, identity: str, seconds: float) -> dict[str, str]:
    """What became of a request.

    Raises:
        ClickException: Nothing, in that time.
    """
    began = time.monotonic()
    while (answer := releases.answer(identity)) is None:
        waited = time.monotonic() - began
        idle = releases.is_waiting and not releases.state().get("switch")
        if idle and waited > min(_TAKEN_UP_SECONDS, seconds):
            raise click.ClickException(
                "nobody takes it up: start `amodels-gateway supervise`; it stays asked for"
            )
        if waited > seconds:
            raise click.ClickException(f"nothing came of it within {seconds:g} s; it goes on")
        time.sleep(_LOOK_SECONDS)
    return answer
