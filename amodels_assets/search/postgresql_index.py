"""The index in PostgreSQL, with its own full-text search.

Belongs here: the table and asking it. Does not belong here: SQLite (``sqlite_index.py``).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import REGCONFIG, TSQUERY, TSVECTOR

from amodels_assets.search.documents import Document, words_of
from amodels_assets.search.hit import Hit

SCHEMA = "amodels_search"
# Names are no language: words are taken as they are.
_PLAIN = sa.cast("simple", REGCONFIG)
# A text of more is refused by the server; its beginning still finds it.
_LONGEST = 200_000
# A word in the name counts for more than one in a comment, and that for more than in a script.
_WEIGHTS = {"words": "'A'::\"char\"", "comment": "'B'::\"char\"", "body": "'D'::\"char\""}


def _documents(name: str) -> sa.Table:
    return sa.Table(
        name,
        sa.MetaData(),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("comment", sa.Text, nullable=False),
        sa.Column("content", TSVECTOR, nullable=False),
        schema=SCHEMA,
    )


def replace_index(connection: sa.Connection, documents: Iterable[Document]) -> int:
    """Put a new index in the place of the old one, in one transaction; gives its size."""
    new, table = _documents("documents_new"), _documents("documents")
    connection.execute(sa.schema.CreateSchema(SCHEMA, if_not_exists=True))
    new.drop(connection, checkfirst=True)
    new.create(connection)
    rows = [
        {
            "kind": document.kind,
            "name": document.name,
            "shown": document.comment,
            **{part: _words_alone(getattr(document, part)) for part in _WEIGHTS},
        }
        for document in documents
    ]
    content = sa.literal("", TSVECTOR)
    for part, weight in _WEIGHTS.items():
        text = sa.func.left(sa.bindparam(part, type_=sa.Text), _LONGEST)
        vector = sa.func.to_tsvector(_PLAIN, text, type_=TSVECTOR)
        content = content.op("||")(sa.func.setweight(vector, sa.literal_column(weight)))
    if rows:
        statement = sa.insert(new).values(
            kind=sa.bindparam("kind"),
            name=sa.bindparam("name"),
            comment=sa.bindparam("shown"),
            content=content,
        )
        connection.execute(statement, rows)
    table.drop(connection, checkfirst=True)
    rename = sa.text(f'ALTER TABLE "{SCHEMA}".documents_new RENAME TO documents')
    connection.execute(rename)
    sa.Index("documents_content", table.c.content, postgresql_using="gin").create(connection)
    connection.commit()
    return len(rows)


def _words_alone(text: str) -> str:
    """Without what the server would take for a host, a file or an address as a whole."""
    return " ".join(words_of(text))


def exists(connection: sa.Connection) -> bool:
    """Whether there is an index."""
    return sa.inspect(connection).has_table("documents", SCHEMA)


def names_in(connection: sa.Connection) -> set[tuple[str, str]]:
    """Kind and name of everything in the index."""
    table = _documents("documents")
    found = connection.execute(sa.select(table.c.kind, table.c.name))
    return {(row.kind, row.name) for row in found}


def find(
    connection: sa.Connection,
    words: Sequence[str],
    kinds: Sequence[str],
    number: int,
    *,
    every: bool,
) -> list[Hit]:
    """The best documents first; arguments as in ``sqlite_index.find``."""
    table = _documents("documents")
    # Each word in quotes: what stands in them is never an operator.
    asked = (" & " if every else " | ").join(f"'{word}':*" for word in words)
    query = sa.func.to_tsquery(_PLAIN, asked, type_=TSQUERY)
    score = sa.func.ts_rank(table.c.content, query)
    statement = (
        sa.select(table.c.kind, table.c.name, table.c.comment, score.label("score"))
        .where(table.c.content.op("@@")(query), table.c.kind.in_(kinds))
        .order_by(sa.desc("score"), table.c.name)
        .limit(number)
    )
    return [Hit(*row) for row in connection.execute(statement)]
