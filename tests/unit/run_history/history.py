"""A small history on a real storage: assets, partitions, checks, failures, reports."""

from __future__ import annotations

from datetime import UTC, datetime

import dagster as dg

ENDPOINT = dg.AssetKey("endpoint")
PARTITIONS = dg.StaticPartitionsDefinition(["a", "b"])


@dg.asset
def often() -> dg.MaterializeResult:
    return dg.MaterializeResult(data_version=dg.DataVersion("1"))


@dg.asset
def once() -> None: ...


@dg.asset(partitions_def=PARTITIONS)
def parted() -> None: ...


@dg.asset
def fails() -> None:
    raise dg.Failure("meant")


@dg.asset_check(asset=often)
def is_good() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=True)


@dg.asset_check(asset=once)
def was_good() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=True)


@dg.op
def nothing() -> None: ...


@dg.job
def job() -> None:
    nothing()


ASSETS = [often, once, parted, fails]
CHECKS = [is_good, was_good]


def run(
    instance: dg.DagsterInstance,
    asset: dg.AssetsDefinition,
    *,
    checked: bool = False,
    partition: str | None = None,
) -> str:
    """Materialize an asset in a run of its own; the run's id."""
    selection = dg.AssetSelection.assets(asset)
    done = dg.materialize(
        [*ASSETS, *CHECKS],
        selection=selection if checked else selection.without_checks(),
        instance=instance,
        partition_key=partition,
        raise_on_error=False,
    )
    return done.run_id


def report(instance: dg.DagsterInstance, *, passed: bool) -> None:
    """What a sensor reports outside of runs."""
    instance.report_runless_asset_event(dg.AssetObservation(ENDPOINT))
    instance.report_runless_asset_event(
        dg.AssetCheckEvaluation(asset_key=ENDPOINT, check_name="is_ready", passed=passed)
    )


def now() -> datetime:
    return datetime.now(UTC)


def current(instance: dg.DagsterInstance) -> dict[str, object]:
    """What the asset pages show."""
    keys = [*(asset.key for asset in ASSETS), ENDPOINT]
    checks = [*is_good.check_keys, *was_good.check_keys, dg.AssetCheckKey(ENDPOINT, "is_ready")]
    storage = instance.event_log_storage
    planned = storage.get_latest_asset_partition_materialization_attempts_without_materializations
    return {
        "materialized": {key: instance.get_latest_materialization_event(key) for key in keys},
        "observed": {
            key: [r.storage_id for r in instance.fetch_observations(key, limit=1).records]
            for key in keys
        },
        "records": {
            record.asset_entry.asset_key: (
                record.asset_entry.last_materialization_storage_id,
                record.asset_entry.last_run_id,
                instance.get_run_by_id(record.asset_entry.last_run_id or ""),
            )
            for record in instance.get_asset_records(keys)
        },
        "partitions": storage.get_latest_storage_id_by_partition(
            parted.key, dg.DagsterEventType.ASSET_MATERIALIZATION
        ),
        "failed_partitions": planned(parted.key),
        "tags": storage.get_latest_tags_by_partition(
            parted.key, dg.DagsterEventType.ASSET_MATERIALIZATION, ["dagster/data_version"]
        ),
        "versions": instance.get_latest_data_version_record(often.key),
        "checks": storage.get_asset_check_summary_records(checks),
    }
