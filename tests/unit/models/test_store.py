"""The store: a model is there whole or not at all, whenever its process is killed."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from amodels_assets.models.foreign import ModelError
from amodels_assets.models.store import ModelStore

from .made import content, folder_of, killed_at, put


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "models")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return folder_of(tmp_path / "source")


def test_a_model_is_what_was_put_there(store: ModelStore, source: Path) -> None:
    model = put(store, "a", source)
    assert store.names() == ["a"]
    assert store.get("a") == model
    assert model.problems() == []
    assert {k: v for k, v in content(model.path).items() if k != "model.json"} == content(source)
    assert store.unfinished() == []
    with pytest.raises(ModelError, match="already"):
        put(store, "a", source)
    assert model.problems() == []


def test_a_kill_leaves_the_whole_model_or_none(store: ModelStore, source: Path) -> None:
    moment, seen = 1, set()
    while killed_at(moment, lambda: put(store, "a", source)):
        found = store.find("a")
        seen.add(found is not None)
        if found is not None:
            assert found.problems() == []
            store.remove("a")
        moment += 1
    assert moment > 15
    assert seen == {True, False}
    assert store.get("a").problems() == []


def test_a_kill_in_the_middle_of_a_file_leaves_none(store: ModelStore, source: Path) -> None:
    def work() -> None:
        put(store, "a", source, lambda _: os.kill(os.getpid(), 9))

    assert killed_at(10**9, work)
    assert store.names() == []
    assert store.unfinished() == ["a"]
    put(store, "a", source)
    assert store.unfinished() == []
    assert store.get("a").problems() == []


def test_a_kill_while_removing_leaves_the_whole_model_or_none(
    store: ModelStore, source: Path
) -> None:
    put(store, "a", source)
    moment, seen = 1, set()
    while killed_at(moment, lambda: store.remove("a")):
        found = store.find("a")
        seen.add(found is not None)
        if found is None:
            put(store, "a", source)
        else:
            assert found.problems() == []
        moment += 1
    assert seen == {True, False}
    assert store.names() == store.unfinished() == []


def test_two_at_once_make_one_model(store: ModelStore, source: Path) -> None:
    ends: list[str] = []

    def work() -> None:
        try:
            put(store, "a", source)
            ends.append("put")
        except ModelError:
            ends.append("refused")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ends) == ["put", "refused", "refused", "refused"]
    assert store.get("a").problems() == []


def test_every_problem_is_named_by_its_file(store: ModelStore, source: Path) -> None:
    model = put(store, "a", source)
    weights = model.path / "model.safetensors"
    changed = bytearray(weights.read_bytes())
    changed[-1] ^= 1
    weights.write_bytes(changed)
    (model.path / "config.json").unlink()
    (model.path / "tokenizer.json").write_text("{}")
    (model.path / "stranger.txt").write_text("x")
    assert model.problems() == [
        "config.json is missing",
        "model.safetensors is damaged: its content is not what was added",
        "tokenizer.json has 2 bytes instead of 18",
        "stranger.txt does not belong to the model",
    ]
    with pytest.raises(ModelError, match=r"the base model a is damaged: config\.json is missing"):
        model.verified()


def test_a_file_replaced_by_a_link_is_a_problem(store: ModelStore, source: Path) -> None:
    model = put(store, "a", source)
    (model.path / "config.json").unlink()
    (model.path / "config.json").symlink_to(source / "config.json")
    assert model.problems() == ["config.json is missing"]


def test_a_damaged_manifest_is_named(store: ModelStore, source: Path) -> None:
    model = put(store, "a", source)
    manifest = model.path / "model.json"
    whole = manifest.read_text()
    for damage in ("", "{}", whole[:-20], whole.replace("5000", '"5000"')):
        manifest.write_text(damage)
        with pytest.raises(ModelError, match=r"a/model\.json"):
            store.get("a")
    manifest.unlink()
    with pytest.raises(ModelError, match="cannot be read"):
        store.get("a")
    (store.root / "a").rename(store.root / "b")
    (store.root / "b" / "model.json").write_text(whole)
    with pytest.raises(ModelError, match="its folder was renamed"):
        store.get("b")


@pytest.mark.parametrize("name", ["", "..", "A", "a/b", ".staging", "../a", "a" * 65, "-a", "a\n"])
def test_names_stay_in_the_store(store: ModelStore, source: Path, name: str) -> None:
    for work in (store.get, store.remove, lambda n: put(store, n, source)):
        with pytest.raises(ModelError, match="cannot be the name of a model"):
            work(name)


def test_what_is_not_there(store: ModelStore, tmp_path: Path) -> None:
    assert store.names() == []
    assert store.find("a") is None
    with pytest.raises(ModelError, match="amodels models add"):
        store.get("a")
    with pytest.raises(ModelError, match="no base model"):
        store.remove("a")
    (tmp_path / "file").write_text("x")
    with pytest.raises(ModelError, match="AMODELS_HOME"):
        ModelStore(tmp_path / "file").remove("a")
