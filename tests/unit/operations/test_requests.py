"""Requests of the gateway, counted out of its audit log."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amodels_assets.operations import requests
from amodels_assets.operations.requests import NO_RELEASE, count_requests


def line(**more: Any) -> bytes:
    usual = {
        "at": "2026-11-30T09:59:59.9+00:00",
        "request": "r",
        "key": "k",
        "name": "who",
        "method": "POST",
        "path": "/v1/chat/completions?secret",
        "model": "released",
        "release": "bank-7",
        "error": "",
        "status": 200,
        "complete": True,
        "tokens": 3,
        "seconds": 0.25,
    }
    return json.dumps({**usual, **more}).encode() + b"\n"


def counted(content: bytes, folder: Path) -> Counter[tuple[str, str, float]]:
    file = folder / "log.jsonl"
    file.write_bytes(content)
    found = count_requests(file, 0)
    return Counter(
        {(each.name, each.status, each.started_at): each.count for each in found.operations}
    )


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({}, "succeeded"),
        ({"status": 307}, "succeeded"),
        ({"status": 101}, "succeeded"),
        ({"status": 404}, "refused"),
        ({"status": 429, "complete": False}, "refused"),
        ({"status": 500}, "failed"),
        ({"complete": False, "error": "upstream_failed"}, "failed"),
        ({"complete": False, "error": "timeout"}, "failed"),
        ({"error": "upstream_error"}, "failed"),
        ({"status": 504, "error": "timeout", "complete": False}, "failed"),
        ({"status": 408, "error": "client_stalled", "complete": False}, "refused"),
        ({"complete": False, "error": "client_left"}, "abandoned"),
        ({"status": 0, "complete": False}, "abandoned"),
    ],
)
def test_how_a_request_ended(tmp_path: Path, more: dict[str, Any], status: str) -> None:
    assert counted(line(**more), tmp_path) == {("bank-7", status, 1796029200.0): 1}


def test_hours_releases_and_outcomes_are_told_apart(tmp_path: Path) -> None:
    content = b"".join(
        [
            line(), line(), line(status=500), line(release=""),
            line(at="2026-11-30T10:00:00+00:00"), line(at="2026-11-30T10:59:00+01:00"),
        ]
    )  # fmt: skip
    assert counted(content, tmp_path) == {
        ("bank-7", "succeeded", 1796029200.0): 3,
        ("bank-7", "failed", 1796029200.0): 1,
        (NO_RELEASE, "succeeded", 1796029200.0): 1,
        ("bank-7", "succeeded", 1796032800.0): 1,
    }


def test_nothing_that_a_client_wrote_is_kept(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_bytes(line())
    kept = repr(count_requests(tmp_path / "log.jsonl", 0).operations)
    assert not any(word in kept for word in ("secret", "who", "released", "completions"))


def test_half_a_line_waits_for_the_rest(tmp_path: Path) -> None:
    file = tmp_path / "log.jsonl"
    file.write_bytes(line() + line()[:40])
    first = count_requests(file, 0)
    assert (first.operations[0].count, first.position) == (1, len(line()))
    assert count_requests(file, first.position).operations == []
    file.write_bytes(line() * 2)
    second = count_requests(file, first.position)
    assert (second.operations[0].count, second.position) == (1, 2 * len(line()))


@given(st.binary(max_size=400), st.integers(1, 5))
def test_whatever_a_file_holds_whole_lines_are_counted(
    tmp_path_factory: pytest.TempPathFactory, garbage: bytes, good: int
) -> None:
    folder = tmp_path_factory.getbasetemp()
    content = garbage.replace(b"bank", b"") + b"\n" + line() * good
    assert counted(content, folder)["bank-7", "succeeded", 1796029200.0] == good


@given(st.lists(st.integers(1, 900), max_size=8), st.integers(1, 40))
def test_pieces_add_up_to_the_whole(
    tmp_path_factory: pytest.TempPathFactory, cuts: list[int], count: int
) -> None:
    """A file that grows while it is read, in any pieces."""
    file = tmp_path_factory.getbasetemp() / "growing.jsonl"
    content = b"".join(line(status=200 + 100 * (n % 4)) for n in range(count))
    position = total = 0
    for end in [*sorted(cuts), len(content)]:
        file.write_bytes(content[:end])
        found = count_requests(file, position)
        position = found.position
        total += sum(each.count for each in found.operations)
    assert (position, total) == (len(content), count)


def test_a_line_longer_than_what_is_read_at_once_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requests, "_MOST_BYTES", 512)
    file = tmp_path / "log.jsonl"
    file.write_bytes(b"x" * 2000 + b"\n" + line())
    position, total, more = 0, 0, True
    while more:
        found = count_requests(file, position)
        position, more = found.position, found.more
        total += sum(each.count for each in found.operations)
    assert (position, total) == (file.stat().st_size, 1)


def test_the_words_are_the_gateways() -> None:
    from serving.gateway.errors import TIMEOUT, UPSTREAM_ERROR, UPSTREAM_FAILED

    assert {TIMEOUT, UPSTREAM_ERROR, UPSTREAM_FAILED} == requests._SERVERS_FAILURES
