"""What can be found: a document for each table, view, column and job.

Belongs here: which words a document has. Does not belong here: an index.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import NamedTuple

import pyarrow as pa

KINDS = ("table", "view", "column", "job")
_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_]+")
_WORDS = re.compile(r"[^\W_]+")


class Document(NamedTuple):
    """A thing of the catalog.

    Attributes:
        kind: One of ``KINDS``.
        name: As people write it: ``database.table.column``, a job's name.
        words: The name and its parts.
        comment: What somebody wrote about it; a column's type.
        body: A view's query; a job's command and script.
    """

    kind: str
    name: str
    words: str
    comment: str
    body: str


def documents(catalog: Mapping[str, pa.Table], scripts: Mapping[str, str]) -> Iterator[Document]:
    """Every document, in a stable order.

    Args:
        catalog: The tables ``tables``, ``columns``, ``views``, ``jobs``.
        scripts: Text by path.
    """
    queries = {
        (row["database"], row["table"]): row["query"] or "" for row in catalog["views"].to_pylist()
    }
    for row in _sorted(catalog["tables"], "database", "table"):
        name = f"{row['database']}.{row['table']}"
        query = queries.get((row["database"], row["table"]), "")
        yield _document(row["kind"], name, row["comment"] or "", query)
    for row in _sorted(catalog["columns"], "database", "table", "position"):
        name = f"{row['database']}.{row['table']}.{row['column']}"
        # What its table is called finds the table; a column is found by its own name.
        own = split_name(row["column"])
        comment = f"{row['comment'] or ''} {row['type'] or ''}".strip()
        yield _document("column", name, comment, "", words=own)
    by_name = {PurePosixPath(path).name: text for path, text in sorted(scripts.items())}
    for row in _sorted(catalog["jobs"], "job", "source_file", "line"):
        script = by_name.get(PurePosixPath(row["script"] or "").name, "")
        parts = (row["command"], row["script"], script)
        body = "\n".join(part for part in parts if part)
        yield _document("job", row["job"], row["description"] or "", body)


def split_name(name: str) -> str:
    """A name and its parts, so that each of them finds it.

    Example:
        >>> split_name("stg_CustomerRating2")
        'stg_CustomerRating2 stg Customer Rating 2'
    """
    parts = [part for part in _PARTS.findall(name) if part != name]
    return " ".join([name, *parts])


def words_of(text: str) -> list[str]:
    """The words that somebody searches for.

    Example:
        >>> words_of('balance "daily" --')
        ['balance', 'daily']
    """
    return _WORDS.findall(text)


def _document(kind: str, name: str, comment: str, body: str, words: str = "") -> Document:
    # PostgreSQL has no zero bytes.
    texts = (name, words or split_name(name), comment, body)
    return Document(kind, *(text.replace("\x00", "") for text in texts))


def _sorted(table: pa.Table, *names: str) -> list[dict]:
    return table.sort_by([(name, "ascending") for name in names]).to_pylist()
