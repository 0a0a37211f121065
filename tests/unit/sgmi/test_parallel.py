"""Several workers: the same catalog, fair shares, an end when one is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amodels_assets.sample import Profile, write_sample
from amodels_assets.sgmi.parallel import WorkerError, fair_shares, fork_map
from amodels_assets.sgmi.waves import waves


@given(st.lists(st.integers(0, 100)), st.integers(1, 5))
def test_shares_hold_everything_once_and_none_is_twice_another(sizes, count):
    items = list(range(len(sizes)))
    shares = fair_shares(items, sizes, count)
    assert sorted(item for share in shares for item in share) == items
    loads = [sum(sizes[item] for item in share) for share in shares]
    assert max(loads) - min(loads) <= max(sizes, default=0)


def test_results_come_in_the_order_of_the_parts():
    assert fork_map(lambda part: (part, os.getpid() != parent), [3, 1, 2]) == [
        (3, True),
        (1, True),
        (2, True),
    ]


parent = os.getpid()


def test_meanwhile_runs_here():
    ran = []
    fork_map(lambda part: part, [1, 2], meanwhile=lambda: ran.append(os.getpid()))
    fork_map(lambda part: part, [1], meanwhile=lambda: ran.append(os.getpid()))
    assert ran == [os.getpid()] * 2


def test_a_killed_worker_is_one_sentence():
    def die(part):
        if part:
            os.kill(os.getpid(), signal.SIGKILL)

    with pytest.raises(WorkerError, match="--workers 1"):
        fork_map(die, [0, 1])


def test_views_wait_for_what_they_name():
    bodies = {
        ("d", "top"): "select * from `d`.`middle`",
        ("d", "middle"): "select 'top' x, a.* from low a, `odd name` b",
        ("d", "low"): "select * from d.table",
        ("d", "odd name"): "select 1",
        ("d", "self"): "select * from other.self",
        ("d", "a"): "select * from B",
        ("d", "b"): "select * from `a`",
    }
    order = [sorted(name for _, name in wave) for wave in waves(bodies)]
    # Two that may name each other are left out; so is what a string only seems to name.
    assert order == [["low", "odd name", "self"]]
    del bodies["d", "middle"]
    order = [sorted(name for _, name in wave) for wave in waves(bodies)]
    assert order == [["low", "odd name", "self", "top"]]


CATALOG = """
import sys
from pathlib import Path
from amodels_assets.sgmi.catalog import build_catalog, write_catalog
source, out, workers = sys.argv[1:]
Path(out).mkdir()
write_catalog(build_catalog(Path(source), workers=int(workers)), Path(out))
"""


@pytest.mark.parametrize(
    ("profile", "scale", "defects"), [(Profile.BANK, 0.5, True), (Profile.WAREHOUSE, 0.15, False)]
)
def test_any_number_of_workers_makes_the_same_catalog(tmp_path, profile, scale, defects):
    source = tmp_path / "source"
    write_sample(source, seed=5, scale=scale, defects=defects, profile=profile)
    # Views that wait for each other are followed by one process.
    (source / "hive-ddl/zz_cycle.hql").write_text(
        "use sgmisit;\nCREATE VIEW `c1` AS select c2.x from c2;\n"
        "CREATE VIEW `c2` AS select c1.x from c1;\nCREATE VIEW `c3` AS select c1.x from c1;\n"
    )
    found = []
    for workers in ("1", "2", "3"):
        out = tmp_path / workers
        # In a process of its own: workers are forked before Arrow is loaded.
        subprocess.run([sys.executable, "-c", CATALOG, source, out, workers], check=True)
        found.append({path.name: path.read_bytes() for path in sorted(out.iterdir())})
    assert found[0] == found[1] == found[2]
