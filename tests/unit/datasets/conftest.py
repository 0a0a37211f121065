"""What several tests of data sets stand on."""

from __future__ import annotations

import pyarrow as pa
import pytest

from amodels_assets.settings import PROJECT_ROOT
from amodels_assets.sgmi.catalog import build_catalog


@pytest.fixture(scope="session")
def catalog() -> dict[str, pa.Table]:
    """The catalog of the shipped sample."""
    return build_catalog(PROJECT_ROOT / "data" / "sgmi").tables
