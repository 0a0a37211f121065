"""Training sets: relational databases with a task and a split in time.

Belongs here: the declaration of a data set, its files, its statistics and the search for leaks.
Does not belong here: models, samplers and scores.

Public modules: ``relational`` (declarations), ``dataset`` (reading what was built), ``build``.
"""
