"""``/v1``: the parts of OpenAI's API that are served.

Belongs here: which paths there are, what a body has to say, and what is changed in it. Does not
belong here: passing it on.

Only these paths are passed on: a model server has others, which load adapters or put it to sleep.
"""

from __future__ import annotations

import json
from typing import Any

from pydantic_core import from_json, to_json

from serving.gateway.errors import UPSTREAM_ERROR, RefusedError
from serving.gateway.exchange import Exchange
from serving.gateway.http_client import Connection, Headers
from serving.gateway.json_file import DamagedFileError
from serving.gateway.limits import Limiter
from serving.gateway.metrics import tokens_of
from serving.gateway.proxy import Proxy
from serving.gateway.queueing import UNREACHABLE, Queue, no_model
from serving.gateway.settings import Settings
from serving.gateway.under_way import UnderWay
from serving.gateway.upstreams import Routes, UpstreamFile
from serving.gateway.usage import EventStream, WholeAnswer

_WITH_STREAMS = frozenset({"/v1/chat/completions", "/v1/completions"})
_PATHS = _WITH_STREAMS | {"/v1/embeddings"}
_MODELS = "/v1/models"


class OpenAiApi:
    """Answers what is below ``/v1``."""

    def __init__(
        self,
        settings: Settings,
        upstreams: UpstreamFile,
        proxy: Proxy,
        limiter: Limiter,
        under_way: UnderWay,
    ) -> None:
        """Put together of its parts."""
        self._settings = settings
        self._upstreams = upstreams
        self._proxy = proxy
        self._limiter = limiter
        self._under_way = under_way
        self._queue = Queue(self._routes, settings.queue_requests, settings.queue_seconds)

    async def answer(self, exchange: Exchange) -> None:
        """Answer a request.

        Raises:
            RefusedError: It cannot be answered.
        """
        if exchange.path == _MODELS or exchange.path.startswith(f"{_MODELS}/"):
            await self._models(exchange)
        elif exchange.path not in _PATHS:
            raise RefusedError(404, "unknown_path", f"there is no {exchange.path}")
        elif exchange.method != "POST":
            raise RefusedError(405, "method_not_allowed", f"{exchange.path} is asked with POST")
        else:
            await self._pass_on(exchange)

    async def _pass_on(self, exchange: Exchange) -> None:
        assert exchange.key is not None  # noqa: S101 - nothing gets here without one
        exchange.end_after(self._settings.body_seconds, "the request's body did not come in time")
        body = await exchange.body(self._settings.body_bytes)
        if self._settings.audit_prompts:
            exchange.prompt = body.decode(errors="replace")
        asked = _decoded(body)
        model = asked.get("model")
        if not isinstance(model, str):
            raise RefusedError(400, "model_missing", "the body has no model")
        exchange.model = model[:128]
        while True:
            release = await self._queue.release(exchange, model)
            try:
                # Whoever wants to stop the release's server waits for this request.
                with self._under_way.at(release):
                    await self._ask(exchange, asked, body, release)
                return
            except RefusedError as refused:
                # Nothing was sent: where its server is being started anew, or the name leads to
                # another release by now, the request stays good.
                worthwhile = self._queue.is_worthwhile(model, release)
                if refused.code != UNREACHABLE or not worthwhile:
                    raise

    async def _ask(
        self, exchange: Exchange, asked: dict[str, Any], body: bytes, release: str
    ) -> None:
        assert exchange.key is not None  # noqa: S101 - nothing gets here without one
        exchange.release = release
        changes: dict[str, Any] = {} if asked["model"] == release else {"model": release}
        hides = False
        streams = asked.get("stream") is True and exchange.path in _WITH_STREAMS
        if streams:
            options = asked.get("stream_options")
            options = options if isinstance(options, dict) else {}
            if options.get("include_usage") is not True:
                hides = True
                changes["stream_options"] = {**options, "include_usage": True}
        if changes:
            body = to_json({**asked, **changes})
        meter = EventStream(len(body), hide_usage=hides) if streams else WholeAnswer()

        def measured(connection: Connection) -> EventStream | WholeAnswer | None:
            return meter if connection.status == 200 else None

        request = (b"POST", exchange.path.encode(), _headers(exchange), body)
        try:
            await self._proxy.relay(
                exchange, lambda: self._routes().of_request(release), request, measured
            )
        finally:
            exchange.tokens = meter.tokens()
            if isinstance(meter, EventStream) and meter.failed:
                exchange.error = UPSTREAM_ERROR
            if exchange.tokens:
                tokens_of(release).inc(exchange.tokens)
                if exchange.key.tokens_per_day:
                    await self._limiter.spend(exchange.key, exchange.tokens)

    async def _models(self, exchange: Exchange) -> None:
        if exchange.method not in {"GET", "HEAD"}:
            raise RefusedError(405, "method_not_allowed", "models are asked for with GET")
        routes = self._routes()
        names = [*sorted(routes.ready), *sorted(a for a in routes.aliases if _leads(routes, a))]
        models = [
            {"id": name, "object": "model", "created": 0, "owned_by": "amodels"} for name in names
        ]
        content: Any = {"object": "list", "data": models}
        if exchange.path != _MODELS:
            name = exchange.path.removeprefix(f"{_MODELS}/")
            found = [model for model in models if model["id"] == name]
            if not found:
                raise no_model(name)
            (content,) = found
        await exchange.answer(200, b"application/json", json.dumps(content).encode())

    def _routes(self) -> Routes:
        try:
            return self._upstreams.routes()
        except DamagedFileError:
            raise RefusedError(
                503, "upstreams_damaged", "the file of upstreams is damaged", retry_after=5
            ) from None


def _leads(routes: Routes, alias: str) -> bool:
    return routes.aliases[alias] in routes.ready


def _decoded(body: bytes) -> dict[str, Any]:
    try:
        asked = from_json(body, allow_inf_nan=False)
    except ValueError:
        raise RefusedError(400, "no_json", "the body is no JSON in UTF-8") from None
    if not isinstance(asked, dict):
        raise RefusedError(400, "no_object", "the body is no JSON object")
    return asked


def _headers(exchange: Exchange) -> Headers:
    return [
        (b"content-type", b"application/json"),
        (b"accept", exchange.headers.get(b"accept", b"*/*")),
        (b"x-request-id", exchange.request_id.encode()),
    ]
