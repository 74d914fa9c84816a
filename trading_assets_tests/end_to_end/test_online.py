"""A model that learns on and a bandit over strategies, from bars to a verdict; then the same again."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from trading_assets.models.session_scores import score_session
from trading_assets.models.tables import PREDICTIONS
from trading_assets_tests.conftest import Experiment
from trading_assets_tests.end_to_end.experiments import changed, run

pytestmark = pytest.mark.slow

STRATEGIES = {
    "quick": {"type": "ml", "model": "quick", "entry_score": 0.5},
    "trend": {"type": "equity_momentum"},
    "either": {"type": "bandit", "members": ["quick", "trend"]},
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Experiment:
    folder = tmp_path_factory.mktemp("online")
    walk = {"type": "online", "horizon": 1, "train_sessions": 250, "test_sessions": 126, "initial_sessions": 120}
    config = changed(
        folder,
        name="online",
        market_data=[{"source": "synthetic", "asset_class": "equity", "calendar": "XNYS", "symbols": 5}],
        benchmarks={"equity": "SPX"},
        models={"quick": walk},
        strategies=STRATEGIES,
        registration=None,
        robustness={
            "resamples": 20,
            "permutations": 20,
            "cross_validation_blocks": 4,
            "look_ahead_cuts": 2,
            "stress_scenarios": ["flash_crash"],
            "grids": {"quick": {"stop_atr": [2.0, 3.0]}, "either": {"rebalance": ["day", "week"]}},
        },
    )
    return run(config, folder / "data")


def test_both_end_in_a_verdict_and_nobody_is_accused(whole: Experiment) -> None:
    assert whole.process.returncode == 0, whole.process.stderr
    results = whole.warehouse.query("SELECT strategy FROM robustness.verdicts WHERE kind = 'result'")
    assert sorted(results["strategy"]) == sorted(STRATEGIES)
    for strategy in STRATEGIES:
        audit = whole.warehouse.query(f"SELECT \"column\" FROM robustness.look_ahead WHERE strategy = '{strategy}'")
        assert set(audit["column"]) == {"none"}, strategy
    assert whole.warehouse.query("SELECT count(*) FROM strategies.target_weights WHERE strategy = 'either'").item() > 5


def test_every_session_that_is_scored_has_a_decision_before_it(whole: Experiment) -> None:
    rows = whole.warehouse.query("SELECT * FROM models.online_updates")
    scored = whole.warehouse.query("SELECT DISTINCT session FROM models.predictions WHERE model = 'quick'")
    assert set(rows["session"]) == set(scored["session"])
    assert rows.filter(pl.col("known_on") >= pl.col("session")).is_empty()
    assert rows.filter(decision="update").height > 100


def test_the_same_again_learns_nothing(whole: Experiment) -> None:
    again = run(whole.config, whole.data)
    assert again.process.returncode == 0
    said = again.process.stdout + again.process.stderr
    assert "models/quick unchanged" in said and "strategies/either unchanged" in said


def test_a_session_that_a_run_has_scored_scores_the_same(whole: Experiment) -> None:
    scores = score_session(whole.warehouse, whole.configuration, "quick", None, dt.datetime(2026, 1, 1)).rows
    written = whole.warehouse.read(PREDICTIONS).filter(model="quick", session=scores["session"][0])
    columns = ["symbol", "score", "fold", "version"]
    assert scores.select(columns).sort("symbol").equals(written.select(columns).sort("symbol"))
    assert scores.height == 5
