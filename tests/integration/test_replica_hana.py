"""The replica in SAP HANA: what the other targets' tests ask for, and what is its own.

They run against the stand-in of ``tests/hana``, through SAP's real driver. The same module runs
against a real SAP HANA where ``AMODELS_TEST_HANA_URL`` names one, as ``hana://user:password@host:
port``. Give it a database of its own, and a user that may create schemas: the tests make schemas
called ``d``, ``e``, ``other`` and ``amodels_replica``, and drop every schema that was not there
before.

    AMODELS_TEST_HANA_URL=hana://tests:password@localhost:39015 \\
        .venv/bin/pytest tests/integration/test_replica_hana.py

Belongs here: behaviour that any SAP HANA has. Does not belong here: the stand-in's grammar and
faults (``test_replica_hana_grammar.py``, ``test_replica_hana_faults.py``).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.hana_database import hana_database

# What any target has to do: the same tests, with this module's database.
from tests.integration.test_replica import (  # noqa: F401
    test_a_second_time_touches_nothing,
    test_every_type_comes_back_as_it_went_in,
    test_names_are_names_and_never_sql,
)
from tests.integration.test_replica_faults import (  # noqa: F401
    test_another_nested_value_is_noticed,
    test_any_rows_come_back,
    test_text_that_looks_like_the_end_of_the_data,
)
from tests.integration.test_replica_migrations import (  # noqa: F401
    test_a_plan_writes_nothing,
    test_a_table_becomes_a_view_and_back,
    test_a_view_that_the_target_cannot_run_says_why_and_costs_no_other,
    test_columns_are_added_and_widened,
    test_rows_wait_with_a_narrower_column_that_would_round_them,
    test_rows_whose_key_is_not_unique_are_all_kept,
    test_the_record_tells_what_was_done,
    test_views_come_in_order_and_give_rows,
    test_views_follow_their_tables_and_their_queries,
    test_what_loses_data_waits_for_permission,
    test_what_widens_keeps_the_rows_that_are_there,
)

pytest.importorskip("hdbcli")


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """URL of an empty SAP HANA."""
    with hana_database(tmp_path / "hana") as found:
        yield found
