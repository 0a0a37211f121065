"""Databases as they are found: each builds, or is refused in one sentence."""

from __future__ import annotations

import copy
import dataclasses
import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amodels_assets.datasets.build import build_dataset
from amodels_assets.datasets.dataset import (
    ColumnStatistics,
    DatasetError,
    RelationalDataset,
    cutoff_seconds,
    known_times,
    open_dataset,
    seconds,
)
from amodels_assets.datasets.leakage import find_leaks
from amodels_assets.datasets.relational import SpecError, parse_spec
from amodels_assets.datasets.statistics import describe
from amodels_assets.datasets.typed import key_texts

PEOPLE, ASKED = 40, 240
START = dt.datetime(2020, 1, 1)
BASE: dict[str, Any] = {
    "name": "small",
    "description": "Does it happen?",
    "database": "test",
    "seed": 1,
    "tables": {
        "person": {"primary_key": "id", "columns": {"name": "text", "size": "numeric"}},
        "asked": {
            "primary_key": "id",
            "time_column": "known",
            "foreign_keys": {"person": "person"},
            "columns": {"at": "datetime", "happened": "boolean"},
        },
    },
    "task": {
        "table": "asked",
        "entity_column": "person",
        "cutoff_column": "at",
        "target_column": "happened",
        "kind": "binary",
        "validation_start": "2020-06-01",
        "test_start": "2020-07-15",
    },
}


def moments(days: np.ndarray | range) -> pa.Array:
    return pa.array([START + dt.timedelta(days=int(day)) for day in days], pa.timestamp("us"))


def rows() -> dict[str, pa.Table]:
    return {
        "person": pa.table(
            {
                "id": np.arange(PEOPLE),
                "name": [f"person {number}" for number in range(PEOPLE)],
                "size": np.linspace(1, 2, PEOPLE),
            }
        ),
        "asked": pa.table(
            {
                "id": np.arange(ASKED),
                "person": np.arange(ASKED) % PEOPLE,
                "at": moments(range(ASKED)),
                "known": moments(np.arange(ASKED) + 7),
                "happened": np.arange(ASKED) % 3 == 0,
                "class": np.array(["red", "green", "blue"])[np.arange(ASKED) % 3],
                "amount": np.arange(ASKED, dtype=np.float64),
            }
        ),
    }


def declared(change: dict[str, Any]) -> dict[str, Any]:
    """The declaration with values set by path, such as ``tables/person/columns/age``."""
    raw = copy.deepcopy(BASE)
    for path, value in change.items():
        *steps, last = path.split("/")
        target = raw
        for step in steps:
            target = target.setdefault(step, {})
        if value is None:
            target.pop(last, None)
        else:
            target[last] = value
    return raw


def build(
    folder: Path, change: dict[str, Any], tables: dict[str, pa.Table]
) -> tuple[RelationalDataset, dict[str, Any]]:
    summary = build_dataset(tables, parse_spec(declared(change), "small.yaml"), folder)
    return open_dataset(folder), summary


def with_column(table: pa.Table, name: str, values: Any) -> pa.Table:
    return table.append_column(
        name, pa.array(values) if not isinstance(values, pa.Array) else values
    )


# Kinds of tasks


@pytest.mark.parametrize(
    ("kind", "target", "column", "label_type"),
    [
        ("binary", "happened", "boolean", pa.int8()),
        ("multiclass", "class", "categorical", pa.string()),
        ("regression", "amount", "numeric", pa.float64()),
    ],
)
def test_every_kind_of_task(
    tmp_path: Path, kind: str, target: str, column: str, label_type: pa.DataType
) -> None:
    change = {
        "task/kind": kind,
        "task/target_column": target,
        "tables/asked/columns": {"at": "datetime", target: column},
    }
    dataset, summary = build(tmp_path, change, rows())
    assert {t["label"].type for t in dataset.tasks.values()} == {label_type}
    assert {t["at"].type for t in dataset.tasks.values()} == {pa.timestamp("s")}
    assert dataset.spec.task.kind == kind
    assert summary["splits"]["train"]["rows"] == 146
    assert find_leaks(dataset) == []
    truth = dict(
        zip(rows()["asked"]["at"].to_pylist(), rows()["asked"][target].to_pylist(), strict=True)
    )
    for row in dataset.tasks["test"].to_pylist():
        assert row["label"] == truth[row["at"]]


