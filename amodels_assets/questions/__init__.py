"""Questions about the catalog with exact answers: what a language model learns and is examined on.

Belongs here: facts of the catalog as questions, phrasings, accepted answers, choices, the split,
the search for duplicates and overlaps, packing of conversations into sequences. Does not belong
here: reading dumps (``sgmi``), models, training and scoring.

Public modules: ``build`` (catalog to questions), ``folder`` (reading what was built), ``answers``
(normal forms, for scoring), ``overlap``, ``packing``, ``tokens``.
"""
