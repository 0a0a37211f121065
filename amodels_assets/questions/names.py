"""Names that assets, checks and the command line share. Nothing else."""

QUESTIONS = "datasets/catalog_questions"
CATALOG = "sgmi/catalog"
# Of the catalog.
READ = ("tables", "columns", "table_lineage", "jobs", "job_schedules", "job_tables")

LISTS = ("table_of_column", "upstream", "downstream", "loading_job")
KINDS = ("column_type", *LISTS, "schedule", "sql", "documentation")

TRAIN, VALIDATION, TEST, RECALL = SPLITS = ("train", "validation", "test", "recall")
HELD_OUT = (VALIDATION, TEST)
