"""Searching the newest full-text index.

Belongs here: the words of a search and asking the file. Does not belong here: making the index;
its form is the contract of the artifact ``search/index``.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from typing import NamedTuple

from serving.gateway.artifacts import Store, Version

INDEX = "search/index"
KINDS = ("table", "view", "column", "job")
_FILE = "search.sqlite"
_WORD = re.compile(r"[^\W_]+")
# A word in a name counts for more than one in a comment, and that for more than one in a query.
_WEIGHTS = "0.0, 0.0, 10.0, 4.0, 1.0"
# More words make no search better, and the index slower.
_MOST_WORDS = 16


class Hit(NamedTuple):
    """Something that was found; the higher the score, the better, within one answer."""

    kind: str
    name: str
    comment: str
    score: float


def words_of(text: str) -> list[str]:
    """The words that are searched for."""
    return _WORD.findall(text)[:_MOST_WORDS]


class TextSearch:
    """Asks the newest index."""

    def __init__(self, store: Store) -> None:
        """Read from ``store``."""
        self._store = store

    def find(
        self, words: Sequence[str], kinds: Sequence[str], *, offset: int, limit: int
    ) -> tuple[Version, int, list[Hit]]:
        """What has all words, or, where nothing has, what has one of them; the best first.

        Returns:
            The index's version, how many there are, and the part that was asked for.

        Raises:
            ArtifactError: There is no index, or it is damaged.
        """
        version = self._store.current(INDEX)
        path = self._store.file(version, _FILE)
        uri = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
        with closing(sqlite3.connect(uri, uri=True)) as connection:
            for operator in (" AND ", " OR "):
                # Each word in quotes: what stands in them is never an operator.
                asked = operator.join(f'"{word}"*' for word in words)
                places = ", ".join("?" * len(kinds))
                # The only parts that vary are constants and question marks.
                where = f"FROM documents WHERE documents MATCH ? AND kind IN ({places})"
                count = connection.execute(f"SELECT count(*) {where}", (asked, *kinds))
                (total,) = count.fetchone()
                if total:
                    rows = connection.execute(
                        f"SELECT kind, name, comment, -bm25(documents, {_WEIGHTS}) AS score "
                        f"{where} ORDER BY score DESC, name LIMIT ? OFFSET ?",
                        (asked, *kinds, limit, offset),
                    )
                    return version, total, [Hit(*row) for row in rows]
        return version, 0, []
