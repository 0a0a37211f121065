"""A WebSocket that is passed on.

Belongs here: both directions, until either side ends. Does not belong here: who may open one.
"""

from __future__ import annotations

import asyncio
import contextlib

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI
from websockets.typing import Subprotocol

from serving.gateway.addresses import Address
from serving.gateway.bounds import Receive, Send
from serving.gateway.errors import UPSTREAM_FAILED, RefusedError
from serving.gateway.exchange import Exchange
from serving.gateway.http_client import Headers

_MESSAGE_BYTES = 16 * 2**20
_OPEN_SECONDS = 5.0
# Names that each handshake writes itself.
_HANDSHAKE = b"sec-websocket-"


async def relay_websocket(
    exchange: Exchange, receive: Receive, send: Send, address: Address, headers: Headers
) -> None:
    """Open a WebSocket to a server and pass messages on in both directions.

    Raises:
        RefusedError: 502, the server does not open one.
    """
    scope = exchange.scope
    query = scope["query_string"].decode("ascii")
    scheme = "wss" if address.scheme == "https" else "ws"
    target = scope["raw_path"].decode("ascii") + (f"?{query}" if query else "")
    passed = [
        (name.decode("latin-1"), value.decode("latin-1"))
        for name, value in headers
        if not name.startswith(_HANDSHAKE) and name != b"origin"
    ]
    try:
        server = await connect(
            f"{scheme}://{address.authority}{target}",
            additional_headers=passed,
            subprotocols=[Subprotocol(name) for name in scope["subprotocols"]] or None,
            compression=None,
            max_size=_MESSAGE_BYTES,
            open_timeout=_OPEN_SECONDS,
            proxy=None,
            user_agent_header=None,
        )
    except (OSError, TimeoutError, InvalidHandshake, InvalidURI) as error:
        raise RefusedError(502, UPSTREAM_FAILED, "the server opened no WebSocket") from error
    try:
        exchange.status = 101
        await send({"type": "websocket.accept", "subprotocol": server.subprotocol})
        there = asyncio.create_task(_from_client(receive, server))
        back = asyncio.create_task(_from_server(server, send))
        try:
            await asyncio.wait({there, back}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            there.cancel()
            back.cancel()
            await asyncio.gather(there, back, return_exceptions=True)
    finally:
        await server.close()
    exchange.ended = True


async def _from_client(receive: Receive, server: ClientConnection) -> None:
    await receive()
    while (message := await receive())["type"] != "websocket.disconnect":
        text = message.get("text")
        with contextlib.suppress(ConnectionClosed):
            await server.send(message["bytes"] if text is None else text)


async def _from_server(server: ClientConnection, send: Send) -> None:
    try:
        async for message in server:
            kind = "text" if isinstance(message, str) else "bytes"
            await send({"type": "websocket.send", kind: message})
    except ConnectionClosed:
        pass
    code = server.close_code or 1011
    # Codes that say that there was none are never sent.
    sent = code if code not in {1005, 1006, 1015} else 1000
    await send({"type": "websocket.close", "code": sent, "reason": server.close_reason or ""})
