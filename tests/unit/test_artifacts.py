"""The artifact store: atomic, idempotent, verified."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amodels_assets.artifacts import (
    Artifact,
    ArtifactError,
    ArtifactStore,
    CheckRecord,
    Manifest,
    digest,
    write_atomically,
    write_table,
)

NAME = "room/thing"


def publish(
    store: ArtifactStore, text: str, *, calls: list[str] | None = None, **options
) -> Artifact:
    def produce(folder: Path) -> None:
        if calls is not None:
            calls.append(text)
        (folder / "content.txt").write_text(text)

    settings = {"inputs": {"source": text}, "code_version": "1", **options}
    return store.publish(NAME, produce=produce, **settings)


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(tmp_path / "artifacts")


def test_what_was_published_is_found(store: ArtifactStore) -> None:
    made = publish(store, "hello")
    assert not made.unchanged
    assert store.get(NAME) == made
    assert made.verified_file("content.txt").read_text() == "hello"
    assert store.names() == [NAME]


def test_the_same_work_is_done_once(store: ArtifactStore) -> None:
    calls: list[str] = []
    first = publish(store, "hello", calls=calls)
    second = publish(store, "hello", calls=calls)
    assert calls == ["hello"]
    assert second.unchanged
    assert second == first


@pytest.mark.parametrize(
    "change",
    [
        {"code_version": "2"},
        {"config": {"a": 1}},
        {"inputs": {"source": "b"}},
        {"libraries": ["click"]},
    ],
)
def test_another_recipe_is_work_again(store: ArtifactStore, change: dict) -> None:
    calls: list[str] = []
    first = publish(store, "hello", calls=calls)
    second = publish(store, "hello", calls=calls, **change)
    assert len(calls) == 2
    assert second.data_version == first.data_version, "equal content has an equal data version"
    assert len(store.versions(NAME)) == 2


def test_going_back_to_an_older_recipe_recalls_what_it_made(store: ArtifactStore) -> None:
    calls: list[str] = []
    first = publish(store, "a", calls=calls)
    publish(store, "b", calls=calls)
    back = publish(store, "a", calls=calls)
    assert calls == ["a", "b"]
    assert back.unchanged
    assert store.get(NAME).path == back.path == first.path


def test_what_a_killed_attempt_at_something_else_left_goes(store: ArtifactStore) -> None:
    remains = store.root / ".staging" / "room--thing-0123456789abcdef"
    remains.mkdir(parents=True)
    publish(store, "x")
    assert not remains.exists()


def test_a_damaged_file_is_noticed_and_made_again(store: ArtifactStore) -> None:
    made = publish(store, "hello")
    (made.path / "content.txt").write_text("hullo")
    with pytest.raises(ArtifactError, match="missing or damaged"):
        store.get(NAME).verified_file("content.txt")
    again = publish(store, "hello")
    assert not again.unchanged
    assert again.verified_file("content.txt").read_text() == "hello"


def test_a_failure_leaves_the_old_version_and_no_remains(store: ArtifactStore) -> None:
    old = publish(store, "old")

    def fail(folder: Path) -> None:
        (folder / "content.txt").write_text("half")
        raise RuntimeError("disk on fire")

    with pytest.raises(RuntimeError, match="disk on fire"):
        store.publish(NAME, inputs={}, code_version="1", produce=fail)
    assert store.get(NAME) == old
    assert list((store.root / ".staging").iterdir()) == []


def _publish_and_die(root: str, at: str) -> None:
    store = ArtifactStore(Path(root))

    def produce(folder: Path) -> None:
        (folder / "content.txt").write_text("new")
        if at == "produce":
            os.kill(os.getpid(), signal.SIGKILL)

    if at == "install":
        store._install = lambda *_: os.kill(os.getpid(), signal.SIGKILL)  # ty: ignore
    if at == "pointer":
        real = Path.replace

        def replace(self: Path, target: Path) -> Path:
            if Path(target).name == "current":
                os.kill(os.getpid(), signal.SIGKILL)
            return real(self, target)

        Path.replace = replace  # ty: ignore
    store.publish(NAME, inputs={"source": "new"}, code_version="1", produce=produce)


@pytest.mark.parametrize("at", ["produce", "install", "pointer"])
def test_a_kill_leaves_the_old_version_and_the_next_run_the_new(
    store: ArtifactStore, at: str
) -> None:
    old = publish(store, "old")
    process = multiprocessing.get_context("spawn").Process(
        target=_publish_and_die, args=(str(store.root), at)
    )
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert store.get(NAME) == old
    assert publish(store, "new").verified_file("content.txt").read_text() == "new"


def test_resumable_work_goes_on_where_it_was_killed(store: ArtifactStore) -> None:
    def first(folder: Path) -> None:
        (folder / "step-1").write_text("done")
        raise KeyboardInterrupt

    seen: list[str] = []

    def second(folder: Path) -> None:
        seen.extend(path.name for path in folder.iterdir())

    with pytest.raises(KeyboardInterrupt):
        store.publish(NAME, inputs={}, code_version="1", produce=first, resumable=True)
    store.publish(NAME, inputs={}, code_version="1", produce=second, resumable=True)
    assert seen == ["step-1"]


def test_an_unwritable_store_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ArtifactError, match="set AMODELS_ARTIFACTS_URL"):
        publish(ArtifactStore(tmp_path / "file"), "x")


def test_a_missing_artifact_says_what_to_do(store: ArtifactStore) -> None:
    with pytest.raises(ArtifactError, match="materialize it first"):
        store.get(NAME)
    with pytest.raises(ArtifactError, match="has no file 'other'"):
        publish(store, "x").verified_file("other")


def test_the_current_version_is_never_deleted(store: ArtifactStore) -> None:
    old, new = publish(store, "old"), publish(store, "new")
    with pytest.raises(ArtifactError, match="current version"):
        store.delete_version(new)
    store.delete_version(old)
    assert store.versions(NAME) == [new]
    assert not old.path.exists()


def test_checks_keep_their_newest_outcome(store: ArtifactStore) -> None:
    publish(store, "x")
    for passed in (False, True):
        store.record_check(NAME, CheckRecord("c", "v", passed, blocking=True, metadata={"n": 1}))
    assert store.checks(NAME) == {
        "c": CheckRecord("c", "v", True, blocking=True, metadata={"n": 1})
    }


def test_equal_tables_are_equal_files(tmp_path: Path) -> None:
    table = pa.table({"a": [1, 2, None], "b": ["x", "y", "z"]})
    for name in ("one", "two"):
        write_table(tmp_path, name, table)
    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "two.parquet").read_bytes()


def test_manifest_survives_a_round_trip(store: ArtifactStore) -> None:
    manifest = publish(store, "x", config={"nested": {"a": [1, 2]}}).manifest
    assert Manifest.from_json(manifest.to_json()) == manifest
    assert json.loads(manifest.to_json())["artifact"] == NAME


@given(st.binary(max_size=2000))
def test_atomic_write_keeps_every_byte(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.mktemp("atomic") / "file"
    write_atomically(path, content)
    assert path.read_bytes() == content
    assert [p.name for p in path.parent.iterdir()] == ["file"]


@given(st.dictionaries(st.text(), st.integers() | st.text() | st.none()))
def test_digest_does_not_depend_on_order(value: dict) -> None:
    assert digest(value) == digest(dict(reversed(value.items())))
