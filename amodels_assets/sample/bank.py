"""The made-up corporate bank: simulates its six tables, vectorised, by seed.

Belongs here: clients, facilities, transactions, exposures and outcomes as numpy arrays, and the
facts known at each cut-off. Does not belong here: the risk model itself (``risk.py``) or files
(``rows.py``).
"""

from __future__ import annotations

import numpy as np

from amodels_assets.sample.bank_tables import (
    Bank,
    Books,
    Clients,
    Exposures,
    Facilities,
    Outcomes,
    Regions,
    Transactions,
)
from amodels_assets.sample.risk import (
    FACILITY_TYPE_SHARES,
    SECTORS,
    Booleans,
    Facts,
    Floats,
    Integers,
    log_odds,
)

SECONDS_A_DAY = 86_400
TRANSACTION_KINDS = ("repayment", "inflow", "restructuring_fee")
REPAYMENT, INFLOW, RESTRUCTURING_FEE = range(3)
GUARANTEE = 3

# The transactions start two quarters before the first cut-off, so that its facts are complete.
FIRST_MONTH, LAST_MONTH = "2019-10", "2025-01"
CUTOFFS = np.arange("2020-04", "2024-11", 3, dtype="datetime64[M]").astype("datetime64[D]")
VALIDATION_START, TEST_START = np.datetime64("2023-10-01"), np.datetime64("2024-04-01")


def simulate(seed: int, scale: float) -> Bank:
    """Simulate the bank.

    Args:
        seed: Same seed and scale, same bank.
        scale: 1 is about 350 clients; everything grows in proportion.
    """
    regions = _regions(np.random.default_rng([seed, 1]), max(3, round(12 * scale)))
    clients = _clients(np.random.default_rng([seed, 2]), max(8, round(350 * scale)), regions)
    facilities = _facilities(np.random.default_rng([seed, 3]), max(16, round(700 * scale)), clients)
    facility, month, stress = _stress(np.random.default_rng([seed, 4]), facilities)
    transactions = _transactions(
        np.random.default_rng([seed, 5]), facilities, facility, month, stress
    )
    exposures = _exposures(np.random.default_rng([seed, 6]), facilities, facility, month, stress)
    books = Books(regions, clients, facilities, transactions, exposures)
    outcomes = _outcomes(np.random.default_rng([seed, 7]), books)
    fees = _restructuring_fees(np.random.default_rng([seed, 8]), facilities, outcomes)
    return Bank(regions, clients, facilities, _in_order(transactions, fees), exposures, outcomes)


def day(date: str) -> int:
    """Days since 1970-01-01 of an ISO date."""
    return int(np.datetime64(date, "D").astype(np.int64))


def _regions(random: np.random.Generator, count: int) -> Regions:
    return Regions(np.round(3.5 + 6.0 * random.random(count), 2))


def _clients(random: np.random.Generator, count: int, regions: Regions) -> Clients:
    rating = np.clip(np.round(5.0 + 2.0 * random.standard_normal(count)), 1, 10).astype(np.int64)
    leverage = np.round(np.exp(0.55 + 0.45 * random.standard_normal(count)), 3)
    leverage[random.random(count) < 0.03] = np.nan
    employees = np.ceil(np.exp(4.0 + 1.2 * random.standard_normal(count))).astype(np.int64)
    employees[random.random(count) < 0.04] = -1
    first, last = day("2010-01-01"), day("2023-12-31")
    return Clients(
        region=_below(random, len(regions.unemployment_rate), count),
        sector=_below(random, len(SECTORS), count),
        rating=rating,
        employee_count=employees,
        leverage=leverage,
        onboarded_day=first + _below(random, last - first, count),
    )


def _facilities(random: np.random.Generator, count: int, clients: Clients) -> Facilities:
    # Every client has a facility, then the others fall where they may.
    first = np.arange(min(count, len(clients.region)), dtype=np.int64)
    client = np.concatenate([first, _below(random, len(clients.region), count - len(first))])
    kind = np.searchsorted(np.cumsum(FACILITY_TYPE_SHARES)[:-1], random.random(count), "right")
    limit = np.round(np.exp(12.6 + 1.0 * random.standard_normal(count)), -3)
    margin = np.clip(0.03 + 0.012 * random.standard_normal(count), 0.005, 0.09)
    collateral = np.clip(0.6 + 0.3 * random.standard_normal(count), 0.0, 1.5)
    collateral[random.random(count) < 0.05] = np.nan
    # About half are older than the first cut-off, the others are granted evenly after it.
    early = random.random(count) < 0.48
    old = day("2016-01-01") + _below(random, day("2020-03-01") - day("2016-01-01"), count)
    new = day("2020-03-01") + _below(random, day("2024-09-01") - day("2020-03-01"), count)
    onboarded = clients.onboarded_day[client]
    granted = np.maximum(np.where(early, old, new), onboarded + _below(random, 120, count))
    return Facilities(
        client=client,
        facility_type=kind.astype(np.int64),
        limit_cents=np.maximum(limit, 5000.0).astype(np.int64) * 100,
        interest_margin=np.round(margin, 4),
        collateral_ratio=np.round(collateral, 3),
        granted_day=np.minimum(granted, day("2024-09-30")),
    )


