"""What must hold of the catalog and the rows: suites of expectations, and checks by hand."""

from typing import TYPE_CHECKING

import dagster as dg

from amodels_assets.artifacts import ArtifactError, ArtifactStore, CheckRecord
from amodels_assets.quality.expectation import Expectation, Suite
from amodels_assets.quality.factory import recorded, suite_checks
from resources.artifact_store import ArtifactStoreResource

if TYPE_CHECKING:
    from amodels_assets.sgmi.findings import Finding

CATALOG = "sgmi/catalog"
ROWS = "sgmi/rows"
# Lower-case, without spaces, as the catalog spells types.
HIVE_TYPE = (
    r"^(?:string|decimal(?:\(\d+(?:,\d+)?\))?|date|timestamp|bigint|int|smallint|tinyint|double|float"
    r"|boolean|binary|char\(\d+\)|varchar\(\d+\)|(?:map|array|struct|uniontype)<.+>)$"
)


def _not_null(column: str) -> Expectation:
    return Expectation(
        name=f"{column}_not_null",
        type="expect_column_values_to_not_be_null",
        arguments={"column": column},
        description=f"Every row has a {column}.",
    )


def _unique(*columns: str) -> Expectation:
    if len(columns) == 1:
        kind, arguments = "expect_column_values_to_be_unique", {"column": columns[0]}
    else:
        kind, arguments = "expect_compound_columns_to_be_unique", {"column_list": list(columns)}
    return Expectation("key_unique", kind, arguments, f"{', '.join(columns)} are a key.")


def _one_of(column: str, *values: str) -> Expectation:
    return Expectation(
        name=f"{column}_known",
        type="expect_column_values_to_be_in_set",
        arguments={"column": column, "value_set": list(values)},
        description=f"{column} is one of {', '.join(values)}.",
    )


def _at_least(column: str, minimum: int) -> Expectation:
    return Expectation(
        name=f"{column}_in_range",
        type="expect_column_values_to_be_between",
        arguments={"column": column, "min_value": minimum},
        description=f"{column} is at least {minimum}.",
    )


def _suite(table: str, columns: tuple[str, ...], *expectations: Expectation) -> Suite:
    return Suite(("sgmi", table), CATALOG, table, expectations, columns)


SUITES = (
    _suite(
        "tables",
        ("database", "table", "kind", "column_count", "source_file", "line"),
        _not_null("database"),
        _not_null("table"),
        _not_null("source_file"),
        _unique("database", "table"),
        _one_of("kind", "table", "view"),
        _at_least("column_count", 1),
        _at_least("line", 1),
    ),
    _suite(
        "columns",
        ("database", "table", "position", "column", "type"),
        _not_null("column"),
        _unique("database", "table", "column"),
        _at_least("position", 0),
        Expectation(
            name="type_known",
            type="expect_column_values_to_match_regex",
            arguments={"column": "type", "regex": HIVE_TYPE},
            description="Every stated type is one that Hive has.",
        ),
    ),
    _suite(
        "column_lineage",
        (
            "target_database",
            "target_table",
            "target_column",
            "target_position",
            "source_database",
            "source_table",
            "source_column",
            "transformation_type",
            "transformation_subtype",
        ),
        _not_null("source_column"),
        _unique(
            "target_database",
            "target_table",
            "target_column",
            "target_position",
            "source_database",
            "source_table",
            "source_column",
            "transformation_subtype",
        ),
        _at_least("target_position", -1),
        _one_of("transformation_type", "DIRECT", "INDIRECT"),
        _one_of(
            "transformation_subtype",
            "IDENTITY",
            "TRANSFORMATION",
            "AGGREGATION",
            "CONDITIONAL",
            "WINDOW",
            "JOIN",
            "FILTER",
            "GROUP_BY",
            "SORT",
        ),
    ),
    _suite(
        "jobs",
        ("job", "folder", "kind", "source_file"),
        _not_null("job"),
        _unique("job"),
        _not_null("folder"),
        _not_null("kind"),
        _not_null("source_file"),
    ),
)

