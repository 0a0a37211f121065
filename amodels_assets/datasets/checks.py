"""Checks on the data sets: what every split must hold, and that nothing leaks."""

from typing import Any

import dagster as dg

from amodels_assets.artifacts import ArtifactError, ArtifactStore, CheckRecord
from amodels_assets.datasets.names import CATALOG_COLUMN_TYPE, FACILITY_DOWNGRADE
from amodels_assets.quality.expectation import Expectation, Suite
from amodels_assets.quality.factory import recorded, suite_checks
from resources.artifact_store import ArtifactStoreResource

SPLITS = ("train", "validation", "test")


def _suite(
    artifact: str, split: str, entity: tuple[str, str], cutoff: str, labels: tuple[Expectation, ...]
) -> Suite:
    """What is expected of a split.

    Args:
        artifact: The data set; its task is named as it is.
        split: Which.
        entity: What is predicted for, in words, and the column with its key.
        cutoff: Column of the cut-off.
        labels: What is expected of the labels.
    """
    words, column = entity
    return Suite(
        asset_key=tuple(artifact.split("/")),
        artifact=artifact,
        table=f"tasks/{artifact.rpartition('/')[2]}/{split}",
        columns=(column, cutoff, "label"),
        expectations=tuple(
            Expectation(f"{split}_{e.name}", e.type, e.arguments, f"{split}: {e.description}")
            for e in (
                Expectation(
                    "predictions_unique",
                    "expect_compound_columns_to_be_unique",
                    {"column_list": [column, cutoff]},
                    f"a {words} is predicted once a cut-off.",
                ),
                Expectation(
                    f"{words}_given",
                    "expect_column_values_to_not_be_null",
                    {"column": column},
                    f"every prediction names its {words}.",
                ),
                *labels,
            )
        ),
    )


def _of_label(name: str, kind: str, description: str, **arguments: Any) -> Expectation:
    return Expectation(name, kind, {"column": "label", **arguments}, description)


_DOWNGRADED = (
    _of_label(
        "label_known",
        "expect_column_values_to_be_in_set",
        "every label is 0 or 1.",
        value_set=[0, 1],
    ),
    _of_label(
        "share_of_positives",
        "expect_column_mean_to_be_between",
        "both labels are there in numbers that can be learned from.",
        min_value=0.01,
        max_value=0.99,
    ),
)
_TYPE = (
    _of_label(
        "label_known", "expect_column_values_to_not_be_null", "the type of every column is given."
    ),
    _of_label(
        "types_differ",
        "expect_column_unique_value_count_to_be_between",
        "there are columns of two types or more.",
        min_value=2,
    ),
)
SUITES = tuple(
    _suite(FACILITY_DOWNGRADE, split, ("facility", "facility_id"), "cutoff_date", _DOWNGRADED)
    for split in SPLITS
)
CATALOG_SUITES = tuple(
    _suite(CATALOG_COLUMN_TYPE, split, ("column", "column_key"), "cutoff", _TYPE)
    for split in SPLITS
)
train_expectations, validation_expectations, test_expectations = map(suite_checks, SUITES)
(
    catalog_train_expectations,
    catalog_validation_expectations,
    catalog_test_expectations,
) = map(suite_checks, CATALOG_SUITES)


def _leak_check(artifact: str) -> dg.AssetChecksDefinition:
    key = dg.AssetKey(artifact.split("/"))

    @dg.asset_check(
        asset=key,
        name="no_temporal_leak",
        description="No prediction is in two splits, no label is known too late, and no context "
        "holds anything later than its cut-off or the answer.",
        blocking=True,
    )
    def no_temporal_leak(artifact_store: ArtifactStoreResource) -> dg.AssetCheckResult:
        """Search splits, labels and sampled contexts for anything from the future."""
        from amodels_assets.datasets.dataset import DatasetError, open_dataset
        from amodels_assets.datasets.leakage import SAMPLED_CONTEXTS, find_leaks

        store = ArtifactStore(artifact_store.path())
        try:
            found = store.get(artifact)
            leaks = find_leaks(open_dataset(found.path))
        except (ArtifactError, DatasetError) as error:
            raise dg.Failure(description=str(error), allow_retries=False) from error
        record = CheckRecord(
            check="no_temporal_leak",
            data_version=found.data_version,
            passed=not leaks,
            blocking=True,
            description="; ".join(f"{leak.detail} ({leak.count} in all)" for leak in leaks)
            or f"no leak in the splits and in up to {SAMPLED_CONTEXTS} contexts of each",
            metadata={"leaks": sum(leak.count for leak in leaks)},
        )
        return recorded(store, artifact, record, key)

    return no_temporal_leak


no_temporal_leak = _leak_check(FACILITY_DOWNGRADE)
catalog_no_temporal_leak = _leak_check(CATALOG_COLUMN_TYPE)
