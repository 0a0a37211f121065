"""GGUF files: the dequantised model says what the original says, and begins texts as it does."""

from __future__ import annotations

import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from amodels_assets.models import gguf_file
from amodels_assets.models.foreign import ModelError
from amodels_assets.models.gguf_facts import GgufFacts, read_facts
from amodels_assets.models.gguf_file import convert
from amodels_assets.models.tokenizer import PROBES

from . import tiny
from .conftest import Tiny
from .made import attempt

# transformers is imported once, by one of the processes that share the tests.
pytestmark = pytest.mark.xdist_group("transformers")
# Of the largest logit. A half has 11 significant bits, a bfloat16 has 8, a Q8_0 about 7.
EXACT, HALF, BRAIN, EIGHT = 1e-6, 2e-3, 2e-2, 2e-2


def logits(model: Any, ids: list[int]) -> Any:
    import torch

    with torch.inference_mode():
        return model(torch.tensor([ids])).logits[0]


def tokenizer_of(folder: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder)


def deviation(original: Any, folder: Path, ids: list[int]) -> float:
    import torch
    from transformers import AutoModelForCausalLM

    found = logits(AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32), ids)
    wanted = logits(original, ids)
    return ((found - wanted).abs().max() / wanted.abs().max()).item()


@pytest.mark.parametrize(
    ("kind", "dtype", "tolerance"),
    [("F32", "float32", EXACT), ("F16", "float16", HALF), ("BF16", "bfloat16", BRAIN),
     ("Q8_0", "float16", EIGHT)],
)  # fmt: skip
def test_a_llama_answers_as_before(
    llama: Tiny, tmp_path: Path, kind: str, dtype: str, tolerance: float
) -> None:
    path = tiny.write_gguf(tmp_path / "in.gguf", llama.model, llama.tokenizer, kind=kind)
    (tmp_path / "out").mkdir()
    converted = convert(path, tmp_path / "out")
    assert converted.dtype == dtype
    assert converted.facts.stored[kind] >= 14
    assert converted.notes == ()
    ids = llama.tokenizer(tiny.TEXT).input_ids
    assert deviation(llama.model, tmp_path / "out", ids) < tolerance


def test_a_gemma_keeps_its_bos_and_its_answers(gemma: Tiny, tmp_path: Path) -> None:
    path = tiny.write_gguf(tmp_path / "in.gguf", gemma.model, gemma.tokenizer)
    (tmp_path / "out").mkdir()
    converted = convert(path, tmp_path / "out")
    assert converted.facts.adds_bos
    assert converted.facts.licence == "apache-2.0"
    written = tokenizer_of(tmp_path / "out")
    for text in (*PROBES, *tiny.PROBES):
        ids = written(text).input_ids
        assert ids == gemma.tokenizer(text).input_ids
        assert ids[0] == gemma.tokenizer.bos_token_id
    assert deviation(gemma.model, tmp_path / "out", gemma.tokenizer(tiny.TEXT).input_ids) < HALF


def test_without_bos_a_gemma_would_answer_otherwise(gemma: Tiny) -> None:
    """Why BOS is worth a check: leaving it out changes what the very next token is likely to be."""
    ids = gemma.tokenizer(tiny.TEXT).input_ids
    whole, cut = logits(gemma.model, ids)[-1], logits(gemma.model, ids[1:])[-1]
    assert ((whole - cut).abs().max() / whole.abs().max()).item() > 10 * HALF


def test_the_tokenizer_of_a_llama_survives_with_its_chat_template(
    llama: Tiny, tmp_path: Path
) -> None:
    path = tiny.write_gguf(tmp_path / "in.gguf", llama.model, llama.tokenizer)
    (tmp_path / "out").mkdir()
    convert(path, tmp_path / "out")
    written = tokenizer_of(tmp_path / "out")
    for text in (*PROBES, *tiny.PROBES):
        assert written(text).input_ids == llama.tokenizer(text).input_ids
    assert written.chat_template == tiny.CHAT
    assert written.eos_token_id == llama.tokenizer.eos_token_id
    config = json.loads((tmp_path / "out" / "config.json").read_text())
    assert "quantization_config" not in config


