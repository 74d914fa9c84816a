"""All rows of a strategy: contracts, and sums that have to be what they are of."""

from __future__ import annotations

import dataclasses

import polars as pl
import pytest

from trading_assets.analytics.factor_returns import FEATURES
from trading_assets.analytics.of_strategy import rows_of
from trading_assets.analytics.run_inputs import read_run
from trading_assets.analytics.tables import ATTRIBUTION, FACTOR_EXPOSURES, RISK, SIGNAL_QUALITY
from trading_assets.backtests.results.settled_curve import settled
from trading_assets.config.sections import Costs
from trading_assets_tests.robustness.pipeline import Experiment


@pytest.fixture(scope="module", params=["known", "unknown"])
def made(request: pytest.FixtureRequest, finished: Experiment):  # type: ignore[no-untyped-def]
    configuration = finished.configuration
    run = read_run(finished.warehouse, configuration, request.param, FEATURES)
    own = run.equity.select("session", spread=pl.col("equity").pct_change().fill_null(0.0) + 1e-4)
    start = configuration.risk.starting_equity
    rows = rows_of(run, own, starting_equity=start, capacity=run.capacity, costs=configuration.costs)
    return run, rows, start


def test_a_run_without_a_trade_has_parts_of_nothing(made) -> None:  # type: ignore[no-untyped-def]
    run, _, start = made
    flat = run.equity.with_columns(
        equity=pl.lit(start), settled_equity=pl.lit(start), daily_return=pl.lit(0.0), interest=pl.lit(0.0)
    )
    tables = {name: getattr(run, name).clear() for name in ("fills", "trades", "open_positions", "scores", "entries")}
    idle = dataclasses.replace(run, equity=flat, **tables)
    rows = rows_of(idle, None, starting_equity=start, capacity=run.capacity, costs=Costs())
    for table, frame in rows.items():
        table.validate(frame)
    assert rows[ATTRIBUTION].is_empty() and rows[RISK].is_empty()


def test_rows_keep_the_contracts_of_their_tables(made) -> None:  # type: ignore[no-untyped-def]
    _, rows, _ = made
    for table, frame in rows.items():
        table.validate(frame)
        assert frame.height > 0, table.name


def test_risk_of_the_run_is_the_volatility_and_the_shortfall_of_its_returns(made) -> None:  # type: ignore[no-untyped-def]
    run, rows, start = made
    before = run.equity["equity"].shift(1, fill_value=start)
    returns = ((run.equity["equity"] + run.equity["interest"]) / before - 1).to_numpy()
    found = dict(rows[RISK].filter(basis="run").group_by("measure").agg(pl.col("contribution").sum()).iter_rows())
    worst = sorted(returns)[: -(-len(returns) // 20)]
    assert found["volatility"] == pytest.approx(returns.std(ddof=1), abs=1e-10)  # amounts are whole millionths
    assert found["shortfall"] == pytest.approx(-sum(worst) / len(worst), abs=1e-10)
    shares = rows[RISK].group_by("basis", "measure").agg(pl.col("share").sum())
    assert shares["share"].to_list() == pytest.approx([1.0] * shares.height)


def test_own_factors_are_a_second_regression(made) -> None:  # type: ignore[no-untyped-def]
    run, rows, _ = made
    table = rows[FACTOR_EXPOSURES]
    assert set(table["model"]) == {"catalogue", "file"}
    of_file = {row["factor"]: row for row in table.filter(model="file").iter_rows(named=True)}
    assert of_file["spread"]["estimate"] == pytest.approx(1.0, abs=0.05)
    excess = settled(run.equity)["excess_return"].fill_null(0.0).sum()
    assert sum(row["earned"] for row in of_file.values()) == pytest.approx(excess, abs=1e-6)
    assert {"alpha", "market"} <= set(table.filter(model="catalogue")["factor"])


def test_entries_and_scores_are_told_and_every_session_is_attributed(made) -> None:  # type: ignore[no-untyped-def]
    run, rows, _ = made
    assert {"score", "trigger"} <= set(rows[SIGNAL_QUALITY]["subject"])
    counts = rows[SIGNAL_QUALITY].filter(subject="trigger", statistic="count", horizon=1)["value"]
    assert counts.sum() <= run.entries.height
    assert set(rows[ATTRIBUTION]["session"]) <= set(run.equity["session"])
