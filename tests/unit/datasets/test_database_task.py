"""What a user says of a database: the task alone or a whole declaration, nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from amodels_assets.datasets.database_task import DatabaseTask, read_by, read_database_task
from amodels_assets.datasets.dataset import DatasetError
from amodels_assets.datasets.relational import RelationalSpec, SpecError, read_spec
from amodels_assets.settings import PROJECT_ROOT

from .loans import LOANS, write_loans
from .relbench_folder import write_manifest


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> sa.Engine:
    return sa.create_engine(f"sqlite:///{write_loans(tmp_path_factory.mktemp('loans') / 'bank')}")


def written(folder: Path, content: Any) -> Path:
    write_manifest(folder / "task.yaml", content)
    return folder / "task.yaml"


def test_the_task_alone(tmp_path: Path) -> None:
    found = read_database_task(written(tmp_path, {**LOANS, "schema": "s", "tables": ["a", "b"]}))
    assert isinstance(found, DatabaseTask)
    assert (found.schema, found.tables, found.seed) == ("s", ("a", "b"), 0)
    assert found.task.starts is not None
    assert found.times == LOANS["times"]


def test_a_whole_declaration() -> None:
    path = PROJECT_ROOT / "data" / "tasks" / "facility_downgrade.yaml"
    found = read_database_task(path)
    assert isinstance(found, RelationalSpec)
    assert found == read_spec(path)


def test_a_task_that_has_both_forms_is_refused(tmp_path: Path) -> None:
    both = {**LOANS, "tables": {"loan": {"primary_key": "id"}}}
    with pytest.raises(SpecError, match="unknown key 'times'"):
        read_database_task(written(tmp_path, both))


@pytest.mark.parametrize("content", [None, [], {}, "text", {1: 2}], ids=str)
def test_what_is_no_task_is_one_sentence(tmp_path: Path, content: Any) -> None:
    with pytest.raises(SpecError) as error:
        read_database_task(written(tmp_path, content))
    assert "\n" not in str(error.value)


values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.dates() | st.text(max_size=6)
    | st.sampled_from(["loan", "outcome", "asked", "id", "main"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=5,
)  # fmt: skip


@settings(max_examples=80, deadline=None)
@given(
    path=st.sampled_from(
        [(key,) for key in (*LOANS, "schema", "tables", "seed", "database")]
        + [("task", key) for key in (*LOANS["task"], "split_column")]
    ),
    value=values,
)
def test_any_task_is_read_or_refused_in_one_sentence(
    engine: sa.Engine, tmp_path_factory: pytest.TempPathFactory, path: tuple[str, ...], value: Any
) -> None:
    content = {**LOANS, "task": dict(LOANS["task"])}
    place = content["task"] if len(path) == 2 else content
    place[path[-1]] = value
    folder = tmp_path_factory.mktemp("fuzz")
    try:
        with engine.connect() as connection:
            source = read_by(connection, read_database_task(written(folder, content)))
        summary = source.build(folder / "out")
    except (SpecError, DatasetError) as error:
        assert "\n" not in str(error)  # noqa: PT017
        return
    assert summary["rows"]["outcome"] == 900  # type: ignore[index]
