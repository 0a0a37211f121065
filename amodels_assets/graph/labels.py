"""The closed lists of labels and relationship types that Cypher is written from. Nothing else."""

NODE_LABELS = (
    "Database",
    "Table",
    "View",
    "Column",
    "Job",
    "Condition",
    "Script",
    "Schedule",
    "DataSet",
    "Checkpoint",
    "Score",
    "Release",
)
EDGE_TYPES = (
    "HAS_TABLE",
    "HAS_COLUMN",
    "FLOWS_TO",
    "FEEDS",
    "READS",
    "WRITES",
    "MENTIONS",
    "TRIGGERS",
    "WAITS_FOR",
    "ADDS",
    "DELETES",
    "RUNS",
    "SCHEDULED_BY",
    "USED_BY",
    "MADE_INTO",
)
