"""``amodels predict-server`` behind a real gateway: it registers, answers and leaves."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

from amodels_assets.artifacts import ArtifactStore
from amodels_assets.commands.predict_server import predict_server
from amodels_assets.datasets.dataset import open_dataset
from amodels_assets.serving.heartbeat import GatewayError, Heartbeat
from amodels_assets.serving.running import ListenError, bound_socket
from tests.unit.serving.running import PATIENCE, Answer, Running, wait_until

ROOT = Path(__file__).parents[3]
NAME = "facility_downgrade"


@contextmanager
def started(home: Path, *options: str, **variables: str) -> Iterator[subprocess.Popen[str]]:
    """The command, ended at the end."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("AMODELS_")}
    process = subprocess.Popen(
        [sys.executable, "-m", "amodels_assets.cli", "predict-server", "--port", "0", *options],
        cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**env, "AMODELS_HOME": str(home), "AMODELS_DEVICE": "cpu", **variables},
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def registered(gateway: Running) -> dict[str, object] | None:
    found = [s for s in gateway.ask("GET", "/services").json if s["name"] == NAME]
    return found[0] if found else None


def test_it_registers_answers_through_the_gateway_and_leaves(
    gateway: Running, store: ArtifactStore, tmp_path: Path, bank_dataset: Path
) -> None:
    row = open_dataset(bank_dataset).tasks["test"].slice(0, 1).to_pylist()[0]
    said = {"facility_id": row["facility_id"], "cutoff_date": row["cutoff_date"].isoformat()}
    key = gateway.new_key("operate")
    variables = {"AMODELS_GATEWAY_URL": gateway.url, "AMODELS_GATEWAY_KEY": key}
    with started(tmp_path, **variables) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        assert re.fullmatch(rf"r-1 answers at http://127\.0\.0\.1:\d+/predict/{NAME}\n", first)
        wait_until(lambda: registered(gateway) is not None)
        answer = gateway.ask("POST", f"/predict/{NAME}", {"rows": [said]})
        assert answer.status == 200, answer.body
        assert 0 < answer.json["predictions"][0]["probability"] < 1
        # The audit log says which release answered.
        assert answer.headers["x-amodels-release"] == "r-1"
        asked = answer.headers["x-request-id"]
        (line,) = (each for each in gateway.audit_lines() if each["request"] == asked)
        assert (line["model"], line["release"]) == (NAME, "r-1")
        answers: list[Answer] = []
        ended = threading.Event()

        def ask() -> None:
            while not ended.is_set():
                answers.append(gateway.ask("POST", f"/predict/{NAME}", {"rows": [said]}))

        client = threading.Thread(target=ask)
        client.start()
        wait_until(lambda: len(answers) >= 3)
        process.send_signal(signal.SIGTERM)
        wait_until(lambda: registered(gateway) is None)
        ended.set()
        client.join(PATIENCE)
        _, errors = process.communicate(timeout=PATIENCE)
    # What was asked until it left was answered; after that the gateway knew that it is gone.
    assert {answer.status for answer in answers} <= {200, 404}
    assert {a.code for a in answers if a.status == 404} <= {"unknown_service"}
    assert process.returncode == 0
    assert key not in errors
    assert "Traceback" not in errors


@pytest.mark.parametrize(
    ("options", "variables", "says"),
    [
        (("--gateway", "http://127.0.0.1:1"), {}, "set AMODELS_GATEWAY_KEY"),
        (("--gateway", "ftp://x"), {"AMODELS_GATEWAY_KEY": "amk_x"}, "no http://host:port"),
        (("--name", "A b"), {}, "--name"),
        ((), {}, "nothing is released yet"),
    ],
)
def test_what_cannot_begin_says_what_to_do(
    options: tuple[str, ...], variables: dict[str, str], says: str,
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    for name, value in {"AMODELS_HOME": str(tmp_path), **variables}.items():
        monkeypatch.setenv(name, value)
    done = CliRunner().invoke(predict_server, ["--port", "0", *options])
    assert done.exit_code in {1, 2}
    assert says in done.output


def test_a_taken_port_is_said() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(ListenError, match="give another --port"):
            bound_socket(taken.getsockname()[1])


@pytest.mark.parametrize("url", ["", "127.0.0.1:8080", "http://a:b", "http://u:p@h", "http://h/x"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(GatewayError):
        Heartbeat(url, NAME, {}, "amk_x")


def test_a_gateway_that_is_away_is_said_without_the_key(gateway: Running) -> None:
    said = {"kind": "predict", "url": "http://127.0.0.1:8201", "health": "/health"}
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        beat = Heartbeat(f"http://127.0.0.1:{closed.getsockname()[1]}", NAME, said, "amk_secret")
        problem = beat._say("PUT")
    assert "cannot be reached: Connection refused" in problem
    assert "amk_secret" not in problem
    there = Heartbeat(gateway.url, NAME, said, gateway.new_key("operate"))
    assert there._say("PUT") == there._say("DELETE") == there._say("DELETE") == ""
    wrong = Heartbeat(gateway.url, NAME, said, "amk_000000000000_x")
    assert "holds no valid key" in wrong._say("PUT")
    less = Heartbeat(gateway.url, NAME, said, gateway.new_key("infer"))
    assert "has no scope operate" in less._say("PUT")
