"""The command: keys, where it listens, several processes, an end that waits."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from serving.command import main
from serving.gateway.server import ListenError, listening_socket
from serving.gateway.settings import InvalidSettingsError, read_settings
from tests.unit.serving.running import PATIENCE, wait_until
from tests.unit.serving.stand_in import StandIn

ROOT = Path(__file__).parents[3]


def environment(home: Path) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "AMODELS_HOME": str(home), "PYTHONPATH": str(ROOT)}


class Done(NamedTuple):
    """What a command left."""

    code: int
    out: str
    said: str


@pytest.fixture
def command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Done]:
    """Run the command in this process, with a home of its own."""

    def run(*arguments: str) -> Done:
        monkeypatch.setenv("AMODELS_HOME", str(tmp_path))
        monkeypatch.setattr(sys, "argv", ["amodels-gateway", *arguments])
        code = 0
        try:
            main()
        except SystemExit as ended:
            code = int(ended.code or 0)
        return Done(code, *capsys.readouterr())

    return run


@contextmanager
def serving(home: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A gateway in a process of its own, and its port."""
    process = subprocess.Popen(
        [sys.executable, "-m", "serving.command", "serve", "--port", "0", *arguments],
        cwd=ROOT, env=environment(home), stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stderr is not None
        line = process.stderr.readline()
        found = re.search(r":(\d+)$", line.strip())
        assert found, line
        yield process, int(found[1])
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(PATIENCE)
        assert process.stderr is not None
        process.stderr.close()


def test_keys_are_made_shown_and_revoked(command: Callable[..., Done]) -> None:
    made = command("keys", "create", "alice", "--scope", "infer", "--json")
    assert made.code == 0, made.said
    key = json.loads(made.out)
    assert re.fullmatch(r"amk_[0-9a-f]{12}_[\w-]{43}", key["key"])
    shown = command("keys", "list", "--json")
    assert [k["name"] for k in json.loads(shown.out)] == ["alice"]
    assert key["key"].split("_", 2)[2] not in shown.out
    assert "sha256" not in shown.out
    revoked = command("keys", "revoke", key["id"])
    assert revoked.out.strip() == f"{key['id']} alice: revoked"
    assert "revoked" in command("keys", "list").out
    unknown = command("keys", "revoke", "0" * 12)
    assert unknown.code == 1
    assert unknown.said.strip().endswith("see amodels-gateway keys list")


def test_a_gateway_ends_when_its_streams_have_ended(
    tmp_path: Path, command: Callable[..., Done]
) -> None:
    with StandIn() as model_server:
        scopes = ("--scope", "infer", "--scope", "operate")
        key = command("keys", "create", "a", *scopes).out.strip()
        url = model_server.url
        alias = ("--release", "r", "--alias", "released")
        assert command("upstreams", "set", "a", "--url", url, *alias).code == 0
        listed = command("upstreams", "list").out.split()
        assert listed == ["a", url, "r", "ready", "released"]
        with serving(tmp_path, "--workers", "2") as (process, port):
            headers = {"authorization": f"Bearer {key}"}
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
            body = json.dumps({"model": "released", "prompt": "slowly 60", "stream": True})
            connection.request("POST", "/v1/completions", body, headers)
            answer = connection.getresponse()
            first = answer.readline()
            figures = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
            # Whichever of the two processes answers, it has the figures of both.
            for _ in range(2):
                figures.request("GET", "/metrics", headers=headers)
                text = figures.getresponse().read().decode()
            figures.close()
            asked = 'amodels_gateway_requests_total{route="metrics",status="200"}'
            assert f"{asked} 1.0" in text
            process.send_signal(signal.SIGTERM)
            rest = answer.read()
            assert first.startswith(b"data: ")
            assert rest.endswith(b"data: [DONE]\n\n")
            connection.close()
            assert process.wait(PATIENCE) == 0
    logs = list((tmp_path / "gateway" / "audit").glob("*.jsonl"))
    (line,) = [json.loads(line) for log in logs for line in log.read_text().splitlines()]
    assert (line["complete"], line["status"]) == (True, 200)


def test_other_machines_reach_it_over_tls_only(
    tmp_path: Path, command: Callable[..., Done]
) -> None:
    with pytest.raises(ListenError, match="--tls-certificate"):
        listening_socket("0.0.0.0", 0, certificate=None, insecure=False)
    with pytest.raises(ListenError, match="no address"):
        listening_socket("no.such.host.invalid", 0, certificate=None, insecure=False)
    refused = command("serve", "--host", "0.0.0.0", "--port", "0")
    assert refused.code == 1
    assert "keys could be read on their way" in refused.said
    listening_socket("0.0.0.0", 0, certificate=None, insecure=True).close()
    missing = command("serve", "--port", "0", "--tls-certificate", "none")
    assert missing.code == 1
    assert "Traceback" not in missing.said
    certificate, key = tmp_path / "tls.crt", tmp_path / "tls.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=IP:127.0.0.1"],
        check=True, capture_output=True,
    )  # fmt: skip
    tls = ("--tls-certificate", str(certificate), "--tls-key", str(key))
    with serving(tmp_path, *tls) as (_, port):
        context = ssl.create_default_context(cafile=str(certificate))
        answered: list[bytes] = []

        def answers() -> bool:
            connection = http.client.HTTPSConnection(
                "127.0.0.1", port, context=context, timeout=PATIENCE
            )
            try:
                connection.request("GET", "/healthz")
                answered.append(connection.getresponse().read())
            except OSError:
                return False
            finally:
                connection.close()
            return True

        wait_until(answers)
        assert answered == [b"ok\n"]
        assert command("alive", "--port", str(port)).code == 0


