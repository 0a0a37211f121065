"""The flat table holds what was known at the cut-off, computed by hand for a few rows."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import numpy as np
import pytest

from amodels_assets.datasets.dataset import open_dataset
from amodels_assets.evaluation.features import REACHES, make_features

ROWS = range(0, 200, 23)


def test_reaches_grow(bank_dataset: Path) -> None:
    dataset = open_dataset(bank_dataset)
    own, parents, joins = (make_features(dataset, "test", reach) for reach in REACHES)
    assert set(own.names) < set(parents.names) < set(joins.names)
    assert "region.unemployment_rate" in {name.split(">")[-1] for name in parents.names}
    assert {own.names[i] for i in own.categorical} == {"facility.facility_type"}
    for features in (own, parents, joins):
        assert features.values.shape == (dataset.tasks["test"].num_rows, len(features.names))


@pytest.mark.parametrize(("days", "within"), [(None, ""), (90, " 90d")])
def test_aggregates_equal_those_by_hand(bank_dataset: Path, days: int | None, within: str) -> None:
    dataset = open_dataset(bank_dataset)
    features = make_features(dataset, "test", "joins")
    task = dataset.tasks["test"].to_pylist()
    transactions = dataset.tables["account_transaction"].to_pylist()

    def column(name: str) -> np.ndarray:
        return features.values[:, features.names.index(name)]

    for row in ROWS:
        cutoff = datetime.combine(_day(task[row]["cutoff_date"]), datetime.min.time())
        known = [
            t
            for t in transactions
            if t["facility_id"] == task[row]["facility_id"]
            and t["booked_at"] <= cutoff
            and (days is None or (cutoff - t["booked_at"]).total_seconds() < days * 86_400)
        ]
        late = [t["days_past_due"] for t in known if t["days_past_due"] is not None]
        assert column(f"account_transaction.facility_id count{within}")[row] == len(known)
        expected = [np.mean(late), min(late), max(late)] if late else [np.nan] * 3
        found = [
            column(f"account_transaction.days_past_due {what}{within}")[row]
            for what in ("mean", "least", "greatest")
        ]
        assert np.allclose(found, expected, equal_nan=True)


def _day(value: date | datetime) -> date:
    return value.date() if isinstance(value, datetime) else value


def test_parents_are_looked_up_over_several_keys(bank_dataset: Path) -> None:
    dataset = open_dataset(bank_dataset)
    features = make_features(dataset, "test", "parents")
    name = "client_id>region_id>region.unemployment_rate"
    values = features.values[:, features.names.index(name)]
    by_key = {
        table: {row[f"{table}_id"]: row for row in dataset.tables[table].to_pylist()}
        for table in ("facility", "client", "region")
    }
    for row in ROWS:
        facility = by_key["facility"][dataset.tasks["test"]["facility_id"][row].as_py()]
        region = by_key["region"][by_key["client"][facility["client_id"]]["region_id"]]
        assert values[row] == region["unemployment_rate"]
