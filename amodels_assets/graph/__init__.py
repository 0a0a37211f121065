"""The catalog as a property graph: tables, views, columns, jobs and what connects them.

Belongs here: nodes and relationships made from the catalog's tables, the embedded store, and named
questions in Cypher. Does not belong here: reading dumps (``sgmi``).

Public: ``store.open_graph``, ``questions.QUESTIONS``.
"""