def test_alive_is_what_answers_as_a_gateway_does(
    tmp_path: Path, command: Callable[..., Done]
) -> None:
    with serving(tmp_path) as (process, port):
        wait_until(lambda: command("alive", "--port", str(port)).code == 0)
        process.send_signal(signal.SIGSTOP)
        hung = command("alive", "--port", str(port), "--seconds", "0.5")
        process.send_signal(signal.SIGCONT)
    assert (hung.code, hung.said) == (
        1,
        f"amodels-gateway: no answer of a gateway on port {port}\n",
    )
    with StandIn() as other:
        assert command("alive", "--port", other.url.rpartition(":")[2]).code == 1


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("unknown: 1", "unknown"),
        ("services: [{name: a, kind: x, url: y}]", "services.0.kind"),
        ("body_bytes: none", "body_bytes"),
        ("redis_url: redis://:password@host", "AMODELS_REDIS_URL"),
        ("- list", "mapping"),
        ("{", "cannot be read"),
        ("services: [{name: a, kind: dagster, url: y}, {name: a, kind: dagster, url: y}]", "one"),
    ],
)
def test_settings_that_are_wrong(tmp_path: Path, content: str, says: str) -> None:
    file = tmp_path / "gateway.yaml"
    file.write_text(content)
    with pytest.raises(InvalidSettingsError, match=re.escape(says)) as error:
        read_settings({}, file)
    assert "password" not in str(error.value).replace("may hold a password", "")


def test_settings_come_from_the_platforms_variables(tmp_path: Path) -> None:
    file = tmp_path / "gateway.yaml"
    file.write_text("audit_prompts: true\n")
    given = {"AMODELS_HOME": "/h", "AMODELS_ARTIFACTS_URL": "file:///a", "AMODELS_REDIS_URL": "r"}
    settings = read_settings(given, file)
    assert (str(settings.home), str(settings.artifacts)) == ("/h/gateway", "/a")
    assert (settings.redis_url, settings.audit_prompts) == ("r", True)
    with pytest.raises(InvalidSettingsError):
        read_settings({"AMODELS_ARTIFACTS_URL": "s3://bucket"})