def _stress(
    random: np.random.Generator, facilities: Facilities
) -> tuple[Integers, Integers, Floats]:
    """A hidden state that moves payments, by quarter; seen only through what is booked.

    Returns:
        Facility, month (months since 1970-01) and stress of every facility and month in which
        the facility exists from the month's first day, ordered by facility and month.
    """
    months = np.arange(FIRST_MONTH, LAST_MONTH, dtype="datetime64[M]")
    quarters = (len(months) + 2) // 3
    state = np.empty((len(facilities.client), quarters))
    state[:, 0] = random.standard_normal(len(facilities.client))
    for quarter in range(1, quarters):
        shock = random.standard_normal(len(facilities.client))
        state[:, quarter] = 0.7 * state[:, quarter - 1] + 0.714 * shock
    first_day = months.astype("datetime64[D]").astype(np.int64)
    facility, column = np.nonzero(facilities.granted_day[:, None] <= first_day[None, :])
    month = months.astype(np.int64)[column]
    return facility.astype(np.int64), month, state[facility, column // 3]


def _transactions(
    random: np.random.Generator,
    facilities: Facilities,
    facility: Integers,
    month: Integers,
    stress: Floats,
) -> Transactions:
    """Quarterly repayments with their delay, and inflows in three of five months."""
    first_day = month.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    limit = facilities.limit_cents[facility].astype(np.float64)

    due = (month + facility) % 3 == 0
    late = random.random(len(facility)) < 1.0 / (1.0 + np.exp(1.5 - 1.3 * stress))
    delay = np.ceil(-np.log1p(-random.random(len(facility))) * 14.0 * np.exp(0.4 * stress))
    delay = np.where(late, np.clip(delay, 1, 180), 0).astype(np.int64)
    repaid = np.round(limit * (0.03 + 0.02 * random.random(len(facility))))
    repaid_second = (first_day + 3) * SECONDS_A_DAY + _below(
        random, 24 * SECONDS_A_DAY, len(facility)
    )

    flows = random.random(len(facility)) < 0.6
    noise = random.standard_normal(len(facility))
    inflow = np.round(limit * np.exp(-2.2 - 0.3 * stress + 0.35 * noise))
    inflow_second = first_day * SECONDS_A_DAY + _below(random, 28 * SECONDS_A_DAY, len(facility))
    return Transactions(
        facility=np.concatenate([facility[due], facility[flows]]),
        booked_second=np.concatenate([repaid_second[due], inflow_second[flows]]),
        kind=np.repeat(np.array([REPAYMENT, INFLOW]), [due.sum(), flows.sum()]),
        amount_cents=np.concatenate([-repaid[due], inflow[flows]]).astype(np.int64),
        days_past_due=np.concatenate([delay[due], np.zeros(flows.sum(), dtype=np.int64)]),
    )


def _exposures(
    random: np.random.Generator,
    facilities: Facilities,
    facility: Integers,
    month: Integers,
    stress: Floats,
) -> Exposures:
    """Month ends at which something was drawn; a guarantee is never drawn."""
    level = 0.45 + 0.12 * stress + 0.18 * random.standard_normal(len(facility))
    utilisation = np.round(np.clip(level, 0.0, 1.0), 4)
    drawn = (facilities.facility_type[facility] != GUARANTEE) & (utilisation > 0)
    drawn &= random.random(len(facility)) < 0.64
    cents = np.round(facilities.limit_cents[facility] * utilisation).astype(np.int64)
    last_day = (month + 1).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64) - 1
    return Exposures(facility[drawn], last_day[drawn], cents[drawn], utilisation[drawn])


