"""``/predict`` and ``/dagster``: requests that go on to a service as they are.

Belongs here: which service is asked and which headers go on. Does not belong here: passing on
(``proxy.py``, ``websocket_proxy.py``).

Dagster's web UI asks and changes by the same POST requests, so the gateway does not tell them
apart: keys without the scope ``operate`` are led to a second web server, which was started with
``--read-only`` and refuses changes itself.
"""

from __future__ import annotations

from serving.gateway.bounds import Receive, Send
from serving.gateway.errors import RefusedError
from serving.gateway.exchange import Exchange
from serving.gateway.http_client import Connection, Headers
from serving.gateway.json_file import DamagedFileError
from serving.gateway.proxy import HOP_BY_HOP, Proxy
from serving.gateway.services import Service, Services
from serving.gateway.settings import ServiceKind, Settings
from serving.gateway.upstreams import is_release_name
from serving.gateway.websocket_proxy import relay_websocket

# The gateway's own business, or written anew.
_NOT_PASSED = HOP_BY_HOP | {
    b"authorization", b"content-length", b"cookie", b"expect", b"forwarded", b"host",
    b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto",
}  # fmt: skip
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class ServiceProxy:
    """Passes requests on to services."""

    def __init__(self, settings: Settings, services: Services, proxy: Proxy) -> None:
        """Put together of its parts."""
        self._settings = settings
        self._services = services
        self._proxy = proxy

    async def predict(self, exchange: Exchange) -> None:
        """Ask the service that the path names."""
        name = exchange.path.split("/")[2] if exchange.path.count("/") > 1 else ""
        exchange.model = name[:128]
        self._require("predict", name)
        await self._pass_on(exchange, "predict", name)

    async def dagster(self, exchange: Exchange) -> None:
        """Ask Dagster's web server, the one of the key's role."""
        kind = self._role(exchange)
        self._require(kind)
        await self._pass_on(exchange, kind)

    async def dagster_websocket(self, exchange: Exchange, receive: Receive, send: Send) -> None:
        """Open a WebSocket to it."""
        service = self._require(self._role(exchange))[0]
        await relay_websocket(exchange, receive, send, service.address, _headers(exchange))

    @staticmethod
    def _role(exchange: Exchange) -> ServiceKind:
        assert exchange.key is not None  # noqa: S101 - nothing gets here without one
        return "dagster" if exchange.key.may("operate") else "dagster-read-only"

    def _require(self, kind: ServiceKind, name: str | None = None) -> list[Service]:
        try:
            found = self._services.of_kind(kind, name)
        except DamagedFileError:
            raise RefusedError(503, "services_damaged", "the file of services is damaged") from None
        if not found:
            named = f" {name[:128]!r}" if name else ""
            raise RefusedError(404, "unknown_service", f"no service of kind {kind}{named} is there")
        return found

    async def _pass_on(
        self, exchange: Exchange, kind: ServiceKind, name: str | None = None
    ) -> None:
        if exchange.method not in _METHODS:
            raise RefusedError(405, "method_not_allowed", f"{exchange.method} is not passed on")
        body = await exchange.body(self._settings.body_bytes)
        raw: bytes = exchange.scope["raw_path"]
        query: bytes = exchange.scope["query_string"]
        target = raw + b"?" + query if query else raw
        request = (exchange.method.encode(), target, _headers(exchange), body)

        def note_release(connection: Connection) -> None:
            if kind == "predict":
                exchange.release = _release(connection)

        await self._proxy.relay(
            exchange, lambda: self._services.of_kind(kind, name), request, note_release
        )


def _release(connection: Connection) -> str:
    """What a service says of which release answers; empty where it says nothing or no name."""
    said = next((v for n, v in connection.headers if n == b"x-amodels-release"), b"")
    return said.decode() if is_release_name(said.decode("latin-1")) else ""


def _headers(exchange: Exchange) -> Headers:
    passed = [(n, v) for n, v in exchange.scope["headers"] if n not in _NOT_PASSED]
    own = [
        (b"x-request-id", exchange.request_id.encode()),
        (b"x-forwarded-host", exchange.headers.get(b"host", b"")),
        (b"x-forwarded-proto", exchange.scope["scheme"].replace("ws", "http").encode()),
    ]
    return [*passed, *own]
