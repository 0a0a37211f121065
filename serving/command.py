"""The ``amodels-gateway`` command.

Belongs here: what is asked and printed. Does not belong here: what is done.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from serving.gateway.artifacts import Store
from serving.gateway.json_file import DamagedFileError
from serving.gateway.keys import SCOPES, Key, KeyStore
from serving.gateway.settings import Settings, read_settings
from serving.gateway.upstreams import ALIASES, STATES, UpstreamFile

if TYPE_CHECKING:
    from serving.model_server.process import Launcher


def _listening(command: Callable[..., None]) -> Callable[..., None]:
    """Where and how a gateway listens."""
    for option in reversed((
        click.option("--host", default="127.0.0.1", show_default=True),
        click.option("--port", default=8080, show_default=True, help="0 for any that is free."),
        click.option(
            "--workers", default=1, show_default=True, help="Gateway processes behind the port."
        ),
        click.option("--tls-certificate", type=click.Path(path_type=Path), help="PEM file."),
        click.option("--tls-key", type=click.Path(path_type=Path), help="PEM file."),
        click.option(
            "--insecure-http", is_flag=True, help="Be reachable from other machines without TLS."
        ),
    )):  # fmt: skip
        command = option(command)
    return command


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--config", type=click.Path(path_type=Path), help="YAML file of settings.")
@click.pass_context
def cli(context: click.Context, config: Path | None) -> None:
    """One door in front of the served models, the catalog and Dagster's web UI.

    \b
    Examples:
      amodels-gateway keys create alice --scope infer --requests-per-minute 60
      amodels-gateway upstreams set local --url http://127.0.0.1:8101 --release r-1 --alias released
      amodels-gateway serve --port 8080
      amodels-gateway supervise --port 8080
      amodels-gateway keys revoke 0123456789ab
    """
    context.obj = read_settings(os.environ, config)


@cli.command()
@_listening
@click.option("--fd", type=int, hidden=True, help="A socket that listens already.")
@click.pass_obj
def serve(
    settings: Settings,
    *,
    fd: int | None,
    host: str,
    port: int,
    workers: int,
    tls_certificate: Path | None,
    tls_key: Path | None,
    insecure_http: bool,
) -> None:
    """Serve until the process is asked to end.

    \b
    Examples:
      amodels-gateway serve
      amodels-gateway serve --host 0.0.0.0 --tls-certificate tls.crt --tls-key tls.key
    """
    from serving.gateway.server import listening_socket, run

    if fd is None:
        listening = listening_socket(
            host, port, certificate=tls_certificate, insecure=insecure_http
        )
    else:
        listening = socket.socket(fileno=fd)
        listening.set_inheritable(True)
    scheme = "https" if tls_certificate else "http"
    click.echo(f"amodels-gateway: {scheme}://{host}:{listening.getsockname()[1]}", err=True)
    _say_without_keys(settings)
    run(settings, listening, workers=workers, certificate=tls_certificate, key=tls_key)


@cli.command()
@click.option("--port", default=8080, show_default=True)
@click.option("--seconds", default=5.0, show_default=True, help="How long an answer may take.")
def alive(*, port: int, seconds: float) -> None:
    """Ask the gateway on this machine whether it is alive; exit with 1 where it does not say so.

    For what looks after containers. The certificate is not looked at: it is of another name.

    \b
    Examples:
      amodels-gateway alive
      amodels-gateway alive --port 8443 --seconds 2
    """
    from serving.gateway.alive import is_alive

    if not is_alive(port, seconds):
        click.echo(f"amodels-gateway: no answer of a gateway on port {port}", err=True)
        sys.exit(1)


@cli.command()
@_listening
@click.option("--without-gateway", is_flag=True, help="Only the model servers.")
@click.pass_context
def supervise(
    context: click.Context,
    *,
    host: str,
    port: int,
    workers: int,
    tls_certificate: Path | None,
    tls_key: Path | None,
    insecure_http: bool,
    without_gateway: bool,
) -> None:
    """Serve what is released: the gateway, a model server, and the way from release to release.

    Takes up each new release by itself, and goes on with what still runs when it was killed.

    \b
    Examples:
      amodels-gateway supervise
      amodels-gateway --config gateway.yaml supervise --port 8080 --workers 2
    """
    from serving.gateway.server import listening_socket
    from serving.releases.gateway_process import GatewayProcess
    from serving.releases.manifest import Releases
    from serving.releases.supervisor import Supervisor

    settings: Settings = context.obj
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s"
    )
    command = [sys.executable, "-m", "serving.command"]
    if (config := (context.parent or context).params["config"]) is not None:
        command += ["--config", str(config)]
    command += ["serve", "--workers", str(workers)]
    for name, value in (("--tls-certificate", tls_certificate), ("--tls-key", tls_key)):
        command += [name, str(value)] if value is not None else []

    def listen() -> socket.socket:
        return listening_socket(host, port, certificate=tls_certificate, insecure=insecure_http)

    gateway = GatewayProcess(settings.home / "releases", command, f"{host}:{port}", listen)
    supervisor = Supervisor(settings, _launcher(settings), None if without_gateway else gateway)
    _say_without_keys(settings)
    releases = Releases(Store(settings.artifacts), settings.home.parent / "models")
    if releases.current_version() is None:
        click.echo(
            "nothing is released yet, and what will be is served by itself: make language, then "
            "amodels run --select 'tag:amodels/extra=language'",
            err=True,
        )
    asyncio.run(supervisor.run())


@cli.group()
def keys() -> None:
    """API keys."""


@keys.command()
@click.argument("name")
@click.option("--scope", "scopes", type=click.Choice(SCOPES), multiple=True, required=True)
@click.option("--requests-per-minute", type=click.IntRange(0), default=0, help="0: no limit.")
@click.option("--tokens-per-day", type=click.IntRange(0), default=0, help="0: no limit.")
@click.option("--json", "as_json", is_flag=True, help="For a program.")
@click.pass_obj
def create(
    settings: Settings,
    *,
    name: str,
    scopes: tuple[str, ...],
    requests_per_minute: int,
    tokens_per_day: int,
    as_json: bool,
) -> None:
    """Make a key and print it, this once.

    \b
    Examples:
      amodels-gateway keys create alice --scope infer --scope catalog
      amodels-gateway keys create batch --scope infer --tokens-per-day 1000000
    """
    key, text = KeyStore(settings.home / "keys.json").create(
        name, scopes, requests_per_minute=requests_per_minute, tokens_per_day=tokens_per_day
    )
    if as_json:
        click.echo(json.dumps({**_shown(key), "key": text}))
        return
    click.echo(
        f"id {key.id}: what follows is kept as a hash only and cannot be shown again", err=True
    )
    click.echo(text)


@keys.command("list")
@click.option("--json", "as_json", is_flag=True, help="For a program.")
@click.pass_obj
def list_(settings: Settings, as_json: bool) -> None:
    """Show the keys, never what they are."""
    found = KeyStore(settings.home / "keys.json").all()
    if as_json:
        click.echo(json.dumps([_shown(key) for key in found], indent=1))
        return
    for key in found:
        limits = f"{key.requests_per_minute or '-'}/min {key.tokens_per_day or '-'} tokens/day"
        state = f"revoked {key.revoked_at}" if key.revoked_at else f"since {key.created_at}"
        click.echo(f"{key.id}  {key.name:20} {','.join(key.scopes):22} {limits:28} {state}")


@keys.command()
@click.argument("identity", metavar="ID")
@click.pass_obj
def revoke(settings: Settings, identity: str) -> None:
    """End a key's validity, at once and also for its browsers."""
    key = KeyStore(settings.home / "keys.json").revoke(identity)
    click.echo(f"{key.id} {key.name}: revoked")


