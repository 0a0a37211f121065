"""Places in pools in the SQLite event log."""

from __future__ import annotations

import threading
from pathlib import Path

import dagster as dg
import pytest

from amodels_assets.commands.materialize import DAGSTER_YAML
from resources.event_log import PooledSqliteEventLogStorage

POOLS = [f"pool_{number}" for number in range(100)]


def test_a_place_that_two_ask_for_at_once_goes_to_one(tmp_path: Path) -> None:
    """Dagster's own storage gives some of the hundred to both."""
    storages = [PooledSqliteEventLogStorage(str(tmp_path)) for _ in range(2)]
    for pool in POOLS:
        storages[0].set_concurrency_slots(pool, 1)
    together = threading.Barrier(2)
    claimed: dict[str, list[bool]] = {"one": [], "two": []}

    def ask(storage: PooledSqliteEventLogStorage, run_id: str) -> None:
        for pool in POOLS:
            together.wait()
            status = storage.claim_concurrency_slot(pool, run_id, "step")
            claimed[run_id].append(status.is_claimed)

    threads = [
        threading.Thread(target=ask, args=pair) for pair in zip(storages, claimed, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [a + b for a, b in zip(*claimed.values(), strict=True)] == [1] * len(POOLS)


def test_who_waited_takes_the_place_when_it_is_free(tmp_path: Path) -> None:
    storage = PooledSqliteEventLogStorage(str(tmp_path))
    storage.set_concurrency_slots("pool", 1)
    assert storage.claim_concurrency_slot("pool", "first", "step").is_claimed
    assert not storage.claim_concurrency_slot("pool", "second", "step").is_claimed
    storage.free_concurrency_slots_for_run("first")
    assert storage.claim_concurrency_slot("pool", "second", "step").is_claimed
    assert not storage.claim_concurrency_slot("pool", "third", "step").is_claimed


def test_no_place_is_taken_in_another_pool_nor_a_deleted_one(tmp_path: Path) -> None:
    storage = PooledSqliteEventLogStorage(str(tmp_path))
    storage.set_concurrency_slots("other", 1)
    storage.set_concurrency_slots("pool", 1)
    storage.set_concurrency_slots("pool", 0)
    assert not storage.claim_concurrency_slot("pool", "run", "step").is_claimed


def test_the_settings_of_the_command_line_name_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "dagster.yaml").write_text(DAGSTER_YAML)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    with dg.DagsterInstance.get() as instance:
        assert isinstance(instance.event_log_storage, PooledSqliteEventLogStorage)
    assert (tmp_path / "history" / "runs" / "index.db").exists()


def test_without_a_place_it_says_what_to_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "dagster.yaml").write_text(DAGSTER_YAML)
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    with pytest.raises(ValueError, match="set DAGSTER_HOME"):
        dg.DagsterInstance.from_config(str(tmp_path)).event_log_storage.has_table("event_logs")
