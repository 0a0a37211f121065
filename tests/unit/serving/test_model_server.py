"""Model servers as processes: started, waited for, found again, ended."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from serving.model_server.process import (
    CommandLauncher,
    ServedModel,
    ServerFailed,
    ServerProcess,
    ServerRecord,
    adopt,
    group_members,
    process_start,
)
from tests.unit.serving.running import PATIENCE, wait_until

# Answers /health with the status that the file "status" in the model's folder has.
ANSWERING = """
import http.server, os, pathlib, signal, subprocess, sys
port, release, folder, adapter, *what = sys.argv[1:]
print("serving", release, "with", adapter or "nothing", flush=True)
if "deaf" in what:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if "child" in what:
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
if "fail" in what:
    print("no such weights", file=sys.stderr)
    sys.exit(3)
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        known = {"/health": (pathlib.Path(folder) / "status").read_text(), "/env": "200"}
        self.send_response(int(known[self.path]))
        self.end_headers()
        self.wfile.write("\\n".join(sorted(os.environ)).encode())
    def log_message(self, *arguments):
        pass
http.server.HTTPServer(("127.0.0.1", int(port)), Handler).serve_forever()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "status").write_text("200")
    return tmp_path


@pytest.fixture
def started() -> Iterator[list[ServerProcess]]:
    """Servers that are killed at the end."""
    servers: list[ServerProcess] = []
    yield servers
    for server in servers:
        server.stop(0)


def launch(folder: Path, started: list[ServerProcess], *what: str) -> ServerProcess:
    parts = ["{port}", "{release}", "{folder}", "{adapter}"]
    launcher = CommandLauncher([sys.executable, "-c", ANSWERING, *parts, *what])
    server = launcher.launch(ServedModel("r-1", folder), log=folder / "logs" / "server.log")
    started.append(server)
    return server


def test_a_server_is_started_waited_for_and_ended(
    folder: Path, started: list[ServerProcess]
) -> None:
    server = launch(folder, started)
    assert server.alive()
    server.wait_ready(PATIENCE)
    assert server.url.startswith("http://127.0.0.1:")
    assert server.release == "r-1"
    assert server.tail() == "serving r-1 with nothing"
    assert os.getpgid(server.pid) == server.pid != os.getpgid(0)
    server.stop(PATIENCE)
    assert not server.alive()
    assert not server.healthy()
    server.stop(PATIENCE)


def test_an_adapter_is_passed_on(folder: Path, started: list[ServerProcess]) -> None:
    launcher = CommandLauncher(
        [sys.executable, "-c", "import sys; print(sys.argv[1:])", "{folder}+{adapter}"]
    )
    server = launcher.launch(ServedModel("r-1", folder, folder / "a"), log=folder / "log")
    started.append(server)
    wait_until(lambda: not server.alive())
    assert server.tail() == f"['{folder}+{folder / 'a'}']"


def test_a_server_that_ends_is_told_of_at_once(folder: Path, started: list[ServerProcess]) -> None:
    server = launch(folder, started, "fail")
    with pytest.raises(ServerFailed) as failed:
        server.wait_ready(600)
    assert failed.value.reason == "r-1: its server ended with exit status 3"
    assert failed.value.tail.splitlines()[-1] == "no such weights"


def test_a_killed_server_names_the_signal(folder: Path, started: list[ServerProcess]) -> None:
    server = launch(folder, started)
    server.wait_ready(PATIENCE)
    os.kill(server.pid, signal.SIGKILL)
    wait_until(lambda: not server.alive())
    with pytest.raises(ServerFailed, match="signal 9"):
        server.wait_ready(600)


def test_a_server_that_is_not_healthy_is_waited_for_in_vain(
    folder: Path, started: list[ServerProcess]
) -> None:
    (folder / "status").write_text("503")
    server = launch(folder, started)
    wait_until(lambda: "serving" in server.tail())
    with pytest.raises(ServerFailed, match="did not answer within 1 s"):
        server.wait_ready(1)
    assert server.alive()


def test_a_hanging_server_is_alive_and_not_healthy(
    folder: Path, started: list[ServerProcess]
) -> None:
    server = launch(folder, started)
    server.wait_ready(PATIENCE)
    os.kill(server.pid, signal.SIGSTOP)
    assert server.alive()
    assert not server.healthy(0.3)
    server.stop(0.3)
    assert not server.alive()


def test_what_does_not_listen_to_sigterm_is_killed(
    folder: Path, started: list[ServerProcess]
) -> None:
    server = launch(folder, started, "deaf", "child")
    server.wait_ready(PATIENCE)
    before = time.monotonic()
    server.stop(0.5)
    assert time.monotonic() - before >= 0.5
    assert group_members(server.pid) == []


def test_children_are_ended_also_when_the_first_process_was_killed(
    folder: Path, started: list[ServerProcess]
) -> None:
    server = launch(folder, started, "child")
    server.wait_ready(PATIENCE)
    os.kill(server.pid, signal.SIGKILL)
    wait_until(lambda: not server.alive())
    assert len(group_members(server.pid)) == 1
    server.stop(PATIENCE)
    assert group_members(server.pid) == []


def test_a_server_outlives_its_starter_and_is_found_again(
    folder: Path, started: list[ServerProcess]
) -> None:
    code = f"""
import json, os, signal, sys
from pathlib import Path
from tests.unit.serving.test_model_server import launch
server = launch(Path({str(folder)!r}), [])
server.wait_ready({PATIENCE})
print(json.dumps(server.record.to_json()), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    process = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, check=False)
    assert process.returncode == -signal.SIGKILL
    record = ServerRecord.from_json(json.loads(process.stdout))
    server = adopt(record)
    assert server is not None
    started.append(server)
    assert server.healthy()
    server.wait_ready(PATIENCE)
    assert server.record == record
    server.stop(PATIENCE)
    assert adopt(record) is None
    with pytest.raises(ServerFailed, match="its server ended"):
        server.wait_ready(1)


def test_another_process_with_the_number_is_left_alone(
    folder: Path, started: list[ServerProcess]
) -> None:
    server = launch(folder, started)
    server.wait_ready(PATIENCE)
    record = server.record
    other = ServerRecord(record.url, record.pid, record.started + "0", "r-1", record.log)
    assert adopt(other) is None
    ServerProcess(other).stop(0)
    assert server.healthy()


def test_a_program_that_is_not_there(folder: Path) -> None:
    with pytest.raises(FileNotFoundError):
        CommandLauncher(["/no/such/program"]).launch(ServedModel("r", folder), log=folder / "log")


def test_passwords_of_the_platform_stay_here(
    folder: Path, started: list[ServerProcess], monkeypatch: pytest.MonkeyPatch
) -> None:
    from urllib.request import urlopen

    monkeypatch.setenv("AMODELS_REDIS_URL", "redis://:secret@localhost")
    monkeypatch.setenv("SOME_OTHER", "1")
    server = launch(folder, started)
    server.wait_ready(PATIENCE)
    names = urlopen(server.url + "/env").read().decode().split()
    assert "SOME_OTHER" in names
    assert not [name for name in names if name.startswith("AMODELS_")]


def test_processes_are_told_apart_by_their_start() -> None:
    assert process_start(os.getpid()) == process_start(os.getpid())
    assert process_start(os.getpid()) != process_start(1)
    assert process_start(2**22 + 1) is None
