"""One strategy on its market: parameter sets, variations, and the sweep that must agree with single runs."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from types import ModuleType
from typing import Any, cast

import numpy as np
import polars as pl
import pytest
from pydantic import ValidationError

from trading_assets.backtests.backtest import (
    PreparedBacktest,
    backtest,
    baselines_of,
    metrics_of,
    parameter_grid,
    sweep_parameters,
    sweep_prepared,
    with_parameters,
)
from trading_assets.backtests.inputs.risk_free import accrued
from trading_assets.backtests.perturbations import stressed, with_crashes, with_entries
from trading_assets.backtests.results.settled_curve import settled
from trading_assets.backtests.sweep_returns import benchmark_beside, excess_returns_of
from trading_assets.config import Configuration, ConfigurationError
from trading_assets.strategies import equity_momentum
from trading_assets.strategies.evaluation.inputs import Frames
from trading_assets.strategies.interface.module import StrategyModule
from trading_assets_tests.backtests.dropped_bars import without_bars
from trading_assets_tests.backtests.frames import BENCHMARK, frames, frames_of, loaded, prepare_strategy, weekdays
from trading_assets_tests.narrow import as_date, as_number, as_signals

DAYS = weekdays(300)
SPAN = (DAYS[80], DAYS[299])


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Configuration:
    return loaded(tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="module")
def prepared(settings: Configuration) -> PreparedBacktest:
    return prepare_strategy(settings, "breakout", frames(300))


def test_a_sweep_over_parameters_agrees_with_each_run(prepared: PreparedBacktest) -> None:
    """Sets that share signals and sets that do not (another trend filter) in one sweep."""
    grid: dict[str, list[float | str]] = {
        "stop_atr": [1.0, 2.5],
        "fast_clearance": [0.0, 0.01],
        "exit": ["ma_20", "staged"],
        "trend_slope": [0.005, 0.02],
    }
    sets = parameter_grid(prepared.parameters, grid)
    found = sweep_parameters(prepared, sets, *SPAN)
    assert found.equity.shape == (16, 220)
    assert len({row.tobytes() for row in found.equity}) == 16
    for p, parameters in enumerate(sets):
        run = backtest(with_parameters(prepared, parameters), *SPAN, split="train")
        assert run.equity["equity"].to_numpy().tobytes() == found.equity[p].tobytes()
        assert run.trades.height == found.trades[p]
        assert run.equity["session"].to_list() == found.sessions


def test_a_sweep_says_what_is_not_cash_and_its_benchmark_is_held_so_far(
    prepared: PreparedBacktest,
) -> None:
    """Yesterday's net exposure x today's change of the benchmark; nothing on the first day."""
    found = sweep_parameters(prepared, [prepared.parameters], *SPAN)
    run = backtest(prepared, *SPAN, split="train")
    net = ((run.equity["equity"] - run.equity["cash"]) / run.equity["equity"]).to_numpy()
    assert 0.1 < net.max() < 0.81
    assert found.net_exposure[0] == pytest.approx(net, abs=1e-12)
    closes = dict(prepared.benchmark.select("session", "close").iter_rows())
    days = run.equity["session"].to_list()
    expected = [0.0] + [net[t - 1] * (closes[days[t]] / closes[days[t - 1]] - 1) for t in range(1, len(days))]
    assert benchmark_beside(prepared, found)[0] == pytest.approx(expected, abs=1e-12)


def test_a_sweep_over_models_is_refused_whatever_the_parameter_is_called(prepared: PreparedBacktest) -> None:
    """A module whose `exit` is the name of its model: the panel has the scores of the chosen one alone."""
    module = ModuleType("switching")
    module.rules = lambda p: replace(equity_momentum.rules(p), model=p.exit)  # type: ignore[attr-defined]
    switching = replace(prepared, strategy=replace(prepared.strategy, module=cast(StrategyModule, module)))
    same = parameter_grid(prepared.parameters, {"stop_atr": [1.0, 2.0]})
    assert len(sweep_parameters(switching, same, *SPAN).trades) == 2
    with pytest.raises(ConfigurationError, match="name different models: ma_20, staged\n  expected: one"):
        sweep_parameters(switching, parameter_grid(prepared.parameters, {"exit": ["ma_20", "staged"]}), *SPAN)


def test_without_a_benchmark_a_sweep_is_held_against_its_universe(prepared: PreparedBacktest) -> None:
    """Yesterday's net exposure x what the baseline of equal weights earned today, not cash."""
    alone = replace(prepared, strategy=replace(prepared.strategy, benchmark=None))
    found = sweep_parameters(alone, [alone.parameters], *SPAN)
    baselines = baselines_of(alone, backtest(alone, *SPAN, split="train"))
    assert set(baselines["baseline"]) == {"cash", "equal_weight"}
    earned = baselines.filter(baseline="equal_weight").sort("session")["daily_return"].to_numpy()
    expected = np.concatenate([[0.0], found.net_exposure[0][:-1] * earned[1:]])
    assert np.abs(expected).max() > 0.001
    assert benchmark_beside(alone, found)[0] == pytest.approx(expected, abs=1e-12)


