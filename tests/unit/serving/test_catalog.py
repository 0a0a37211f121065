"""The catalog, lineage and search, read from a store that the platform published."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.unit.serving.conftest import settings_in
from tests.unit.serving.running import Running
from tests.unit.serving.store import TABLES, publish


@pytest.fixture(scope="module")
def reading(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("catalog")
    publish(folder / "artifacts")
    with Running(settings_in(folder)) as running:
        yield running


def pages(gateway: Running, path: str | None) -> list[dict]:
    """Rows of all pages from one on."""
    rows = []
    while path:
        answer = gateway.ask("GET", path)
        assert answer.status == 200, answer.body
        rows += answer.json["rows"]
        path = answer.json["next"]
    return rows


def test_every_row_is_on_one_page(reading: Running) -> None:
    tables = reading.ask("GET", "/catalog").json["tables"]
    assert sorted(tables) == sorted(TABLES)
    assert tables["tables"] == ["database", "table", "kind", "properties"]
    rows = pages(reading, "/catalog/columns?limit=7")
    assert rows == TABLES["columns"]
    assert pages(reading, "/catalog/tables") == TABLES["tables"]


def test_rows_that_match(reading: Running) -> None:
    rows = pages(reading, "/catalog/columns?where=table=t3&where=is_partition=false&limit=9")
    assert [row["position"] for row in rows] == list(range(1, 50))
    assert {row["table"] for row in rows} == {"t3"}
    assert pages(reading, "/catalog/columns?where=position=7&where=table=t0")[0]["column"] == "c7"
    assert pages(reading, f"/catalog/tables?where={quote('table=x=y')}") == []


def test_lineage_is_followed_both_ways_and_not_round_in_circles(reading: Running) -> None:
    up = pages(reading, "/lineage/d.t2.c1?limit=1")
    assert [(e["source"], e["distance"]) for e in up] == [
        ("d.t1.c1", 1),
        ("d.t0.c1", 2),
        ("d.t2.c1", 3),
    ]
    with_rows = pages(reading, "/lineage/d.t2.c1?depth=1&rows=true")
    assert {(e["source"], e["subtype"]) for e in with_rows} == {
        ("d.t1.c1", "AGGREGATION"),
        ("d.t3.c3", "FILTER"),
    }
    down = pages(reading, "/lineage/d.t0.c1?direction=down")
    assert [e["target"] for e in down] == ["d.t1.c1", "d.t2.c1", "d.t0.c1"]
    assert pages(reading, "/lineage/d.t3.c3?direction=down") == []
    chosen = pages(reading, "/lineage/d.t3.c3?direction=down&rows=true")
    assert [e["target"] for e in chosen] == ["d.t2.*"]
    assert [e["source"] for e in pages(reading, "/lineage/d.t2")] == ["d.t1", "d.t0"]


def test_search_finds_by_beginnings_and_pages(reading: Running) -> None:
    assert [h["name"] for h in pages(reading, "/search?q=AMOU+owed")] == ["d.t0.amount"]
    assert len(pages(reading, "/search?q=facil&limit=7")) == 30
    assert len(pages(reading, "/search?q=amount+facility&limit=50")) == 31
    assert pages(reading, "/search?q=amount&kind=job") == []


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/catalog/unknown", 404),
        ("/catalog/..%2fx", 400),
        ("/catalog/Upper", 422),
        ("/catalog/tables?limit=0", 422),
        ("/catalog/tables?limit=1001", 422),
        ("/catalog/tables?offset=-1", 422),
        ("/catalog/tables?offset=99999999999999999999", 422),
        ("/catalog/tables?where=x", 422),
        ("/catalog/tables?where=nothing=1", 404),
        ("/catalog/columns?where=position=one", 404),
        ("/catalog/tables?where=properties=1", 404),
        ("/catalog/tables?version=..", 422),
        ("/catalog/tables?version=" + "0" * 32, 410),
        ("/lineage/d", 404),
        ("/lineage/d.none", 404),
        ("/lineage/d.t0.none", 404),
        ("/lineage/a.b.c.d", 404),
        ("/lineage/d.t0.c1?direction=sideways", 422),
        ("/lineage/d.t0.c1?depth=65", 422),
        ("/search", 422),
        ("/search?q=", 422),
        ("/search?q=%22*%22", 422),
        ("/search?q=x&kind=person", 422),
        ("/catalog/tables/more", 404),
    ],
)
def test_what_cannot_be_answered(reading: Running, path: str, status: int) -> None:
    answer = reading.ask("GET", path)
    assert answer.status == status, answer.body
    assert answer.json["error"]["message"]


@pytest.mark.parametrize(
    "words", ['a" OR "b', "NEAR(a b)", "kind:job", "a*", "-- x", "ü_é", "\x00a"]
)
def test_no_text_is_an_operator(reading: Running, words: str) -> None:
    answer = reading.ask("GET", f"/search?q={quote(words)}")
    assert answer.status in {200, 422}


def test_pages_fit_together_when_a_new_version_comes(tmp_path: Path) -> None:
    first = publish(tmp_path / "artifacts")
    with Running(settings_in(tmp_path)) as gateway:
        page = gateway.ask("GET", "/catalog/columns?limit=10").json
        second = publish(tmp_path / "artifacts", "2")
        assert second.path != first.path
        follows = gateway.ask("GET", page["next"]).json
        assert follows["version"] == page["version"] == first.path.name
        assert gateway.ask("GET", "/catalog").json["version"] == second.path.name
        # What is not as it was published is not shown.
        damaged = second.path / "tables.parquet"
        damaged.write_bytes(damaged.read_bytes()[:-1] + b"x")
        answer = gateway.ask("GET", "/catalog/tables")
        assert (answer.status, answer.code) == (503, "artifact_missing")
        assert "damaged" in answer.json["error"]["message"]
        assert gateway.ask("GET", "/catalog/columns").status == 200


def test_a_store_without_a_catalog(gateway: Running) -> None:
    for path in ("/catalog", "/catalog/tables", "/lineage/d.t0", "/search?q=x"):
        answer = gateway.ask("GET", path)
        assert (answer.status, answer.code) == (503, "artifact_missing")
        assert "materialize" in answer.json["error"]["message"]


def test_the_routes_are_described(reading: Running) -> None:
    described = reading.ask("GET", "/openapi.json").json
    assert {"/catalog", "/catalog/{table}", "/lineage/{name}", "/search"} <= set(described["paths"])
    assert described["security"] == [{"key": []}]