def facts_at(cutoff_day: int, books: Books, previous_downgrade: Booleans) -> Facts:
    """Facts of every facility from what was booked strictly before the cut-off.

    Args:
        cutoff_day: Days since 1970-01-01.
        books: What was booked before and after; only what lies before counts.
        previous_downgrade: One entry a facility: the outcome known by the cut-off.
    """
    facilities, transactions, exposures = books.facilities, books.transactions, books.exposures
    cutoff = cutoff_day * SECONDS_A_DAY
    age = cutoff - transactions.booked_second
    window = 90 * SECONDS_A_DAY
    recent = (age > 0) & (age <= window)
    before = (age > window) & (age <= 2 * window)
    count = len(facilities.client)
    days_past_due = np.zeros(count, dtype=np.int64)
    np.maximum.at(days_past_due, transactions.facility[recent], transactions.days_past_due[recent])
    inflow = transactions.kind == INFLOW

    def inflow_over_limit(chosen: Booleans) -> Floats:
        chosen = chosen & inflow
        total = np.bincount(
            transactions.facility[chosen],
            weights=transactions.amount_cents[chosen],
            minlength=count,
        )
        return total / facilities.limit_cents

    utilisation = np.zeros(count)
    at_last_month_end = exposures.month_end_day == cutoff_day - 1
    utilisation[exposures.facility[at_last_month_end]] = exposures.utilisation[at_last_month_end]
    client = facilities.client
    return Facts(
        interest_margin=facilities.interest_margin,
        collateral_ratio=facilities.collateral_ratio,
        facility_type=facilities.facility_type,
        rating=books.clients.rating[client],
        leverage=books.clients.leverage[client],
        sector=books.clients.sector[client],
        unemployment_rate=books.regions.unemployment_rate[books.clients.region[client]],
        days_past_due=days_past_due,
        inflow_recent=inflow_over_limit(recent),
        inflow_before=inflow_over_limit(before),
        utilisation=utilisation,
        previous_downgrade=previous_downgrade,
    )


def _outcomes(random: np.random.Generator, books: Books) -> Outcomes:
    """Draw outcomes quarter by quarter: the one before is among the facts of the next."""
    facilities = books.facilities
    downgraded = np.zeros(len(facilities.client), dtype=bool)
    parts: list[tuple[np.ndarray, ...]] = []
    for cutoff in CUTOFFS:
        cutoff_day = int(cutoff.astype(np.int64))
        known = (cutoff.astype("datetime64[M]") + 3).astype("datetime64[D]").astype(np.int64) - 1
        facts = facts_at(cutoff_day, books, downgraded)
        odds = log_odds(facts)
        probability = odds.probability()
        # One draw a facility, alive or not: a facility's fate does not hang on the others'.
        drawn = random.random(len(facilities.client)) < probability
        alive = np.flatnonzero(facilities.granted_day <= cutoff_day)
        downgraded = drawn & (facilities.granted_day <= cutoff_day)
        parts.append(
            (
                alive,
                np.full(len(alive), cutoff_day),
                np.full(len(alive), known),
                drawn[alive],
                probability[alive],
                odds.own[alive],
                odds.parents[alive],
                odds.recent[alive],
            )
        )
    return Outcomes(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def _restructuring_fees(
    random: np.random.Generator, facilities: Facilities, outcomes: Outcomes
) -> Transactions:
    """A fee after most downgrades: whoever reads past a cut-off sees the answer."""
    charged = outcomes.downgraded & (random.random(len(outcomes.facility)) < 0.7)
    facility = outcomes.facility[charged]
    start = (outcomes.cutoff_day[charged] + 20) * SECONDS_A_DAY
    return Transactions(
        facility=facility,
        booked_second=start + _below(random, 65 * SECONDS_A_DAY, len(facility)),
        kind=np.full(len(facility), RESTRUCTURING_FEE),
        amount_cents=-np.round(facilities.limit_cents[facility] * 0.002).astype(np.int64),
        days_past_due=np.zeros(len(facility), dtype=np.int64),
    )


def _in_order(first: Transactions, second: Transactions) -> Transactions:
    booked = np.concatenate([first.booked_second, second.booked_second])
    order = np.argsort(booked, kind="stable")
    return Transactions(
        facility=np.concatenate([first.facility, second.facility])[order],
        booked_second=booked[order],
        kind=np.concatenate([first.kind, second.kind])[order],
        amount_cents=np.concatenate([first.amount_cents, second.amount_cents])[order],
        days_past_due=np.concatenate([first.days_past_due, second.days_past_due])[order],
    )


def _below(random: np.random.Generator, bound: int, count: int) -> Integers:
    """Uniform integers from 0 to ``bound - 1``."""
    return np.floor(random.random(count) * bound).astype(np.int64)
