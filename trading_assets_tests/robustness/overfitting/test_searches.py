"""Searches raise what a Sharpe ratio is deflated by, of strategies that trade scores and of no others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from trading_assets.protocol.trials import with_benchmarks
from trading_assets.protocol.trials_table import OF_SEARCHES
from trading_assets.robustness.overfitting.searches import backtests_and_searches, reads_scores, with_searches
from trading_assets.robustness.overfitting.selection import selection
from trading_assets.robustness.overfitting.sharpe_inference import expected_maximum
from trading_assets.robustness.tables import TRIALS
from trading_assets_tests.backtests.frames import loaded
from trading_assets_tests.robustness.overfitting.test_selection import trial, trials, values_of

STRATEGIES = {
    "scores": {"type": "ml", "model": "own"},
    "prices": {"type": "equity_momentum"},
    "both": {"type": "ensemble", "members": ["scores", "prices"]},
}
MODELS = {"own": {"train_sessions": 150, "test_sessions": 60}}


def searched(count: int) -> pl.DataFrame:
    nothing = {"type": OF_SEARCHES, "settings_hash": "searched", "sharpe": None, "sessions": 0, "returns": None}
    name = "searched{}".format
    lines = [
        trial(number, np.array([0.0, 0.1])) | nothing | {"trial": name(number), "params_hash": name(number)}
        for number in range(count)
    ]
    types = {key: kind for key, kind in TRIALS.empty().schema.items() if key in lines[0]}
    return with_benchmarks(TRIALS.conform(pl.DataFrame(lines, schema=types)))


def backtested() -> pl.DataFrame:
    rng = np.random.default_rng(5)
    rows = [trial(number, rng.normal(0.0006, 0.01, 240), type="ml", settings_hash="s") for number in range(4)]
    return trials(*rows).with_columns(symbols=pl.lit(["A"], pl.List(pl.String)))


def statistics(rows: pl.DataFrame) -> dict[str, float | None]:
    found = selection("scores", rows, "t000", periods=252.0, blocks=4, config_hash="c")
    return values_of(found.statistics)


@pytest.mark.parametrize(("strategy", "pays"), [("scores", True), ("prices", False), ("both", True)])
def test_who_trades_scores_pays_for_searches(strategy: str, pays: bool, tmp_path: Path) -> None:
    configuration = loaded(tmp_path, strategies=STRATEGIES, models=MODELS)
    assert reads_scores(configuration, strategy) is pays
    every = pl.concat([backtested(), searched(6)])
    found = with_searches(configuration, strategy, backtested(), every)
    assert found.height == (10 if pays else 4)


def test_a_search_raises_the_number_and_not_the_spread_that_a_ratio_is_deflated_by() -> None:
    """Four backtests of a known spread: of the best of 4 and of 4 + 20 without skill, by the formula itself."""
    own = backtested()
    alone, beside = statistics(own), statistics(pl.concat([own, searched(20)]))
    assert (alone["trials"], beside["trials"]) == (4, 24)
    assert (alone["distinct_trials"], beside["distinct_trials"]) == (4, 24)
    spread = float(np.std(own["sharpe"].to_numpy(), ddof=1))
    for values, count in ((alone, 4), (beside, 24)):
        assert values["expected_maximum_sharpe"] == pytest.approx(spread * expected_maximum(count), rel=1e-9)
    assert (beside["dsr"] or 0) < (alone["dsr"] or 0)
    assert (beside["haircut_sharpe"] or 0) <= (alone["haircut_sharpe"] or 0)
    assert beside["psr"] == alone["psr"]
    assert beside["pbo"] == alone["pbo"], "what has no returns is in no cross-validation"


def test_a_search_that_ran_twice_counts_once(tmp_path: Path) -> None:
    configuration = loaded(tmp_path, strategies=STRATEGIES, models=MODELS)
    every = pl.concat([backtested(), searched(6), searched(6)])
    assert with_searches(configuration, "scores", backtested(), every).height == 10


def test_a_search_is_no_type_of_strategy() -> None:
    backtests, searches = backtests_and_searches(pl.concat([backtested(), searched(3)]))
    assert backtests["type"].unique().to_list() == ["ml"]
    assert searches.height == 3
    older = backtested().with_columns(type=pl.lit(None, pl.String))
    assert backtests_and_searches(older)[0].height == 4
