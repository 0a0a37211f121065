"""``amodels events``: what changed in the catalog, for people and other programs."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from amodels_assets.settings import REDIS

if TYPE_CHECKING:
    from resources.event_stream import EventStream, Message


@click.group()
def events() -> None:
    """What changed in the catalog, as a stream in Redis (AMODELS_REDIS_URL).

    \b
    Examples:
      amodels events list                  the newest changes
      amodels events follow --group search every change once, for one reader among others
    """


@events.command("list")
@click.option("--number", default=20, show_default=True, help="Of the newest events.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
def list_events(number: int, as_json: bool) -> None:
    """Show the newest changes, newest first; takes them from nobody.

    \b
    Examples:
      amodels events list --number 100
      amodels events list --json
    """
    with _stream() as stream:
        for message in stream.newest(number):
            _print(message, as_json=as_json)


@events.command()
@click.option("--group", required=True, help="Readers of one group share the events.")
@click.option("--consumer", default="", help="Name of this reader; default: host and process.")
@click.option("--once", is_flag=True, help="Stop when there are no more.")
@click.option(
    "--stalled-after",
    default=60.0,
    show_default=True,
    help="Seconds after which events are taken from a reader that did not acknowledge them.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
def follow(group: str, consumer: str, once: bool, stalled_after: float, as_json: bool) -> None:
    """Print every change once for a group, and wait for more.

    An event is acknowledged after it was printed: what was not comes again, to this reader or,
    when it stays silent, to another one of the group.

    \b
    Examples:
      amodels events follow --group search --once
      amodels events follow --group alerts --json | while read -r event; do echo "$event"; done
    """
    name = consumer or f"{socket.gethostname()}-{os.getpid()}"
    with _stream() as stream:
        while True:
            found = stream.read(
                group, name, wait_seconds=0 if once else 5, stalled_after_seconds=stalled_after
            )
            for message in found:
                _print(message, as_json=as_json)
                stream.acknowledge(group, [message])
            if once and not found:
                return


@contextmanager
def _stream() -> Generator[EventStream]:
    """The stream of changes; that there is none is one sentence.

    It loads Dagster, which no other command should wait for.
    """
    from amodels_assets.sgmi.change_assets import STREAM
    from resources.event_stream import EventStreamResource
    from resources.redis_client import RedisUnavailableError

    url = os.environ.get(REDIS)
    if not url:
        raise click.ClickException(f"there is no stream: set {REDIS} to a Redis or Valkey server")
    try:
        with EventStreamResource(redis_url=url).stream(STREAM) as stream:
            yield stream
    except RedisUnavailableError as error:
        raise click.ClickException(str(error)) from error


def _print(message: Message, *, as_json: bool) -> None:
    event = message.event
    if as_json:
        click.echo(json.dumps({"id": message.id, **event}, sort_keys=True))
        return
    differing = ", ".join(event.get("properties", ()))
    detail = f": {differing}" if differing else ""
    click.echo(f"{message.id}  {event['object']:<7} {event['change']:<8} {event['name']}{detail}")
