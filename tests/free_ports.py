"""Ports for servers of the tests that are told where to listen, and may listen there again later.

Belongs here: ports that nobody gets in the meantime. Does not belong here: servers that choose a
port themselves, which is better where they can.
"""

from __future__ import annotations

import random
import socket

# Below what Linux gives to connections and to servers that choose (32,768 to 60,999).
_PORTS = range(20_000, 32_000)


def free_ports(number: int) -> list[int]:
    """Ports of the loopback interface that nobody listens on."""
    # Not as hypothesis seeds it: two processes of the tests would choose the same ones.
    found = (port for port in random.SystemRandom().sample(_PORTS, len(_PORTS)) if _is_free(port))
    return [port for port, _ in zip(found, range(number), strict=False)]


def free_port() -> int:
    """One of them."""
    return free_ports(1)[0]


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
