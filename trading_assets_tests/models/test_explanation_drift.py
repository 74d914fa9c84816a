"""How far explanations change at a refit: exact on small numbers, quiet on a market that stays, loud where it turns."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from trading_assets.config.models import FAMILIES
from trading_assets.models.evaluation_tables import CONTRIBUTIONS, EXPLANATION_DRIFT
from trading_assets.models.explanation_drift import MOST_MOVED, change_of, drift_rows, newest_change
from trading_assets.models.samples import Samples, build_samples
from trading_assets.models.tables import EXPLANATIONS
from trading_assets_tests.models.panels import bars, benchmark, run, trained

PARTS = arrays(np.float64, 6, elements=st.floats(0, 1e3).map(lambda each: round(each, 3)))


@given(PARTS, PARTS, st.permutations(range(6)), st.floats(0.01, 100))
def test_the_unit_and_the_order_of_features_change_nothing(
    before: np.ndarray, after: np.ndarray, order: list[int], unit: float
) -> None:
    found = change_of(before, after)
    other = change_of(after[order] * unit, before[order])
    assert found.total_variation == pytest.approx(other.total_variation, abs=1e-9, nan_ok=True)
    assert np.isnan(found.total_variation) == (before.sum() == 0 or after.sum() == 0)
    assert np.isnan(found.total_variation) or 0 <= found.total_variation <= 1 + 1e-12


@given(PARTS.filter(lambda each: each.sum() > 0))
def test_nothing_has_moved_where_nothing_changes(parts: np.ndarray) -> None:
    assert change_of(parts, parts).total_variation == 0


def test_all_has_moved_where_no_feature_is_left() -> None:
    assert change_of(np.array([1.0, 3.0, 0.0]), np.array([0.0, 0.0, 5.0])).total_variation == 1


def test_ranks_correlate_as_they_do_by_hand() -> None:
    """Ranks 1 2 3 4 and 2 1 4 3: 1 - 6 x 4 / (4 x 15) = 0.6."""
    found = change_of(np.array([1.0, 2.0, 3.0, 4.0]), np.array([0.2, 0.1, 0.9, 0.8]))
    assert found.rank_correlation == pytest.approx(0.6)


def test_a_refit_is_compared_with_the_fold_before_that_has_contributions() -> None:
    """Shares 1 0, then 1/2 1/2 two folds later: one half has moved, and the newest change is that of fold 4."""
    lines = [(0, "a", 2.0), (0, "b", 0.0), (2, "b", 1.0), (2, "a", 1.0), (4, "a", 0.0), (4, "b", 0.0)]
    rows = list(drift_rows(pl.DataFrame(lines, schema=["fold", "feature", "value"], orient="row")))
    assert [(each["fold"], each["previous_fold"], each["features"]) for each in rows] == [(2, 0, 2), (4, 2, 2)]
    assert [each["total_variation"] for each in rows] == [0.5, None]
    assert [each["rank_correlation"] for each in rows] == [None, None]
    assert newest_change(pl.DataFrame(rows)) == 0.5
    assert newest_change(EXPLANATION_DRIFT.empty()) is None


def test_a_model_leaves_the_contributions_of_every_fold_and_what_changed() -> None:
    tables = trained().tables
    parts, drift = tables[CONTRIBUTIONS], tables[EXPLANATION_DRIFT]
    assert parts["fold"].n_unique() == drift.height + 1 >= 3
    last = parts.filter(pl.col("fold") == pl.col("fold").max()).select("fold", "feature", "value")
    assert last.equals(tables[EXPLANATIONS].select("fold", "feature", "value"))
    assert drift["total_variation"].max() < MOST_MOVED  # type: ignore[operator]


def market(seed: int, turns: bool) -> Samples:
    """Twelve symbols and ten features, two of which tell the return; if it turns, two others from the middle on."""
    panel = bars(symbols=12, sessions=510, seed=seed).sort("symbol", "session")
    forward = (pl.col("adj_open").shift(-6) / pl.col("adj_open").shift(-1) - 1).over("symbol").fill_null(0.0)
    earned = panel.select(forward / 0.045).to_series().to_numpy()
    late = np.tile(np.arange(510) >= 255, 12) & turns
    draws = np.random.default_rng(seed + 100).standard_normal((10, panel.height))
    told = {f"f{n}": draws[n] + 0.3 * earned * np.where(late, n in (5, 6), n in (0, 1)) for n in range(10)}
    features = panel.select("symbol", "session").with_columns(pl.Series(name, each) for name, each in told.items())
    return build_samples(panel, benchmark(panel), features, 5)


@pytest.mark.parametrize("family", ["logistic", pytest.param("xgboost", marks=pytest.mark.slow)])
def test_a_market_that_turns_is_told_and_one_that_stays_is_not(family: str) -> None:
    """Windows of training that move on, so that the second half is all that the last fold knows."""
    walk = {"type": family, "train_sessions": 126, "test_sessions": 126, "expanding": False, "label": "sign"}
    section = FAMILIES[family].model_validate(walk)
    stays, turned = (
        run(market(seed, turns), section).tables[EXPLANATION_DRIFT] for seed, turns in ((1, False), (1, True))
    )
    assert stays.height == turned.height == 3
    assert stays["total_variation"].max() < MOST_MOVED / 2  # type: ignore[operator]
    assert turned["total_variation"].max() > MOST_MOVED  # type: ignore[operator]
