"""Where the gateway may connect to.

Belongs here: judging a URL that a file or a registration names. Does not belong here: connecting.
No part of a client's request ever becomes a host; this guards what services say of themselves.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import urlsplit


class ForbiddenAddressError(ValueError):
    """The gateway does not connect there; the message says why."""


@dataclass(frozen=True, slots=True)
class Address:
    """An origin: scheme, host and port.

    Attributes:
        scheme: ``http`` or ``https``.
        host: Name or IP address.
        port: TCP port.
    """

    scheme: str
    host: str
    port: int

    @property
    def authority(self) -> str:
        """What stands in a Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}"


def parse_address(url: str, allowed_hosts: Collection[str] = ()) -> Address:
    """The origin that a URL names.

    Args:
        url: ``http://host:port`` or ``https://host:port``, nothing after it.
        allowed_hosts: Hosts beside the loopback interface.

    Raises:
        ForbiddenAddressError: It is no such URL, or its host is not allowed.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise ForbiddenAddressError(f"{url!r} is no URL") from None
    if parts.scheme not in {"http", "https"} or not host:
        raise ForbiddenAddressError(f"{url!r} is no http or https URL")
    if parts.path not in {"", "/"} or parts.query or parts.fragment or "@" in parts.netloc:
        raise ForbiddenAddressError(f"{url!r} has more than scheme, host and port")
    if not (host in allowed_hosts or host == "localhost" or _is_loopback(host)):
        raise ForbiddenAddressError(
            f"{host} is not on this machine: name it under allowed_hosts of the gateway's "
            "configuration"
        )
    return Address(parts.scheme, host, port or (443 if parts.scheme == "https" else 80))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
