"""Every shipped strategy in one run, from bars to report."""

from __future__ import annotations

import pytest

from trading_assets_tests.conftest import Experiment
from trading_assets_tests.end_to_end.experiments import changed, run

pytestmark = pytest.mark.acceptance

STRATEGIES = {
    "equity_momentum": {"type": "equity_momentum", "universe": "equity"},
    "crypto_momentum": {"type": "crypto_momentum", "universe": "crypto"},
    "mean_reversion": {"type": "mean_reversion", "universe": "equity"},
    "multi_timeframe": {"type": "multi_timeframe", "universe": "equity"},
    "ml": {"type": "ml", "universe": "equity", "model": "forward_return"},
    "factor": {"type": "factor", "universe": "equity", "quantiles": 2},
    "pairs": {"type": "pairs", "universe": "equity"},
    "bandit": {"type": "bandit", "universe": "equity", "members": ["equity_momentum", "mean_reversion", "factor"]},
    "ensemble": {"type": "ensemble", "universe": "equity", "members": ["equity_momentum", "mean_reversion", "factor"]},
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Experiment:
    folder = tmp_path_factory.mktemp("every")
    equity = {"source": "synthetic", "asset_class": "equity", "calendar": "XNYS", "symbols": 16}
    crypto = {"source": "synthetic", "asset_class": "crypto", "calendar": "24/7", "symbols": ["COIN1", "COIN2"]}
    hypothesis = {"registered_on": "2017-03-31", "hypothesis": "No edge is planted here, so none is expected."}
    config = changed(
        folder,
        name="every",
        market_data=[equity, crypto],
        strategies=STRATEGIES,
        registration={"pairs": hypothesis, "ensemble": hypothesis},
        robustness={"resamples": 50, "permutations": 20, "cross_validation_blocks": 4},
    )
    return run(config, folder / "data")


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_strategy_goes_all_the_way(whole: Experiment, strategy: str) -> None:
    query = whole.warehouse.query
    fills, splits = query(
        f"SELECT count(*), count(DISTINCT split) FROM backtests.fills WHERE strategy = '{strategy}'"
    ).row(0)
    assert fills > 10
    assert splits >= 3
    for table in ("backtests.metrics", "robustness.sensitivity", "robustness.stress", "robustness.verdicts"):
        assert query(f"SELECT count(*) FROM {table} WHERE strategy = '{strategy}'").item() > 0, table
    assert (whole.configuration.home / "reports" / f"{strategy}.html").stat().st_size > 100_000


def test_pairs_trade_both_legs_and_pay_for_borrowing(whole: Experiment) -> None:
    rows = whole.warehouse.query(
        "SELECT pair_id, count(*) FILTER (side = 'long'), count(*) FILTER (side = 'short'), sum(borrow_cost) "
        "FROM backtests.trades WHERE strategy = 'pairs' AND split = 'development' GROUP BY pair_id"
    ).rows()
    assert rows
    for pair, longs, shorts, borrowed in rows:
        assert pair is not None
        assert longs == shorts > 0
        assert borrowed > 0


def test_the_ensemble_is_within_its_equity(whole: Experiment) -> None:
    late = whole.warehouse.query(
        "SELECT max(abs(weight)) FROM (SELECT session, sum(abs(target_weight)) AS weight "
        "FROM strategies.target_weights WHERE strategy = 'ensemble' GROUP BY session)"
    ).item()
    assert 0 < late <= 1 + 1e-9
