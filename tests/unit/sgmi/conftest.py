"""Samples, small sources, and the comparison of a catalog with a sample's ground truth."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from amodels_assets.sample import write_sample
from amodels_assets.sgmi.catalog import Catalog
from tests.exactness import Differences, differences


@pytest.fixture(scope="session")
def clean_sample(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("sample") / "clean"
    write_sample(out, seed=11, scale=0.3)
    return out


@pytest.fixture
def truth_differences() -> Callable[[Catalog, Path], Differences]:
    return differences


@pytest.fixture
def make_source(tmp_path) -> Callable[..., Path]:
    """Writes a source directory from file contents by relative path."""

    def make(files: dict[str, str | bytes]) -> Path:
        source = tmp_path / "source"
        for name, content in files.items():
            path = source / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return source

    return make
