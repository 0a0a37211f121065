"""The bank's rows: the model that is stated, computed a second way, from the files."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from amodels_assets.sample.bank import (
    CUTOFFS,
    RESTRUCTURING_FEE,
    SECONDS_A_DAY,
    day,
    facts_at,
    simulate,
)
from amodels_assets.sample.bank_tables import Books, Exposures, Transactions
from amodels_assets.sample.risk import expected_auroc, log_odds, realised_auroc
from amodels_assets.sample.rows import rows_truth, tables_of

SAMPLE = Path(__file__).parents[2] / "data" / "sgmi"
FACILITY_EFFECTS = {
    "term_loan": -0.1,
    "revolving": 0.1,
    "overdraft": 0.35,
    "guarantee": -0.45,
    "leasing": -0.2,
}
SECTOR_EFFECTS = {
    "agriculture": 0.1,
    "construction": 0.45,
    "energy": -0.1,
    "food": -0.3,
    "health": -0.55,
    "logistics": 0.0,
    "machinery": -0.15,
    "retail": 0.3,
    "software": -0.25,
    "tourism": 0.5,
}
FOREIGN_KEYS = [
    ("client", "region_id", "region"),
    ("facility", "client_id", "client"),
    ("account_transaction", "facility_id", "facility"),
    ("monthly_exposure", "facility_id", "facility"),
    ("facility_outcome", "facility_id", "facility"),
]
DATES = {
    "client": ["onboarded_date"],
    "facility": ["granted_date"],
    "account_transaction": ["booked_at"],
    "monthly_exposure": ["month_end"],
    "facility_outcome": ["cutoff_date", "known_date"],
}
TABLES = ["region", *DATES]


@pytest.fixture(scope="module")
def rows() -> dict[str, pd.DataFrame]:
    return {
        name: pd.read_csv(SAMPLE / f"rows/sgmisit/{name}.csv", parse_dates=DATES.get(name, []))
        for name in TABLES
    }


@pytest.fixture(scope="module")
def truth() -> dict:
    return json.loads((SAMPLE / "ground_truth/truth.json").read_text())


@pytest.fixture(scope="module")
def probability() -> pd.DataFrame:
    path = SAMPLE / "ground_truth/downgrade_probability.csv"
    return pd.read_csv(path, parse_dates=["cutoff_date"])


@pytest.mark.parametrize("name", TABLES)
def test_the_first_column_is_a_key(rows: dict[str, pd.DataFrame], name: str) -> None:
    assert rows[name].iloc[:, 0].is_unique
    assert rows[name].iloc[:, 0].notna().all()


@pytest.mark.parametrize(("child", "column", "parent"), FOREIGN_KEYS)
def test_every_foreign_key_has_its_parent(
    rows: dict[str, pd.DataFrame], child: str, column: str, parent: str
) -> None:
    assert set(rows[child][column]) <= set(rows[parent][column])
    assert rows[child][column].notna().all()


def test_nothing_happens_before_it_can(rows: dict[str, pd.DataFrame]) -> None:
    granted = rows["facility"].merge(rows["client"], on="client_id")
    assert (granted.granted_date >= granted.onboarded_date).all()
    outcomes = rows["facility_outcome"].merge(rows["facility"], on="facility_id")
    assert (outcomes.granted_date <= outcomes.cutoff_date).all()
    for table, column in (("account_transaction", "booked_at"), ("monthly_exposure", "month_end")):
        joined = rows[table].merge(rows["facility"], on="facility_id")
        assert (joined[column] >= joined.granted_date).all()


def test_every_facility_alive_has_one_outcome_a_quarter(rows: dict[str, pd.DataFrame]) -> None:
    found = rows["facility_outcome"]
    assert not found.duplicated(["facility_id", "cutoff_date"]).any()
    for cutoff, part in found.groupby("cutoff_date"):
        alive = rows["facility"].query("granted_date <= @cutoff").facility_id
        assert set(part.facility_id) == set(alive)
        # Known within its quarter, and no later than the next cut-off.
        assert (part.known_date == cutoff + pd.DateOffset(months=3, days=-1)).all()
    assert sorted(found.cutoff_date.unique()) == [pd.Timestamp(cutoff) for cutoff in CUTOFFS]


@pytest.mark.parametrize("cutoff", ["2020-04-01", "2022-10-01", "2024-07-01"])
def test_probabilities_follow_the_stated_formula_from_rows_before_the_cutoff(
    rows: dict[str, pd.DataFrame], probability: pd.DataFrame, cutoff: str
) -> None:
    at = pd.Timestamp(cutoff)
    known = probability[probability.cutoff_date == at].set_index("facility_id").probability
    facts = (
        rows["facility"].merge(rows["client"], on="client_id").merge(rows["region"], on="region_id")
    )
    facts = facts.set_index("facility_id").loc[known.index]
    booked = rows["account_transaction"].query("booked_at < @at")
    age = at - booked.booked_at
    ninety = pd.Timedelta(days=90)
    last, before = booked[age <= ninety], booked[(age > ninety) & (age <= 2 * ninety)]

    def inflow(part: pd.DataFrame) -> pd.Series:
        total = part.query("transaction_kind == 'inflow'").groupby("facility_id").amount.sum()
        return total.reindex(known.index, fill_value=0.0) / facts.limit_amount

    late = last.groupby("facility_id").days_past_due.max().reindex(known.index, fill_value=0)
    month_end = at - pd.Timedelta(days=1)
    used = rows["monthly_exposure"]
    used = used[used.month_end == month_end].set_index("facility_id")
    history = rows["facility_outcome"]
    history = history[history.known_date == month_end].set_index("facility_id")
    delay = np.log1p(late / 5)
    leverage = (facts.leverage - 2).fillna(0)
    fall = np.log((inflow(before) + 0.05) / (inflow(last) + 0.05)).clip(-1.5, 1.5)
    z = (
        -2.7
        + 0.5 * (facts.interest_margin - 0.03) / 0.012
        - 0.55 * ((facts.collateral_ratio - 0.6) / 0.3).fillna(0)
        + facts.facility_type.map(FACILITY_EFFECTS)
        + 0.85 * (facts.rating - 5) / 2
        + 0.4 * leverage
        + facts.sector.map(SECTOR_EFFECTS)
        + 0.25 * (facts.unemployment_rate - 6.5) / 2
        + 1.25 * delay
        + 0.35 * delay * leverage
        + 0.75 * fall
        + 0.35 * (used.utilisation.reindex(known.index, fill_value=0.0) - 0.4) / 0.3
        + 0.5 * history.downgraded.reindex(known.index).fillna(False).astype(float)
    )
    np.testing.assert_allclose(1 / (1 + np.exp(-z)), known, atol=1.01e-6)


def test_the_recorded_scores_are_those_of_the_files(
    rows: dict[str, pd.DataFrame], probability: pd.DataFrame, truth: dict
) -> None:
    joined = rows["facility_outcome"].merge(probability, on=["facility_id", "cutoff_date"])
    assert len(joined) == truth["n"] == truth["rows"]["facility_outcome"]
    assert joined.downgraded.mean() == pytest.approx(truth["positive_rate"], abs=1e-6)
    for split, part in (("all", joined), ("test", joined[joined.cutoff_date >= "2024-04-01"])):
        score = roc_auc_score(part.downgraded, part.probability)
        assert score == pytest.approx(truth["oracle_auroc"][split], abs=2e-6)
        p = part.probability.to_numpy()
        labels = np.repeat([1, 0], len(p))
        # The same with weights; here a row is paired with itself too, which moves it a little.
        best = roc_auc_score(labels, np.tile(p, 2), sample_weight=np.concatenate([p, 1 - p]))
        assert best == pytest.approx(truth["best_possible_auroc"][split], abs=2e-4)
    test = probability[probability.cutoff_date >= "2024-04-01"].probability.to_numpy()
    assert by_pairs(test) == pytest.approx(truth["best_possible_auroc"]["test"], abs=2e-6)


def by_pairs(p: np.ndarray) -> float:
    """The expected AUROC by its definition, pair by pair."""
    weight = np.outer(p, 1 - p)
    np.fill_diagonal(weight, 0.0)
    order = (p[:, None] > p[None, :]) + 0.5 * (p[:, None] == p[None, :])
    return float((weight * order).sum() / weight.sum())


@given(st.lists(st.sampled_from([0.01, 0.1, 0.25, 0.25001, 0.5, 0.9]), min_size=2, max_size=30))
def test_expected_auroc_agrees_with_its_definition(values: list[float]) -> None:
    p = np.array(values)
    assert expected_auroc(p) == pytest.approx(by_pairs(p), abs=1e-12)


@given(
    st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2, max_size=40).filter(
        lambda rows: len({label for _, label in rows}) == 2
    )
)
def test_realised_auroc_agrees_with_scikit_learn(rows: list[tuple[int, bool]]) -> None:
    score = np.array([float(value) for value, _ in rows])
    label = np.array([label for _, label in rows])
    assert realised_auroc(score, label) == pytest.approx(roc_auc_score(label, score))


def test_realised_auroc_refuses_equal_labels() -> None:
    with pytest.raises(ValueError, match="positive and negative"):
        realised_auroc(np.array([0.1, 0.2]), np.array([True, True]))


@pytest.mark.parametrize("seed", [1, 7, 42])
def test_the_bank_is_as_hard_as_stated(seed: int) -> None:
    bank = simulate(seed, 1.0)
    found = rows_truth(bank, {})
    assert 0.83 < found.best_possible_auroc["all"] < 0.88
    assert 0.83 < found.best_possible_auroc["test"] < 0.89
    assert 0.6 < found.own_columns_auroc["all"] < 0.7
    assert 0.11 < found.positive_rate < 0.19
    parents = realised_auroc(bank.outcomes.own + bank.outcomes.parents, bank.outcomes.downgraded)
    assert found.own_columns_auroc["all"] + 0.05 < parents < found.oracle_auroc["all"] - 0.05


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(range(len(CUTOFFS))))
def test_what_happens_from_the_cutoff_on_changes_no_fact(seed: int, number: int) -> None:
    bank = simulate(3, 0.1)
    cutoff = int(CUTOFFS[number].astype(np.int64))
    later = bank.transactions.booked_second >= cutoff * SECONDS_A_DAY
    random = np.random.default_rng(seed)

    def scrambled(values: np.ndarray, chosen: np.ndarray) -> np.ndarray:
        return np.where(chosen, random.integers(0, 10**6, len(values)), values)

    old, exposures = bank.transactions, bank.exposures
    changed = Books(
        bank.regions,
        bank.clients,
        bank.facilities,
        Transactions(
            old.facility,
            old.booked_second,
            np.where(later, random.integers(0, 3, len(later)), old.kind),
            scrambled(old.amount_cents, later),
            scrambled(old.days_past_due, later),
        ),
        replace(
            exposures,
            utilisation=np.where(
                exposures.month_end_day >= cutoff,
                random.random(len(exposures.facility)),
                exposures.utilisation,
            ),
        ),
    )
    nobody = np.zeros(len(bank.facilities.client), dtype=bool)
    before = log_odds(facts_at(cutoff, bank, nobody)).probability()
    after = log_odds(facts_at(cutoff, changed, nobody)).probability()
    np.testing.assert_array_equal(before, after)


def test_what_happened_before_the_cutoff_matters() -> None:
    bank = simulate(3, 0.1)
    cutoff = day("2023-01-01")
    none = Exposures(*(np.array([], dtype=t) for t in (np.int64, np.int64, np.int64, float)))
    nobody = np.zeros(len(bank.facilities.client), dtype=bool)
    changed = replace(bank, exposures=none)
    before = log_odds(facts_at(cutoff, bank, nobody)).probability()
    assert (before != log_odds(facts_at(cutoff, changed, nobody)).probability()).any()


def test_restructuring_fees_give_the_answer_away_only_after_the_cutoff() -> None:
    bank = simulate(7, 0.5)
    fees = bank.transactions.kind == RESTRUCTURING_FEE
    booked = bank.transactions.booked_second[fees] // SECONDS_A_DAY
    cutoffs = CUTOFFS.astype(np.int64)
    quarter = cutoffs[np.searchsorted(cutoffs, booked, side="right") - 1]
    outcomes = bank.outcomes
    downgraded = set(
        zip(
            outcomes.facility[outcomes.downgraded].tolist(),
            outcomes.cutoff_day[outcomes.downgraded].tolist(),
            strict=True,
        )
    )
    charged = set(zip(bank.transactions.facility[fees].tolist(), quarter.tolist(), strict=True))
    assert charged <= downgraded
    assert 0.6 < len(charged) / len(downgraded) < 0.8


def test_rows_grow_with_the_scale() -> None:
    one, four = (tables_of(simulate(7, scale)) for scale in (0.5, 2.0))
    for name in ("region", "client", "facility"):
        assert four[name].num_rows == 4 * one[name].num_rows
    for name in ("account_transaction", "monthly_exposure", "facility_outcome"):
        assert four[name].num_rows == pytest.approx(4 * one[name].num_rows, rel=0.1)


def test_amounts_are_exact_to_the_cent(rows: dict[str, pd.DataFrame]) -> None:
    text = pd.read_csv(SAMPLE / "rows/sgmisit/account_transaction.csv", dtype=str)
    assert text.amount.str.fullmatch(r"-?\d+\.\d\d").all()
    assert rows["account_transaction"].query("transaction_kind == 'inflow'").amount.gt(0).all()
