"""Saying to the gateway that a service is there, again and again, and that it goes.

Belongs here: registering by ``PUT /services/<name>``, and what is wrong when that fails. Does not
belong here: what the service does.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import logging
from collections.abc import Mapping
from urllib.parse import urlsplit

# A gateway forgets a service that was silent for 30 seconds; one beat may be lost.
SECONDS = 10.0
SECONDS_AFTER_A_FAILURE = 2.0
_TIMEOUT = 5.0
KEY = "AMODELS_GATEWAY_KEY"
URL = "AMODELS_GATEWAY_URL"

logger = logging.getLogger(__name__)


class GatewayError(ValueError):
    """A gateway's address cannot be used; the message says what to give."""


class Heartbeat:
    """Keeps a service registered with a gateway.

    Attributes:
        problem: Why it is not registered now; empty while it is.
    """

    def __init__(self, gateway: str, name: str, said: Mapping[str, str], key: str) -> None:
        """Nothing is said before :meth:`run`.

        Args:
            gateway: ``http://host:port`` of the gateway.
            name: Of the service.
            said: Its kind, address and health path.
            key: With the scope ``operate``; never told to anybody but the gateway.

        Raises:
            GatewayError: The gateway's address is none, or there is no key.
        """
        self._address = parsed(gateway)
        self._path = f"/services/{name}"
        self._body = json.dumps(dict(said)).encode()
        if not key or not key.isascii() or not key.isprintable() or " " in key:
            raise GatewayError(f"registering with {gateway} needs a key with the scope operate: "
                               f"set {KEY}")  # fmt: skip
        self._key = key
        # So that no word of being there comes after the one of leaving.
        self._turn = asyncio.Lock()
        self._left = False
        self.problem = "not registered yet"

    async def run(self) -> None:
        """Register, and say so again until it is time to leave."""
        while True:
            async with self._turn:
                if self._left:
                    return
                problem = await asyncio.to_thread(self._say, "PUT")
            if problem != self.problem:
                level = logging.WARNING if problem else logging.INFO
                logger.log(level, "%s", problem or "registered with the gateway")
            self.problem = problem
            await asyncio.sleep(SECONDS_AFTER_A_FAILURE if problem else SECONDS)

    async def leave(self) -> None:
        """Say that the service goes, so that nobody is sent to it any more."""
        async with self._turn:
            self._left = True
            if problem := await asyncio.to_thread(self._say, "DELETE"):
                logger.warning("%s", problem)

    def _say(self, method: str) -> str:
        """Send it; what is wrong, empty for nothing."""
        scheme, host, port = self._address
        make = http.client.HTTPSConnection if scheme == "https" else http.client.HTTPConnection
        connection = make(host, port, timeout=_TIMEOUT)
        headers = {"authorization": f"Bearer {self._key}", "content-type": "application/json"}
        try:
            connection.request(method, self._path, self._body if method == "PUT" else None, headers)
            response = connection.getresponse()
            response.read()
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "strerror", None) or type(error).__name__
            return f"the gateway {scheme}://{host}:{port} cannot be reached: {reason}"
        finally:
            connection.close()
        if response.status in {200, 204} or (method == "DELETE" and response.status == 404):
            return ""
        advice = {
            401: f"{KEY} holds no valid key",
            403: f"the key in {KEY} has no scope operate",
            404: "it has no /services: is it aModels' gateway?",
            409: "the name is declared in the gateway's configuration: take another --name",
        }.get(response.status, "it tells why in its log")
        return f"the gateway refused to register the service ({response.status}): {advice}"


def parsed(url: str) -> tuple[str, str, int]:
    """Scheme, host and port of ``http://host:port``.

    Raises:
        GatewayError: It is none.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    plain = not (parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc)
    if parts.scheme not in {"http", "https"} or not parts.hostname or not plain:
        raise GatewayError("the gateway's address is no http://host:port: set " + URL)
    return parts.scheme, parts.hostname, port or (443 if parts.scheme == "https" else 80)
