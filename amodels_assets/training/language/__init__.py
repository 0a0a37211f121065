"""Checkpoints: language models, fine-tuned on questions about the catalog.

Belongs here: questions as tokens and batches, a base model with or without an adapter as a work of
the training loop, and the finished checkpoint. Does not belong here: where base models come from
(``models``), how questions are made (``questions``) and scores (``evaluation``).

Public modules: ``config`` (the settings), ``tuning`` (training), ``loading`` (a checkpoint or a
base model, ready to be asked).
"""
