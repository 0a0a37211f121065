"""The gateway as one ASGI application.

Belongs here: putting the parts together, and the way of a request through them: bounds, key,
route, answer, figures, audit. Does not belong here: what any of them does.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import secrets
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from serving.gateway import metrics
from serving.gateway.access import Access
from serving.gateway.artifacts import Store
from serving.gateway.audit import AuditLog
from serving.gateway.bounds import (
    ClientLeftError,
    Receive,
    Scope,
    Send,
    checked_headers,
    checked_path,
    request_id,
)
from serving.gateway.catalog import Catalog
from serving.gateway.control import Control
from serving.gateway.dependencies import Dependencies
from serving.gateway.errors import TIMEOUT, RefusedError
from serving.gateway.exchange import (
    CLIENT_LEFT,
    CLIENT_STALLED,
    KEY_REVOKED,
    Exchange,
    Sweeper,
)
from serving.gateway.health import Health
from serving.gateway.http_client import Pool
from serving.gateway.keys import KeyStore
from serving.gateway.limits import Limiter, MemoryLimiter
from serving.gateway.openai_api import OpenAiApi
from serving.gateway.pages import Pages
from serving.gateway.proxy import Proxy
from serving.gateway.service_proxy import ServiceProxy
from serving.gateway.services import Services
from serving.gateway.sessions import Sessions
from serving.gateway.settings import Settings
from serving.gateway.text_search import TextSearch
from serving.gateway.under_way import UnderWay
from serving.gateway.upstreams import UpstreamFile

# Asked every few seconds by machines, and nothing that anybody did.
_NOT_AUDITED = frozenset({"healthz", "readyz", "metrics"})
_LIMITED = frozenset({"v1", "predict", "catalog", "lineage", "search"})
_LAST_WORD_SECONDS = 1.0
# What nginx writes for a client that went before its answer; nobody receives it.
_CLIENT_LEFT = 499


class Gateway:
    """The application."""

    def __init__(self, settings: Settings) -> None:
        """Put it together; nothing is connected before it starts."""
        self.settings = settings
        self.keys = KeyStore(settings.home / "keys.json")
        self.audit = AuditLog(settings.home / "audit")
        self.upstreams = UpstreamFile(settings.home / "upstreams.json", settings.allowed_hosts)
        self.limiter: Limiter = _limiter(settings.redis_url)
        self.store = Store(settings.artifacts)
        self.services = Services(
            settings.home / "services.json",
            settings.services,
            seconds=settings.service_seconds,
            allowed_hosts=settings.allowed_hosts,
        )
        self._random = secrets.token_hex(10)
        self._numbers = itertools.count(1)
        self._sweeper = Sweeper(self.keys)
        self._pool = Pool(settings.connect_seconds)
        proxy = Proxy(self._pool, settings.answer_seconds, settings.idle_seconds)
        sessions = Sessions(settings.home / "session.secret", settings.session_hours)
        self._access = Access(self.keys, sessions)
        self._pages = Pages(self.keys, sessions)
        dependencies = Dependencies(
            audit=self.audit,
            keys=self.keys,
            limiter=self.limiter,
            pool=self._pool,
            services=self.services,
            store=self.store,
            upstreams=self.upstreams,
        )
        self.health = Health(dependencies.probes, settings.probe_seconds)
        self._under_way = UnderWay(settings.home / "under_way")
        openai = OpenAiApi(settings, self.upstreams, proxy, self.limiter, self._under_way)
        self._to_services = ServiceProxy(settings, self.services, proxy)
        self.control = Control(
            self.health, self.services, Catalog(self.store), TextSearch(self.store)
        )
        own = dict.fromkeys(
            ("readyz", "openapi.json", "metrics", "services", "catalog", "lineage", "search"),
            self.control.answer,
        )
        self._routes: dict[str, Callable[[Exchange], Awaitable[None]]] = {
            **own,
            "healthz": _alive,
            "login": self._pages.login,
            "logout": self._pages.logout,
            "start": self._pages.start,
            "v1": openai.answer,
            "predict": self._to_services.predict,
            "dagster": self._to_services.dagster,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI application."""
        if scope["type"] == "http":
            await self._http(Exchange(scope, receive, send))
        elif scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "websocket":
            await self._websocket(Exchange(scope, receive, send), receive, send)

    async def _http(self, exchange: Exchange) -> None:
        under_way = self._sweeper.under_way
        try:
            if len(under_way) >= self.settings.requests:
                raise RefusedError(503, "too_many_requests", "too many requests", retry_after=1)
            under_way.add(exchange)
            await self._answer(exchange)
        except RefusedError as refused:
            if refused.status == 401 and _is_browser(exchange):
                await self._pages.to_login(exchange)
            else:
                await exchange.refuse(refused)
        except ClientLeftError:
            exchange.status = exchange.status or _CLIENT_LEFT
        except asyncio.CancelledError:
            if not exchange.why_ended:
                raise
            await self._ended(exchange)
        finally:
            under_way.discard(exchange)
            exchange.finish()
            self._record(exchange)

    async def _answer(self, exchange: Exchange) -> None:
        exchange.end_after(self.settings.body_seconds, "the request did not come in time")
        exchange.headers = checked_headers(exchange.scope)
        exchange.request_id = request_id(exchange.headers, self._fresh_name)
        exchange.path = checked_path(exchange.scope)
        self._access.check(exchange)
        if exchange.route not in _NOT_AUDITED:
            self.audit.admit()
        if exchange.route in _LIMITED and exchange.key is not None:
            await self.limiter.admit(exchange.key)
        await self._routes[exchange.route](exchange)

    def _fresh_name(self) -> str:
        """A name for a request: random for this process, counted within it."""
        return f"{self._random}{next(self._numbers):012x}"

    async def _websocket(self, exchange: Exchange, receive: Receive, send: Send) -> None:
        exchange.method = "WEBSOCKET"
        self._sweeper.under_way.add(exchange)
        try:
            exchange.headers = checked_headers(exchange.scope)
            exchange.request_id = request_id(exchange.headers, self._fresh_name)
            exchange.path = checked_path(exchange.scope)
            self._access.check(exchange, websocket=True)
            self.audit.admit()
            if exchange.route != "dagster":
                raise RefusedError(404, "unknown_path", "there is no WebSocket")
            await self._to_services.dagster_websocket(exchange, receive, send)
        except RefusedError as refused:
            await exchange.refuse_websocket(refused)
        except asyncio.CancelledError:
            if not exchange.why_ended:
                raise
            await send({"type": "websocket.close", "code": 1008, "reason": exchange.why_ended})
        finally:
            self._sweeper.under_way.discard(exchange)
            self._record(exchange)

    async def _ended(self, exchange: Exchange) -> None:
        """Its deadline passed or its client left, and for that its task was cancelled."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - this is a coroutine
        task.uncancel()
        if exchange.why_ended == CLIENT_LEFT:
            exchange.status = exchange.status or _CLIENT_LEFT
            return
        status, code = (408 if "request" in exchange.why_ended else 504), TIMEOUT
        if exchange.why_ended == KEY_REVOKED:
            status, code = 401, "invalid_api_key"
        if exchange.why_ended == CLIENT_STALLED:
            code = "client_stalled"
        try:
            async with asyncio.timeout(_LAST_WORD_SECONDS):
                await exchange.refuse(RefusedError(status, code, exchange.why_ended))
        except TimeoutError:
            # A client that does not read does not hear it either.
            exchange.abort()

    def _record(self, exchange: Exchange) -> None:
        seconds = time.perf_counter() - exchange.started
        metrics.answered(exchange.route, exchange.status or 500, seconds, exchange.first_byte)
        if exchange.key is None or exchange.route in _NOT_AUDITED:
            return
        client = exchange.scope.get("client")
        line: dict[str, Any] = {
            "at": datetime.now(UTC),
            "request": exchange.request_id,
            "key": exchange.key.id,
            "name": exchange.key.name,
            "session": exchange.session,
            "client": client[0] if client else "",
            "method": exchange.method,
            "path": exchange.path,
            "model": exchange.model,
            "release": exchange.release,
            "status": exchange.status,
            "error": exchange.error,
            "complete": exchange.ended,
            "tokens": exchange.tokens,
            "seconds": round(seconds, 6),
        }
        if exchange.prompt:
            line["prompt"] = exchange.prompt
        self.audit.record(line)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self.audit.start()
                self._sweeper.start()
                self.health.start()
                # What was made until here stays: later collections need not look at it.
                gc.collect()
                gc.freeze()
                await send({"type": "lifespan.startup.complete"})
            else:
                await self._sweeper.close()
                await self.health.close()
                await self.audit.close()
                await self.limiter.close()
                self._pool.close()
                self._under_way.close()
                await send({"type": "lifespan.shutdown.complete"})
                return


async def _alive(exchange: Exchange) -> None:
    if exchange.method not in {"GET", "HEAD"}:
        raise RefusedError(405, "method_not_allowed", "ask with GET")
    await exchange.answer(200, b"text/plain; charset=utf-8", b"ok\n")


def _limiter(redis_url: str) -> Limiter:
    if not redis_url:
        return MemoryLimiter()
    from serving.gateway.redis_limits import RedisLimiter

    return RedisLimiter(redis_url)


def _is_browser(exchange: Exchange) -> bool:
    accepts = exchange.headers.get(b"accept", b"")
    return (
        exchange.method == "GET"
        and b"text/html" in accepts
        and b"authorization" not in exchange.headers
    )