def test_the_configuration_is_the_one_that_transformers_makes_of_the_file(
    llama: Tiny, tmp_path: Path
) -> None:
    """Of the whole file, with its vocabulary; only what says that it was a file is left out."""
    from transformers import AutoConfig

    path = tiny.write_gguf(tmp_path / "in.gguf", llama.model, llama.tokenizer)
    (tmp_path / "out").mkdir()
    convert(path, tmp_path / "out")
    wanted = AutoConfig.from_pretrained(tmp_path, gguf_file="in.gguf").to_dict()
    found = AutoConfig.from_pretrained(tmp_path / "out").to_dict()
    told = {"_model_name_or_path", "architectures", "dtype", "_name_or_path"}
    assert {k: v for k, v in found.items() if k not in told} == {
        k: v for k, v in wanted.items() if k not in told
    }
    # Which is not what a Llama has by default.
    assert found["pad_token_id"] == llama.tokenizer.pad_token_id == 2


@pytest.mark.parametrize(
    ("pre", "flag", "expected"),
    [
        ("llama-bpe", None, True),
        ("llama-bpe", False, False),
        ("gpt-2", None, False),
        ("gpt-2", True, True),
    ],
)
def test_bos_is_added_where_the_file_or_its_kind_of_tokenizer_wants_it(
    llama: Tiny, tmp_path: Path, pre: str, flag: bool | None, expected: bool
) -> None:
    """A Llama 3 says nothing of BOS in older files, and llama.cpp adds it all the same."""
    path = tiny.write_gguf(
        tmp_path / "in.gguf", llama.model, llama.tokenizer, pre=pre, add_bos=flag
    )
    (tmp_path / "out").mkdir()
    assert convert(path, tmp_path / "out").facts.adds_bos is expected
    ids = tokenizer_of(tmp_path / "out")("the table").input_ids
    assert (ids[0] == llama.tokenizer.bos_token_id) is expected


def test_digits_are_cut_as_the_file_says(llama: Tiny, tmp_path: Path) -> None:
    """Two spaces before a digit stay together, as they are split off the digit first."""
    ids = {}
    for pre in ("smollm", "gpt-2"):
        path = tiny.write_gguf(tmp_path / f"{pre}.gguf", llama.model, llama.tokenizer, pre=pre)
        facts = read_facts(path)
        tokenizer = gguf_file._tokenizer(path, facts)
        ids[pre] = [
            piece
            for piece, _ in tokenizer.backend_tokenizer.pre_tokenizer.pre_tokenize_str("a  12")
        ]
    assert ids["smollm"] == ["a", "ĠĠ", "1", "2"]
    assert ids["gpt-2"] == ["a", "Ġ", "Ġ12"]


def test_an_unknown_way_to_split_is_noted(llama: Tiny, tmp_path: Path) -> None:
    path = tiny.write_gguf(tmp_path / "in.gguf", llama.model, llama.tokenizer, pre="unheard-of")
    (tmp_path / "out").mkdir()
    (note,) = convert(path, tmp_path / "out").notes
    assert "'unheard-of'" in note


def test_a_tensor_without_a_place_is_noted(llama: Tiny, tmp_path: Path) -> None:
    """Llama 3.1 scales its rotations by a tensor that transformers does not read."""
    path = tiny.write_gguf(
        tmp_path / "in.gguf",
        llama.model,
        llama.tokenizer,
        more={"rope_freqs.weight": np.ones(4, np.float32)},
    )
    (tmp_path / "out").mkdir()
    (note,) = convert(path, tmp_path / "out").notes
    assert "1 tensors of the file (rope_freqs.weight)" in note