def test_a_cutoff_to_the_second(tmp_path: Path) -> None:
    asked = rows()["asked"]
    odd = pc.add(asked["at"], pa.scalar(dt.timedelta(hours=5, seconds=7, milliseconds=600)))
    tables = {**rows(), "asked": asked.set_column(2, "at", odd)}
    change = {"task/validation_start": "2020-06-01T05:00:07", "task/test_start": "2020-07-15"}
    dataset, _ = build(tmp_path, change, tables)
    # Rounded down: what became known within the same second is not to be seen.
    assert (cutoff_seconds(dataset.tasks["train"]["at"]) % 86_400 == 5 * 3_600 + 7).all()
    first = min(dataset.tasks["validation"]["at"].to_pylist())
    assert first == dt.datetime(2020, 6, 1, 5, 0, 7)


def test_a_split_by_rows_needs_no_time(tmp_path: Path) -> None:
    asked = rows()["asked"]
    same = pa.array([START] * ASKED, pa.timestamp("s"))
    later = pa.array([START + dt.timedelta(days=1)] * ASKED, pa.timestamp("s"))
    split = np.array(["train", "validation", "test", None], dtype=object)[np.arange(ASKED) % 4]
    asked = asked.set_column(2, "at", same).set_column(3, "known", later)
    tables = {**rows(), "asked": with_column(asked, "part", split)}
    change = {
        "task/validation_start": None,
        "task/test_start": None,
        "task/split_column": "part",
        "task/kind": "regression",
        "task/target_column": "amount",
        "tables/asked/columns": {"at": "datetime", "amount": "numeric"},
    }
    dataset, summary = build(tmp_path, change, tables)
    assert {name: part["rows"] for name, part in summary["splits"].items()} == {
        "train": 60,
        "validation": 60,
        "test": 60,
    }
    # The answer's statistics come from training rows, those of others from all that is known.
    assert dataset.statistics["asked.amount"].mean == np.arange(0, ASKED, 4).mean()
    assert dataset.statistics["person.size"].count == PEOPLE


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tables/person/primary_key": None}, "person has no primary_key"),
        ({"task/validation_start": None}, "both, or neither"),
        ({"task/validation_start": None, "task/test_start": None}, "has no split"),
        ({"task/split_column": "happened"}, "is used otherwise"),
        ({"task/kind": "multiclass"}, "no categorical column"),
        ({"task/kind": "regression"}, "no numeric column"),
        ({"tables/asked/columns/person": "numeric"}, "show it as categorical or text"),
        ({"tables/asked/columns/id": "categorical"}, "is the primary key"),
        ({"tables/asked/time_column": None}, "needs a time_column"),
        ({"task/validation_start": "2020-06-01T00:00:00.5"}, "whole seconds"),
        ({"name": "../elsewhere"}, "folder's name"),
        ({"tables/a.b/primary_key": 5}, "must be a text"),
        ({"tables/.hidden": {"primary_key": "id", "columns": {}}}, "leading dots"),
    ],
)
def test_a_declaration_that_cannot_be(change: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=message) as error:
        parse_spec(declared(change), "small.yaml")
    assert "\n" not in str(error.value)


def test_a_declaration_with_everything_survives_a_round_trip() -> None:
    change = {
        "task/split_column": "part",
        "task/validation_start": "2020-06-01T04:05:06+02:00",
        "tables/asked/columns/person": "text",
    }
    spec = parse_spec(declared(change), "small.yaml")
    assert spec.task.validation_start == dt.datetime(2020, 6, 1, 2, 5, 6)
    assert parse_spec(spec.to_json(), "again") == spec


# Keys


def test_a_foreign_key_may_be_seen_as_well(tmp_path: Path) -> None:
    dataset, _ = build(tmp_path, {"tables/asked/columns/person": "categorical"}, rows())
    assert dataset.categories["asked.person"][:2] == ("0", "1")
    assert find_leaks(dataset) == []


def test_dangling_keys_are_counted(tmp_path: Path) -> None:
    person = pa.array([None if n % 50 == 0 else n % 45 for n in range(ASKED)], pa.int64())
    tables = {**rows(), "asked": rows()["asked"].set_column(1, "person", person)}
    _, summary = build(tmp_path, {}, tables)
    lost = sum(1 for number in range(ASKED) if number % 50 and number % 45 >= PEOPLE)
    assert summary["dangling_foreign_keys"] == {"asked.person": lost}
    assert summary["left_out"]["no_label_or_entity"] == lost + 5


