"""Headers of safetensors files: what they say is counted, and one that lies is refused."""

from __future__ import annotations

import json
import tempfile
from math import prod
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amodels_assets.models.foreign import ModelError
from amodels_assets.models.weights import INDEX, Tensor, read_header, read_weights

from .made import attempt

SIZES = {"F32": 4, "F16": 2, "BF16": 2, "I64": 8, "U8": 1}
TENSORS = st.dictionaries(
    st.text(min_size=1, max_size=20).filter(lambda name: name != "__metadata__"),
    st.tuples(st.sampled_from(sorted(SIZES)), st.lists(st.integers(0, 5), max_size=3)),
    min_size=1,
    max_size=6,
)


def entries(tensors: dict[str, tuple[str, list[int]]]) -> tuple[dict[str, dict], int]:
    """A truthful header and the size of the data that it describes."""
    header, end = {}, 0
    for name, (dtype, shape) in tensors.items():
        begin, end = end, end + prod(shape) * SIZES[dtype]
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}
    return header, end


def file_of(header: object, data: int, *, length: int | None = None) -> bytes:
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return (len(text) if length is None else length).to_bytes(8, "little") + text + b"\0" * data


def read(content: bytes) -> dict[str, Tensor]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        path.write_bytes(content)
        return read_header(path)


@given(TENSORS)
@settings(max_examples=60, deadline=None)
def test_a_true_header_is_read(tensors: dict[str, tuple[str, list[int]]]) -> None:
    header, data = entries(tensors)
    found = read(file_of({**header, "__metadata__": {"format": "pt"}}, data))
    assert found == {name: Tensor(dtype, tuple(shape)) for name, (dtype, shape) in tensors.items()}


LIES = ("beyond", "before", "overlap", "hole", "shape", "dtype", "short", "long", "length", "huge")


@given(
    st.lists(st.tuples(st.sampled_from(["F32", "F16"]), st.integers(1, 5)), min_size=2, max_size=5),
    st.sampled_from(LIES),
    st.data(),
)
@settings(max_examples=150, deadline=None)
def test_a_header_that_lies_is_refused(
    drawn: list[tuple[str, int]], lie: str, data: st.DataObject
) -> None:
    header, size = entries({f"t{i}": (dtype, [n]) for i, (dtype, n) in enumerate(drawn)})
    name = data.draw(st.sampled_from(sorted(header)))
    by = data.draw(st.integers(1, 1_000_000))
    last = header[f"t{len(drawn) - 1}"]
    length = None
    if lie == "beyond":
        last["data_offsets"][1] += by
    elif lie == "before":
        header["t0"]["data_offsets"][0] = -by
    elif lie == "overlap":
        header["t1"]["data_offsets"] = header["t0"]["data_offsets"]
    elif lie == "hole":
        last["data_offsets"] = [offset + by for offset in last["data_offsets"]]
        size += by
    elif lie == "shape":
        header[name]["shape"] = [header[name]["shape"][0], by + 1]
    elif lie == "dtype":
        header[name]["dtype"] = data.draw(st.sampled_from(["F64", "nothing", "", None, 32]))
    elif lie == "short":
        size -= data.draw(st.integers(1, size))
    elif lie == "long":
        size += by
    elif lie == "length":
        length = data.draw(st.integers(2**20, 2**63))
    else:
        header[name]["shape"] = [2**40, 2**40]
    with pytest.raises(ModelError, match=r"model\.safetensors is no intact safetensors file"):
        read(file_of(header, size, length=length))


@given(st.binary(max_size=200) | st.builds(file_of, st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
), st.integers(0, 20)))  # fmt: skip
@settings(max_examples=200, deadline=None)
def test_anything_else_ends_in_one_kind_of_error(content: bytes) -> None:
    found = attempt(lambda: read(content))
    # Only a header without tensors passes, with no data behind it.
    assert found == {} or (isinstance(found, ModelError) and "get it again" in str(found))


def shards(folder: Path, mapping: object) -> Path:
    for number, names in enumerate((["a", "b"], ["c"]), start=1):
        header, size = entries({name: ("F32", [2, 3]) for name in names})
        (folder / f"model-{number}.safetensors").write_bytes(file_of(header, size))
    (folder / INDEX).write_text(json.dumps({"weight_map": mapping}))
    return folder


def test_shards_count_together(tmp_path: Path) -> None:
    one, two = "model-1.safetensors", "model-2.safetensors"
    found = read_weights(shards(tmp_path, {"a": one, "b": one, "c": two}))
    assert found.files == (one, two, INDEX)
    assert (found.tensors, found.parameters, found.dtype) == (3, 18, "float32")


@pytest.mark.parametrize(
    ("mapping", "sentence"),
    [
        ({"a": "../model-1.safetensors"}, "names the file '../model-1.safetensors'"),
        ({"a": "/etc/passwd"}, "only plain file names"),
        ({"a": ".hidden.safetensors"}, "only plain file names"),
        ({"a": 3}, "only plain file names"),
        ({"a": "pytorch_model.bin"}, "no safetensors file"),
        ({"a": "model-3.safetensors"}, "model-3.safetensors is no intact"),
        ({"a": "model-1.safetensors"}, "disagree about the tensor b"),
        ({"a": "model-1.safetensors", "b": "model-2.safetensors"}, "disagree about"),
        ({}, "no weight_map"),
        (["a"], "no weight_map"),
    ],
)
def test_an_index_that_lies_is_refused(tmp_path: Path, mapping: object, sentence: str) -> None:
    with pytest.raises(ModelError, match=sentence):
        read_weights(shards(tmp_path, mapping))


def test_no_weights_at_all(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="neither"):
        read_weights(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(file_of({}, 0))
    with pytest.raises(ModelError, match="no weights in it"):
        read_weights(tmp_path)
