"""A catalog of the shipped sample, and its jobs' plans."""

from __future__ import annotations

from pathlib import Path

import pytest

from amodels_assets.controlm.plan import job_plans
from amodels_assets.sgmi.catalog import build_catalog

SAMPLE = Path(__file__).parents[3] / "data" / "sgmi"


@pytest.fixture(scope="session")
def sample_catalog():
    return build_catalog(SAMPLE).tables


@pytest.fixture(scope="session")
def sample_plans(sample_catalog):
    return job_plans(sample_catalog, ["*"])
