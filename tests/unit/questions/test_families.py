"""Families, splits, and that no fact is on both sides."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from amodels_assets.questions.facts import read_facts
from amodels_assets.questions.families import (
    LARGEST_SHARE,
    SMALLEST_LIMIT,
    find_families,
    make_splits,
)

from .made import catalog


def relations(count: int, database: str = "d") -> dict[str, str]:
    """Tables with a column each of a name of its own."""
    return {f"{database}.t{n:03}": f"only_in_{n} string" for n in range(count)}


def test_lineage_makes_a_family() -> None:
    facts = read_facts(catalog(relations(6), edges=[("d.t003", "d.t000"), ("d.t004", "d.t003")]))
    family = find_families(facts)
    assert family["d.t000"] == family["d.t003"] == family["d.t004"] == "d.t000"
    assert len(set(family.values())) == 4


def test_a_copy_with_the_same_columns_is_family() -> None:
    same = "a string, b int, c date"
    facts = read_facts(
        catalog(
            {
                "d.orders": same,
                "s.stg_orders": same,
                "d.x": "a string, b int",
                "d.y": "b int, a string",
            }
        )
    )
    family = find_families(facts)
    assert family["d.orders"] == family["s.stg_orders"]
    # Two columns are alike by chance.
    assert family["d.x"] != family["d.y"]


def test_a_job_that_writes_two_tables_joins_them() -> None:
    facts = read_facts(
        catalog(relations(3), jobs={"J": {"writes": ["d.t000", "d.t002"]}, "IDLE": {}})
    )
    family = find_families(facts)
    assert family["d.t000"] == family["d.t002"] != family["d.t001"]
    assert family["job IDLE"] == "job IDLE"


def test_a_giant_family_is_cut_at_its_hubs() -> None:
    count = 60
    # One table that everything reads, and a chain beside.
    edges = [(f"d.t{n:03}", "d.t000") for n in range(20, count)]
    edges += [(f"d.t{n + 1:03}", f"d.t{n:03}") for n in range(1, 5)]
    family = find_families(read_facts(catalog(relations(count), edges=edges)))
    sizes = Counter(family.values())
    assert max(sizes.values()) <= max(SMALLEST_LIMIT, LARGEST_SHARE * count)
    assert sizes[family["d.t000"]] == 1
    assert sizes[family["d.t001"]] == 5


def test_a_long_chain_falls_into_pieces() -> None:
    edges = [(f"d.t{n + 1:03}", f"d.t{n:03}") for n in range(79)]
    sizes = Counter(find_families(read_facts(catalog(relations(80), edges=edges))).values())
    assert max(sizes.values()) <= LARGEST_SHARE * 80


def test_every_split_has_some_of_each_and_training_most() -> None:
    edges = [(f"v.v{n:03}", f"d.t{n:03}") for n in range(20)]
    views = {f"v.v{n:03}": f"c{n} string" for n in range(20)}
    facts = read_facts(catalog({**relations(60), **views}, edges=edges))
    for seed in range(3):
        splits = make_splits(facts, seed)
        for kind in ("v.", "d."):
            found = Counter(of for name, of in splits.split.items() if name.startswith(kind))
            assert found["train"] > found["test"] > 0
            assert found["validation"] > 0


def test_another_seed_holds_out_others_and_the_order_of_rows_does_not_matter() -> None:
    tables = catalog(relations(60), edges=[(f"d.t{n + 30:03}", f"d.t{n:03}") for n in range(30)])
    facts = read_facts(tables)
    turned = read_facts({name: table[::-1] for name, table in tables.items()})
    assert turned == facts
    assert make_splits(turned, 0) == make_splits(facts, 0)
    assert make_splits(facts, 0).split != make_splits(facts, 1).split


@given(
    st.lists(st.tuples(st.integers(20, 39), st.integers(0, 39)), max_size=60),
    st.integers(0, 3),
)
@settings(max_examples=20, deadline=None)
def test_relations_of_a_family_are_in_one_split(edges: list[tuple[int, int]], seed: int) -> None:
    named = [(f"d.t{a:03}", f"d.t{b:03}") for a, b in edges if a != b]
    facts = read_facts(catalog(relations(40), edges=named))
    splits = make_splits(facts, seed)
    assert set(splits.family) == set(splits.split) == {*relations(40)}
    for name, family in splits.family.items():
        assert splits.split[name] == splits.split[family]
    sizes = Counter(splits.family.values())
    assert max(sizes.values()) <= max(SMALLEST_LIMIT, LARGEST_SHARE * 40)
