"""Training sets: relational databases with a task and a split.

Belongs here: the declaration of a data set, its files, its statistics, the search for leaks,
readers of foreign databases, texts as vectors. Does not belong here: models, samplers and scores.

Public modules: ``relational`` (declarations), ``dataset`` (reading what was built), ``build``;
``relbench``, ``replica_source``, ``catalog_source`` and ``flights`` (databases from elsewhere);
``text_vectors``.
"""