def test_rows_that_point_to_themselves_and_in_circles(tmp_path: Path) -> None:
    person = with_column(rows()["person"], "boss", np.arange(PEOPLE))
    person = with_column(person, "favourite", np.arange(PEOPLE))
    thing = pa.table({"id": np.arange(PEOPLE), "owner": np.arange(PEOPLE)[::-1]})
    change = {
        "tables/person/foreign_keys": {"boss": "person", "favourite": "thing"},
        "tables/thing": {
            "primary_key": "id",
            "foreign_keys": {"owner": "person"},
            "columns": {"owner": "text"},
        },
    }
    dataset, summary = build(tmp_path, change, {**rows(), "person": person, "thing": thing})
    assert set(summary["dangling_foreign_keys"].values()) == {0}
    assert find_leaks(dataset) == []


def test_forty_foreign_keys_in_a_row(tmp_path: Path) -> None:
    names = [f"link_{number}" for number in range(40)]
    person = rows()["person"]
    for number, name in enumerate(names):
        person = with_column(person, name, (np.arange(PEOPLE) + number) % PEOPLE)
    change = {"tables/person/foreign_keys": dict.fromkeys(names, "person")}
    dataset, summary = build(tmp_path, change, {**rows(), "person": person})
    assert len(summary["dangling_foreign_keys"]) == 41
    assert find_leaks(dataset) == []


def test_keys_of_other_types_find_each_other(tmp_path: Path) -> None:
    """Whole numbers that a reader made floats or decimals are the same keys."""
    floats = rows()["asked"]["person"].cast(pa.float64())
    decimals = rows()["person"]["id"].cast(pa.decimal128(22, 2))
    tables = {
        "asked": rows()["asked"].set_column(1, "person", floats),
        "person": rows()["person"].set_column(0, "id", decimals),
    }
    _, summary = build(tmp_path, {}, tables)
    assert summary["dangling_foreign_keys"] == {"asked.person": 0}


@given(
    st.lists(st.none() | st.integers(-(2**53), 2**53), max_size=8),
    st.sampled_from([pa.float64(), pa.decimal128(38, 4), pa.int64(), pa.string()]),
)
def test_a_whole_number_is_one_key_in_any_type(
    numbers: list[int | None], kind: pa.DataType
) -> None:
    plain = pa.chunked_array([pa.array(numbers, pa.int64())])
    assert key_texts(plain.cast(kind)).to_pylist() == key_texts(plain).to_pylist()


@given(st.lists(st.none() | st.floats(), max_size=8))
def test_any_float_is_a_key_or_null(numbers: list[float | None]) -> None:
    texts = key_texts(pa.chunked_array([pa.array(numbers, pa.float64())])).to_pylist()
    assert [text is None for text in texts] == [n is None or n != n for n in numbers]


# Values


def test_an_empty_table(tmp_path: Path) -> None:
    thing = pa.table({"id": pa.array([], pa.int64()), "owner": pa.array([], pa.int64()),
                      "weight": pa.array([], pa.float64()), "kind": pa.array([], pa.null()),
                      "since": pa.array([], pa.date32())})  # fmt: skip
    change = {
        "tables/thing": {
            "primary_key": "id",
            "time_column": "since",
            "foreign_keys": {"owner": "person"},
            "columns": {"weight": "numeric", "kind": "categorical", "since": "datetime"},
        }
    }
    dataset, summary = build(tmp_path, change, {**rows(), "thing": thing})
    assert summary["rows"]["thing"] == 0
    assert dataset.categories["thing.kind"] == ()
    assert dataset.statistics["thing.weight"].deviation == 1.0
    assert find_leaks(dataset) == []


def test_an_empty_table_of_answers_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="0 rows and not both labels"):
        build(tmp_path, {}, {**rows(), "asked": rows()["asked"].slice(0, 0)})


