"""How many tokens an answer took, and whether a stream says that it failed.

Belongs here: finding that in answers as they pass, whole ones and streams of server-sent events.
Does not belong here: limits.
"""

from __future__ import annotations

import re

# In a text of the model the quotes would be escaped.
_TOTAL = re.compile(rb'(?<!\\)"total_tokens"\s*:\s*(\d{1,12})')
# What vLLM ends a stream with that it cannot go on with, as its status was sent before; a request
# that it refuses that late has a code of 4xx there.
_ERROR = b'data: {"error"'
_FAILED = re.compile(re.escape(_ERROR) + rb'.*"code"\s*:\s*5\d\d\b')
# Servers put what was used at the end of their answer.
_TAIL = 4_096
_BYTES_PER_TOKEN = 4
# What is longer and not at its end is no event of this API; it is passed on as it is.
_LONGEST_EVENT = 2**20


class WholeAnswer:
    """An answer in one JSON document, passed on as it is."""

    def __init__(self) -> None:
        """Nothing has passed yet."""
        self._tail = b""

    def feed(self, chunk: bytes) -> bytes:
        """Take a part; gives what to pass on."""
        self._tail = (self._tail + chunk)[-_TAIL:] if self._tail else chunk[-_TAIL:]
        return chunk

    def end(self) -> bytes:
        """What is left to pass on."""
        return b""

    def tokens(self) -> int:
        """Tokens of prompt and answer, 0 where the answer does not say."""
        found = _TOTAL.findall(self._tail)
        return int(found[-1]) if found else 0


class EventStream:
    """A stream of server-sent events, an event at a time.

    The gateway asks servers to end a stream with an event that says what was used. Where the
    client did not ask for it, that event is kept from it. A stream that ends before counts its
    events, each of which has a token or more, and the prompt by its length.

    Attributes:
        failed: Whether an event said that the server cannot go on.
    """

    def __init__(self, prompt_bytes: int, *, hide_usage: bool) -> None:
        """Nothing has passed yet.

        Args:
            prompt_bytes: Length of the request's body.
            hide_usage: Whether the event that says what was used is kept from the client.
        """
        self._hide = hide_usage
        self._prompt_tokens = prompt_bytes // _BYTES_PER_TOKEN
        self._events = 0
        self._total = 0
        self._rest = b""
        self.failed = False

    def feed(self, chunk: bytes) -> bytes:
        """Take a part; gives the events that are whole."""
        if self._rest:
            chunk = self._rest + chunk
            self._rest = b""
        if b"\r" in chunk:
            chunk = chunk.replace(b"\r\n", b"\n")
        if not chunk.endswith(b"\n\n"):
            end = chunk.rfind(b"\n\n")
            if end < 0 and len(chunk) > _LONGEST_EVENT:
                return chunk
            if end < 0:
                self._rest = chunk
                return b""
            chunk, self._rest = chunk[: end + 2], chunk[end + 2 :]
        self._events += chunk.count(b"\n\n")
        if _ERROR in chunk and _FAILED.search(chunk):
            self.failed = True
        if b'"total_tokens"' not in chunk:
            return chunk
        events = chunk.split(b"\n\n")
        kept = [event for event in events if not self._says_usage(event)]
        return b"\n\n".join(kept) if self._hide else chunk

    def end(self) -> bytes:
        """What is left to pass on."""
        rest, self._rest = self._rest, b""
        return rest

    def tokens(self) -> int:
        """Tokens of prompt and answer."""
        return self._total or (self._prompt_tokens + self._events if self._events else 0)

    def _says_usage(self, event: bytes) -> bool:
        found = _TOTAL.findall(event)
        if found:
            self._total = int(found[-1])
        return bool(found) and re.search(rb'"choices"\s*:\s*\[\s*\]', event) is not None
