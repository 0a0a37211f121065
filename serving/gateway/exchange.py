"""One request and its answer.

Belongs here: what is known of it while it goes on, ending it at its deadline or when its client
leaves, and its first and last words. Does not belong here: what is answered.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable

from serving.gateway.background import Background
from serving.gateway.bounds import ABORT, Headers, Message, Receive, Scope, Send, read_body
from serving.gateway.errors import RefusedError, error_body
from serving.gateway.json_file import DamagedFileError
from serving.gateway.keys import Key, KeyStore
from serving.gateway.metrics import UNDER_WAY

# A client that goes is looked for after this; most answers are over by then.
_WATCH_AFTER = 0.05
_SWEEP_SECONDS = 0.25
CLIENT_LEFT = "the client left"
CLIENT_STALLED = "the client did not read"
KEY_REVOKED = "the key was revoked"


class Exchange:
    """A request, its answer, and what the audit log will say of them.

    Attributes:
        method: HTTP method.
        path: Decoded, checked path.
        headers: Of the request, by name.
        request_id: The client's or a fresh one.
        key: Who asks, None before that is known.
        session: Whether a browser's session says so.
        route: Name of the route, for the metrics.
        model: Name that was asked for.
        release: What answers.
        tokens: What it used.
        status: Of the answer, 0 before it began.
        error: Word of what went wrong, also after the answer began; empty for nothing.
        prompt: The request's body, where the audit log is to hold it.
        body_read: Whether the request's body was read.
        streams_events: Whether the answer is a stream of server-sent events.
        ended: Whether the answer was sent to its end.
        why_ended: Why it was ended from outside, empty otherwise.
        deadline: When it is ended, on the event loop's clock.
        queued_until: When it waits no longer for a release, 0 where it did not have to.
    """

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A request whose headers have come."""
        self.scope = scope
        self.receive = receive
        self._send = send
        self.method: str = scope.get("method", "GET")
        self.path: str = ""
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        self.request_id = ""
        self.key: Key | None = None
        self.session = False
        self.route = "other"
        self.model = self.release = self.prompt = self.error = ""
        self.tokens = 0
        self.status = 0
        self.ended = self.streams_events = self.body_read = False
        self.started = time.perf_counter()
        self.first_byte = 0.0
        self.why_ended = ""
        self.deadline = float("inf")
        self.deadline_says = ""
        self.queued_until = 0.0
        self._task = asyncio.current_task()
        self._watch: asyncio.Task[None] | None = None
        self._watch_timer: asyncio.TimerHandle | None = None

    async def body(self, most: int) -> bytes:
        """The request's body; raises as :func:`serving.gateway.bounds.read_body` does."""
        found = await read_body(self.receive, self.headers, most)
        self.body_read = True
        return found

    def abort(self) -> None:
        """Close the connection, whatever the client has not read of the answer."""
        close = self.scope.get("extensions", {}).get(ABORT)
        if close is not None:
            close()

    def end_after(self, seconds: float, says: str) -> None:
        """End it unless this is called again within so many seconds."""
        self.deadline = asyncio.get_running_loop().time() + seconds
        self.deadline_says = says

    def end(self, why: str) -> None:
        """End it from outside."""
        if not self.why_ended and self._task is not None:
            self.why_ended = why
            self._task.cancel()

    def watch_client(self) -> None:
        """From here on, once the body was read, end it when the client goes."""
        if self._watch_timer is None:
            loop = asyncio.get_running_loop()
            self._watch_timer = loop.call_later(_WATCH_AFTER, self._begin_watch)

    def finish(self) -> None:
        """Stop watching."""
        if self._watch_timer is not None:
            self._watch_timer.cancel()
        if self._watch is not None:
            self._watch.cancel()

    async def begin(self, status: int, headers: Iterable[tuple[bytes, bytes]]) -> None:
        """Send status and headers."""
        self.status = status
        self.first_byte = time.perf_counter() - self.started
        headers = list(headers)
        self.streams_events = (b"content-type", b"text/event-stream") in [
            (name, value[:17]) for name, value in headers
        ]
        own: Headers = [(b"x-request-id", self.request_id.encode())]
        if self.release:
            own.append((b"x-amodels-release", self.release.encode()))
        if not self.body_read and (
            b"transfer-encoding" in self.headers
            or self.headers.get(b"content-length", b"0") != b"0"
        ):
            # What is left of the request is not read, however long it goes on.
            own.append((b"connection", b"close"))
        await self._send(
            {"type": "http.response.start", "status": status, "headers": [*headers, *own]}
        )

    async def pass_on(self, message: Message) -> None:
        """Send what an ASGI application inside sends."""
        if message["type"] == "http.response.start":
            await self.begin(message["status"], message.get("headers", []))
        else:
            await self.part(message.get("body", b""), more=message.get("more_body", False))

    async def part(self, body: bytes, *, more: bool) -> None:
        """Send a part of the body; waits while the client does not read."""
        await self._send({"type": "http.response.body", "body": body, "more_body": more})
        self.ended = not more

    async def answer(
        self, status: int, content_type: bytes, body: bytes, headers: Headers | None = None
    ) -> None:
        """Send a whole answer."""
        own = [(b"content-type", content_type), (b"content-length", b"%d" % len(body))]
        await self.begin(status, [*own, *(headers or ())])
        await self.part(b"" if self.method == "HEAD" else body, more=False)

    async def refuse(self, refused: RefusedError) -> None:
        """Send a refusal where no answer has begun.

        One that has is left without its end, so that the client sees it is not whole; a stream of
        events gets one more event, which says why.
        """
        self.error = refused.code
        if self.streams_events and not self.ended:
            await self.part(b"data: " + error_body(refused) + b"\n\n", more=True)
        if not self.status:
            headers = [(b"cache-control", b"no-store")]
            if refused.retry_after:
                headers.append((b"retry-after", b"%d" % max(1, -(-refused.retry_after // 1))))
            if refused.status == 401:
                headers.append((b"www-authenticate", b"Bearer"))
            await self.answer(refused.status, b"application/json", error_body(refused), headers)

    async def refuse_websocket(self, refused: RefusedError) -> None:
        """Refuse to open a WebSocket, with a status where the server can say it."""
        self.status = refused.status
        if "websocket.http.response" not in self.scope.get("extensions", {}):
            await self._send({"type": "websocket.close", "code": 1008})
            return
        body = error_body(refused)
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(body)),
        ]
        kind = "websocket.http.response"
        await self._send({"type": f"{kind}.start", "status": self.status, "headers": headers})
        await self._send({"type": f"{kind}.body", "body": body})

    def _begin_watch(self) -> None:
        self._watch = asyncio.get_running_loop().create_task(self._wait_for_the_end())

    async def _wait_for_the_end(self) -> None:
        while (await self.receive())["type"] != "http.disconnect":
            pass
        if not self.ended:
            self.end(CLIENT_LEFT)


class Sweeper(Background):
    """Ends exchanges whose deadline has passed or whose key is no longer valid, by one task."""

    def __init__(self, keys: KeyStore) -> None:
        """Nothing goes on yet."""
        self._keys = keys
        self.under_way: set[Exchange] = set()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(_SWEEP_SECONDS)
            now = loop.time()
            UNDER_WAY.set(len(self.under_way))
            valid = self._valid_keys()
            for exchange in list(self.under_way):
                if exchange.deadline < now:
                    exchange.end(exchange.deadline_says)
                elif (
                    exchange.key is not None and valid is not None and exchange.key.id not in valid
                ):
                    exchange.end(KEY_REVOKED)

    def _valid_keys(self) -> set[str] | None:
        try:
            return {key.id for key in self._keys.all() if not key.revoked_at}
        except DamagedFileError:
            # New requests are refused; what goes on is not ended because of it.
            return None
