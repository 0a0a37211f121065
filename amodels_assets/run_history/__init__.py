"""Dagster's own history, which Dagster never prunes: runs, their events and logs, ticks.

Belongs here: what of it is still needed, and the removal of the rest. Does not belong here: figures
that are to outlive the events, and the artifacts, whose retention is ``release``'s business.
"""