def test_empty_constant_and_odd_columns(tmp_path: Path) -> None:
    odd = np.linspace(-1, 1, PEOPLE)
    odd[:4] = [np.nan, np.inf, -np.inf, 1e308]
    columns = {
        "nothing": (pa.nulls(PEOPLE), "numeric"),
        "no_text": (pa.nulls(PEOPLE), "text"),
        "no_class": (pa.nulls(PEOPLE), "categorical"),
        "no_time": (pa.nulls(PEOPLE), "datetime"),
        "no_truth": (pa.nulls(PEOPLE), "boolean"),
        "constant": (pa.array([7] * PEOPLE), "numeric"),
        "one_day": (pa.array([dt.date(2020, 1, 1)] * PEOPLE), "datetime"),
        "odd": (pa.array(odd), "numeric"),
    }
    person = rows()["person"]
    for name, (values, _) in columns.items():
        person = with_column(person, name, values)
    change = {f"tables/person/columns/{name}": kind for name, (_, kind) in columns.items()}
    dataset, _ = build(tmp_path, change, {**rows(), "person": person})
    statistics = dataset.statistics
    assert statistics["person.nothing"] == ColumnStatistics(0, 0.0, 1.0, (0.0,) * 17)
    assert statistics["person.constant"].deviation == 1.0
    assert statistics["person.one_day"].mean == 1_577_836_800
    assert statistics["person.odd"].count == PEOPLE - 3
    for found in statistics.values():
        assert np.isfinite([found.mean, found.deviation, *found.quantiles]).all()
    assert dataset.tables["person"]["odd"].null_count == 3
    assert find_leaks(dataset) == []


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=20))
def test_statistics_of_any_numbers_are_finite(numbers: list[float]) -> None:
    found = describe(np.array(numbers, dtype=np.float64))
    assert np.isfinite([found.mean, found.deviation, *found.quantiles]).all()
    assert found.deviation > 0
    assert list(found.quantiles) == sorted(found.quantiles)


def test_a_million_distinct_texts(tmp_path: Path) -> None:
    count = 1_000_000
    note = pa.table(
        {
            "id": np.arange(count),
            "person": np.arange(count) % PEOPLE,
            "text": pc.binary_join_element_wise(
                pa.scalar("note"), pa.array(np.arange(count)).cast(pa.string()), " "
            ),
        }
    )
    change = {
        "tables/note": {
            "primary_key": "id",
            "foreign_keys": {"person": "person"},
            "columns": {"text": "categorical"},
        }
    }
    dataset, summary = build(tmp_path, change, {**rows(), "note": note})
    assert summary["rows"]["note"] == count
    assert len(dataset.categories["note.text"]) == 256


