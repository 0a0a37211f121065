"""A tiny language model in a store, and a few questions."""

from __future__ import annotations

from pathlib import Path

import pytest

from amodels_assets.models.store import BaseModel, ModelStore

from ...models import made, tiny
from . import questions


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A platform's home with the base models ``tiny`` (a Llama) and ``gemma`` (a VaultGemma)."""
    home = tmp_path_factory.mktemp("home")
    folder = tmp_path_factory.mktemp("tiny")
    tokenizer = tiny.byte_level_tokenizer()
    store = ModelStore.at(home)
    for name, model in (("tiny", tiny.llama()), ("gemma", questions.vault_gemma())):
        model.generation_config.eos_token_id = 2
        made.put(store, name, tiny.save_folder(folder / name, model, tokenizer))
    return home


@pytest.fixture(scope="session")
def base(home: Path) -> BaseModel:
    return ModelStore.at(home).get("tiny")


@pytest.fixture(scope="session")
def gemma(home: Path) -> BaseModel:
    return ModelStore.at(home).get("gemma")


@pytest.fixture(scope="session")
def questions_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return questions.write(tmp_path_factory.mktemp("questions"))
