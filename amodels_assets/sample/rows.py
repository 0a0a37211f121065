"""The bank's six tables as CSV, and the truth about them.

Belongs here: how a simulated bank becomes files. Does not belong here: how it is simulated
(``bank.py``) or what a downgrade depends on (``risk.py``).

Every file is the same byte for byte for the same bank: rows in a fixed order, floats rounded
before they are written, an empty field for what is not recorded.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import csv

from amodels_assets.sample.bank import (
    TEST_START,
    TRANSACTION_KINDS,
    VALIDATION_START,
    simulate,
)
from amodels_assets.sample.bank_tables import Bank, Outcomes
from amodels_assets.sample.names import region_names
from amodels_assets.sample.risk import (
    FACILITY_TYPES,
    SECTORS,
    Coefficients,
    Integers,
    expected_auroc,
    realised_auroc,
)

ROWS_FOLDER = "rows/sgmisit"
PROBABILITY_FILE = "ground_truth/downgrade_probability.csv"
COUNTRIES = ("Norvia", "Estmark", "Calder")


@dataclass(frozen=True)
class RowsTruth:
    """What is known of the rows; part of ``ground_truth/truth.json``.

    Attributes:
        n: Rows of ``facility_outcome``.
        positive_rate: Share of downgrades among them.
        rows: Rows by table.
        splits: Outcome rows by split, before any rule on known dates.
        best_possible_auroc: By ``test`` and ``all``: what the true probabilities reach on
            average over labels drawn from them.
        oracle_auroc: By ``test`` and ``all``: what they reach on the labels that were drawn.
        own_columns_auroc: By ``test`` and ``all``: what the part of the log-odds that comes
            from the facility's own columns reaches on the drawn labels.
        coefficients: Weights of the log-odds.
    """

    n: int
    positive_rate: float
    rows: dict[str, int]
    splits: dict[str, int]
    best_possible_auroc: dict[str, float]
    oracle_auroc: dict[str, float]
    own_columns_auroc: dict[str, float]
    coefficients: dict[str, float]


def write_rows(out: Path, *, seed: int, scale: float) -> RowsTruth:
    """Simulate the bank and write its tables and probabilities below ``out``.

    Args:
        out: Existing folder; ``rows/sgmisit/*.csv`` and
            ``ground_truth/downgrade_probability.csv`` are written into it.
        seed: Same seed and scale, same bytes.
        scale: 1 is about 350 clients.

    Returns:
        What is known of the rows.
    """
    bank = simulate(seed, scale)
    tables = tables_of(bank)
    folder = out / ROWS_FOLDER
    folder.mkdir(parents=True)
    for name, table in tables.items():
        _write_csv(folder / f"{name}.csv", table)
    truth_file = out / PROBABILITY_FILE
    truth_file.parent.mkdir(parents=True, exist_ok=True)
    probability = pa.table(
        {
            "facility_id": tables["facility_outcome"]["facility_id"],
            "cutoff_date": tables["facility_outcome"]["cutoff_date"],
            "probability": bank.outcomes.probability,
        }
    )
    _write_csv(truth_file, probability)
    return rows_truth(bank, {name: table.num_rows for name, table in tables.items()})


def tables_of(bank: Bank) -> dict[str, pa.Table]:
    """The six tables, keys and names filled in, by table name."""
    regions, clients, facilities = bank.regions, bank.clients, bank.facilities
    transactions, exposures, outcomes = bank.transactions, bank.exposures, bank.outcomes
    region_key = _keys("R", len(regions.unemployment_rate), 4)
    client_key = _keys("C", len(clients.region), 6)
    facility_key = _keys("F", len(facilities.client), 6)
    return {
        "region": pa.table(
            {
                "region_id": region_key,
                "region_name": region_names(len(region_key)),
                "country": [COUNTRIES[i % len(COUNTRIES)] for i in range(len(region_key))],
                "unemployment_rate": regions.unemployment_rate,
            }
        ),
        "client": pa.table(
            {
                "client_id": client_key,
                "region_id": region_key.take(pa.array(clients.region)),
                "sector": _labels(SECTORS, clients.sector),
                "rating": clients.rating,
                "employee_count": pa.array(clients.employee_count, mask=clients.employee_count < 0),
                "leverage": pa.array(clients.leverage, from_pandas=True),
                "onboarded_date": _dates(clients.onboarded_day),
            }
        ),
        "facility": pa.table(
            {
                "facility_id": facility_key,
                "client_id": client_key.take(pa.array(facilities.client)),
                "facility_type": _labels(FACILITY_TYPES, facilities.facility_type),
                "limit_amount": _amounts(facilities.limit_cents),
                "interest_margin": facilities.interest_margin,
                "collateral_ratio": pa.array(facilities.collateral_ratio, from_pandas=True),
                "granted_date": _dates(facilities.granted_day),
            }
        ),
        "account_transaction": pa.table(
            {
                "transaction_id": _keys("T", len(transactions.facility), 8),
                "facility_id": facility_key.take(pa.array(transactions.facility)),
                "booked_at": pa.array(transactions.booked_second).cast(pa.timestamp("s")),
                "transaction_kind": _labels(TRANSACTION_KINDS, transactions.kind),
                "amount": _amounts(transactions.amount_cents),
                "days_past_due": transactions.days_past_due,
            }
        ),
        "monthly_exposure": pa.table(
            {
                "exposure_id": _keys("E", len(exposures.facility), 8),
                "facility_id": facility_key.take(pa.array(exposures.facility)),
                "month_end": _dates(exposures.month_end_day),
                "drawn_amount": _amounts(exposures.drawn_cents),
                "utilisation": exposures.utilisation,
            }
        ),
        "facility_outcome": pa.table(
            {
                "outcome_id": _keys("O", len(outcomes.facility), 7),
                "facility_id": facility_key.take(pa.array(outcomes.facility)),
                "cutoff_date": _dates(outcomes.cutoff_day),
                "known_date": _dates(outcomes.known_day),
                "downgraded": outcomes.downgraded,
            }
        ),
    }


def rows_truth(bank: Bank, rows: dict[str, int]) -> RowsTruth:
    """The truth about a simulated bank; ``rows`` counts the rows of each table."""
    outcomes = bank.outcomes
    splits = _splits(outcomes)
    chosen = {"test": splits["test"], "all": np.ones(len(outcomes.facility), dtype=bool)}
    probability, own, label = outcomes.probability, outcomes.own, outcomes.downgraded
    return RowsTruth(
        n=len(outcomes.facility),
        positive_rate=round(float(label.mean()), 6),
        rows=rows,
        splits={name: int(mask.sum()) for name, mask in splits.items()},
        best_possible_auroc={
            k: round(expected_auroc(probability[m]), 6) for k, m in chosen.items()
        },
        oracle_auroc={
            k: round(realised_auroc(probability[m], label[m]), 6) for k, m in chosen.items()
        },
        own_columns_auroc={
            k: round(realised_auroc(own[m], label[m]), 6) for k, m in chosen.items()
        },
        coefficients=asdict(Coefficients()),
    )


def _splits(outcomes: Outcomes) -> dict[str, np.ndarray]:
    cutoff = outcomes.cutoff_day.astype("datetime64[D]")
    return {
        "train": cutoff < VALIDATION_START,
        "validation": (cutoff >= VALIDATION_START) & (cutoff < TEST_START),
        "test": cutoff >= TEST_START,
    }


def _keys(prefix: str, count: int, digits: int) -> pa.Array:
    return pa.array([f"{prefix}{number:0{digits}d}" for number in range(1, count + 1)])


def _labels(names: tuple[str, ...], index: Integers) -> pa.Array:
    return pa.array(names).take(pa.array(index))


def _dates(days: Integers) -> pa.Array:
    return pa.array(days.astype(np.int32)).cast(pa.date32())


def _amounts(cents: Integers) -> pa.Array:
    """Exact decimals: the same integers, read with two digits behind the point."""
    whole = pa.array(cents).cast(pa.decimal128(19, 0))
    return pa.Array.from_buffers(pa.decimal128(19, 2), len(whole), whole.buffers())


def _write_csv(path: Path, table: pa.Table) -> None:
    with path.open("wb") as handle:
        # The header is written here: whether Arrow quotes it depends on its version.
        handle.write((",".join(table.column_names) + "\n").encode())
        csv.write_csv(table, handle, csv.WriteOptions(include_header=False, quoting_style="none"))
