"""A hub on the loopback interface, spoken to by the real client in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Generator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from amodels_assets.artifacts import sha256_file

from .conftest import Tiny

pytestmark = pytest.mark.xdist_group("transformers")
COMMIT = "c" * 40
ROOT = Path(__file__).parents[3]
ADD = """
import sys
from pathlib import Path
from amodels_assets.models.adding import Request, add
from amodels_assets.models.foreign import ModelError
from amodels_assets.models.sources import parse_origin
from amodels_assets.models.store import ModelStore
for source in sys.argv[2:]:
    try:
        found = add(ModelStore(Path(sys.argv[1])), Request("a", parse_origin(source)), print)
        print("unchanged" if found.unchanged else "added", found.model.manifest.source.revision)
    except ModelError as error:
        print(error)
"""


class Hub(BaseHTTPRequestHandler):
    """What the client asks for when it takes a snapshot."""

    folder: Path
    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        path = self.path.partition("?")[0]
        sizes = {p.name: p.stat().st_size for p in sorted(self.folder.iterdir())}
        sizes |= {"pytorch_model.bin": 1, "onnx/model.safetensors": 1}
        if path.startswith("/api/models/tiny/llama/tree/"):
            tree = [
                {"type": "file", "path": name, "size": size, "oid": "0" * 40}
                for name, size in sizes.items()
            ]
            self._send(json.dumps(tree).encode())
        elif path in {f"/api/models/tiny/llama{end}" for end in ("", f"/revision/{COMMIT}")}:
            names = [{"rfilename": name} for name in sizes]
            self._send(json.dumps({"id": "tiny/llama", "sha": COMMIT, "siblings": names}).encode())
        elif path.startswith("/api/models/tiny/gated"):
            self._send(b"{}", 403, "GatedRepo")
        elif path.startswith(f"/tiny/llama/resolve/{COMMIT}/"):
            file = self.folder / path.rpartition("/")[2]
            self._send(file.read_bytes(), etag=sha256_file(file))
        else:
            self._send(b"{}", 404, "RepoNotFound")

    do_HEAD = do_GET

    def _send(self, content: bytes, status: int = 200, error: str = "", etag: str = "x") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("ETag", f'"{etag}"')
        if error:
            self.send_header("X-Error-Code", error)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 (its name there)
        """Say nothing."""


@pytest.fixture
def hub(llama: Tiny) -> Generator[ThreadingHTTPServer]:
    handler = type("ThisHub", (Hub,), {"folder": llama.folder, "asked": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def added(home: Path, *sources: str, **variables: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", ADD, str(home / "models"), *sources],
        env={"PYTHONPATH": str(ROOT), "HF_HOME": str(home / "hf"), "TQDM_DISABLE": "1",
             "HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_DISABLE_XET": "1", **variables},
        capture_output=True,
        text=True,
        check=True,
    )  # fmt: skip
    return done.stdout.splitlines()


def test_a_model_of_a_hub(hub: ThreadingHTTPServer, llama: Tiny, tmp_path: Path) -> None:
    endpoint = f"http://127.0.0.1:{hub.server_port}"
    lines = added(
        tmp_path, "hf:tiny/gated", "hf:tiny/missing", "hf:tiny/llama", "hf:tiny/llama",
        f"hf:tiny/llama@{COMMIT}", "hf:tiny/llama@other", HF_ENDPOINT=endpoint,
        HF_TOKEN="hf_secret",
    )  # fmt: skip
    gated, missing, first, again, pinned, other = (x for x in lines if "downloading" not in x)
    assert "accept it on its page" in gated
    assert "has no model tiny/missing" in missing
    assert first == f"added {COMMIT}"
    assert again == pinned == f"unchanged {COMMIT}"
    assert "remove it first" in other
    assert "hf_secret" not in "".join(lines)
    for path in llama.folder.iterdir():
        assert sha256_file(tmp_path / "models" / "a" / path.name) == sha256_file(path)
    asked = "".join(hub.RequestHandlerClass.asked)  # ty: ignore[unresolved-attribute]
    assert "pytorch_model.bin" not in asked
    assert "onnx" not in asked


def test_without_a_network_it_says_how_to_carry_a_model(tmp_path: Path) -> None:
    # Nothing listens on the port of a server that has stopped.
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    server.server_close()
    (line,) = added(tmp_path, "hf:a/b", HF_ENDPOINT=f"http://127.0.0.1:{server.server_port}")
    assert "the hub cannot be reached" in line
    assert "`amodels models pack`" in line
    (line,) = added(tmp_path, "hf:a/b", HF_HUB_OFFLINE="1")
    assert "HF_HUB_OFFLINE is set" in line
    assert not any((tmp_path / "models").glob("[a-z]*"))
