"""Takes in until it is killed: ``python taking.py <Dagster's home> <record> <audit log>``."""

import itertools
import sys
import time
from pathlib import Path

import dagster as dg

from amodels_assets.operations.intake import take_in
from amodels_assets.operations.prices import Prices
from amodels_assets.operations.store import opened


def main(home: str, record: str, audit_log: str) -> None:
    with dg.DagsterInstance.from_config(home) as instance, opened(record) as engine:
        print("ready", flush=True)
        for number in itertools.count():
            # Half of the passes see what is written as settled.
            now = time.time() + (120 if number % 2 else 0)
            take_in(instance, engine, prices=Prices(), audit_log=Path(audit_log), now=now)


if __name__ == "__main__":
    main(*sys.argv[1:])