@pytest.mark.parametrize(
    ("values", "years"),
    [
        (pa.array([-(2**63) + 1, 2**63 - 1], pa.timestamp("ns")), (1677, 2262)),
        (pa.array([dt.datetime(1, 1, 1), dt.datetime(9999, 1, 1)], pa.timestamp("us")), (1, 9999)),
        (pa.array([dt.date(1, 1, 1), dt.date(9999, 12, 31)], pa.date32()), (1, 9999)),
        (pa.array([dt.date(1600, 1, 1), dt.date(2400, 1, 1)], pa.date64()), (1600, 2400)),
        (pa.array(["1677-09-21 00:12:43", "2262-04-12 00:00:00"]), (1677, 2262)),
    ],
)  # fmt: skip
def test_far_dates(tmp_path: Path, values: pa.Array, years: tuple[int, int]) -> None:
    born = pa.array(values.to_pylist() * (PEOPLE // 2), values.type) if values.type != pa.timestamp(
        "ns"
    ) else pa.chunked_array([values] * (PEOPLE // 2)).combine_chunks()  # fmt: skip
    person = with_column(rows()["person"], "born", born)
    dataset, _ = build(
        tmp_path, {"tables/person/columns/born": "datetime"}, {**rows(), "person": person}
    )
    found = seconds(dataset.tables["person"]["born"])
    spoken = found.astype("datetime64[s]").astype("datetime64[Y]").astype(int) + 1970
    assert (spoken.min(), spoken.max()) == years
    assert np.isfinite(dataset.statistics["person.born"].deviation)


@pytest.mark.parametrize("second", [-(2**62), 2**62, 253_402_300_800])
def test_dates_beyond_the_calendar_are_one_sentence(tmp_path: Path, second: int) -> None:
    born = pa.array([second] * PEOPLE, pa.timestamp("s"))
    person = with_column(rows()["person"], "born", born)
    with pytest.raises(DatasetError, match="outside of the years 1 to 9999 in row 1"):
        build(tmp_path, {"tables/person/columns/born": "datetime"}, {**rows(), "person": person})


def test_a_time_with_a_zone_is_taken_as_utc(tmp_path: Path) -> None:
    noon = dt.datetime(2020, 1, 1, 12, tzinfo=dt.timezone(dt.timedelta(hours=2)))
    born = pa.array([noon] * PEOPLE, pa.timestamp("us", "Europe/Helsinki"))
    person = with_column(rows()["person"], "born", born)
    dataset, _ = build(
        tmp_path, {"tables/person/columns/born": "datetime"}, {**rows(), "person": person}
    )
    assert dataset.tables["person"]["born"][0].as_py() == dt.datetime(2020, 1, 1, 10)


@given(st.lists(st.none() | st.integers(-(2**63), 2**63 - 1), max_size=6),
       st.sampled_from(["s", "ms", "us", "ns"]))  # fmt: skip
def test_seconds_never_make_a_fact_known_earlier(values: list[int | None], unit: str) -> None:
    column = pa.array(values, pa.timestamp(unit))
    per = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit]
    for value, up, down in zip(values, seconds(column), seconds(column, up=False), strict=True):
        if value is None:
            assert up == down == np.iinfo(np.int64).max
        else:
            assert int(up) == -(-value // per)
            assert int(down) == value // per


COLUMNS = st.one_of(
    *(
        st.lists(st.none() | values, min_size=PEOPLE, max_size=PEOPLE).map(
            lambda found, kind=kind: pa.array(found, kind)
        )
        for values, kind in (
            (st.integers(-(2**31), 2**31 - 1), pa.int32()),
            (st.integers(0, 2**64 - 1), pa.uint64()),
            (st.floats(), pa.float64()),
            (st.booleans(), pa.bool_()),
            (st.text(alphabet=st.characters(codec="utf-8"), max_size=5), pa.string()),
            (st.binary(max_size=4), pa.binary()),
            (st.integers(-(2**62), 2**62), pa.timestamp("s")),
            (st.integers(-(2**31), 2**31 - 1), pa.date32()),
            (st.integers(0, 86_399), pa.time32("s")),
            (st.lists(st.integers(0, 9), max_size=2), pa.list_(pa.int8())),
        )
    )
)


@settings(max_examples=80, deadline=None)
@given(COLUMNS, st.sampled_from(["numeric", "boolean", "datetime", "categorical", "text"]))
def test_any_column_builds_or_is_refused_in_one_sentence(
    tmp_path_factory: pytest.TempPathFactory, values: pa.Array, kind: str
) -> None:
    person = with_column(rows()["person"], "odd", values)
    change = {"tables/person/columns/odd": kind}
    try:
        dataset, _ = build(tmp_path_factory.mktemp("any"), change, {**rows(), "person": person})
    except DatasetError as error:
        message = str(error)
    else:
        message = "person.odd"
        assert dataset.tables["person"].num_rows == PEOPLE
    assert message.startswith("person.odd")
    assert "\n" not in message


# Leaks


def test_foreign_statistics_are_found(tmp_path: Path) -> None:
    change = {
        "tables/asked/columns": {
            "at": "datetime", "happened": "boolean", "amount": "numeric", "class": "categorical",
        }
    }  # fmt: skip
    dataset, _ = build(tmp_path, change, rows())
    assert find_leaks(dataset) == []
    inside = known_times(dataset.spec, dataset.tables, "asked") < 1_590_969_600
    assert dataset.statistics["asked.amount"].count == inside.sum() < ASKED
    everything = describe(np.arange(ASKED, dtype=np.float64))
    for change_of in (
        {"statistics": {**dataset.statistics, "asked.amount": everything}},
        {"categories": {**dataset.categories, "asked.class": ("red", "violet")}},
        {"categories": {}},
    ):
        leaks = find_leaks(dataclasses.replace(dataset, **change_of))
        assert [leak.rule for leak in leaks] == ["statistics come from the training window"]


def test_a_category_of_the_future_is_not_known(tmp_path: Path) -> None:
    late = np.array(["red"] * 200 + ["violet"] * 40)
    asked = rows()["asked"]
    tables = {**rows(), "asked": asked.set_column(5, "class", pa.array(late))}
    dataset, _ = build(tmp_path, {"tables/asked/columns/class": "categorical"}, tables)
    assert dataset.categories["asked.class"] == ("red",)
