"""Names that assets, schedules, sensors and resources share. Nothing else."""

LOG = "operations/log"
# Checks that tell whether an objective is kept begin with it.
OBJECTIVE = "objective_"
# Metadata of the event that says what a step's process used.
CPU_SECONDS = "amodels/cpu_seconds"
