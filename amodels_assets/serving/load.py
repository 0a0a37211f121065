"""A client of an endpoint in OpenAI's form, which measures how it is answered.

Belongs here: what is asked, and reading the stream that comes. Does not belong here: many clients
and their figures (``load_profile.py``), where the endpoint is (``resources/gateway.py``).
"""

from __future__ import annotations

import http.client
import itertools
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Connect = Callable[[], http.client.HTTPConnection]
PATH = "/v1/chat/completions"
# Of a line of a stream; a server that sends longer ones is none.
_LONGEST_LINE = 2**20
_WORDS = ("table", "view", "column", "job", "source", "balance", "client", "facility", "region")


@dataclass(frozen=True)
class Load:
    """What is asked.

    Attributes:
        model: Release or alias.
        concurrency: Clients at once, one measurement each.
        requests: Of each measurement, at least one a client.
        prompt_words: Of each prompt; no two prompts are equal, so that no cache answers.
        answer_tokens: Of each answer at most.
    """

    model: str
    concurrency: tuple[int, ...]
    requests: int
    prompt_words: int
    answer_tokens: int

    def __post_init__(self) -> None:
        """Refuse a load that is none.

        Raises:
            ValueError: One of the numbers is not positive.
        """
        numbers = (*self.concurrency, self.requests, self.prompt_words, self.answer_tokens)
        if not self.model or not self.concurrency or min(numbers) < 1:
            raise ValueError("a load needs a model and numbers of at least 1")


@dataclass(frozen=True)
class Answered:
    """One request.

    Attributes:
        seconds: Until its end.
        first_token: Seconds until the first part of the answer; None where there was none.
        tokens: Of the answer.
        release: What answered, as it says itself.
        failure: Why it is none; empty where it is one.
    """

    seconds: float
    first_token: float | None
    tokens: int
    release: str
    failure: str


def ask(connect: Connect, headers: dict[str, str], load: Load, number: int) -> Answered:
    """One request of a load, streamed and measured."""
    words = itertools.islice(itertools.cycle(_WORDS), number % len(_WORDS), None)
    prompt = f"{number}: " + " ".join(itertools.islice(words, load.prompt_words))
    body = {
        "model": load.model,
        "messages": [{"role": "user", "content": prompt}],
        "max_tokens": load.answer_tokens,
        "temperature": 0,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    started = time.perf_counter()
    connection = connect()
    try:
        content = json.dumps(body).encode()
        connection.request("POST", PATH, content, {**headers, "content-type": "application/json"})
        response = connection.getresponse()
        release = response.getheader("x-amodels-release") or ""
        if response.status != 200:
            reason = _reason(response.read(4096))
            return Answered(0.0, None, 0, release, f"status {response.status}{reason}")
        first, tokens, failure = _read_stream(response, started)
        return Answered(time.perf_counter() - started, first, tokens, release, failure)
    except (OSError, ValueError, http.client.HTTPException) as error:
        return Answered(0.0, None, 0, "", type(error).__name__)
    finally:
        connection.close()


def _read_stream(
    response: http.client.HTTPResponse, started: float
) -> tuple[float | None, int, str]:
    """Seconds to the first part, tokens, and why it is no answer."""
    first, parts, tokens = None, 0, None
    while True:
        line = response.readline(_LONGEST_LINE)
        if not line:
            return first, 0, "the stream was cut off"
        if not line.startswith(b"data:"):
            continue
        data = line[5:].strip()
        if data == b"[DONE]":
            return first, tokens if tokens is not None else parts, ""
        event = json.loads(data)
        if "error" in event:
            return first, 0, f"error in the stream{_reason(data)}"
        usage = event.get("usage")
        if isinstance(usage, dict) and isinstance(usage.get("completion_tokens"), int):
            tokens = usage["completion_tokens"]
        if any(_says_something(choice) for choice in event.get("choices") or ()):
            parts += 1
            first = first if first is not None else time.perf_counter() - started


def _says_something(choice: Any) -> bool:
    return bool(isinstance(choice, dict) and (choice.get("delta") or {}).get("content"))


def _reason(body: bytes) -> str:
    """The word for programs of a refusal: its sentence may differ each time."""
    try:
        return f" ({json.loads(body)['error']['code']})"
    except (ValueError, KeyError, TypeError):
        return ""
