"""A stand-in for a model server, a process of its own: it speaks vLLM's protocol and computes
nothing but a hash.

Its "model" is the bytes of ``model.safetensors``: log-probabilities and answers follow from them,
so that another model answers otherwise. ``behaviour.json`` beside it says what else it does:

    seconds     that an answer takes
    nonsense    answers as no model does
    start       "exit", "memory": ends with a message; a number: seconds until it is well
    adapters    loads and unloads adapters
    enough      a file: once it is there streams end
    hangs       a file: the engine of the process whose number it holds stands still, or of "all"
    fails       a file: while it holds a number n, each n-th request is answered with 500

Only the standard library is used, so that it starts at once.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


def tokens_of(text: str) -> list[int]:
    """A token for each word."""
    return [len(word) * 7 + ord(word[0]) for word in text.split()]


def chance(weights: bytes, tokens: list[int]) -> float:
    """A log-probability of the last of some tokens, between -8 and 0."""
    found = hashlib.sha256(weights + repr(tokens).encode()).digest()
    return -8.0 * int.from_bytes(found[:4], "big") / 2**32


def answer_to(weights: bytes, tokens: list[int], number: int) -> list[int]:
    """The greedy answer."""
    found = hashlib.sha256(weights + b"answer" + repr(tokens).encode()).digest()
    return [int(byte) for byte in found[:number]]


class Server(ThreadingHTTPServer):
    """The server."""

    daemon_threads = True
    request_queue_size = 512

    def __init__(self, port: int, release: str, folder: Path, adapter: str) -> None:
        self.behaviour = json.loads((folder / "behaviour.json").read_text())
        base = (folder / "model.safetensors").read_bytes()
        self.models = {release: self.adapted(base, adapter) if adapter else base}
        self.base = base
        start = self.behaviour.get("start", 0)
        if start == "exit":
            raise SystemExit("RuntimeError: this model cannot be loaded")
        if start == "memory":
            print(
                "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 20 GiB", flush=True
            )
            raise SystemExit("RuntimeError: Engine core initialization failed.")
        self.well_at = time.monotonic() + float(start)
        self.tokens = self.asked = 0
        super().__init__(("127.0.0.1", port), Handler)

    def compute(self, tokens: int) -> None:
        """What the engine does: nothing moves while it hangs, and requests only wait."""
        while self._told("hangs") in {str(os.getpid()), "all"}:
            time.sleep(0.02)
        self.tokens += tokens

    def fails(self) -> bool:
        """Whether the next request is one of those that fail."""
        told = self._told("fails")
        self.asked += 1
        return bool(told) and self.asked % int(told) == 0

    def _told(self, name: str) -> str:
        try:
            return Path(self.behaviour.get(name, "/nowhere")).read_text()
        except FileNotFoundError:
            return ""

    @staticmethod
    def adapted(base: bytes, adapter: str) -> bytes:
        return base + (Path(adapter) / "adapter_model.safetensors").read_bytes()


class Handler(BaseHTTPRequestHandler):
    """Answers."""

    server: Server
    protocol_version = "HTTP/1.1"
    # Otherwise answers of two parts now and then wait 40 ms for the client's acknowledgement.
    disable_nagle_algorithm = True

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        if self.path == "/health":
            self._whole({}, 200 if time.monotonic() >= self.server.well_at else 503)
        elif self.path == "/v1/models":
            self._whole({"data": [{"id": name} for name in self.server.models]})
        elif self.path == "/metrics":
            self._figures()
        else:
            self._whole({}, 404)

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if self.path in {"/v1/load_lora_adapter", "/v1/unload_lora_adapter"}:
            self._adapter(asked)
        elif asked["model"] not in self.server.models:
            self._whole({"error": {"message": f"no model {asked['model']}"}}, 404)
        elif self.server.fails():
            self._whole({"error": {"message": "the engine failed"}}, 500)
        elif asked.get("stream"):
            self._stream(asked)
        else:
            time.sleep(self.server.behaviour.get("seconds", 0.0))
            self._completion(asked)

    def _figures(self) -> None:
        """As vLLM has them: told by the engine, also of requests."""
        text = f"""# HELP vllm:generation_tokens_total Number of generation tokens processed.
# TYPE vllm:generation_tokens_total counter
vllm:generation_tokens_total{{engine="0",model_name="m"}} {float(self.server.tokens)}
# TYPE http_requests_total counter
http_requests_total{{status="2xx"}} {time.monotonic()}
"""
        self._send(text.encode(), "text/plain; version=0.0.4; charset=utf-8", 200)

    def _adapter(self, asked: Any) -> None:
        if not self.server.behaviour.get("adapters"):
            self._whole({"detail": "Not Found"}, 404)
        elif self.path == "/v1/load_lora_adapter":
            weights = self.server.adapted(self.server.base, asked["lora_path"])
            self.server.models[asked["lora_name"]] = weights
            self._whole({})
        else:
            del self.server.models[asked["lora_name"]]
            self._whole({})

    def _completion(self, asked: Any) -> None:
        weights = self.server.models[asked["model"]]
        if self.server.behaviour.get("nonsense"):
            weights = b"other"
        tokens = tokens_of(asked["prompt"])
        self.server.compute(len(tokens) + asked["max_tokens"])
        answer = answer_to(weights, tokens, asked["max_tokens"])
        everything = [*tokens, *answer]
        figures = [chance(weights, everything[: n + 1]) for n in range(len(everything))]
        logprobs = {
            "tokens": [f"token_id:{token}" for token in everything],
            "token_logprobs": [None, *figures[1:]],
        }
        self._whole(
            {
                "choices": [{"index": 0, "text": "…", "logprobs": logprobs}],
                "usage": {"prompt_tokens": len(tokens), "completion_tokens": len(answer)},
            }
        )

    def _stream(self, asked: Any) -> None:
        """So many events as ``max_tokens`` says, 20 ms between two."""
        enough = Path(self.server.behaviour.get("enough", "/nowhere"))
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for number in range(asked["max_tokens"]):
            choice = {"index": 0, "text": f"w{number} "}
            self.server.compute(1)
            self._chunk(b"data: " + json.dumps({"choices": [choice]}).encode() + b"\n\n")
            time.sleep(0.02)
            if enough.exists():
                break
        self._chunk(b"data: [DONE]\n\n")
        self.wfile.write(b"0\r\n\r\n")

    def _chunk(self, content: bytes) -> None:
        self.wfile.write(b"%x\r\n%b\r\n" % (len(content), content))
        self.wfile.flush()

    def _whole(self, content: Any, status: int = 200) -> None:
        self._send(json.dumps(content).encode(), "application/json", status)

    def _send(self, body: bytes, kind: str, status: int) -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--release", required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--adapter", default="")
    asked = parser.parse_args()
    Server(asked.port, asked.release, asked.folder, asked.adapter).serve_forever()


if __name__ == "__main__":
    sys.exit(main())
