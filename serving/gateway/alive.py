"""Whether a gateway on this machine is alive, asked from outside of it.

Belongs here: the question that a container's health check asks. Does not belong here: what the
gateway answers (``health.py``).
"""

from __future__ import annotations

import http
import http.client
import ssl


def is_alive(port: int, seconds: float) -> bool:
    """Ask ``/healthz`` on loopback, with and without TLS.

    Args:
        port: Where the gateway listens.
        seconds: How long each attempt may take.
    """
    # It is asked whether it answers, not who it is: its certificate is of the name that users know.
    context = ssl._create_unverified_context()  # noqa: S323
    for connection in (
        http.client.HTTPConnection("127.0.0.1", port, timeout=seconds),
        http.client.HTTPSConnection("127.0.0.1", port, timeout=seconds, context=context),
    ):
        try:
            connection.request("GET", "/healthz")
            answer = connection.getresponse()
            if answer.status == http.HTTPStatus.OK and answer.read() == b"ok\n":
                return True
        except (OSError, http.client.HTTPException):
            continue  # Of the other kind, or not there.
        finally:
            connection.close()
    return False
