"""Names that the room's assets and checks share with its pure modules; light to import."""

FACILITY_DOWNGRADE = "datasets/facility_downgrade"
CATALOG_COLUMN_TYPE = "datasets/catalog_column_type"
ORACLE = "datasets/best_possible_scores"
# Tables of the catalog that its own data set is made of.
CATALOG_TABLES = (
    "databases", "tables", "columns", "views", "column_lineage", "table_lineage", "jobs",
    "job_tables",
)  # fmt: skip
