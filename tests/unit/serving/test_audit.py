"""The audit log: what it says, what it does not say, and a disk that is full."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest

from serving.gateway import audit
from tests.unit.serving.conftest import settings_in
from tests.unit.serving.running import Running, wait_until
from tests.unit.serving.stand_in import StandIn

SECRET = "what nobody else is to read"


def test_a_line_says_who_asked_what_and_not_the_question(gateway: Running) -> None:
    key = gateway.new_key("infer")
    asked = {"model": "released", "prompt": f"words 2 {SECRET}", "stream": True}
    sent = {"x-request-id": "mine"}
    gateway.ask("POST", "/v1/completions", asked, key=key, headers=sent)
    gateway.ask("GET", "/healthz", key=None)
    gateway.ask("GET", "/v1/models", key=None)
    line = gateway.audit_lines()[-1]
    assert line["key"] == key.split("_")[1]
    assert (line["model"], line["release"], line["status"]) == ("released", "r-1", 200)
    assert (line["request"], line["method"], line["path"]) == ("mine", "POST", "/v1/completions")
    assert line["complete"] is True
    assert line["client"] == "127.0.0.1"
    assert line["seconds"] > 0
    for file in (gateway.settings.home / "audit").glob("*"):
        assert SECRET not in file.read_text()
        assert key not in file.read_text()
        assert file.stat().st_mode & 0o077 == 0


def test_questions_are_kept_where_that_is_switched_on(
    model_server: StandIn, tmp_path: Path
) -> None:
    with Running(settings_in(tmp_path, audit_prompts=True)) as gateway:
        gateway.application.upstreams.put("a", model_server.url, "r-1", "ready", ["released"])
        gateway.ask("POST", "/v1/completions", {"model": "released", "prompt": SECRET})
        assert SECRET in gateway.audit_lines()[-1]["prompt"]


def test_a_full_disk_loses_no_line(gateway: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a line is written, then none; requests are answered, then refused, then answered."""
    write, full = os.write, [False]
    before = len(gateway.audit_lines())

    def write_or_not(handle: int, content: bytes) -> int:
        # The beginning of a line still finds room, its rest does not.
        if full[0] and content.startswith(b'{"at"'):
            return write(handle, content[:17])
        if full[0]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(handle, content)

    monkeypatch.setattr(audit.os, "write", write_or_not)
    monkeypatch.setattr(audit, "_MOST_WAITING", 3)
    full[0] = True
    statuses = []
    for _ in range(5):
        statuses.append(gateway.ask("GET", "/v1/models").status)
        wait_until(lambda: bool(gateway.application.audit.problem))
    assert statuses == [200, 200, 200, 503, 503]
    assert "No space left" in gateway.application.audit.problem
    full[0] = False
    log = gateway.application.audit
    wait_until(lambda: log.waiting == 0 and not log.problem)
    assert gateway.ask("GET", "/v1/models").status == 200
    lines = gateway.audit_lines()
    # Three answers, two refusals, one answer: each is there, and each is a whole line.
    assert [line["status"] for line in lines[before:]] == [200, 200, 200, 503, 503, 200]


def test_a_real_disk_that_is_full(model_server: StandIn, tmp_path: Path) -> None:
    """/dev/full refuses every byte, as a disk without room does."""
    with Running(settings_in(tmp_path, probe_seconds=0.1)) as gateway:
        log = gateway.application.audit
        wait_until(lambda: log.waiting == 0)
        log._unfinished = (Path("/dev/full"), b'{"lost": false}\n')
        wait_until(lambda: "No space left" in log.problem)
        assert gateway.ask("GET", "/v1/models").status == 200
        wait_until(lambda: gateway.ask("GET", "/readyz").status == 503)
        log._unfinished = None
        wait_until(lambda: log.waiting == 0 and not log.problem)
        files = (tmp_path / "home" / "audit").glob("*.jsonl")
        assert all(json.loads(line) for file in files for line in file.read_text().splitlines())
