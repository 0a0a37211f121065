"""The server of relational predictions, as an ASGI application.

Belongs here: routes, bounds, the queue, taking up a new release. Does not belong here: what is
predicted (``predictions.py``), which release it is (``released.py``), the process (``running.py``).

Predictions are computed one request after the other, in a thread of their own: the network uses
the processor's cores by itself, and a request's answer does not depend on what else is asked.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from amodels_assets.artifacts import ArtifactError
from amodels_assets.serving.heartbeat import Heartbeat
from amodels_assets.serving.predictions import predict_rows
from amodels_assets.serving.released import Released, ReleasedError, Seen
from amodels_assets.serving.row_keys import RequestError, read_rows

BODY_BYTES = 2**20
BODY_SECONDS = 30.0
LOOK_SECONDS = 1.0
# A release that could not be opened is tried again, as its files may have been restored.
RETRY_SECONDS = 60.0
_CLIENT_LEFT = 499

logger = logging.getLogger(__name__)


class PredictServer:
    """Answers requests with the release that is current.

    Attributes:
        released: What answers now.
        problem: Why what is released now does not; empty while it does.
        leaving: Whether the process is asked to end.
        application: For the web server.
    """

    def __init__(
        self,
        name: str,
        released: Released,
        *,
        look: Callable[[], Seen],
        open_again: Callable[[], Released],
        most_rows: int,
        most_waiting: int,
        heartbeat: Heartbeat | None = None,
    ) -> None:
        """Put it together.

        Args:
            name: Second part of the path, ``/predict/<name>``.
            released: Opened.
            look: Says which versions are current.
            open_again: Opens what is current.
            most_rows: Of a request.
            most_waiting: Requests that may wait; more are refused.
            heartbeat: Registers with a gateway; None for none.
        """
        self.released = released
        self.problem = ""
        self.leaving = False
        self.heartbeat = heartbeat
        self._look, self._open_again = look, open_again
        self._most_rows, self._most_waiting = most_rows, most_waiting
        self._under_way = 0
        self._computing = ThreadPoolExecutor(1, thread_name_prefix="predictions")
        self.application = Starlette(
            routes=[
                Route("/health", self._health),
                Route(f"/predict/{name}", self._describe, methods=["GET"]),
                Route(f"/predict/{name}", self._predict, methods=["POST"]),
            ],
            exception_handlers={HTTPException: _http_error, Exception: _failed},
            lifespan=self._lifespan,
        )

    async def _health(self, _: Request) -> Response:
        said = {"release": self.released.name, "problem": self.problem, "leaving": self.leaving}
        if self.heartbeat is not None:
            said["gateway"] = self.heartbeat.problem or "registered"
        return JSONResponse(said, 503 if self.leaving else 200)

    async def _describe(self, _: Request) -> Response:
        released = self.released
        told = {**released.to_json(), "most_rows": self._most_rows, "problem": self.problem}
        return JSONResponse(told, headers={"x-amodels-release": released.name})

    async def _predict(self, request: Request) -> Response:
        # One release from here on, whatever is released in the meantime.
        released = self.released
        try:
            rows = read_rows(await _body(request), released.form, self._most_rows)
            if self._under_way > self._most_waiting:
                told = f"{self._most_waiting} requests wait already: try again in a moment"
                raise RequestError(503, "too_many_requests", told)
            found = await self._computed(request, lambda: predict_rows(
                released.predictor, released.form, rows))  # fmt: skip
        except RequestError as error:
            return _refused(error)
        except ClientDisconnect:
            return Response(status_code=_CLIENT_LEFT)
        told = {
            "release": released.name,
            "data_version": released.facts,
            "facts_until": released.facts_until,
            "predictions": found,
        }
        return JSONResponse(told, headers={"x-amodels-release": released.name})

    async def _computed(self, request: Request, work: Callable[[], Any]) -> Any:
        """What the work makes; not begun when the client goes before its turn."""
        self._under_way += 1
        found = asyncio.wrap_future(self._computing.submit(work))
        gone = asyncio.create_task(_gone(request))
        try:
            await asyncio.wait({found, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not found.done():
                raise ClientDisconnect
            return await found
        finally:
            found.cancel()
            gone.cancel()
            self._under_way -= 1

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncGenerator[None]:
        beside: list[Coroutine[Any, Any, None]] = [self._follow_releases()]
        if self.heartbeat is not None:
            beside.append(self.heartbeat.run())
        tasks = [asyncio.create_task(each) for each in beside]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._computing.shutdown()

    async def _follow_releases(self) -> None:
        """Take up what is released, beside requests that go on with what they began with."""
        tried, at = self.released.seen, time.monotonic()
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                seen = await asyncio.to_thread(self._look)
            except ArtifactError as error:
                self._say(str(error))
                continue
            waited = time.monotonic() - at >= RETRY_SECONDS
            if not seen.replaces(self.released.seen):
                tried = seen
                self._say("")
            elif seen != tried or waited:
                tried, at = seen, time.monotonic()
                await self._take_up()

    async def _take_up(self) -> None:
        try:
            opened = await asyncio.to_thread(self._open_again)
        except ReleasedError as error:
            self._say(f"{self.released.name} goes on: {error}")
            return
        # In this order: whoever sees the new release sees no problem of the old one with it.
        self._say("")
        self.released = opened
        logger.info("serving %s with facts until %s", self.released.name, self.released.facts_until)

    def _say(self, problem: str) -> None:
        if problem and problem != self.problem:
            logger.warning("%s", problem)
        self.problem = problem


async def _body(request: Request) -> bytes:
    found = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for part in request.stream():
                found += part
                if len(found) > BODY_BYTES:
                    told = f"a body has at most {BODY_BYTES} bytes: send the rows in parts"
                    raise RequestError(413, "too_long", told)
    except TimeoutError:
        raise RequestError(408, "timeout", "the body did not come in time") from None
    return bytes(found)


async def _gone(request: Request) -> None:
    """Return when the client has left."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _refused(error: RequestError) -> Response:
    """A refusal in the form that the gateway's have."""
    content = {
        "message": str(error),
        "type": "server_error" if error.status >= 500 else "invalid_request_error",
        "param": ", ".join(error.where) or None,
        "code": error.code,
    }
    headers = {"retry-after": "1"} if error.status == 503 else None
    return JSONResponse({"error": content}, error.status, headers)


async def _http_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - it is registered for that
    code = {404: "unknown_path", 405: "method_not_allowed"}.get(error.status_code, "refused")
    return _refused(RequestError(error.status_code, code, error.detail))


async def _failed(_: Request, error: Exception) -> Response:
    # The web server logs it with its place; a client learns no more than its kind.
    told = f"the prediction failed ({type(error).__name__}): the server's log tells why"
    return _refused(RequestError(500, "failed", told))
