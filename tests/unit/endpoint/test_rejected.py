"""Verdicts of the supervisor: read whatever lies there, and what Dagster makes of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amodels_assets.artifacts import Artifact, ArtifactStore
from amodels_assets.release.verdicts import RECORDS, Verdict, VerdictError, read_verdicts
from amodels_assets.serving.checks import release_is_not_rejected
from amodels_assets.serving.standing import RELEASE
from resources.artifact_store import ArtifactStoreResource
from sensors.serving import RELEASE_KEY, rejected_releases
from serving.releases.records import Records
from serving.releases.records import Verdict as Written

CHECKS = [
    {"check": "answers", "passed": False, "detail": "it said nonsense"},
    {"check": "health", "passed": True, "detail": "200"},
]


def publish(store: ArtifactStore, name: str) -> Artifact:
    return store.publish(
        RELEASE, inputs={}, code_version="1", config={"name": name},
        produce=lambda out: (out / "release.json").write_text(json.dumps({"release": name})),
    )  # fmt: skip


def decide(home: Path, release: str, version: str, verdict: str, at: str = "10") -> None:
    """As the supervisor itself writes it."""
    reason = "the answers are not those of the release" if verdict == "rejected" else ""
    written = Written(
        release, version, verdict, reason, "comparing", f"2026-11-25T{at}:00:00+00:00",
        checks=CHECKS if verdict == "rejected" else [], figures={"agreement": 0.25},
    )  # fmt: skip
    Records(home / "gateway" / "releases").write(written)


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(tmp_path / "artifacts")


def resource(store: ArtifactStore) -> ArtifactStoreResource:
    return ArtifactStoreResource(root=str(store.root))


def tick(store: ArtifactStore, home: Path, cursor: str | None = None) -> Any:
    context = dg.build_sensor_context(cursor=cursor, resources={"artifact_store": resource(store)})
    return rejected_releases(home)(context)


def test_what_the_supervisor_writes_is_understood(store: ArtifactStore, tmp_path: Path) -> None:
    decide(tmp_path, "r-1", "1" * 32, "accepted", at="09")
    decide(tmp_path, "r-2", "2" * 32, "rejected")
    (first, second), problems = read_verdicts(tmp_path)
    assert problems == []
    assert (first.release, first.accepted, first.reason) == ("r-1", True, "")
    assert (second.accepted, second.phase, second.version) == (False, "comparing", "2" * 32)
    assert second.checks[0] == ("answers", False, "it said nonsense")
    assert second.figures == {"agreement": 0.25}


def test_a_rejected_release_fails_the_check_and_says_why(
    store: ArtifactStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AMODELS_HOME", str(tmp_path))
    assert isinstance(tick(store, tmp_path), dg.SkipReason)
    version = publish(store, "r-2").path.name
    untried = tick(store, tmp_path)
    (evaluation,) = untried.asset_events
    assert evaluation.passed
    assert "was not tried by a supervisor yet" in evaluation.description
    decide(tmp_path, "r-2", version, "rejected")
    rejected = tick(store, tmp_path, untried.cursor)
    (evaluation,) = rejected.asset_events
    assert (evaluation.asset_key, evaluation.check_name) == (RELEASE_KEY, "release_is_not_rejected")
    assert not evaluation.passed
    assert evaluation.severity is dg.AssetCheckSeverity.ERROR
    assert evaluation.description == (
        "r-2 was rejected while comparing: the answers are not those of the release"
    )
    assert evaluation.metadata["failed"].value == ["answers: it said nonsense"]
    assert evaluation.metadata["agreement"].value == 0.25
    # Said once.
    assert isinstance(tick(store, tmp_path, rejected.cursor), dg.SkipReason)
    found = release_is_not_rejected(resource(store))
    assert (found.passed, found.description) == (False, evaluation.description)
    # Asked for again and accepted.
    decide(tmp_path, "r-2", version, "accepted", at="11")
    (evaluation,) = tick(store, tmp_path, rejected.cursor).asset_events
    assert evaluation.passed
    assert release_is_not_rejected(resource(store)).passed


def test_a_verdict_on_another_release_says_nothing_of_the_newest(
    store: ArtifactStore, tmp_path: Path
) -> None:
    decide(tmp_path, "r-1", publish(store, "r-1").path.name, "rejected")
    before = tick(store, tmp_path)
    assert not before.asset_events[0].passed
    publish(store, "r-2")
    (evaluation,) = tick(store, tmp_path, before.cursor).asset_events
    assert evaluation.passed
    assert evaluation.metadata["release"].value == "r-2"


def test_a_release_that_cannot_be_read_is_known_by_its_version(
    store: ArtifactStore, tmp_path: Path
) -> None:
    artifact = publish(store, "r-1")
    (artifact.path / "release.json").write_text("{")
    decide(tmp_path, f"unreadable-{artifact.path.name[:12]}", artifact.path.name, "rejected")
    (evaluation,) = tick(store, tmp_path).asset_events
    assert not evaluation.passed


GOOD: dict[str, Any] = {
    "schema_version": 1, "release": "r-1", "version": "1" * 32, "verdict": "rejected",
    "reason": "slow", "phase": "comparing", "decided_at": "2026-11-25T10:00:00+00:00",
    "checks": CHECKS, "figures": {"p95": 3.0}, "log": "",
}  # fmt: skip


@pytest.mark.parametrize(
    "change",
    [
        {"schema_version": 2},
        {"release": ""},
        {"release": 1},
        {"verdict": "perhaps"},
        {"reason": " "},
        {"decided_at": "yesterday"},
        {"decided_at": None},
        {"checks": [{"check": "x", "passed": 1, "detail": ""}]},
        {"figures": {"p95": "slow"}},
        {"figures": []},
        {"log": None},
    ],
)
def test_what_is_no_verdict_is_refused(change: dict[str, Any]) -> None:
    assert not Verdict.parse(json.dumps(GOOD).encode()).accepted
    with pytest.raises(VerdictError):
        Verdict.parse(json.dumps({**GOOD, **change}).encode())


def test_a_damaged_record_hides_no_other(store: ArtifactStore, tmp_path: Path) -> None:
    version = publish(store, "r-1").path.name
    decide(tmp_path, "r-1", version, "rejected")
    (tmp_path / RECORDS / "half.json").write_text('{"release": "r-')
    (tmp_path / RECORDS / "long.json").write_text(" " * (2**20 + 1))
    (evaluation,) = tick(store, tmp_path).asset_events
    assert not evaluation.passed
    _, problems = read_verdicts(tmp_path)
    assert [Path(problem.partition(":")[0]).name for problem in problems] == [
        "half.json", "long.json",
    ]  # fmt: skip


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(
    st.dictionaries(st.sampled_from(sorted(GOOD)), JSON).map(
        lambda other: json.dumps({**GOOD, **other}).encode()
    )
    | JSON.map(json.dumps).map(str.encode)
    | st.binary()
)
def test_any_record_is_read_or_refused(content: bytes) -> None:
    try:
        found = Verdict.parse(content)
    except VerdictError:
        return
    assert found.release
    assert found.accepted or found.reason
    assert found.decided_at.tzinfo is not None
