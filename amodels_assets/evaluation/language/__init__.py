"""Scores of language models: benchmarks as data, a fast scorer, and figures with their intervals.

Belongs here: reading evaluation sets, asking a model about them through lm-eval, and what the
answers come to: scores, comparisons, calibration, a leaderboard, a profile of the speed. Does not
belong here: training (``training.language``), and what follows from a score (``release``).
"""