def test_a_file_without_a_tensor_is_refused(llama: Tiny, tmp_path: Path) -> None:
    path = tiny.write_gguf(
        tmp_path / "in.gguf", llama.model, llama.tokenizer, without="blk.1.ffn_up.weight"
    )
    (tmp_path / "out").mkdir()
    with pytest.raises(ModelError, match=r"no weights that fit .*up_proj"):
        convert(path, tmp_path / "out")


def test_a_type_that_cannot_hold_the_values_is_refused(llama: Tiny, tmp_path: Path) -> None:
    import torch

    large = tiny.llama()
    with torch.no_grad():
        large.model.norm.weight.fill_(1e6)
    path = tiny.write_gguf(tmp_path / "in.gguf", large, llama.tokenizer, kind="F32")
    (tmp_path / "out").mkdir()
    with pytest.raises(ModelError, match="say --dtype float32"):
        convert(path, tmp_path / "out", "float16")


def test_the_check_of_the_tokenizer_can_fail(gemma: Tiny, tmp_path: Path) -> None:
    path = tiny.write_gguf(tmp_path / "in.gguf", gemma.model, gemma.tokenizer)
    facts = read_facts(path)
    gguf_file._check_tokenizer(gemma.folder, facts, gemma.tokenizer)
    lost = tiny.sentencepiece_tokenizer()
    lost.add_bos_token = False
    tiny.save_folder(tmp_path / "lost", gemma.model, lost)
    with pytest.raises(ModelError, match="wants BOS before a text"):
        gguf_file._check_tokenizer(tmp_path / "lost", facts, lost)
    with pytest.raises(ModelError, match=r"cuts .* in another way"):
        gguf_file._check_tokenizer(tmp_path / "lost", facts, gemma.tokenizer)
    with pytest.raises(ModelError, match="BOS is token 7 in the file"):
        gguf_file._check_tokenizer(gemma.folder, replace(facts, bos_id=7), gemma.tokenizer)


def test_the_check_of_the_weights_can_fail(llama: Tiny, tmp_path: Path) -> None:
    sequence, wanted = gguf_file._probe(llama.model, llama.tokenizer)
    assert gguf_file._check_weights(llama.folder, sequence, wanted, "float32") < 1e-6
    tiny.save_folder(tmp_path, llama.model, llama.tokenizer)
    weights = load_file(tmp_path / "model.safetensors")
    name = "model.layers.0.self_attn.q_proj.weight"
    weights[name] = weights[name][::-1].copy()
    save_file(weights, tmp_path / "model.safetensors", {"format": "pt"})
    with pytest.raises(ModelError, match="answer otherwise than the file"):
        gguf_file._check_weights(tmp_path, sequence, wanted, "float16")


@pytest.fixture(scope="session")
def written(llama: Tiny, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("gguf") / "in.gguf"
    return tiny.write_gguf(path, llama.model, llama.tokenizer).read_bytes()


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_a_damaged_header_is_read_or_refused(written: bytes, data: st.DataObject) -> None:
    changed = bytearray(written)
    for _ in range(data.draw(st.integers(1, 4))):
        changed[data.draw(st.integers(4, 3_000))] = data.draw(st.integers(0, 255))
    del changed[data.draw(st.integers(5, len(changed))) :]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "in.gguf"
        path.write_bytes(changed)
        found = attempt(lambda: read_facts(path))
    assert isinstance(found, GgufFacts) or "in.gguf is no intact GGUF" in str(found)


@pytest.mark.parametrize("cut", [30, 2_000, -2_000, -1])
def test_a_file_that_was_cut_off_is_refused(written: bytes, tmp_path: Path, cut: int) -> None:
    path = tmp_path / "in.gguf"
    path.write_bytes(written[:cut])
    (tmp_path / "out").mkdir()
    with pytest.raises(ModelError, match=r"in\.gguf"):
        convert(path, tmp_path / "out")
