"""Refusals and failures in the form that OpenAI's clients understand.

Nothing else belongs here.
"""

from __future__ import annotations

import json
from typing import Any

# Words of failures that are the servers' behind; the audit log has them too.
TIMEOUT = "timeout"
UPSTREAM_FAILED = "upstream_failed"
UPSTREAM_ERROR = "upstream_error"

_TYPES = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    429: "rate_limit_error",
}


class RefusedError(Exception):
    """A request is not answered as it asks.

    Attributes:
        status: HTTP status.
        code: A word for programs.
        message: A sentence for people; never holds what a key or a prompt is.
        retry_after: Seconds after which it may be tried again, 0 where that is not known.
    """

    def __init__(self, status: int, code: str, message: str, retry_after: float = 0) -> None:
        """See the attributes."""
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.retry_after = retry_after


def error_body(refused: RefusedError) -> bytes:
    """The JSON that says so."""
    usual = "invalid_request_error" if refused.status < 500 else "server_error"
    content: dict[str, Any] = {
        "message": refused.message,
        "type": _TYPES.get(refused.status, usual),
        "param": None,
        "code": refused.code,
    }
    return json.dumps({"error": content}).encode()
