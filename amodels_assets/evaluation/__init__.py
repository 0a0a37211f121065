"""Scores: how well a checkpoint predicts what it has not seen.

Belongs here: metrics with their intervals, baselines, score tables and curves. Does not belong
here: training, and what follows from a score (``release``).

Public modules: ``metrics`` (``paired_bootstrap``), ``scoring`` (``score_checkpoint``).
"""
