"""Names that assets, checks and the command line share. Nothing else."""

FILE_INDEX = "search/index"
POSTGRESQL_INDEX = "search/postgresql"
INDEXED = ("tables", "columns", "views", "jobs")
