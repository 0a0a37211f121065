"""A small made-up bank for the tests of data sets, training and evaluation."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from amodels_assets.datasets.build import build_dataset
from amodels_assets.datasets.relational import RelationalSpec, read_spec
from amodels_assets.sample import write_sample
from amodels_assets.settings import PROJECT_ROOT
from amodels_assets.sgmi.catalog import build_catalog
from amodels_assets.sgmi.rows import read_rows


@pytest.fixture(scope="session")
def bank_spec() -> RelationalSpec:
    """The declaration that ships with the project."""
    return read_spec(PROJECT_ROOT / "data" / "tasks" / "facility_downgrade.yaml")


@pytest.fixture(scope="session")
def bank_source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small synthetic source directory."""
    folder = tmp_path_factory.mktemp("bank") / "source"
    write_sample(folder, seed=3, scale=0.15)
    return folder


@pytest.fixture(scope="session")
def bank_rows(bank_source: Path, bank_spec: RelationalSpec) -> dict[str, pa.Table]:
    """Its typed rows, by table name."""
    tables, _ = read_rows(bank_source, build_catalog(bank_source).tables["columns"])
    return {t.name: tables[f"{bank_spec.database}.{t.name}"] for t in bank_spec.tables}


@pytest.fixture(scope="session")
def bank_dataset(
    bank_rows: dict[str, pa.Table],
    bank_spec: RelationalSpec,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """Folder of the data set built from them."""
    folder = tmp_path_factory.mktemp("dataset")
    build_dataset(bank_rows, bank_spec, folder)
    return folder
