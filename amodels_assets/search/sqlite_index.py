"""The index as one SQLite file, with its full-text module FTS5.

Belongs here: the file and asking it. Does not belong here: PostgreSQL (``postgresql_index.py``).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path

from amodels_assets.search.documents import Document
from amodels_assets.search.hit import Hit

FILE = "search.sqlite"
# A word in the name counts for more than one in a comment, and that for more than in a script.
_WEIGHTS = "0.0, 0.0, 10.0, 4.0, 1.0"


def write_index(path: Path, documents: Iterable[Document]) -> int:
    """Write a new index and give the number of its documents."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            "CREATE VIRTUAL TABLE documents USING fts5("
            "kind UNINDEXED, name UNINDEXED, words, comment, body, "
            "tokenize = 'unicode61 remove_diacritics 2')"
        )
        connection.executemany("INSERT INTO documents VALUES (?, ?, ?, ?, ?)", documents)
        (count,) = connection.execute("SELECT count(*) FROM documents").fetchone()
    return int(count)


def names_in(path: Path) -> set[tuple[str, str]]:
    """Kind and name of everything in the index."""
    with closing(_opened(path)) as connection:
        return set(connection.execute("SELECT kind, name FROM documents"))


def find(
    path: Path, words: Sequence[str], kinds: Sequence[str], number: int, *, every: bool
) -> list[Hit]:
    """The best documents first.

    Args:
        path: The index.
        words: Beginnings of words.
        kinds: Of documents.
        number: Most hits.
        every: Whether all words have to be there, or one of them.
    """
    # Each word in quotes: what stands in them is never an operator.
    asked = (" AND " if every else " OR ").join(f'"{word}"*' for word in words)
    places = ", ".join("?" * len(kinds))
    # The only parts that vary are constants and question marks.
    query = (
        f"SELECT kind, name, comment, -bm25(documents, {_WEIGHTS}) AS score FROM documents "  # noqa: S608
        f"WHERE documents MATCH ? AND kind IN ({places}) ORDER BY score DESC, name LIMIT ?"
    )
    with closing(_opened(path)) as connection:
        return [Hit(*row) for row in connection.execute(query, (asked, *kinds, number))]


def _opened(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
