"""What several tests of data sets stand on."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from amodels_assets.settings import PROJECT_ROOT
from amodels_assets.sgmi.catalog import build_catalog


@pytest.fixture(scope="session")
def catalog() -> dict[str, pa.Table]:
    """The catalog of the shipped sample."""
    return build_catalog(PROJECT_ROOT / "data" / "sgmi").tables


@pytest.fixture
def forgetful_sampler(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sampler that forgets the cut-off and so shows later rows, the answer among them."""
    from amodels_assets.training import context_sampler

    real = context_sampler.sample_contexts
    forever = np.iinfo(np.int64).max - 1

    def forgetful(graph, entities, cutoffs, config):
        return real(graph, entities, np.full_like(cutoffs, forever), config)

    monkeypatch.setattr(context_sampler, "sample_contexts", forgetful)
