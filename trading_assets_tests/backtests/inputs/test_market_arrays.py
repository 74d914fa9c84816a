"""Arrays of the market from small tables, by hand."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest

from trading_assets.backtests.engine.arrays import Market
from trading_assets.backtests.inputs.data_hash import data_hash
from trading_assets.backtests.inputs.market_arrays import build_market
from trading_assets.backtests.inputs.market_axes import build_axes
from trading_assets.backtests.inputs.market_grids import MarketTables
from trading_assets.config.sections import Costs
from trading_assets.market_data.reference.borrow_rates import SCHEMA as BORROW_SCHEMA
from trading_assets.market_data.tables import QUARANTINE
from trading_assets.strategies.evaluation.inputs import Frames
from trading_assets_tests.backtests.frames import BENCHMARK, FIRST, bars_of, frames, frames_of, weekdays

DAYS = weekdays(30)


def market_of(tables: Frames, symbols: list[str], last: dt.date | None = None, **changes: pl.DataFrame) -> Market:
    axes = build_axes(symbols, tables.instruments, tables.sessions, last or max(tables.bars["session"]))
    return build_market(
        axes,
        [MarketTables(symbols, tables.bars, tables.quarantine, tables.indicators)],
        tables.bars,
        tables.sessions,
        tables.instruments,
        benchmarks={"equity": BENCHMARK},
        costs=Costs(),
        extreme_move=0.5,
        **changes,
    )


def one(closes: Any, days: list[dt.date] = DAYS, **changes: Any) -> tuple[pl.DataFrame, list[dt.date]]:
    closes = np.array(closes, dtype=float)
    return bars_of("AAA", closes, days[: closes.size]).with_columns(**changes), days[: closes.size]


def opening(bars: pl.DataFrame, opens: list[float]) -> pl.DataFrame:
    return bars.with_columns(open=pl.Series(opens, dtype=pl.Float64))


def flagged(bars: pl.DataFrame, day: dt.date, flag: str) -> pl.DataFrame:
    flags = pl.when(pl.col("session") == day).then(pl.lit([flag])).otherwise(pl.col("flags"))
    return bars.with_columns(flags=flags)


def test_symbols_of_one_sector_have_one_number_and_those_of_none_none() -> None:
    tables = frames(40)
    named = {"AAA": "utilities", "BBB": "energy", "DDD": "utilities", BENCHMARK: "index"}
    sectors = pl.col("symbol").replace_strict(named, default=None)
    tables = replace(tables, instruments=tables.instruments.with_columns(sector=sectors))
    assert market_of(tables, ["AAA", "BBB", "CCC", "DDD"]).sector.tolist() == [1, 0, -1, 1]
    assert market_of(frames(40), ["AAA", "BBB"]).sector.tolist() == [-1, -1]


def test_rows_are_placed_by_session_and_symbol_whatever_their_order() -> None:
    tables = frames(40)
    shuffled = frames_of(tables.bars.sample(fraction=1, shuffle=True, seed=1))
    one, other = (market_of(each, ["AAA", "BBB"]) for each in (tables, shuffled))
    for name in Market._fields:
        assert getattr(one, name).tobytes() == getattr(other, name).tobytes(), name
    expected = tables.bars.filter(symbol="BBB")["close"].to_numpy()
    assert (one.close[:, 1] == expected).all()
    assert all(value.flags.c_contiguous for value in one)


def test_an_open_far_from_the_last_close_does_not_fill() -> None:
    """Sessions 2 and 3 jump beyond half and come back: 2 is a confirmed extreme move, 4 opens far off both."""
    bars, days = one([100.0, 100, 160, 160, 60, 60])
    opened = opening(bars, [100, 100, 155, 158, 60, 60])
    market = market_of(frames_of(flagged(opened, days[2], "extreme_move")), ["AAA"])
    assert market.fillable[:, 0].tolist() == [True, True, False, True, False, True]
    assert market.tradable.all()
    assert market.present[:, 0].tolist() == [True, True, False, True, True, True]


def test_after_an_extreme_move_an_open_near_the_old_level_fills_too() -> None:
    bars, days = one([100.0, 160, 100])
    kept = flagged(opening(bars, [100, 101, 99]), days[1], "extreme_move")
    assert market_of(frames_of(kept), ["AAA"]).fillable[:, 0].tolist() == [True, True, True]


def test_a_split_is_no_jump() -> None:
    factor = pl.Series([1.0, 1, 4, 4])
    bars, _ = one([100.0, 100, 25, 25], split_ratio=pl.Series([1.0, 1, 4, 1]), forward_factor=factor)
    adjusted = opening(bars, [100, 100, 25, 25]).with_columns(adj_close=bars["close"] * factor)
    market = market_of(frames_of(adjusted), ["AAA"])
    assert market.fillable.all()
    assert market.returns[1:, 0].tolist() == [0.0, 0.0, 0.0]
    assert market.split_ratio[:, 0].tolist() == [1, 1, 4, 1]


def test_orders_fill_at_the_open_of_a_spike_which_no_one_knew_to_be_one() -> None:
    bars, days = one([100.0, 100, 300, 100])
    spike = bars.filter(pl.col("session") == days[2])
    known = [name for name in QUARANTINE.columns if name in spike.columns]
    row = spike.select(known).with_columns(reasons=pl.lit(["spike"]))
    rest = bars.filter(pl.col("session") != days[2])
    tables = frames_of(rest, sessions=frames_of(bars).sessions, quarantine=row)
    market = market_of(tables, ["AAA"])
    assert market.open[2, 0] == 100.0
    assert market.fillable[:, 0].tolist() == [True, True, True, True]
    assert market.present[:, 0].tolist() == [True, True, False, True]
    assert market.close[:, 0].tolist() == [100, 100, 300, 100]
    assert market.refuted[:, 0].tolist() == [False, False, True, False]


@pytest.mark.parametrize("flag", ["zero_volume", "stale_price"])
def test_no_fill_without_volume_or_on_a_stale_price(flag: str) -> None:
    bars, days = one([100.0, 100, 100])
    volume = pl.when((pl.col("session") == days[1]) & (flag == "zero_volume")).then(0.0).otherwise(1e6)
    market = market_of(frames_of(flagged(bars.with_columns(volume=volume), days[1], flag)), ["AAA"])
    assert market.fillable[:, 0].tolist() == [True, False, True]
    assert market.present.all()


def test_expected_from_the_first_bar_to_the_delisting() -> None:
    tables = frames(20)
    late = tables.bars.filter((pl.col("symbol") != "BBB") | (pl.col("session") >= DAYS[5]))
    found = frames_of(late)
    dates = pl.when(pl.col("symbol") == "AAA").then(pl.lit(DAYS[9])).otherwise(None)
    delisted = found.instruments.with_columns(delisted=dates)
    market = market_of(frames_of(late, instruments=delisted), ["AAA", "BBB"])
    assert market.expected[:, 0].tolist() == [True] * 10 + [False] * 10
    assert market.expected[:, 1].tolist() == [False] * 5 + [True] * 15
    assert market.delisted.tolist() == [9, -1]
    assert np.isnan([*market.delisting_value, *market.delisting_return]).all()
    worth = delisted.with_columns(delisting_value=0.5, delisting_unit=pl.lit("per_share"))
    assert market_of(frames_of(late, instruments=worth), ["AAA"]).delisting_value.tolist() == [0.5]
    fell = worth.with_columns(delisting_unit=pl.lit("return"))
    assert market_of(frames_of(late, instruments=fell), ["AAA"]).delisting_return.tolist() == [0.5]
    assert not (market.present & ~market.expected).any()


def test_returns_of_a_mixed_grid_skip_sessions_off_the_calendar() -> None:
    """Friday to Monday is one return of a stock, and three of a coin; a hole voids the two around it."""
    every_day = [FIRST + dt.timedelta(days=k) for k in range(10)]
    stock = bars_of("AAA", np.array([1.0, 2, 4, 8, 16, 32, 64, 128]), DAYS[:8])
    coin = bars_of("COIN", 2.0 ** np.arange(10), every_day, "crypto").filter(pl.col("session") != every_day[3])
    bars = pl.concat([stock, coin])
    found = frames_of(bars)
    calendar = pl.when(pl.col("symbol") == "COIN").then(pl.lit("24/7")).otherwise(pl.lit("XNYS"))
    sessions = pl.DataFrame({"calendar": ["XNYS"] * 8 + ["24/7"] * 10, "session": [*DAYS[:8], *every_day]})
    tables = frames_of(bars, sessions=sessions, instruments=found.instruments.with_columns(calendar=calendar))
    market = market_of(tables, ["AAA", "COIN"])
    nan = None
    stock_returns, coin_returns = (
        [None if np.isnan(value) else value for value in market.returns[:, i]] for i in range(2)
    )
    assert stock_returns == [nan, 1, 1, 1, 1, nan, nan, 1, 1, 1]
    assert coin_returns == [nan, 1, 1, nan, nan, 1, 1, 1, 1, 1]
    assert market.weekend.tolist() == [False] * 5 + [True] * 2 + [False] * 3
    assert market.fee_bps.tolist() == [1.0, 8.0]
    assert market.lot.tolist() == [1.0, 1e-8]


def test_stress_looks_at_the_five_sessions_before() -> None:
    """The index falls 4 % on session 10: costs are stressed on 11 to 15, not on 10 itself."""
    levels = np.where(np.arange(30) < 10, 100.0, 96.0)
    bars = pl.concat([one(np.full(30, 50.0))[0], bars_of(BENCHMARK, levels, DAYS, "index")])
    market = market_of(frames_of(bars), ["AAA"])
    assert np.flatnonzero(market.stressed[:, 0]).tolist() == [11, 12, 13, 14, 15]


def test_atr_is_a_raw_distance_and_volatility_a_ratio() -> None:
    tables = frames(120)
    prices = {f"adj_{name}": pl.col(name) * 2 for name in ("open", "high", "low", "close")}
    halved = tables.bars.with_columns(forward_factor=pl.lit(2.0), **prices)
    plain, double = (market_of(frames_of(bars), ["AAA"]) for bars in (tables.bars, halved))
    assert double.atr[119, 0] == pytest.approx(plain.atr[119, 0])
    row = tables.indicators.filter(symbol="AAA").row(119, named=True)
    assert plain.atr[119, 0] == row["atr_14"]
    assert plain.volatility_ratio[119, 0] == row["atr_14"] / row["atr_14_mean_60"]
    assert plain.adv[119, 0] == row["adv_20"]


def test_volatility_is_that_of_twenty_returns_and_stays_known_over_a_hole() -> None:
    """Against NumPy over the bars in order; a session without a bar has the value before it, as volume has."""
    tables = frames(60)
    closes = tables.bars.filter(symbol="AAA").sort("session")["adj_close"].to_numpy()
    made = market_of(tables, ["AAA", "BBB"])
    changes = closes[1:] / closes[:-1] - 1
    assert np.isnan(made.volatility[19, 0])
    assert made.volatility[20, 0] == pytest.approx(np.std(changes[:20], ddof=1))
    assert made.volatility[45, 0] == pytest.approx(np.std(changes[25:45], ddof=1))
    day = weekdays(60)[45]
    gone = (pl.col("symbol") == "AAA") & (pl.col("session") == day)
    holed = market_of(
        replace(tables, bars=tables.bars.filter(~gone), indicators=tables.indicators.filter(~gone)), ["AAA", "BBB"]
    )
    assert holed.volatility[45, 0] == made.volatility[44, 0]
    assert holed.adv[45, 0] == made.adv[44, 0]


def test_returns_of_the_benchmark_are_adjusted_and_its_row_goes_by_asset_class() -> None:
    made = market_of(frames(60), ["AAA", "BBB"])
    closes = frames(60).bars.filter(symbol=BENCHMARK).sort("session")["adj_close"].to_numpy()
    assert made.benchmark.tolist() == [0, 0]
    assert made.benchmark_returns[0] == pytest.approx(np.r_[0.0, closes[1:] / closes[:-1] - 1])


def test_later_sessions_change_no_earlier_row() -> None:
    """Append invariance, down to the bits; only the end of what is expected grows."""
    tables = frames(120)
    short = tables.bars.filter(pl.col("session") <= weekdays(120)[79])
    cut, whole = market_of(frames_of(short), ["AAA", "BBB"]), market_of(tables, ["AAA", "BBB"])
    for name in Market._fields:
        before, after = getattr(cut, name), getattr(whole, name)
        by_session = after.T if name == "benchmark_returns" else after
        after = by_session[:80] if by_session.shape and by_session.shape[0] == 120 else after
        before = before.T if name == "benchmark_returns" else before
        assert np.ascontiguousarray(before).tobytes() == np.ascontiguousarray(after).tobytes(), name


def test_the_data_hash_is_of_the_content() -> None:
    bars = frames(30).bars
    end = weekdays(30)[20]
    known = data_hash([bars], ["AAA", "BBB"], end)
    assert data_hash([bars.sample(fraction=1, shuffle=True, seed=3)], ["BBB", "AAA"], end) == known
    assert data_hash([bars.filter(pl.col("session") <= end)], ["AAA", "BBB"], end) == known
    assert data_hash([bars.with_columns(pl.col("close").round(2))], ["AAA", "BBB"], end) != known
    assert data_hash([bars], ["AAA"], end) != known


def test_borrow_rates_are_those_of_the_symbols_of_the_market() -> None:
    """AAA from the third session on; BBB pays the constant; the rate of the benchmark is nobody's."""
    tables = frames(40)
    days = tables.bars["session"].unique().sort()
    rows = [(BENCHMARK, None, 9.0, True), ("AAA", days[2], 400.0, True), ("AAA", days[5], None, False)]
    rates = pl.DataFrame(rows, schema=BORROW_SCHEMA, orient="row")
    market = market_of(tables, ["AAA", "BBB"], borrow_rates=rates)
    assert market.borrow_bps.shape == market.close.shape
    assert market.borrow_bps[:7, 0].tolist() == [50.0, 50.0, *[400.0] * 5]
    assert market.borrow_bps[:, 1].tolist() == [50.0] * len(market.close)
    assert market.borrowable[:7].T.tolist() == [[True] * 5 + [False] * 2, [True] * 7]
