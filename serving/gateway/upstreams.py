"""Which model servers there are, and which release each serves.

Belongs here: reading the file that a supervisor writes, and choosing a server for a model's name.
Does not belong here: starting servers, judging releases. Until there is a supervisor the file is
written by hand or by ``amodels-gateway upstreams set``.

A release that is ``expected``, or whose servers are all ``starting``, will be ready soon: requests
for it wait. The file, ``upstreams.json``::

    {"schema_version": 1,
     "upstreams": [{"name": "a", "url": "http://127.0.0.1:8101", "release": "r-1",
                    "state": "ready"}],
     "expected": ["r-2"],
     "aliases": {"released": "r-1", "candidate": "r-2"}}
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from serving.gateway.addresses import Address, parse_address
from serving.gateway.json_file import JsonFile

STATES = ("starting", "ready", "draining", "stopped")
ALIASES = ("released", "candidate")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_NO_NAME = "{!r} is no name: letters, digits and any of . _ -"


@dataclass(frozen=True, slots=True)
class Upstream:
    """A model server.

    Attributes:
        name: Unique in the file.
        address: Where it listens.
        release: The release that it serves, also the name of its model.
        state: Of ``STATES``; new requests go only to those that are ready.
    """

    name: str
    address: Address
    release: str
    state: str


@dataclass(frozen=True, slots=True)
class Routes:
    """What a file of upstreams says.

    Attributes:
        upstreams: In the file's order.
        aliases: ``released`` and ``candidate`` to a release.
        ready: Release to its servers that are ready.
        coming: Releases of which none is ready and one will be soon.
    """

    upstreams: tuple[Upstream, ...]
    aliases: dict[str, str]
    ready: dict[str, tuple[Upstream, ...]] = field(default_factory=dict)
    coming: frozenset[str] = frozenset()

    def release_of(self, model: str) -> str | None:
        """The release that a model's name or alias means, None where there is none."""
        release = self.aliases.get(model, model)
        known = release in self.coming or any(u.release == release for u in self.upstreams)
        return release if known else None

    def of_request(self, release: str) -> tuple[Upstream, ...]:
        """Servers for a request that was for a release before this was read.

        Where the release has just been taken from service, those that it is taken from: they end
        what is under way.
        """
        return self.ready.get(release) or tuple(
            u for u in self.upstreams if u.release == release and u.state == "draining"
        )


class UpstreamFile:
    """The file of upstreams, read again when it changed."""

    def __init__(self, path: Path, allowed_hosts: Collection[str] = ()) -> None:
        """Use ``path``, which need not exist yet."""

        def parse(raw: dict[str, Any]) -> Routes:
            return _parse(raw, allowed_hosts)

        self._file: JsonFile[Routes] = JsonFile(path, parse, _empty)

    @property
    def path(self) -> Path:
        """The file."""
        return self._file.path

    def routes(self) -> Routes:
        """What it says now.

        Raises:
            DamagedFileError: It cannot be understood.
        """
        return self._file.read()

    def put(self, name: str, url: str, release: str, state: str, aliases: Collection[str]) -> None:
        """Add an upstream or change it, and point aliases to its release.

        Raises:
            ValueError: A value is none that the file may have.
        """
        entry = {"name": name, "url": url, "release": release, "state": state}

        def change(raw: dict[str, Any]) -> dict[str, Any]:
            others = [u for u in raw["upstreams"] if u["name"] != name]
            pointed = {**raw["aliases"], **dict.fromkeys(aliases, release)}
            return {**raw, "upstreams": [*others, entry], "aliases": pointed}

        self._file.update(change)


def _empty() -> dict[str, Any]:
    return {"schema_version": 1, "upstreams": [], "aliases": {}}


def _parse(raw: dict[str, Any], allowed_hosts: Collection[str]) -> Routes:
    if raw.get("schema_version") != 1:
        raise ValueError("schema_version is not 1")
    upstreams = tuple(_upstream(entry, allowed_hosts) for entry in raw["upstreams"])
    if len({u.name for u in upstreams}) < len(upstreams):
        raise ValueError("two upstreams have one name")
    aliases = {str(alias): str(release) for alias, release in raw["aliases"].items()}
    if unknown := sorted(set(aliases) - set(ALIASES)):
        raise ValueError(f"aliases are {', '.join(ALIASES)}; not {', '.join(unknown)}")
    ready: dict[str, tuple[Upstream, ...]] = {}
    for upstream in upstreams:
        if upstream.state == "ready":
            ready[upstream.release] = (*ready.get(upstream.release, ()), upstream)
    expected = [str(release) for release in raw.get("expected", ())]
    for release in expected:
        _check_release(release)
    starting = {u.release for u in upstreams if u.state == "starting"}
    return Routes(upstreams, aliases, ready, frozenset({*expected, *starting} - ready.keys()))


def is_release_name(name: str) -> bool:
    """Whether a release can have that name."""
    return _NAME.fullmatch(name) is not None and name not in ALIASES


def _check_release(name: str) -> None:
    if name in ALIASES:
        raise ValueError(f"{name!r} is an alias and cannot be a release")
    if not is_release_name(name):
        raise ValueError(_NO_NAME.format(name))


def _upstream(entry: dict[str, Any], allowed_hosts: Collection[str]) -> Upstream:
    name, release, state = (str(entry[part]) for part in ("name", "release", "state"))
    if not _NAME.fullmatch(name):
        raise ValueError(_NO_NAME.format(name))
    _check_release(release)
    if state not in STATES:
        raise ValueError(f"{state!r} is no state: {', '.join(STATES)}")
    return Upstream(name, parse_address(str(entry["url"]), allowed_hosts), release, state)
