"""The bank's tables as arrays, one entry a row.

Belongs here: what each array means. Dates are days since 1970-01-01, times seconds since then,
amounts whole cents. Does not belong here: how they are filled (``bank.py``) or written
(``rows.py``).
"""

from __future__ import annotations

from dataclasses import dataclass

from amodels_assets.sample.risk import Booleans, Floats, Integers


@dataclass(frozen=True)
class Regions:
    """One entry a region; the rate in percent, two digits."""

    unemployment_rate: Floats


@dataclass(frozen=True)
class Clients:
    """One entry a client; ``region`` and ``sector`` are indices, NaN and -1 mean not recorded."""

    region: Integers
    sector: Integers
    rating: Integers
    employee_count: Integers
    leverage: Floats
    onboarded_day: Integers


@dataclass(frozen=True)
class Facilities:
    """One entry a facility; ``client`` and ``facility_type`` are indices, NaN not recorded."""

    client: Integers
    facility_type: Integers
    limit_cents: Integers
    interest_margin: Floats
    collateral_ratio: Floats
    granted_day: Integers


@dataclass(frozen=True)
class Transactions:
    """One entry a transaction, in order of booking; ``facility`` and ``kind`` are indices."""

    facility: Integers
    booked_second: Integers
    kind: Integers
    amount_cents: Integers
    days_past_due: Integers


@dataclass(frozen=True)
class Exposures:
    """One entry a facility and month end at which something was drawn."""

    facility: Integers
    month_end_day: Integers
    drawn_cents: Integers
    utilisation: Floats


@dataclass(frozen=True)
class Outcomes:
    """One entry a facility and cut-off, in order of cut-off.

    ``probability`` is the truth that ``downgraded`` was drawn from; ``own``, ``parents`` and
    ``recent`` are the parts of its log-odds.
    """

    facility: Integers
    cutoff_day: Integers
    known_day: Integers
    downgraded: Booleans
    probability: Floats
    own: Floats
    parents: Floats
    recent: Floats


@dataclass(frozen=True)
class Books:
    """What the bank knows of its business: all tables but the outcomes."""

    regions: Regions
    clients: Clients
    facilities: Facilities
    transactions: Transactions
    exposures: Exposures


@dataclass(frozen=True)
class Bank(Books):
    """All tables of the bank."""

    outcomes: Outcomes
