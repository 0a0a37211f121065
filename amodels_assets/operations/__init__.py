"""What happened, what it took and which promises were kept: operations, out of Dagster's event log.

Belongs here: the record of runs, steps, materializations, checks and requests; what is summed up
from it; service-level objectives. Does not belong here: what an asset says of its own quality (the
rooms' checks) and Dagster's own event log, which is only read.
"""
