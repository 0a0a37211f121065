"""The shipped sample's catalog and its questions, made once."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from amodels_assets.questions.build import Questions, build_questions, write_questions
from amodels_assets.questions.names import READ
from amodels_assets.settings import PROJECT_ROOT
from amodels_assets.sgmi.catalog import build_catalog

from .made import warehouse


@pytest.fixture(scope="session")
def sample_catalog() -> dict[str, pa.Table]:
    """Its tables that questions are made of."""
    tables = build_catalog(PROJECT_ROOT / "data" / "sgmi").tables
    return {name: tables[name] for name in READ}


@pytest.fixture(scope="session")
def sample_questions(sample_catalog: dict[str, pa.Table]) -> Questions:
    """Its questions."""
    return build_questions(sample_catalog)


@pytest.fixture(scope="session")
def sample_folder(sample_questions: Questions, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of its questions."""
    folder = tmp_path_factory.mktemp("questions")
    write_questions(sample_questions, folder)
    return folder


@pytest.fixture(scope="session")
def small_catalog() -> dict[str, pa.Table]:
    """A catalog of 45 tables and views."""
    return warehouse()


@pytest.fixture(scope="session")
def small_questions(small_catalog: dict[str, pa.Table]) -> Questions:
    """Its questions."""
    return build_questions(small_catalog)


@pytest.fixture(scope="session")
def small_folder(small_questions: Questions, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of its questions."""
    folder = tmp_path_factory.mktemp("small")
    write_questions(small_questions, folder)
    return folder
