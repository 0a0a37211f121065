"""Arrays from buffers are those that Arrow makes itself."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amodels_assets.sgmi.arrow_arrays import array, text
from amodels_assets.sgmi.schema import SCHEMAS

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
VALUES = {
    pa.string(): st.none() | TEXT,
    pa.bool_(): st.booleans(),
    pa.int32(): st.integers(-(2**31), 2**31 - 1),
    pa.int8(): st.integers(-128, 127),
    pa.list_(pa.string()): st.lists(TEXT, max_size=3),
    pa.map_(pa.string(), pa.string()): st.lists(st.tuples(TEXT, TEXT), max_size=3),
    pa.struct([("a", pa.list_(pa.int8())), ("b", pa.string())]): st.fixed_dictionaries(
        {"a": st.lists(st.integers(0, 12), max_size=3), "b": st.none() | TEXT}
    ),
}


@pytest.mark.parametrize("type_", VALUES, ids=str)
@given(data=st.data())
def test_the_same_as_arrow_makes(type_, data):
    values = data.draw(st.lists(VALUES[type_], max_size=12))
    found = array(values, type_)
    found.validate(full=True)
    assert found.equals(pa.array(values, type_))


def test_the_catalog_has_no_other_types():
    for name, schema in SCHEMAS.items():
        for field in schema:
            assert array([], field.type).type == field.type, name
    with pytest.raises(TypeError, match="double"):
        array([1.0], pa.float64())


def test_what_is_no_unicode_is_replaced():
    assert text(["a\ud800b", None]).to_pylist() == ["a?b", None]
