"""Control-M folders run by Dagster: one asset a job, started by schedules and sensors.

Belongs here: plans of jobs from the catalog, conditions, order dates, the assets. Does not belong
here: reading exports (room ``sgmi``), the schedules and sensors themselves.
"""
