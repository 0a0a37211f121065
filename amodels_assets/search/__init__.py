"""Full-text search over the catalog: names, comments, queries and scripts.

Belongs here: what is found by which words, the index in SQLite and in PostgreSQL. Does not belong
here: reading dumps (``sgmi``), questions about what is connected (``graph``).

Public: ``find.search``.
"""
