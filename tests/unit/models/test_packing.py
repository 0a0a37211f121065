"""Packing: what comes out is bit for bit what went in, or the chunk at fault is named."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amodels_assets.models.foreign import ModelError
from amodels_assets.models.packing import pack, parse_size, read_pack, unpack
from amodels_assets.models.store import BaseModel, ModelStore

from .made import content, folder_of, killed_at, put

CHUNK = 6_000


@pytest.fixture
def model(tmp_path: Path) -> BaseModel:
    return put(ModelStore(tmp_path / "models"), "a", folder_of(tmp_path / "source"))


@pytest.fixture
def packed(model: BaseModel, tmp_path: Path) -> Path:
    pack(model, tmp_path / "packed", CHUNK)
    return tmp_path / "packed"


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "elsewhere")


@given(st.integers(900, 25_000))
@settings(max_examples=15, deadline=None)
def test_any_size_of_chunks_gives_the_same_bits(chunk: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model = put(ModelStore(folder / "models"), "a", folder_of(folder / "source"))
        pack(model, folder / "packed", chunk)
        sizes = [p.stat().st_size for p in (folder / "packed").iterdir() if p.name != "pack.json"]
        assert max(sizes) <= chunk
        assert sum(sizes) == model.manifest.bytes
        there, unchanged = unpack(ModelStore(folder / "elsewhere"), folder / "packed")
        assert not unchanged
        assert content(there.path) == content(model.path)


def test_the_same_again_changes_nothing(packed: Path, store: ModelStore) -> None:
    first, _ = unpack(store, packed)
    assert unpack(store, packed) == (first, True)
    other, _ = unpack(store, packed, "b")
    assert other.manifest.version == first.manifest.version
    assert store.names() == ["a", "b"]


def test_another_model_is_not_overwritten(packed: Path, store: ModelStore, tmp_path: Path) -> None:
    model = put(store, "a", folder_of(tmp_path / "other", seed=1))
    with pytest.raises(ModelError, match="another base model a"):
        unpack(store, packed)
    assert model.problems() == []


def test_missing_chunks_are_all_named(packed: Path, store: ModelStore) -> None:
    (packed / "model.safetensors.00002-of-00004").unlink()
    short = packed / "model.safetensors.00003-of-00004"
    short.write_bytes(short.read_bytes()[:-1])
    with pytest.raises(ModelError) as caught:
        unpack(store, packed)
    assert "model.safetensors.00002-of-00004 is missing" in str(caught.value)
    assert "model.safetensors.00003-of-00004 has 5999 bytes instead of 6000" in str(caught.value)
    assert store.names() == []


def test_a_damaged_chunk_is_named_and_its_replacement_taken(
    model: BaseModel, packed: Path, store: ModelStore
) -> None:
    chunk = packed / "model.safetensors.00003-of-00004"
    whole = chunk.read_bytes()
    chunk.write_bytes(bytes([whole[0] ^ 1]) + whole[1:])
    with pytest.raises(ModelError, match=r"model\.safetensors\.00003-of-00004 is damaged"):
        unpack(store, packed)
    assert store.names() == []
    chunk.write_bytes(whole)
    assert content(unpack(store, packed)[0].path) == content(model.path)


def test_after_a_kill_it_goes_on(model: BaseModel, packed: Path, tmp_path: Path) -> None:
    store, moment = ModelStore(tmp_path / "killed"), 1
    while killed_at(moment, lambda: unpack(store, packed)):
        found = store.find("a")
        if found is not None:
            assert found.problems() == []
            store.remove("a")
        moment += 1
    assert moment > 15
    assert content(store.get("a").path) == content(model.path)


def test_what_was_put_together_is_not_written_again(
    model: BaseModel, packed: Path, store: ModelStore
) -> None:
    last = packed / "tokenizer.json.00001-of-00001"
    whole = last.read_bytes()
    last.write_bytes(b"x" * len(whole))
    with pytest.raises(ModelError, match=r"tokenizer\.json\.00001-of-00001 is damaged"):
        unpack(store, packed)
    weights = store.root / ".staging" / "a" / "model.safetensors"
    before = weights.stat()
    last.write_bytes(whole)
    there, _ = unpack(store, packed)
    after = (there.path / "model.safetensors").stat()
    assert (after.st_ino, after.st_size) == (before.st_ino, before.st_size)
    assert content(there.path) == content(model.path)


def test_a_damaged_model_is_not_packed(model: BaseModel, tmp_path: Path) -> None:
    weights = model.path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    with pytest.raises(ModelError, match=r"model\.safetensors is damaged"):
        pack(model, tmp_path / "packed", CHUNK)
    assert not (tmp_path / "packed" / "pack.json").exists()


def test_a_folder_with_other_things_is_left_alone(model: BaseModel, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("x")
    with pytest.raises(ModelError, match=r"holds thesis\.txt"):
        pack(model, tmp_path / "full", CHUNK)
    assert [p.name for p in (tmp_path / "full").iterdir()] == ["thesis.txt"]


def test_a_kill_while_packing_leaves_no_pack_that_seems_whole(
    model: BaseModel, tmp_path: Path, store: ModelStore
) -> None:
    folder, moment = tmp_path / "killed", 1
    while killed_at(moment, lambda: pack(model, folder, CHUNK)):
        if (folder / "pack.json").exists():
            assert content(unpack(store, folder)[0].path) == content(model.path)
            store.remove("a")
        moment += 1
    assert moment > 10
    assert content(unpack(store, folder)[0].path) == content(model.path)
    assert not [p.name for p in folder.iterdir() if p.name.startswith(".")]


def changed(packed: Path, change: Any) -> None:
    raw = json.loads((packed / "pack.json").read_text())
    change(raw)
    (packed / "pack.json").write_text(json.dumps(raw))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda r: r["chunks"]["config.json"][0].update(name="../../x"), "pack.json is no"),
        (lambda r: r["chunks"]["config.json"][0].update(name="/etc/passwd"), "pack.json is no"),
        (lambda r: r["chunks"]["config.json"][0].update(name="pack.json"), "names a chunk twice"),
        (lambda r: r["chunks"]["config.json"].append(r["chunks"]["config.json"][0]), "twice"),
        (lambda r: r["chunks"]["config.json"][0].update(bytes=1), "another size"),
        (lambda r: r["chunks"].pop("config.json"), "'config.json' is not in both"),
        (lambda r: r["chunks"].update({"../x": r["chunks"]["config.json"]}), "not in both"),
        (lambda r: r["model"]["files"].pop("config.json"), "was changed"),
        (lambda r: r["model"].update(name="../a"), "pack.json is no"),
        (lambda r: r.update(schema_version=2), "at schema_version"),
        (lambda r: r["model"].update(parameters=7), "says 7 parameters"),
    ],
)
def test_a_pack_that_lies_is_refused(
    packed: Path, store: ModelStore, change: Any, sentence: str
) -> None:
    changed(packed, change)
    with pytest.raises(ModelError, match=sentence):
        unpack(store, packed)
    assert store.names() == []


def test_chunks_of_another_model_are_refused(
    packed: Path, store: ModelStore, tmp_path: Path
) -> None:
    """A manifest that was made to fit chunks of its own does not fit the model's hashes."""
    other = put(ModelStore(tmp_path / "models"), "b", folder_of(tmp_path / "other", seed=1))
    pack(other, tmp_path / "b", CHUNK)
    theirs = json.loads((tmp_path / "b" / "pack.json").read_text())["chunks"]
    for path in (tmp_path / "b").glob("model.safetensors*"):
        path.rename(packed / path.name)
    changed(
        packed, lambda r: r["chunks"].update({"model.safetensors": theirs["model.safetensors"]})
    )
    with pytest.raises(ModelError, match=r"chunks of model\.safetensors are not the file"):
        unpack(store, packed)
    assert store.names() == []


VALUES = st.none() | st.integers() | st.text(max_size=5) | st.lists(st.none(), max_size=2)


@given(st.binary(max_size=50) | st.dictionaries(
    st.sampled_from(["schema_version", "chunk_bytes", "model", "chunks", "x"]),
    VALUES | st.just(1) | st.dictionaries(st.text(max_size=5), VALUES, max_size=2),
).map(lambda raw: json.dumps(raw).encode()))  # fmt: skip
@settings(max_examples=150, deadline=None)
def test_any_other_pack_is_refused(written: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "pack.json").write_bytes(written)
        with pytest.raises(ModelError, match=r"pack\.json"):
            read_pack(Path(folder))


@pytest.mark.parametrize(
    ("text", "size"),
    [("2GB", 2_000_000_000), ("1GiB", 2**30), ("500 mb", 500_000_000), ("7", 7), ("3B", 3)],
)
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "0", "0GB", "-1", "1.5GB", "2TB", "GB", "1" * 16])
def test_no_sizes(text: str) -> None:
    with pytest.raises(ModelError, match="is no size"):
        parse_size(text)
