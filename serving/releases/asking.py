"""Asking a model server what the canary asks, how its engine gets on, and loading adapters.

Belongs here: requests to model servers and reading their answers. Does not belong here: judging
them (``canary.py``).
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from serving.gateway.addresses import parse_address
from serving.gateway.http_client import BrokenResponseError, NotSentError, Pool
from serving.releases.canary import Answer, StoredPrompt

_MOST_BYTES = 16 * 2**20
_TOKEN = "token_id:"  # noqa: S105 - how vLLM writes a token's number
# vLLM 0.32 on a CPU with AMX asks the kernel for the use of that only when it multiplies matrices
# of some size: one whose first prompt has two tokens dies of an illegal instruction.
_PROMPT = " ".join(["a"] * 32)
# What vLLM's engine tells with each of its steps.
_ENGINE_FIGURES = (
    "vllm:generation_tokens_total",
    "vllm:prompt_tokens_total",
    "vllm:request_success_total",
    "vllm:kv_cache_usage_perc",
    "vllm:num_requests_running",
    "vllm:num_requests_waiting",
)


class AskError(Exception):
    """A server did not answer as it should; the message says how.

    Attributes:
        status: Of its answer, 0 where it gave none.
    """

    def __init__(self, message: str, status: int = 0) -> None:
        """See the attributes."""
        super().__init__(message)
        self.status = status


async def models_of(pool: Pool, url: str, seconds: float) -> list[str]:
    """Names of the models that a server has.

    Raises:
        AskError: It does not say.
    """
    found = await _ask(pool, url, "/v1/models", None, seconds)
    try:
        return [str(model["id"]) for model in found["data"]]
    except (KeyError, TypeError) as error:
        raise AskError("/v1/models answers no list of models") from error


async def complete(
    pool: Pool, url: str, model: str, prompt: StoredPrompt, seconds: float
) -> Answer:
    """Put a prompt of the canary to a model, greedily, with the prompt's own log-probabilities.

    Raises:
        AskError: There is no answer, or none of that form.
    """
    asked = {
        "model": model,
        "prompt": prompt.text,
        "max_tokens": len(prompt.answer),
        "temperature": 0,
        # Otherwise vLLM takes it from the model's folder.
        "repetition_penalty": 1.0,
        # So that every model takes the time of as many tokens.
        "ignore_eos": True,
        "echo": True,
        "logprobs": 1,
        "return_tokens_as_token_ids": True,
    }
    began = time.perf_counter()
    found = await _ask(pool, url, "/v1/completions", asked, seconds)
    took = time.perf_counter() - began
    try:
        given = found["choices"][0]["logprobs"]
        tokens = _numbers(given["tokens"])
        number = int(found["usage"]["prompt_tokens"])
        logprobs = tuple(float(p) for p in given["token_logprobs"][1:number])
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise AskError(f"/v1/completions answers without tokens' figures: {error!r}") from error
    return Answer(tokens[:number], logprobs, tokens[number:], took)


async def engine_figures(pool: Pool, url: str, seconds: float) -> tuple[float, ...]:
    """What a server's engine told last of its work; nothing of a server without such figures.

    Raises:
        AskError: The server does not say.
    """
    try:
        found = await _ask(pool, url, "/metrics", None, seconds)
    except AskError as error:
        if error.status == 404:
            return ()
        raise
    # The page has hundreds of lines more, and is read every few seconds.
    lines = [line for line in str(found).splitlines() if line.startswith(_ENGINE_FIGURES)]
    try:
        families = list(text_string_to_metric_families("\n".join([*lines, ""])))
    except ValueError as error:
        raise AskError(f"/metrics answers no figures: {error}") from error
    return tuple(sample.value for family in families for sample in family.samples)


async def one_token(pool: Pool, url: str, model: str, seconds: float) -> None:
    """Ask a model for one token.

    Raises:
        AskError: None came in time; it has a status where the server refused.
    """
    asked = {"model": model, "prompt": _PROMPT, "max_tokens": 1, "temperature": 0}
    await _ask(pool, url, "/v1/completions", asked, seconds)


async def load_adapter(pool: Pool, url: str, name: str, folder: Path, seconds: float) -> None:
    """Load an adapter into a server that runs.

    Raises:
        AskError: The server refuses it.
    """
    asked = {"lora_name": name, "lora_path": str(folder)}
    await _ask(pool, url, "/v1/load_lora_adapter", asked, seconds)


async def unload_adapter(pool: Pool, url: str, name: str, seconds: float) -> None:
    """Take an adapter out of a server that runs.

    Raises:
        AskError: The server refuses.
    """
    await _ask(pool, url, "/v1/unload_lora_adapter", {"lora_name": name}, seconds)


async def _ask(pool: Pool, url: str, path: str, body: Any, seconds: float) -> Any:
    address = parse_address(url)
    content = b"" if body is None else json.dumps(body).encode()
    headers = [(b"host", address.authority.encode()), (b"content-type", b"application/json")]
    method = b"GET" if body is None else b"POST"
    try:
        async with asyncio.timeout(seconds):
            connection = await pool.open(address)
            try:
                connection.send(method, path.encode(), headers, content)
                await connection.head()
                answer = bytearray()
                while part := await connection.read():
                    answer += part
                    if len(answer) > _MOST_BYTES:
                        raise AskError(f"{path} answers more than {_MOST_BYTES} bytes")
            finally:
                pool.give_back(address, connection)
    except TimeoutError as error:
        raise AskError(f"{path} does not answer within {seconds:g} s") from error
    except (NotSentError, BrokenResponseError) as error:
        raise AskError(f"{path}: {error}") from error
    text = bytes(answer)
    if connection.status != 200:
        said = text.decode(errors="replace")
        raise AskError(f"{path} answers {connection.status}: {said:.200}", connection.status)
    try:
        return json.loads(text) if text[:1] in {b"{", b"["} else text.decode()
    except ValueError as error:
        raise AskError(f"{path} answers no JSON") from error


def _numbers(tokens: Sequence[Any]) -> tuple[int, ...]:
    return tuple(int(str(token).removeprefix(_TOKEN)) for token in tokens)
