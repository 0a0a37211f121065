"""Tiny models, made once for all tests of the folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from . import tiny


@dataclass(frozen=True)
class Tiny:
    """A tiny model, its tokenizer, and a folder with both."""

    model: Any
    tokenizer: Any
    folder: Path


@pytest.fixture(scope="session")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    model, tokenizer = tiny.llama(), tiny.byte_level_tokenizer()
    folder = tiny.save_folder(tmp_path_factory.mktemp("llama"), model, tokenizer)
    return Tiny(model, tokenizer, folder)


@pytest.fixture(scope="session")
def gemma(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    model, tokenizer = tiny.gemma(), tiny.sentencepiece_tokenizer()
    folder = tiny.save_folder(tmp_path_factory.mktemp("gemma"), model, tokenizer)
    return Tiny(model, tokenizer, folder)