def test_returns_of_a_sweep_start_from_the_starting_equity(prepared: PreparedBacktest) -> None:
    found = sweep_parameters(prepared, [prepared.parameters], *SPAN)
    run = backtest(prepared, *SPAN, split="train")
    assert excess_returns_of(prepared, found)[0] == pytest.approx(run.equity["daily_return"].to_numpy(), abs=1e-15)


def test_excess_returns_of_a_sweep_are_those_of_the_run_with_its_interest(prepared: PreparedBacktest) -> None:
    """By the account: equity and interest of the evening's cash, beside an equity that is all cash at 3.6 % a year."""
    rates = pl.DataFrame({"session": [dt.date(1990, 1, 1)], "rate": [0.036]})
    paid = replace(prepared, risk_free=accrued(prepared.axes.sessions, rates))
    run = backtest(paid, *SPAN, split="train").equity
    found = sweep_parameters(paid, [paid.parameters], *SPAN)
    assert run["equity"].equals(backtest(prepared, *SPAN, split="train").equity["equity"])  # never traded with
    expected = [0.0]
    for row, before in zip(run.iter_rows(named=True), [None, *run.iter_rows(named=True)], strict=False):
        if before is None:
            continue
        days = (row["session"] - before["session"]).days
        interest = before["cash"] * 0.036 * days / 360
        assert row["interest"] == pytest.approx(interest, rel=1e-9)
        expected.append((row["equity"] + interest) / before["equity"] - 1 - 0.036 * days / 360)
    assert excess_returns_of(paid, found)[0] == pytest.approx(expected, abs=1e-12)
    assert settled(run)["excess_return"].to_list() == pytest.approx(expected, abs=1e-12)
    assert min(run["interest"].to_list()[1:]) > 0


def test_the_grid_is_the_modules_and_takes_no_value_that_the_parameter_does_not(prepared: PreparedBacktest) -> None:
    assert prepared.strategy.grid == dict(equity_momentum.GRID)
    with pytest.raises(ValidationError):
        parameter_grid(prepared.parameters, {"exit": ["ma_30"]})


def test_dearer_fills_cost_more_and_late_ones_come_later(prepared: PreparedBacktest) -> None:
    base = backtest(prepared, *SPAN, split="train")
    dear = backtest(stressed(prepared, slippage=3.0, fees=3.0), *SPAN, split="train")
    late = backtest(stressed(prepared, delay=1), *SPAN, split="train")
    first, dearer = (
        base.trades.sort("entry_session").row(0, named=True),
        dear.trades.sort("entry_session").row(0, named=True),
    )
    assert first["trade_id"] == dearer["trade_id"]
    assert dearer["entry_slippage_bps"] == pytest.approx(3 * first["entry_slippage_bps"])
    rate = dearer["entry_fee"] / (dearer["entry_price"] * dearer["quantity"])
    assert rate == pytest.approx(3 * first["entry_fee"] / (first["entry_price"] * first["quantity"]))
    assert late.trades["entry_session"].min() == DAYS[DAYS.index(as_date(base.trades["entry_session"].min())) + 1]


def test_a_crash_stops_every_position_out_at_the_low(prepared: PreparedBacktest) -> None:
    base = backtest(prepared, *SPAN, split="train")
    day = base.equity.filter(base.equity["positions"] > 1)["session"][5]
    run = backtest(with_crashes(prepared, [day]), *SPAN, split="train")
    stopped = run.trades.filter(exit_session=day, exit_reason="hard_stop")
    held = base.equity.filter(session=day)["positions"][0]
    assert stopped.height >= held
    assert run.equity.filter(session=day)["positions"][0] == 0
    t = prepared.axes.sessions.index(day)
    for trade in stopped.iter_rows(named=True):
        assert trade["exit_price"] <= prepared.market.low[t, prepared.axes.symbols.index(trade["symbol"])]


def test_dropped_bars_neither_signal_nor_fill(prepared: PreparedBacktest) -> None:
    random = np.random.default_rng(0)
    missing = prepared.market.present & (random.random(prepared.market.present.shape) < 0.1)
    holed = without_bars(prepared, missing)
    assert not (holed.market.present & missing).any()
    rows = np.repeat(np.arange(300), np.diff(as_signals(holed.signals).candidates.first))
    assert not missing[rows, as_signals(holed.signals).candidates.symbol].any()
    run = backtest(holed, *SPAN, split="train")
    for trade in run.trades.iter_rows(named=True):
        column = prepared.axes.symbols.index(trade["symbol"])
        assert not missing[prepared.axes.sessions.index(trade["entry_session"]), column]
        assert not missing[prepared.axes.sessions.index(trade["exit_session"]), column]


