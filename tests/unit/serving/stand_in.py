"""A stand-in for a model server: it speaks OpenAI's protocol and computes nothing.

What it does is said by the model's last message or prompt: ``words 3`` answers with so many words,
``hang`` never answers, ``held 3`` ends when it is let go, ``break`` closes the
connection in the middle, ``refuse`` answers 400.
"""

from __future__ import annotations

import asyncio
import json
import threading
from typing import Any

import uvicorn

from tests.unit.serving.running import ServerThread

JSON_TYPE = [(b"content-type", b"application/json")]
EVENTS_TYPE = [(b"content-type", b"text/event-stream; charset=utf-8")]


class StandIn(ServerThread):
    """The server.

    Attributes:
        asked: Path, headers and decoded body of each request but those for its health.
        left: How many clients went before their answer was whole.
        sent: Bytes of streams that were given to the network.
        let_go: Set by the test, lets streams end that are held.
    """

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str], Any]] = []
        self.left = 0
        self.sent = 0
        self.let_go = threading.Event()
        config = uvicorn.Config(
            self._application, log_config=None, lifespan="off", interface="asgi3"
        )
        super().__init__(config)

    def __exit__(self, *error: object) -> None:
        self.let_go.set()
        super().__exit__(*error)

    async def _application(self, scope: Any, receive: Any, send: Any) -> None:
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        asked = json.loads(body) if body else None
        if scope["path"] == "/health":
            await _whole(send, 200, {})
            return
        self.asked.append((scope["path"], headers, asked))
        answer = asyncio.create_task(self._answer(asked, send))
        gone = asyncio.create_task(_gone(receive))
        done, _ = await asyncio.wait({answer, gone}, return_when=asyncio.FIRST_COMPLETED)
        if answer not in done:
            self.left += 1
        answer.cancel()
        gone.cancel()

    async def _answer(self, asked: Any, send: Any) -> None:
        messages = asked.get("messages")
        text = messages[-1]["content"] if messages else str(asked.get("prompt", asked.get("input")))
        what, _, number = text.partition(" ")
        count = int(number) if number.isdigit() else 1
        usage = {"prompt_tokens": 5, "completion_tokens": count, "total_tokens": 5 + count}
        if what == "hang":
            await asyncio.sleep(3600)
        elif what == "refuse":
            await _whole(send, 400, {"error": {"message": "no", "code": "refused"}})
        elif asked.get("stream"):
            await self._stream(asked, what, count, usage, send)
        elif what == "break":
            start = {"type": "http.response.start", "status": 200}
            await send({**start, "headers": [*JSON_TYPE, (b"content-length", b"999")]})
            await send({"type": "http.response.body", "body": b"{", "more_body": True})
        else:
            choices = [{"index": 0, "finish_reason": "stop", "text": "w " * count,
                        "message": {"role": "assistant", "content": "w " * count}}]  # fmt: skip
            content = {"id": "x", "object": "chat.completion", "created": 1, "choices": choices}
            await _whole(send, 200, {**content, "model": asked["model"], "usage": usage})

    async def _stream(self, asked: Any, what: str, count: int, usage: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": EVENTS_TYPE})
        base = {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": asked["model"]}
        for number in range(count):
            delta = {"role": "assistant", "content": f"w{number} "}
            if what == "flood":
                delta["content"] = "x" * 16_384
            await _event(send, {**base, "choices": [{"index": 0, "delta": delta}]})
            self.sent += 16_384
            if what == "slowly":
                await asyncio.sleep(0.02)
            if what == "break" and number == 1:
                return
        if what == "held":
            await asyncio.to_thread(self.let_go.wait)
        if what == "stall":
            await asyncio.sleep(3600)
        if (asked.get("stream_options") or {}).get("include_usage"):
            await _event(send, {**base, "choices": [], "usage": usage})
        await send({"type": "http.response.body", "body": b"data: [DONE]\n\n"})


async def _gone(receive: Any) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _event(send: Any, content: Any) -> None:
    body = b"data: " + json.dumps(content).encode() + b"\n\n"
    await send({"type": "http.response.body", "body": body, "more_body": True})


async def _whole(send: Any, status: int, content: Any) -> None:
    await send({"type": "http.response.start", "status": status, "headers": JSON_TYPE})
    await send({"type": "http.response.body", "body": json.dumps(content).encode()})
