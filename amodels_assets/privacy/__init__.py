"""Trainings with differential privacy: what is promised, how it is kept, and what it adds up to.

Belongs here: accounting, sampling, clipping and noise; the ledger over all releases; the
measurement of what a model has memorised. Does not belong here: the training loop and the models.
"""
