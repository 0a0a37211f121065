"""Checkpoints: the Relational Transformer and, in ``language``, language models.

Belongs here: sampling contexts, encoding cells, the model, training it and its checkpoints. Does
not belong here: the data set's files (``datasets``) and how a score is judged (``evaluation``).

Public modules: ``context_sampler`` and ``row_graph`` (contexts without anything later than the
cut-off), ``checkpoint`` (what a checkpoint is made of), ``predict``
(``python -m amodels_assets.training.predict``).
"""
