"""Searching, wherever the index is.

Belongs here: which index is asked, and with which words. Does not belong here: the indexes.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from amodels_assets.schemas.connect import connected
from amodels_assets.search import postgresql_index, sqlite_index
from amodels_assets.search.documents import KINDS, words_of
from amodels_assets.search.hit import Hit

NUMBER = 20


class SearchError(Exception):
    """A search cannot be made; the message says why."""


def search(
    index: Path | str, text: str, kinds: Sequence[str] = KINDS, number: int = NUMBER
) -> list[Hit]:
    """The best documents first: those with all words, or with one where none has all.

    Args:
        index: The artifact's folder, or a PostgreSQL URL.
        text: Beginnings of words; what is no letter, digit or underscore stands between them.
        kinds: Of documents.
        number: Most hits.

    Raises:
        SearchError: The text has no word, or the database has no index.
        ReplicaError: The database cannot be used.
    """
    words = words_of(text)
    if not words:
        raise SearchError("there is no word to search for")
    if isinstance(index, Path):
        ask = partial(sqlite_index.find, index / sqlite_index.FILE, words, kinds, number)
        return ask(every=True) or ask(every=False)
    with connected(index) as connection:
        if not postgresql_index.exists(connection):
            raise SearchError("PostgreSQL has no index yet: materialize search/postgresql")
        ask = partial(postgresql_index.find, connection, words, kinds, number)
        return ask(every=True) or ask(every=False)
