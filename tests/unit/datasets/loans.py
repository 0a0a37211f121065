"""A small SQLite database that keeps its own keys, and a task on it, for the tests."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

LOANS: dict[str, Any] = {
    "name": "loans",
    "description": "Does the loan fail?",
    "times": {"loan": "granted", "outcome": "known"},
    "task": {
        "table": "outcome",
        "entity_column": "loan",
        "cutoff_column": "asked",
        "target_column": "failed",
        "kind": "binary",
        "validation_start": "2021-01-01",
        "test_start": "2022-01-01",
    },
}


def write_loans(path: Path) -> Path:
    """900 outcomes of 90 loans."""
    with sqlite3.connect(path) as connection:
        connection.executescript(
            "CREATE TABLE loan (id INTEGER PRIMARY KEY, amount NUMERIC, granted DATE);"
            "CREATE TABLE outcome (id INTEGER PRIMARY KEY, loan INTEGER REFERENCES loan (id),"
            " asked DATE, known DATE, failed BOOLEAN);"
        )
        connection.executemany(
            "INSERT INTO loan VALUES (?, ?, date('2020-01-01', ?))",
            [(n, n / 4, f"+{n} days") for n in range(90)],
        )
        connection.executemany(
            "INSERT INTO outcome VALUES (?, ?, date('2020-06-01', ?), date('2020-07-01', ?), ?)",
            [(n, n % 90, f"+{n} days", f"+{n} days", n % 3 == 0) for n in range(900)],
        )
    connection.close()
    return path
