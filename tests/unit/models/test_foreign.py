"""Configurations and manifests that others wrote: read, or refused in one sentence."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amodels_assets.artifacts import FileRecord
from amodels_assets.models.configuration import CONFIG, Configuration, read_configuration
from amodels_assets.models.foreign import ModelError, parse_json, plain_name
from amodels_assets.models.manifest import ModelManifest, manifest_from, parse_manifest

from .made import attempt, manifest_of

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
JSON = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=10,
)
RECORD = FileRecord("0" * 64, 7)


@given(st.text(max_size=30) | st.sampled_from(["..", ".", "a/b", "a\\b", "C:", "a\0b", "nul\n"]))
def test_a_plain_name_stays_in_its_folder(name: str) -> None:
    found = attempt(lambda: plain_name(name, "here"))
    if isinstance(found, ModelError):
        return
    assert isinstance(found, str)
    folder = Path("/somewhere")
    assert (folder / found).parent == folder
    assert not found.startswith(".")
    assert found.isascii()
    assert found.isprintable()


@given(st.binary(max_size=60) | JSON.map(lambda value: json.dumps(value).encode()))
@settings(max_examples=200)
def test_json_is_an_object_or_refused(content: bytes) -> None:
    found = attempt(lambda: parse_json(content, "x.json"))
    assert isinstance(found, dict) or str(found).startswith("x.json ")


@pytest.mark.parametrize(
    "content",
    [b'{"a": 1, "a": 2}', b"[" * 100_000, b"\xff\xfe", b"", b'{"a": ' + b"9" * 5000 + b"}"],
    ids=["twice", "deep", "no-utf8", "empty", "long-number"],
)
def test_json_that_attacks_is_refused(content: bytes) -> None:
    with pytest.raises(ModelError):
        parse_json(content, "x.json")


def configured(content: object) -> Configuration:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / CONFIG).write_text(json.dumps(content))
        return read_configuration(Path(folder))


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "architectures": JSON | st.lists(st.text(max_size=12), max_size=2),
            "model_type": JSON,
            "max_position_embeddings": JSON,
            "text_config": JSON,
            "quantization_config": JSON,
            "auto_map": JSON,
        },
    )
)
@settings(max_examples=200, deadline=None)
def test_a_configuration_is_read_or_refused(content: dict[str, Any]) -> None:
    found = attempt(lambda: configured(content))
    if isinstance(found, ModelError):
        assert str(found).startswith(CONFIG)
    else:
        assert isinstance(found, Configuration)
        assert content["architectures"] == [found.architecture]
        assert content["model_type"] == found.model_type
        assert found.context_length is None or found.context_length > 0


def test_what_a_configuration_says() -> None:
    content = {"architectures": ["GemmaForCausalLM"], "model_type": "gemma"}
    assert configured(content) == Configuration("GemmaForCausalLM", "gemma", None)
    assert configured({**content, "n_positions": 512}).context_length == 512
    nested = {**content, "text_config": {"max_position_embeddings": 64}}
    assert configured(nested).context_length == 64
    with pytest.raises(ModelError, match="quantised"):
        configured({**content, "quantization_config": {"quant_method": "gptq"}})


def test_a_manifest_comes_back_as_it_was_written() -> None:
    manifest = manifest_of("a", {"config.json": RECORD})
    assert parse_manifest(manifest.to_json().encode(), "here") == manifest


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_a_manifest_with_anything_else_in_it_is_refused(data: st.DataObject) -> None:
    raw = manifest_of("a", {"config.json": RECORD}).to_dict()
    key = data.draw(st.sampled_from(sorted(raw)))
    value = data.draw(JSON)
    if value == raw[key] and type(value) is type(raw[key]):
        return
    raw[key] = value
    found = attempt(lambda: manifest_from(raw, "here"))
    if isinstance(found, ModelError):
        assert str(found).startswith("here ")
        return
    # Free texts, and numbers that may be others.
    assert key in {"architecture", "created_at", "context_length", "dtype", "licence",
                   "model_type", "name", "notes", "parameters", "values"}  # fmt: skip
    assert isinstance(found, ModelManifest)
    assert found.to_dict() == raw


@pytest.mark.parametrize("name", ["../a", "a/b", "/a", ".a", "", "model.json", "a\n"])
def test_a_manifest_names_plain_files_only(name: str) -> None:
    with pytest.raises(ModelError, match=r"here (is no|names)"):
        manifest_from(manifest_of("a", {name: RECORD}).to_dict(), "here")


def test_a_manifest_whose_files_were_changed_is_refused() -> None:
    raw = manifest_of("a", {"config.json": RECORD}).to_dict()
    raw["files"]["config.json"]["sha256"] = "1" * 64
    with pytest.raises(ModelError, match="was changed"):
        manifest_from(raw, "here")
