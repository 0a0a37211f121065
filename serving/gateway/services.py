"""Services behind the gateway: which there are, and whether they still say so.

Belongs here: declared services, those that register, and when one is forgotten. Does not belong
here: asking whether a service is well (``health.py``).

A service registers by ``PUT /services/<name>`` and says so again before its time is over; one
that is silent is forgotten. All processes of a gateway share the file.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from serving.gateway.addresses import Address, parse_address
from serving.gateway.json_file import JsonFile
from serving.gateway.settings import DeclaredService, ServiceKind


@dataclass(frozen=True, slots=True)
class Service:
    """A service.

    Attributes:
        name: Unique; the second part of ``/predict/<name>``.
        kind: What it is for.
        address: Where it listens.
        health: Path that answers 200 while it is well.
        needed: Whether the gateway is not ready without it.
        expires_at: Seconds since 1970 at which it is forgotten; 0 for a declared one.
    """

    name: str
    kind: ServiceKind
    address: Address
    health: str
    needed: bool
    expires_at: float


class Services:
    """The services that are there now."""

    def __init__(
        self,
        path: Path,
        declared: Collection[DeclaredService],
        *,
        seconds: float,
        allowed_hosts: Collection[str] = (),
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Use the file ``path`` beside the declared services.

        Raises:
            ForbiddenAddressError: A declared one is where the gateway does not connect.
        """
        self._allowed = allowed_hosts
        self._seconds = seconds
        self._clock = clock
        self._declared = {d.name: self._service(d, 0) for d in declared}
        self._file: JsonFile[dict[str, Service]] = JsonFile(path, self._parse, dict)

    def all(self) -> list[Service]:
        """Services by name, declared ones and those that spoke in time."""
        now = self._clock()
        spoke = {n: s for n, s in self._file.read().items() if s.expires_at > now}
        return sorted({**spoke, **self._declared}.values(), key=lambda s: s.name)

    def of_kind(self, kind: ServiceKind, name: str | None = None) -> list[Service]:
        """Those of a kind, and of a name where one is given."""
        return [s for s in self.all() if s.kind == kind and name in {None, s.name}]

    def register(self, said: DeclaredService) -> Service:
        """Take a service in, or take its word that it is still there.

        Raises:
            ForbiddenAddressError: It is where the gateway does not connect.
            ValueError: A declared service has the name.
        """
        if said.name in self._declared:
            raise ValueError(f"{said.name} is declared in the gateway's configuration")
        now = self._clock()
        service = self._service(said, now + self._seconds)
        entry = {**said.model_dump(), "expires_at": service.expires_at}

        def change(raw: dict[str, Any]) -> dict[str, Any]:
            kept = {name: e for name, e in raw.items() if e["expires_at"] > now}
            return {**kept, said.name: entry}

        self._file.update(change)
        return service

    def forget(self, name: str) -> bool:
        """Forget a service that registered; whether there was one."""
        known = name in self._file.read()
        if known:
            self._file.update(lambda raw: {n: e for n, e in raw.items() if n != name})
        return known

    def _parse(self, raw: dict[str, Any]) -> dict[str, Service]:
        services = {}
        for name, entry in raw.items():
            values = dict(entry)
            expires_at = float(values.pop("expires_at"))
            services[name] = self._service(DeclaredService.model_validate(values), expires_at)
        return services

    def _service(self, said: DeclaredService, expires_at: float) -> Service:
        address = parse_address(said.url, self._allowed)
        return Service(said.name, said.kind, address, said.health, said.needed, expires_at)
