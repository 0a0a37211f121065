"""Bodies of requests: what is taken, and that anything else is refused with a place."""

from __future__ import annotations

import json
from datetime import datetime

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amodels_assets.serving.row_keys import RequestError, RowForm, RowKeys, read_rows

DAYS = RowForm("facility_id", "string", "cutoff_date", whole_days=True)
TIMES = RowForm("shop", "integer", "at", whole_days=False)


def read(content: object, form: RowForm = DAYS, most: int = 3) -> RowKeys:
    return read_rows(json.dumps(content).encode(), form, most)


def test_rows_are_read_in_their_order() -> None:
    rows = [{"facility_id": k, "cutoff_date": "2024-04-01"} for k in ("b", "a", "b")]
    found = read({"rows": rows})
    assert found.entities == ("b", "a", "b")
    assert found.cutoffs == (datetime(2024, 4, 1),) * 3
    assert list(found.said) == rows


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("2024-04-01", datetime(2024, 4, 1)),
        ("2024-04-01T12:30:00", datetime(2024, 4, 1, 12, 30)),
        ("2024-04-01T12:30:00+02:00", datetime(2024, 4, 1, 10, 30)),
        ("2024-04-01T12:30:00Z", datetime(2024, 4, 1, 12, 30)),
    ],
)
def test_moments_are_utc(said: str, meant: datetime) -> None:
    assert read({"rows": [{"shop": 1, "at": said}]}, TIMES).cutoffs == (meant,)


GOOD = {"facility_id": "a", "cutoff_date": "2024-04-01"}


@pytest.mark.parametrize(
    ("content", "status", "where"),
    [
        ([GOOD], 422, "rows"),
        ({"rows": GOOD}, 422, "rows"),
        ({"rows": [GOOD], "model": "r"}, 422, "rows"),
        ({"rows": []}, 422, "rows"),
        ({"rows": [GOOD] * 4}, 413, "rows"),
        ({"rows": [GOOD, {**GOOD, "x": 1}]}, 422, "rows[1]"),
        ({"rows": [GOOD, {"facility_id": "a"}]}, 422, "rows[1]"),
        ({"rows": [GOOD, "a"]}, 422, "rows[1]"),
        ({"rows": [{**GOOD, "facility_id": 1}]}, 422, "rows[0].facility_id"),
        ({"rows": [{**GOOD, "facility_id": "\ud800"}]}, 422, "rows[0].facility_id"),
        ({"rows": [{**GOOD, "facility_id": "a\n"}]}, 422, "rows[0].facility_id"),
        ({"rows": [{**GOOD, "cutoff_date": "2024-04-31"}]}, 422, "rows[0].cutoff_date"),
        ({"rows": [{**GOOD, "cutoff_date": "2024-04-01T10:00:00"}]}, 422, "rows[0].cutoff_date"),
        ({"rows": [{**GOOD, "cutoff_date": 20240401}]}, 422, "rows[0].cutoff_date"),
    ],
)
def test_what_is_wrong_is_named(content: object, status: int, where: str) -> None:
    with pytest.raises(RequestError) as refused:
        read(content)
    assert (refused.value.status, refused.value.where) == (status, (where,))


@pytest.mark.parametrize(
    "row",
    [
        {"shop": True, "at": "2024-04-01"},
        {"shop": "1", "at": "2024-04-01"},
        {"shop": 2**63, "at": "2024-04-01"},
        {"shop": 1, "at": "0001-01-01T00:00:00+02:00"},
    ],
)
def test_numbers_and_times_have_bounds(row: object) -> None:
    with pytest.raises(RequestError) as refused:
        read({"rows": [row]}, TIMES)
    assert refused.value.status == 422


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'{"rows": NaN}', b"[" * 100_000])
def test_no_json_is_400(body: bytes) -> None:
    with pytest.raises(RequestError) as refused:
        read_rows(body, DAYS, 3)
    assert refused.value.status == 400


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters()),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["rows", "facility_id", "cutoff_date", "shop", "at"]), inner, max_size=3
        )
    ),
    max_leaves=12,
)
ROWS = st.fixed_dictionaries(
    {
        "rows": st.lists(
            st.fixed_dictionaries(
                {"shop": JSON, "at": JSON | st.datetimes().map(datetime.isoformat)}
            ),
            max_size=4,
        )
    }
)


@given(JSON | ROWS, st.sampled_from([DAYS, TIMES]))
def test_anything_is_read_or_refused(content: object, form: RowForm) -> None:
    refused = None
    try:
        found = read(content, form)
    except RequestError as error:
        refused = error
    if refused is not None:
        assert refused.status in {413, 422}
        assert refused.where
        return
    assert 0 < len(found.entities) == len(found.cutoffs) == len(found.said) <= 3
    assert all(moment.tzinfo is None for moment in found.cutoffs)
    # Whatever was taken can be looked up.
    pa.array(found.entities, pa.string() if form is DAYS else pa.int64())


@given(st.binary(max_size=80))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    with pytest.raises(RequestError):
        read_rows(body, DAYS, 3)
