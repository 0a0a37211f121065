"""Search in the file and in a real PostgreSQL server: the same tests for both."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pyarrow as pa
import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from amodels_assets.artifacts import ArtifactStore, write_table
from amodels_assets.cli import cli
from amodels_assets.schemas.connect import connected
from amodels_assets.search.assets import postgresql_search_index, search_index
from amodels_assets.search.checks import index_has_the_catalog, postgresql_index_has_the_catalog
from amodels_assets.search.documents import documents, split_name, words_of
from amodels_assets.search.find import SearchError, search
from amodels_assets.search.names import FILE_INDEX, INDEXED
from amodels_assets.search.postgresql_index import replace_index
from amodels_assets.search.sqlite_index import FILE
from amodels_assets.sgmi.schema import SCHEMAS
from resources.artifact_store import ArtifactStoreResource
from resources.database import DatabaseResource
from resources.sgmi_source import SgmiSourceResource

pytestmark = pytest.mark.xdist_group("postgresql")
ODD = 'a"; DROP TABLE documents; --'
Search = Callable[..., list[str]]


def rows(name: str, *values: dict) -> pa.Table:
    full = [{**dict.fromkeys(SCHEMAS[name].names), **value} for value in values]
    return pa.Table.from_pylist(full, schema=SCHEMAS[name])


CATALOG = {
    "tables": rows(
        "tables",
        {"database": "d", "table": "customer_rating", "kind": "table", "comment": "of a client"},
        {"database": "d", "table": "rating_view", "kind": "view"},
        {"database": "d", "table": "limits", "kind": "table", "comment": "a rating is in here"},
        {"database": "d", "table": ODD, "kind": "table"},
    ),
    "columns": rows(
        "columns",
        {"database": "d", "table": "limits", "column": "maximumAmount", "position": 0,
         "type": "decimal(18,2)", "comment": "größte Summe"},
    ),
    "views": rows("views", {"database": "d", "table": "rating_view", "query": "select gadget"}),
    "jobs": rows(
        "jobs", {"job": "LOAD_LIMITS_01", "script": "load.sh", "description": "nightly",
                 "command": "sh load.sh"},
    ),
}  # fmt: skip
SCRIPTS = {"scripts/load.sh": "hive -f insert_rating.hql --conf widget=1"}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("source")
    (folder / "scripts").mkdir()
    (folder / "scripts" / "load.sh").write_text(SCRIPTS["scripts/load.sh"])
    return folder


@pytest.fixture
def resources(postgresql: str, source: Path, tmp_path: Path) -> dict[str, object]:
    def produce(folder: Path) -> None:
        for name, table in CATALOG.items():
            write_table(folder, name, table)

    ArtifactStore(tmp_path).publish("sgmi/catalog", inputs={}, code_version="1", produce=produce)
    return {
        "artifact_store": ArtifactStoreResource(root=str(tmp_path)),
        "sgmi_source": SgmiSourceResource(directory=str(source)),
        "replica_databases": DatabaseResource(postgresql=postgresql),
    }


def run(resources: dict[str, object]) -> dg.ExecuteInProcessResult:
    return dg.materialize(
        [
            search_index,
            index_has_the_catalog,
            postgresql_search_index,
            postgresql_index_has_the_catalog,
        ],
        resources=resources,
        raise_on_error=False,
    )


def passed(result: dg.ExecuteInProcessResult) -> list[bool]:
    return [evaluation.passed for evaluation in result.get_asset_check_evaluations()]


@pytest.fixture(params=["sqlite", "postgresql"])
def index(
    request: pytest.FixtureRequest, resources: dict, postgresql: str, tmp_path: Path
) -> Path | str:
    assert passed(run(resources)) == [True, True]
    if request.param == "postgresql":
        return postgresql
    return ArtifactStore(tmp_path).get(FILE_INDEX).path


def names(index: Path | str, text: str, **options: object) -> list[str]:
    return [hit.name for hit in search(index, text, **options)]


def test_a_name_counts_for_more_than_a_comment_and_that_for_more_than_a_script(
    index: Path | str,
) -> None:
    found = names(index, "rating")
    assert set(found[:2]) == {"d.customer_rating", "d.rating_view"}
    assert found[2:] == ["d.limits", "LOAD_LIMITS_01"]


def test_parts_of_names_beginnings_and_any_case_are_found(index: Path | str) -> None:
    for text in ("amount", "AMOUNT", "maximumamount", "maxi", "größte", "decimal"):
        assert names(index, text) == ["d.limits.maximumAmount"], text
    assert names(index, "widget") == ["LOAD_LIMITS_01"]
    assert names(index, "gadget") == ["d.rating_view"]
    assert names(index, "customer_rating") == ["d.customer_rating"]


def test_all_words_or_else_one(index: Path | str) -> None:
    assert names(index, "rating client") == ["d.customer_rating"]
    assert set(names(index, "widget gadget")) == {"LOAD_LIMITS_01", "d.rating_view"}
    assert names(index, "nothinglikethis") == []


def test_kinds_and_number(index: Path | str) -> None:
    assert names(index, "rating", kinds=["view"]) == ["d.rating_view"]
    assert len(names(index, "rating", number=1)) == 1


@pytest.mark.parametrize("text", ["", "  ", "'\"*:&|!()-"])
def test_no_word_is_a_clear_error(index: Path | str, text: str) -> None:
    with pytest.raises(SearchError, match="no word"):
        search(index, text)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(min_size=1, max_size=30) | st.sampled_from([ODD, "a OR b*", "NEAR(a b)", "'a':*"]))
def test_no_text_is_an_operator(index: Path | str, text: str) -> None:
    try:
        search(index, text)
    except SearchError:
        assert not words_of(text)
    assert names(index, "widget") == ["LOAD_LIMITS_01"]


def test_the_checks_fail_when_something_is_missing(
    resources: dict, postgresql: str, tmp_path: Path
) -> None:
    assert passed(run(resources)) == [True, True]
    with connected(postgresql) as connection:
        connection.execute(sa.text("DELETE FROM amodels_search.documents WHERE kind = 'job'"))
        connection.commit()
    path = ArtifactStore(tmp_path).get(FILE_INDEX).path / FILE
    path.chmod(0o644)
    with sa.create_engine(f"sqlite:///{path}").begin() as file:
        file.execute(sa.text("DELETE FROM documents WHERE kind = 'column'"))
    store = resources["artifact_store"]
    for result in (
        index_has_the_catalog(store),
        postgresql_index_has_the_catalog(store, resources["replica_databases"]),
    ):
        assert isinstance(result, dg.AssetCheckResult)
        assert not result.passed
        assert "1 are missing and 0 too many" in str(result.description)


def test_an_index_that_fails_halfway_leaves_the_old_one(resources: dict, postgresql: str) -> None:
    run(resources)

    def fails():
        yield from list(documents(CATALOG, SCRIPTS))[:2]
        raise RuntimeError("killed")

    with connected(postgresql) as connection, pytest.raises(RuntimeError):
        replace_index(connection, fails())
    assert names(postgresql, "widget") == ["LOAD_LIMITS_01"]


def test_the_command(
    resources: dict, postgresql: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(resources)
    monkeypatch.setenv("AMODELS_ARTIFACTS_URL", str(tmp_path))
    for url in ("", postgresql):
        monkeypatch.setenv("AMODELS_POSTGRES_URL", url)
        found = CliRunner().invoke(cli, ["search", "rating", "--json"])
        assert [hit["name"] for hit in json.loads(found.output)][2:] == [
            "d.limits", "LOAD_LIMITS_01"
        ]  # fmt: skip
        assert "table   d.limits" in CliRunner().invoke(cli, ["search", "limits"]).output
        assert CliRunner().invoke(cli, ["search", "zzz"]).output == "nothing found\n"
        failed = CliRunner().invoke(cli, ["search", ODD[:0] or "--", "''"])
        assert failed.exit_code == 1


def test_the_asset_indexes_what_documents_are_made_of() -> None:
    assert set(INDEXED) == set(CATALOG)
    assert split_name("HTTPServer2_x") == "HTTPServer2_x HTTP Server 2 x"
