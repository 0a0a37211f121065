"""What the gateway depends on.

Belongs here: a probe for each. Does not belong here: when they are run.
"""

from __future__ import annotations

from functools import partial

from serving.gateway.artifacts import ArtifactError, Store
from serving.gateway.audit import AuditLog
from serving.gateway.health import DownError, Probe, ask_health
from serving.gateway.http_client import Pool
from serving.gateway.keys import KeyStore
from serving.gateway.limits import Limiter
from serving.gateway.services import Services
from serving.gateway.upstreams import Routes, UpstreamFile


class Dependencies:
    """Makes the probes, anew each time: upstreams and services come and go."""

    def __init__(
        self,
        *,
        audit: AuditLog,
        keys: KeyStore,
        limiter: Limiter,
        pool: Pool,
        services: Services,
        store: Store,
        upstreams: UpstreamFile,
    ) -> None:
        """Put together of the gateway's parts."""
        self._audit = audit
        self._keys = keys
        self._limiter = limiter
        self._pool = pool
        self._services = services
        self._store = store
        self._upstreams = upstreams

    def probes(self) -> list[Probe]:
        """A probe for each dependency there is now."""
        found = [
            Probe("audit log", True, self._audit_log),
            Probe("keys", True, self._key_file),
            Probe("catalog", False, self._catalog),
        ]
        ping = getattr(self._limiter, "ping", None)
        if ping is not None:
            found.append(Probe("redis", False, ping))
        return [*found, *self._model_probes(), *self._service_probes()]

    def _model_probes(self) -> list[Probe]:
        routes = self._routes()
        if routes is None:
            return [Probe("upstreams", True, self._upstream_file)]
        found = []
        for upstream in routes.upstreams:
            look = partial(ask_health, self._pool, upstream.address, "/health")
            found.append(Probe(f"upstream {upstream.name}", False, look))
        if routes.upstreams or routes.coming:
            found.append(Probe("released model", True, self._released))
        return found

    def _service_probes(self) -> list[Probe]:
        found = []
        for service in self._services.all():
            look = partial(ask_health, self._pool, service.address, service.health)
            found.append(Probe(f"service {service.name}", service.needed, look))
        return found

    def _routes(self) -> Routes | None:
        try:
            return self._upstreams.routes()
        except ValueError:
            return None

    async def _audit_log(self) -> None:
        if self._audit.problem:
            raise DownError(self._audit.problem)

    async def _key_file(self) -> None:
        self._keys.all()

    async def _upstream_file(self) -> None:
        self._upstreams.routes()

    async def _catalog(self) -> None:
        try:
            self._store.current("sgmi/catalog")
        except ArtifactError as error:
            raise DownError(str(error)) from error

    async def _released(self) -> None:
        routes = self._upstreams.routes()
        release = routes.aliases.get("released", "")
        problem = "no upstream of it is ready"
        for upstream in routes.ready.get(release, ()):
            try:
                await ask_health(self._pool, upstream.address, "/health")
            except DownError as error:
                problem = str(error)
            else:
                return
        raise DownError(problem)
