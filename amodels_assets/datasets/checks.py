"""Checks on the data sets: what every split must hold, and that nothing leaks."""

import dagster as dg

from amodels_assets.artifacts import ArtifactError, ArtifactStore, CheckRecord
from amodels_assets.quality.expectation import Expectation, Suite
from amodels_assets.quality.factory import recorded, suite_checks
from resources.artifact_store import ArtifactStoreResource

ARTIFACT = "datasets/facility_downgrade"
KEY = dg.AssetKey(["datasets", "facility_downgrade"])


def _suite(split: str) -> Suite:
    def expectation(name: str, kind: str, arguments: dict, description: str) -> Expectation:
        return Expectation(f"{split}_{name}", kind, arguments, f"{split}: {description}")

    return Suite(
        asset_key=("datasets", "facility_downgrade"),
        artifact=ARTIFACT,
        table=f"tasks/facility_downgrade/{split}",
        columns=("facility_id", "cutoff_date", "label"),
        expectations=(
            expectation(
                "predictions_unique",
                "expect_compound_columns_to_be_unique",
                {"column_list": ["facility_id", "cutoff_date"]},
                "a facility is predicted once a cut-off.",
            ),
            expectation(
                "facility_given",
                "expect_column_values_to_not_be_null",
                {"column": "facility_id"},
                "every prediction names its facility.",
            ),
            expectation(
                "label_known",
                "expect_column_values_to_be_in_set",
                {"column": "label", "value_set": [0, 1]},
                "every label is 0 or 1.",
            ),
            expectation(
                "share_of_positives",
                "expect_column_mean_to_be_between",
                {"column": "label", "min_value": 0.01, "max_value": 0.99},
                "both labels are there in numbers that can be learned from.",
            ),
        ),
    )


SUITES = tuple(_suite(split) for split in ("train", "validation", "test"))
train_expectations, validation_expectations, test_expectations = map(suite_checks, SUITES)


@dg.asset_check(
    asset=KEY,
    name="no_temporal_leak",
    description="No prediction is in two splits, no label is known too late, and no context holds "
    "anything later than its cut-off or the answer.",
    blocking=True,
)
def no_temporal_leak(artifact_store: ArtifactStoreResource) -> dg.AssetCheckResult:
    """Search splits, labels and sampled contexts for anything from the future."""
    from amodels_assets.datasets.dataset import DatasetError, open_dataset
    from amodels_assets.datasets.leakage import SAMPLED_CONTEXTS, find_leaks

    store = ArtifactStore(artifact_store.path())
    try:
        artifact = store.get(ARTIFACT)
        leaks = find_leaks(open_dataset(artifact.path))
    except (ArtifactError, DatasetError) as error:
        raise dg.Failure(description=str(error), allow_retries=False) from error
    record = CheckRecord(
        check="no_temporal_leak",
        data_version=artifact.data_version,
        passed=not leaks,
        blocking=True,
        description="; ".join(f"{leak.detail} ({leak.count} in all)" for leak in leaks)
        or f"no leak in the splits and in up to {SAMPLED_CONTEXTS} contexts of each",
        metadata={"leaks": sum(leak.count for leak in leaks)},
    )
    return recorded(store, ARTIFACT, record, KEY)
