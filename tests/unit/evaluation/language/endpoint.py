"""A server that speaks OpenAI's completions protocol, with a tiny model behind it.

Belongs here: what lm-eval's ``local-completions`` asks of a server: echoed log-probabilities of a
prompt that is given as tokens, and greedy answers. Every request is kept for the tests to look at.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Server(ThreadingHTTPServer):
    """Listens on loopback, at a free port."""

    def __init__(self, model: Any, tokenizer: Any) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.model, self.tokenizer = model, tokenizer
        self.requests: list[dict[str, Any]] = []
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1/completions"


class Handler(BaseHTTPRequestHandler):
    """Answers POST requests."""

    server: Server

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.server.lock:
            self.server.requests.append(asked)
            prompts = asked["prompt"]
            if prompts and isinstance(prompts[0], int):
                prompts = [prompts]
            answer = echoed if asked.get("echo") else generated
            choices = [
                {"index": place, **answer(self.server, prompt, asked)}
                for place, prompt in enumerate(prompts)
            ]
        body = json.dumps({"object": "text_completion", "choices": choices}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def echoed(server: Server, prompt: list[int], asked: dict[str, Any]) -> dict[str, Any]:
    """The prompt with the log-probability of each token, and the token that was asked for."""
    import torch

    assert asked["logprobs"] >= 1
    with torch.inference_mode():
        found = torch.log_softmax(server.model(torch.tensor([prompt])).logits[0].float(), -1)
    following = [*prompt[1:], int(found[-1].argmax())]
    values = [None, *(float(found[p, t]) for p, t in enumerate(following))]
    best = [None]
    for place, token in enumerate(following):
        likeliest = int(found[place].argmax())
        best.append(
            {f"t{likeliest}": float(found[place, likeliest]), f"t{token}": values[place + 1]}
        )
    tokens = [f"t{token}" for token in [*prompt, following[-1]]]
    return {
        "text": "",
        "logprobs": {"tokens": tokens, "token_logprobs": values, "top_logprobs": best},
    }


def generated(server: Server, prompt: list[int], asked: dict[str, Any]) -> dict[str, Any]:
    """A greedy answer, cut before the first stop."""
    import torch

    assert not asked.get("temperature")
    tokens = list(prompt)
    with torch.inference_mode():
        for _ in range(asked["max_tokens"]):
            token = int(server.model(torch.tensor([tokens])).logits[0, -1].argmax())
            if token == server.tokenizer.eos_token_id:
                break
            tokens.append(token)
    text = server.tokenizer.decode(tokens[len(prompt) :], skip_special_tokens=True)
    for stop in asked.get("stop") or ():
        text = text.split(stop)[0]
    return {"text": text}


@contextmanager
def serving(model: Any, tokenizer: Any) -> Generator[Server]:
    """A server for as long as it is needed."""
    server = Server(model, tokenizer)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
