"""The gateway in front of what is served, as a Dagster resource.

What is asked of it is not known here.
"""

from __future__ import annotations

import http.client
from urllib.parse import urlsplit

import dagster as dg

URL, KEY = "AMODELS_GATEWAY_URL", "AMODELS_GATEWAY_KEY"


class GatewayUnavailableError(Exception):
    """The gateway cannot be asked; the message says what to do, never the key."""


class GatewayResource(dg.ConfigurableResource):
    """Where the gateway is, and a key of its.

    Attributes:
        url: ``http://host:port``; empty where there is none.
        key: With the scopes that are needed.
        seconds: In which it has to answer.
    """

    url: str = ""
    key: str = ""
    seconds: float = 10.0

    def __repr__(self) -> str:
        """Name the class only: the key is a secret."""
        return "GatewayResource(***)"

    __str__ = __repr__

    @property
    def missing(self) -> str:
        """What has to be set before it can be asked; empty where all is."""
        if not self.url:
            return f"no endpoint is configured: set {URL} and {KEY}"
        return "" if self.key else f"there is no key for {self.url}: set {KEY}"

    def connect(self, seconds: float | None = None) -> http.client.HTTPConnection:
        """A connection, not opened yet.

        Args:
            seconds: In which each answer has to begin and go on.

        Raises:
            GatewayUnavailableError: Nothing is configured, or the address is none.
        """
        if self.missing:
            raise GatewayUnavailableError(self.missing)
        try:
            parts = urlsplit(self.url)
            host, port = parts.hostname, parts.port
        except ValueError:
            host, port, parts = None, None, urlsplit("")
        if parts.scheme not in {"http", "https"} or not host or parts.path.strip("/"):
            raise GatewayUnavailableError(f"{URL} is no http://host:port")
        secure = parts.scheme == "https"
        make = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        return make(host, port, timeout=seconds or self.seconds)

    def headers(self) -> dict[str, str]:
        """Of every request."""
        return {"authorization": f"Bearer {self.key}"}

    def get(self, path: str) -> tuple[int, bytes]:
        """Status and body of an answer.

        Raises:
            GatewayUnavailableError: It does not answer.
        """
        connection = self.connect()
        try:
            connection.request("GET", path, headers=self.headers())
            response = connection.getresponse()
            return response.status, response.read()
        except (OSError, ValueError, http.client.HTTPException) as error:
            # The text of some of these holds what was sent.
            reason = getattr(error, "strerror", None) or type(error).__name__
            raise GatewayUnavailableError(
                f"the gateway cannot be asked ({reason}): check {URL} and that it runs"
            ) from None
        finally:
            connection.close()
