"""``/catalog``, ``/lineage`` and ``/search``: what they take and give.

Belongs here: parameters, their bounds, and the form of pages. Does not belong here: reading
(``catalog.py``, ``text_search.py``).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import urlencode

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, Field

from serving.gateway.artifacts import ArtifactError, GoneError
from serving.gateway.catalog import CATALOG, Catalog, Direction, Page, UnknownError
from serving.gateway.errors import RefusedError
from serving.gateway.text_search import KINDS, TextSearch, words_of

T = TypeVar("T")
MOST_ROWS = 1_000
_LAST_OFFSET = 100_000_000

Limit = Annotated[int, Query(ge=1, le=MOST_ROWS, description="Most rows of the page")]
Offset = Annotated[int, Query(ge=0, le=_LAST_OFFSET, description="First row of the page")]
VersionName = Annotated[
    str | None,
    Query(
        pattern="^[0-9a-f]{32}$",
        description="Version of the artifact; the newest by default. `next` names it, so that "
        "pages fit together also when a new version comes.",
    ),
]


class CatalogTables(BaseModel):
    """What can be asked."""

    version: str
    data_version: str = Field(description="Hash of the catalog's content")
    created_at: str
    tables: dict[str, list[str]] = Field(description="Names of tables to names of their columns")


class Rows(BaseModel):
    """A page of rows."""

    version: str = Field(description="Version of the artifact")
    data_version: str
    total: int = Field(description="Rows of all pages")
    offset: int
    next: str | None = Field(description="Where the next page is, null on the last")
    rows: list[dict[str, Any]]


def catalog_routes(catalog: Catalog, text_search: TextSearch) -> APIRouter:
    """The routes, which run in threads: they read files."""
    routes = APIRouter(tags=["catalog"])

    @routes.get("/catalog")
    def tables() -> CatalogTables:
        """Which tables there are."""
        found = _read(lambda: catalog.version(CATALOG))
        return CatalogTables(
            version=found.name,
            data_version=found.data_version,
            created_at=found.created_at,
            tables=_read(catalog.tables),
        )

    @routes.get("/catalog/{table}", response_model=Rows)
    def rows(
        table: Annotated[str, Path(pattern="^[a-z_]{1,64}$")],
        where: Annotated[
            list[str],
            Query(
                max_length=16,
                description="column=value, which a row must have; all of them where several. "
                "Columns with parts cannot be compared",
                examples=["database=sgmisit"],
            ),
        ] = [],  # noqa: B006 - FastAPI copies it
        limit: Limit = 100,
        offset: Offset = 0,
        version: VersionName = None,
    ) -> Response:
        """Rows of a table, in the catalog's order."""
        conditions = [_condition(text) for text in where]
        page = _read(
            lambda: catalog.page(table, conditions, offset=offset, limit=limit, version=version)
        )
        asked = [("where", text) for text in where]
        return _page(f"/catalog/{table}", page, asked, offset, limit)

    @routes.get("/lineage/{name}", response_model=Rows)
    def lineage(
        *,
        name: Annotated[
            str,
            Path(max_length=512, description="database.table or database.table.column"),
        ],
        direction: Direction = "up",
        depth: Annotated[int, Query(ge=1, le=64, description="Most steps")] = 16,
        rows: Annotated[
            bool, Query(description="Also columns that only choose the rows of a view")
        ] = False,
        limit: Limit = 100,
        offset: Offset = 0,
        version: VersionName = None,
    ) -> Response:
        """What an object is made of (up) or what is made of it (down), nearest first."""
        page = _read(
            lambda: catalog.lineage(
                name,
                direction,
                depth=depth,
                rows=rows,
                offset=offset,
                limit=limit,
                version=version,
            )
        )
        asked = [("direction", direction), ("depth", str(depth)), ("rows", str(rows).lower())]
        return _page(f"/lineage/{name}", page, asked, offset, limit)

    @routes.get("/search", response_model=Rows)
    def search(
        q: Annotated[
            str,
            Query(
                max_length=256,
                pattern=r"[A-Za-z0-9\u0080-\uffff]",
                description="Beginnings of words",
            ),
        ],
        kind: Annotated[
            list[Literal["table", "view", "column", "job"]], Query(max_length=4)
        ] = list(KINDS),  # type: ignore[assignment]  # noqa: B006
        limit: Limit = 20,
        offset: Offset = 0,
    ) -> Response:
        """Tables, views, columns and jobs by words; the best first."""
        words = words_of(q)
        if not words:
            raise RefusedError(422, "no_word", "q has no word to search for")
        version, total, hits = _read(
            lambda: text_search.find(words, kind, offset=offset, limit=limit)
        )
        page = Page(version, total, [hit._asdict() for hit in hits])
        asked = [("q", q), *(("kind", one) for one in kind)]
        return _page("/search", page, asked, offset, limit, pinned=False)

    return routes


def _read(read: Callable[[], T]) -> T:
    """What can be read, or why it cannot."""
    try:
        return read()
    except GoneError as error:
        raise RefusedError(410, "version_gone", str(error)) from None
    except ArtifactError as error:
        raise RefusedError(503, "artifact_missing", str(error), retry_after=60) from None
    except UnknownError as error:
        raise RefusedError(404, "unknown", str(error)) from None


def _condition(text: str) -> tuple[str, str]:
    column, sign, value = text.partition("=")
    if not sign:
        raise RefusedError(422, "no_condition", "where is column=value")
    return column, value


def _page(
    path: str,
    page: Page,
    asked: list[tuple[str, str]],
    offset: int,
    limit: int,
    *,
    pinned: bool = True,
) -> Response:
    after = offset + len(page.rows)
    follows = None
    if page.rows and after < page.total:
        more = [*asked, ("limit", str(limit)), ("offset", str(after))]
        if pinned:
            more.append(("version", page.version.name))
        follows = f"{path}?{urlencode(more)}"
    content = {
        "version": page.version.name,
        "data_version": page.version.data_version,
        "total": page.total,
        "offset": offset,
        "next": follows,
        "rows": page.rows,
    }
    text = json.dumps(content, ensure_ascii=False, default=str)
    # A name in a dump may hold half a character pair, which is no UTF-8.
    return Response(text.encode("utf-8", "replace"), media_type="application/json")
