"""Edge cases from the tables of the stages before to those of a backtest."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import polars as pl
import pytest

from trading_assets.backtests.backtest import PreparedBacktest, backtest, metrics_of
from trading_assets.config.strategies import OrderParameters, StrategySettings
from trading_assets.market_data.tables import INSTRUMENTS, SESSIONS
from trading_assets.strategies import crypto_momentum, equity_momentum
from trading_assets.strategies.evaluation.inputs import Frames
from trading_assets_tests.backtests.frames import (
    BENCHMARK,
    FIRST,
    bars_of,
    configuration,
    frames,
    frames_of,
    prepare_strategy,
    weekdays,
)

Universe = Literal["equity", "crypto", "all"]


def _prepared(tables: Frames, universe: Universe = "equity", **parameters: object) -> PreparedBacktest:
    """A breakout strategy of the given universe on tables."""
    module = crypto_momentum if universe == "crypto" else equity_momentum
    values: OrderParameters = module.Parameters.model_validate(parameters)
    strategy = StrategySettings(type=module.__name__, universe=universe, parameters=values)
    benchmarks = {"equity": BENCHMARK, "crypto": BENCHMARK}
    return prepare_strategy(configuration(strategies={"breakout": strategy}, benchmarks=benchmarks), "breakout", tables)


def _rising(days: int, start: int = 0) -> np.ndarray:
    return 50 * 1.01 ** np.arange(days - start)


def _decisions(prepared: PreparedBacktest) -> pl.DataFrame:
    return backtest(prepared, prepared.axes.sessions[0], prepared.axes.sessions[-1], split="full").decisions


def test_new_listing() -> None:
    days = weekdays(200)
    bars = [bars_of("OLD", np.full(200, 50.0), days), bars_of("NEW", _rising(200, 80), days[80:])]
    prepared = _prepared(frames_of(pl.concat(bars)))
    own = _decisions(prepared).filter(pl.col("symbol") == "NEW")
    # highest_close_20 is known at the 21st bar; ma_50 and its value 20 sessions before at the 70th.
    assert own["session"][0] == days[80 + 20]
    assert set(own.filter(pl.col("session") < days[80 + 69])["reason"]) == {"eligibility"}
    assert own.filter(pl.col("decision") == "enter")["session"].to_list() == [days[80 + 69]]
    new = prepared.axes.symbols.index("NEW")
    assert prepared.market.expected[:, new].tolist() == [day >= days[80] for day in days]


def test_universe_as_of() -> None:
    days = weekdays(160)
    bars = pl.concat(bars_of(symbol, _rising(160), days) for symbol in ("AAA", "BBB"))
    member = frames_of(bars)
    left = pl.when(pl.col("symbol") == "AAA").then(pl.lit(days[120])).otherwise(pl.lit(None, pl.Date))
    leaver = frames_of(bars, universe=member.universe.with_columns(end=left))
    results = [backtest(_prepared(tables, max_hold=5), days[0], days[-1], split="full") for tables in (member, leaver)]
    entered = [
        result.decisions.filter(pl.col("decision") == "enter", pl.col("symbol") == "AAA")["session"].to_list()
        for result in results
    ]
    assert max(entered[0]) > days[130]
    assert entered[1] == [day for day in entered[0] if day <= days[120]]
    for name in ("equity", "decisions"):
        earlier = [getattr(result, name).filter(pl.col("session") <= days[120]) for result in results]
        assert earlier[0].equals(earlier[1]), name
    late = results[1].decisions.filter(pl.col("symbol") == "AAA", pl.col("session") > days[130])
    assert set(late["reason"]) == {"eligibility"}


@pytest.mark.parametrize(
    ("universe", "fall", "stressed"),
    [
        ("equity", 0.029, False),
        ("equity", 0.031, True),
        ("crypto", 0.049, False),
        ("crypto", 0.051, True),
    ],
)
def test_weekly_return_window(universe: Literal["equity", "crypto"], fall: float, stressed: bool) -> None:
    days = weekdays(40)
    index = np.where(np.arange(40) < 20, 100.0, 100.0 * (1 - fall))
    bars = pl.concat([bars_of("AAA", np.full(40, 50.0), days, universe), bars_of(BENCHMARK, index, days, "index")])
    market = _prepared(frames_of(bars), universe).market
    # The fall is in the five sessions that end at 20 ... 24, so it stresses the fills of 21 ... 25.
    assert np.flatnonzero(market.stressed[:, 0]).tolist() == ([21, 22, 23, 24, 25] if stressed else [])


def test_costs_are_stressed_by_the_price_of_the_benchmark_without_its_dividends() -> None:
    """4 % lower ex a dividend of 4 %: a total return of 0, and a fall of the price index. Two for one is no fall."""
    days = weekdays(40)
    later = pl.col("session") >= days[20]
    index = bars_of(BENCHMARK, np.full(40, 100.0), days, "index")
    paid = index.with_columns(close=pl.when(later).then(96.0).otherwise("close"))
    halved = index.with_columns(
        close=pl.when(later).then(50.0).otherwise("close"),
        split_ratio=pl.when(pl.col("session") == days[20]).then(2.0).otherwise(1.0),
    )

    def stressed_sessions(benchmark: pl.DataFrame) -> list[int]:
        bars = pl.concat([bars_of("AAA", np.full(40, 50.0), days, "equity"), benchmark])
        return list(np.flatnonzero(_prepared(frames_of(bars), "equity").market.stressed[:, 0]))

    assert stressed_sessions(paid) == [21, 22, 23, 24, 25]
    assert stressed_sessions(halved) == []


def test_weekly_return_window_knows_nothing_of_the_fill_session() -> None:
    tables = frames(sessions=300)
    day = tables.bars["session"].unique().sort()[200]
    prices = [name for name in tables.bars.columns if name.endswith(("open", "high", "low", "close"))]
    changed = tables.bars.with_columns(
        pl.when(pl.col("session") >= day).then(pl.col(name) * 0.5).otherwise(pl.col(name)) for name in prices
    )
    before, after = (_prepared(frames_of(bars)).market.stressed for bars in (tables.bars, changed))
    assert before[:201].tolist() == after[:201].tolist()
    assert before.any()


def _with_crypto(days: list[dt.date]) -> Frames:
    """One equity on weekdays and one coin on every day, of the same weeks."""
    every = [days[0] + dt.timedelta(days=k) for k in range((days[-1] - days[0]).days + 1)]
    random = np.random.default_rng(1)
    bars = pl.concat(
        bars_of(symbol, 50 * np.exp(np.cumsum(random.normal(0.002, 0.02, len(own)))), own, asset_class)
        for symbol, own, asset_class in (("AAA", days, "equity"), ("COIN", every, "crypto"))
    )
    tables = frames_of(bars)
    calendar = pl.when(pl.col("asset_class") == "crypto").then(pl.lit("24/7")).otherwise(pl.lit("XNYS"))
    sessions = [pl.DataFrame({"calendar": name, "session": own}) for name, own in (("24/7", every), ("XNYS", days))]
    return frames_of(
        bars,
        instruments=INSTRUMENTS.conform(tables.instruments.with_columns(calendar=calendar)),
        sessions=SESSIONS.conform(pl.concat(sessions)),
    )


@pytest.mark.parametrize(("universe", "periods"), [("equity", 252), ("crypto", 365), ("all", 365)])
def test_annualisation(universe: Universe, periods: int) -> None:
    prepared = _prepared(_with_crypto(weekdays(320)), universe)
    assert prepared.periods_per_year == periods
    result = backtest(prepared, prepared.axes.sessions[0], prepared.axes.sessions[-1], split="full")
    values = dict(metrics_of(prepared, result).select("metric", "value").iter_rows())
    assert values["periods_per_year"] == periods
    returns = result.equity["daily_return"].to_numpy()
    assert np.ptp(returns) > 0
    assert values["sharpe"] == pytest.approx(returns.mean() / returns.std(ddof=1) * np.sqrt(periods), rel=1e-12)
    assert values["volatility"] == pytest.approx(returns.std(ddof=1) * np.sqrt(periods), rel=1e-12)


def test_crypto_weekend_sessions_are_those_of_the_coin() -> None:
    prepared = _prepared(_with_crypto(weekdays(320)), "all")
    market, coin = prepared.market, prepared.axes.symbols.index("COIN")
    weekend = [day.weekday() >= 5 for day in prepared.axes.sessions]
    assert market.weekend.tolist() == weekend
    assert market.expected[:, coin].all()
    assert market.fillable[weekend, coin].all()
    assert not market.expected[weekend, 1 - coin].any()
    assert market.weekend_multiplier[[coin, 1 - coin]].tolist() == [1.5, 1.0]


def test_zero_volume_of_a_bar_is_no_fill_on_that_bar() -> None:
    days = weekdays(60)
    bars = bars_of("AAA", _rising(60), days)
    silent = pl.col("session") == days[30]
    bars = bars.with_columns(volume=pl.when(silent).then(0.0).otherwise("volume"))
    market = _prepared(frames_of(bars)).market
    assert np.flatnonzero(~market.fillable[:, 0]).tolist() == [30]
    assert market.present.all()


def test_missing_one_day_of_the_tables() -> None:
    days = weekdays(60)
    bars = pl.concat(
        [bars_of("AAA", _rising(60), days).filter(pl.col("session") != days[30]), bars_of("BBB", _rising(60), days)]
    )
    market = _prepared(frames_of(bars)).market
    assert np.argwhere(~market.present).tolist() == np.argwhere(~market.fillable).tolist() == [[30, 0]]
    assert market.expected.all()
    # No return across the hole.
    assert np.flatnonzero(np.isnan(market.returns[:, 0])).tolist() == [0, 30, 31]


def test_order_independence_of_the_rows() -> None:
    tables = frames(sessions=300)
    given: dict[str, Any] = {name: each for name, each in vars(tables).items() if isinstance(each, pl.DataFrame)}
    shuffled = replace(
        tables, **{name: each.sample(fraction=1.0, shuffle=True, seed=1) for name, each in given.items()}
    )
    results = []
    for each in (tables, shuffled):
        prepared = _prepared(each)
        results.append(backtest(prepared, FIRST, prepared.axes.sessions[-1], split="full"))
    assert results[0].trades.height > 5
    for name in ("trades", "equity", "decisions", "open_positions"):
        one, other = (getattr(result, name) for result in results)
        assert one.equals(other), name
    assert all(before < after for before, after in pairwise(results[0].equity["session"]))