tables_checks, columns_checks, column_lineage_checks, jobs_checks = map(suite_checks, SUITES)


def _result(
    store: ArtifactStore, artifact: str, version: str, finding: "Finding", key: dg.AssetKey
) -> dg.AssetCheckResult:
    record = CheckRecord(
        check=finding.check,
        data_version=version,
        passed=finding.passed,
        blocking=finding.blocking,
        description=finding.description,
        metadata=finding.figures,
    )
    return recorded(store, artifact, record, key)


def _catalog_result(
    resource: ArtifactStoreResource, check: str, asset: str, *tables: str
) -> dg.AssetCheckResult:
    """Run one function of ``findings`` on tables of the catalog."""
    from amodels_assets.sgmi import findings

    store = ArtifactStore(resource.path())
    try:
        artifact = store.get(CATALOG)
        finding = findings.BY_NAME[check](*(artifact.table(name) for name in tables))
    except ArtifactError as error:
        raise dg.Failure(description=str(error), allow_retries=False) from error
    version = artifact.file_version(f"{asset}.parquet")
    return _result(store, CATALOG, version, finding, dg.AssetKey(["sgmi", asset]))


@dg.asset_check(
    asset=dg.AssetKey(["sgmi", "diagnostics"]),
    description="Nothing of the input was lost: no dump or export is cut or unreadable.",
    blocking=True,
)
def no_error_diagnostics(artifact_store: ArtifactStoreResource) -> dg.AssetCheckResult:
    """Name the first place where input was lost, and how many there are."""
    return _catalog_result(artifact_store, "no_error_diagnostics", "diagnostics", "diagnostics")


@dg.asset_check(
    asset=dg.AssetKey(["sgmi", "columns"]),
    description="The columns of each table are numbered from 0 without a gap.",
    blocking=True,
)
def column_positions_contiguous(artifact_store: ArtifactStoreResource) -> dg.AssetCheckResult:
    """Compare each table's positions with a count."""
    return _catalog_result(artifact_store, "column_positions_contiguous", "columns", "columns")


@dg.asset_check(
    asset=dg.AssetKey(["sgmi", "column_lineage"]),
    description="Every lineage edge leads to a column of a view of the catalog.",
    blocking=True,
)
def lineage_targets_exist(artifact_store: ArtifactStoreResource) -> dg.AssetCheckResult:
    """Look every target up among the columns."""
    return _catalog_result(
        artifact_store, "lineage_targets_exist", "column_lineage", "column_lineage", "columns"
    )


@dg.asset_check(
    asset=dg.AssetKey(["sgmi", "column_lineage"]),
    description="Few lineage edges come from tables or columns that the dumps do not have.",
)
def unresolved_lineage_share(artifact_store: ArtifactStoreResource) -> dg.AssetCheckResult:
    """Warn when views drift away from the tables."""
    return _catalog_result(
        artifact_store, "unresolved_lineage_share", "column_lineage", "column_lineage"
    )


@dg.asset_check(
    asset=dg.AssetKey(["sgmi", "rows"]),
    description="Every table with rows has exactly the catalog's columns, and every row was read.",
    blocking=True,
)
def rows_match_catalog(artifact_store: ArtifactStoreResource) -> dg.AssetCheckResult:
    """Compare the columns of every Parquet file with the catalog, and report lost rows."""
    import pyarrow.parquet as pq

    from amodels_assets.sgmi import findings

    store = ArtifactStore(artifact_store.path())
    try:
        artifact = store.get(ROWS)
        columns = store.get(CATALOG).table("columns")
        faults = artifact.table("row_diagnostics")
    except ArtifactError as error:
        raise dg.Failure(description=str(error), allow_retries=False) from error
    names = [n for n in artifact.manifest.files if n != "row_diagnostics.parquet"]
    found = {n.removesuffix(".parquet"): pq.read_schema(artifact.path / n) for n in names}
    finding = findings.rows_match_catalog(found, columns, faults)
    return _result(store, ROWS, artifact.data_version, finding, dg.AssetKey(["sgmi", "rows"]))