@cli.group()
def upstreams() -> None:
    """Model servers, where no supervisor names them."""


@upstreams.command("set")
@click.argument("name")
@click.option("--url", required=True, help="http://host:port")
@click.option("--release", required=True, help="The release it serves, its model's name.")
@click.option("--state", type=click.Choice(STATES), default="ready", show_default=True)
@click.option("--alias", "aliases", type=click.Choice(ALIASES), multiple=True)
@click.pass_obj
def set_(
    settings: Settings,
    *,
    name: str,
    url: str,
    release: str,
    state: str,
    aliases: tuple[str, ...],
) -> None:
    """Add a model server or change it; a gateway that runs sees it at once.

    \b
    Examples:
      amodels-gateway upstreams set a --url http://127.0.0.1:8101 --release r-1 --alias released
      amodels-gateway upstreams set a --url http://127.0.0.1:8101 --release r-1 --state draining
    """
    _upstreams(settings).put(name, url, release, state, aliases)


@upstreams.command("list")
@click.pass_obj
def list_upstreams(settings: Settings) -> None:
    """Show the model servers and which release has which alias."""
    routes = _upstreams(settings).routes()
    for upstream in routes.upstreams:
        aliases = [a for a, release in routes.aliases.items() if release == upstream.release]
        click.echo(
            f"{upstream.name}  {upstream.address}  {upstream.release}  {upstream.state}  "
            f"{','.join(aliases)}".rstrip()
        )


def main() -> None:
    """Entry point of the console script."""
    try:
        cli(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except (DamagedFileError, OSError, ValueError) as error:
        click.echo(f"amodels-gateway: {error}", err=True)
        sys.exit(1)


def _launcher(settings: Settings) -> Launcher:
    from serving.model_server.process import CommandLauncher
    from serving.model_server.vllm import configured

    if settings.releases.command:
        return CommandLauncher(settings.releases.command)
    launcher = configured(os.environ)
    # Found out when a release is tried, it would count against the release.
    launcher.check()
    return launcher


def _say_without_keys(settings: Settings) -> None:
    if not KeyStore(settings.home / "keys.json").all():
        click.echo("there is no key yet: amodels-gateway keys create NAME --scope infer", err=True)


def _upstreams(settings: Settings) -> UpstreamFile:
    return UpstreamFile(settings.home / "upstreams.json", settings.allowed_hosts)


def _shown(key: Key) -> dict[str, object]:
    return {name: value for name, value in asdict(key).items() if name != "sha256"}


if __name__ == "__main__":
    main()