def test_random_entries_are_exactly_those_asked_for(prepared: PreparedBacktest) -> None:
    rows, columns = np.array([150, 100, 100]), np.array([2, 3, 0])
    made = with_entries(prepared, rows, columns)
    run = backtest(made, *SPAN, split="train")
    entered = run.decisions.filter(decision="enter").select("session", "symbol", "reason")
    assert entered.rows() == [
        (DAYS[100], "AAA", "random"),
        (DAYS[100], "DDD", "random"),
        (DAYS[150], "CCC", "random"),
    ]
    found = sweep_prepared((with_entries(prepared, rows[:k], columns[:k]) for k in (1, 2, 3)), *SPAN)
    assert found.equity[2].tobytes() == run.equity["equity"].to_numpy().tobytes()
    assert (np.diff(found.trades) >= 0).all()


def test_metrics_name_what_they_are_of(prepared: PreparedBacktest) -> None:
    rows = metrics_of(prepared, backtest(prepared, *SPAN, split="validation"))
    assert set(rows["split"]) == {"validation"}
    values = dict(rows.select("metric", "value").iter_rows())
    assert (values["sessions"], values["periods_per_year"]) == (220.0, 252.0)
    assert values["correlation"] is not None


def test_a_split_of_the_benchmark_is_no_loss(settings: Configuration, prepared: PreparedBacktest) -> None:
    """Two for one on the 200th session: half the raw close from there on, the same benchmark returns."""
    later = (pl.col("symbol") == BENCHMARK) & (pl.col("session") >= DAYS[200])
    on_the_day = later & (pl.col("session") == DAYS[200])
    raw = [
        pl.when(later).then(pl.col(name) / 2).otherwise(name).alias(name) for name in ("open", "high", "low", "close")
    ]
    split = frames(300).bars.with_columns(
        *raw,
        pl.when(on_the_day).then(2.0).otherwise("split_ratio").alias("split_ratio"),
        pl.when(later).then(2.0).otherwise("forward_factor").alias("forward_factor"),
    )
    found = prepare_strategy(settings, "breakout", frames_of(split)).benchmark["daily_return"]
    assert found.drop_nulls().to_list() == pytest.approx(prepared.benchmark["daily_return"].drop_nulls().to_list())


def test_a_dividend_of_the_benchmark_is_a_part_of_its_return(
    settings: Configuration, prepared: PreparedBacktest
) -> None:
    """A dividend of a hundredth of the close before, on the 200th session, adds 1 % to that return; it is named so."""
    bars = frames(300).bars
    before = as_number(bars.filter(symbol=BENCHMARK, session=DAYS[199])["close"][0])
    on_the_day = (pl.col("symbol") == BENCHMARK) & (pl.col("session") == DAYS[200])
    paid = bars.with_columns(pl.when(on_the_day).then(before / 100).otherwise("cash_dividend").alias("cash_dividend"))
    found = prepare_strategy(settings, "breakout", frames_of(paid))
    beside = found.benchmark.join(prepared.benchmark, on="session", suffix="_before").drop_nulls()
    more = beside.filter((pl.col("daily_return") - pl.col("daily_return_before")).abs() > 1e-12)
    assert more["session"].to_list() == [DAYS[200]]
    assert more["daily_return"][0] - more["daily_return_before"][0] == pytest.approx(0.01)
    assert (prepared.benchmark_kind, found.benchmark_kind) == ("price return", "total return")


def test_equal_weight_buys_members_only(settings: Configuration) -> None:
    """DDD joins on the 250th session: until the rebalancing after it, the baseline is that without it."""
    tables = frames(300)
    joins = pl.when(pl.col("symbol") == "DDD").then(pl.lit(DAYS[250])).otherwise("start").alias("start")
    late = replace(tables, universe=tables.universe.with_columns(joins))
    never = frames(300, symbols=("AAA", "BBB", "CCC"))

    def curve(given: Frames) -> pl.DataFrame:
        prepared = prepare_strategy(settings, "breakout", given)
        rows = baselines_of(prepared, backtest(prepared, *SPAN, split="train"))
        return rows.filter(pl.col("baseline") == "equal_weight", pl.col("session") <= DAYS[250])

    own = never.bars.filter(pl.col("symbol") != BENCHMARK)
    same = tables.bars.join(own.select("symbol", "session"), on=["symbol", "session"], how="semi")
    index = tables.bars.filter(pl.col("symbol") == BENCHMARK)
    assert curve(late)["equity"].to_list() == pytest.approx(
        curve(frames_of(pl.concat([same, index])))["equity"].to_list()
    )


def test_a_span_without_sessions_is_refused(prepared: PreparedBacktest) -> None:
    with pytest.raises(ValueError, match="breakout: no session from 1990-01-01"):
        backtest(prepared, dt.date(1990, 1, 1), dt.date(1990, 12, 31), split="train")


def test_no_strategy_sees_the_order_of_the_rows_it_was_given(
    prepared: PreparedBacktest, settings: Configuration
) -> None:
    tables = frames(300)
    given: dict[str, Any] = {name: each for name, each in vars(tables).items() if isinstance(each, pl.DataFrame)}
    shuffled = replace(
        tables, **{name: frame.sample(fraction=1, shuffle=True, seed=5) for name, frame in given.items()}
    )
    run = backtest(prepare_strategy(settings, "breakout", shuffled), *SPAN, split="train")
    assert run.decisions.equals(backtest(prepared, *SPAN, split="train").decisions)
