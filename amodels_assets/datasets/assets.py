"""The data set room's assets."""

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg

from amodels_assets.artifacts import ArtifactError, ArtifactStore, write_table
from amodels_assets.datasets.names import (
    CATALOG_COLUMN_TYPE,
    CATALOG_TABLES,
    FACILITY_DOWNGRADE,
    ORACLE,
)
from amodels_assets.settings import PROJECT_ROOT
from resources.artifact_store import ArtifactStoreResource
from resources.sgmi_source import SgmiSourceResource

if TYPE_CHECKING:
    from amodels_assets.datasets.relational import RelationalSpec

DECLARATION = PROJECT_ROOT / "data" / "tasks" / "facility_downgrade.yaml"
CODE_VERSION = "2"
CATALOG_CODE_VERSION = "1"
ORACLE_CODE_VERSION = "1"


@dg.asset(
    key=["datasets", "facility_downgrade"],
    deps=[dg.AssetKey(["sgmi", "rows"])],
    group_name="datasets",
    kinds={"python", "parquet"},
    owners=["team:machine-learning"],
    code_version=CODE_VERSION,
)
def facility_downgrade(artifact_store: ArtifactStoreResource) -> dg.MaterializeResult:
    """A relational training set: will a client's facility be downgraded within the next quarter?

    Tables with keys and times, and predictions split in time into training, validation and test,
    so that a model is judged on quarters that it has not seen.
    """
    from amodels_assets.datasets.build import build_dataset
    from amodels_assets.datasets.relational import read_spec

    store = ArtifactStore(artifact_store.path())
    with _clear_failures():
        spec = read_spec(DECLARATION)
        rows = store.get("sgmi/rows")
        names = [table.name for table in spec.tables]
        files = {name: f"{spec.database}.{name}" for name in names}
        there = {n: f for n, f in files.items() if f"{f}.parquet" in rows.manifest.files}
        return _published(
            store,
            FACILITY_DOWNGRADE,
            spec=spec,
            inputs={
                f"sgmi/rows/{file}": rows.file_version(f"{file}.parquet") for file in there.values()
            },
            code_version=CODE_VERSION,
            produce=lambda folder: build_dataset(
                {n: rows.table(f) for n, f in there.items()}, spec, folder
            ),
        )


@dg.asset(
    key=["datasets", "catalog_column_type"],
    # Also after the diagnostics, whose check stops what would be built on a damaged source.
    deps=[dg.AssetKey(["sgmi", name]) for name in (*CATALOG_TABLES, "diagnostics")],
    group_name="datasets",
    kinds={"python", "parquet"},
    owners=["team:machine-learning"],
    code_version=CATALOG_CODE_VERSION,
)
def catalog_column_type(artifact_store: ArtifactStoreResource) -> dg.MaterializeResult:
    """A relational training set of the catalog itself: which type has a column?

    What there is to go by are the names, comments, lineage and jobs around it; no type is ever
    shown. All columns of a table are in one split, so that a model is judged on tables that it has
    not seen.
    """
    from amodels_assets.datasets.catalog_source import DECLARATION as OF_CATALOG
    from amodels_assets.datasets.catalog_source import read_catalog
    from amodels_assets.datasets.relational import read_spec

    store = ArtifactStore(artifact_store.path())
    with _clear_failures():
        catalog = store.get("sgmi/catalog")
        return _published(
            store,
            CATALOG_COLUMN_TYPE,
            spec=read_spec(OF_CATALOG),
            inputs={
                f"sgmi/{name}": catalog.file_version(f"{name}.parquet") for name in CATALOG_TABLES
            },
            code_version=CATALOG_CODE_VERSION,
            produce=lambda folder: read_catalog(
                {n: catalog.table(n) for n in CATALOG_TABLES}
            ).build(folder),
        )


@dg.asset(
    key=["datasets", "best_possible_scores"],
    # After the rows, so that nothing is made of a source that could not be read.
    deps=[dg.AssetKey(["sgmi", "source_rows"]), dg.AssetKey(["sgmi", "rows"])],
    group_name="datasets",
    kinds={"python", "parquet"},
    owners=["team:machine-learning"],
    code_version=ORACLE_CODE_VERSION,
)
def best_possible_scores(
    context: dg.AssetExecutionContext,
    artifact_store: ArtifactStoreResource,
    sgmi_source: SgmiSourceResource,
) -> dg.MaterializeResult:
    """The probabilities that a synthetic source was drawn from: no model can do better.

    Only evaluation reads them, never training. A source that is not synthetic has none.
    """
    from amodels_assets.artifacts import sha256_file
    from amodels_assets.datasets.oracle import ORACLE_FILE, read_oracle

    store = ArtifactStore(artifact_store.path())
    path = sgmi_source.path() / ORACLE_FILE
    with _clear_failures():
        table = read_oracle(path)
        made = store.publish(
            ORACLE,
            inputs={ORACLE_FILE: sha256_file(path) if path.is_file() else ""},
            code_version=ORACLE_CODE_VERSION,
            produce=lambda folder: write_table(folder, "oracle", table),
        )
    if not table.num_rows:
        context.log.info("the source is not synthetic: the best possible score is unknown")
    return dg.MaterializeResult(
        data_version=dg.DataVersion(made.data_version),
        metadata={
            "dagster/row_count": table.num_rows,
            "unchanged": made.unchanged,
            "path": dg.MetadataValue.path(str(made.path)),
        },
    )


def _published(
    store: ArtifactStore,
    name: str,
    *,
    spec: "RelationalSpec",
    inputs: Mapping[str, str],
    code_version: str,
    produce: Callable[[Path], object],
) -> dg.MaterializeResult:
    """Publish a data set and tell what is in it."""
    from amodels_assets.datasets.summary import read_summary

    made = store.publish(
        name,
        inputs=inputs,
        config={"declaration": spec.to_json()},
        code_version=code_version,
        produce=produce,
    )
    found = read_summary(made.path)
    return dg.MaterializeResult(
        data_version=dg.DataVersion(made.data_version),
        metadata={
            "dagster/row_count": found.predictions,
            "splits": dg.MetadataValue.md(found.splits_as_markdown()),
            "left_out": dg.MetadataValue.json(found.left_out),
            "unchanged": made.unchanged,
            "path": dg.MetadataValue.path(str(made.path)),
        },
    )


@contextmanager
def _clear_failures() -> Generator[None]:
    from amodels_assets.datasets.dataset import DatasetError
    from amodels_assets.datasets.relational import SpecError

    try:
        yield
    except (ArtifactError, SpecError, DatasetError) as error:
        raise dg.Failure(description=str(error), allow_retries=False) from error
