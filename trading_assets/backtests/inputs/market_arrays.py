"""From the tables of bars to the arrays of a market."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping

import numpy as np
import polars as pl

from trading_assets.backtests.engine.arrays import Flags, Floats, Integers, Market
from trading_assets.backtests.engine.transaction_costs import symbol_key
from trading_assets.backtests.inputs.borrow_terms import borrow_terms
from trading_assets.backtests.inputs.market_axes import MarketAxes
from trading_assets.backtests.inputs.market_grids import MarketTables, grids_of
from trading_assets.config.sections import AssetClass, Costs, InstrumentCosts
from trading_assets.features.history import split_factor, usable_for_signals
from trading_assets.market_data.reference.borrow_rates import NO_BORROW_RATES
from trading_assets.market_data.reference.delistings import PER_SHARE

_EPOCH = dt.date(1970, 1, 1)
_BENCHMARK_MEMORY = dt.timedelta(days=10)


def build_market(
    axes: MarketAxes,
    parts: Iterable[MarketTables],
    of_benchmarks: pl.DataFrame,
    sessions: pl.DataFrame,
    instruments: pl.DataFrame,
    *,
    benchmarks: Mapping[AssetClass, str],
    costs: Costs,
    extreme_move: float,
    borrow_rates: pl.DataFrame = NO_BORROW_RATES,
) -> Market:
    """Return arrays of the symbols of `axes`.

    Parameters
    ----------
    parts
        Bars, quarantine and indicators of some symbols at a time. Of the quarantine only spikes are used: nobody knew
        on their day that they would be one, so orders filled and losses were marked there.
    of_benchmarks
        Bars of the benchmarks, perhaps among others.
    sessions, instruments
        Tables of the stage `market_data`.
    benchmarks
        Symbol of the benchmark by asset class; without one costs are never stressed.
    extreme_move
        An entry, or an exit that gains by it, fills only at an open within this fraction of the previous received close
        (or of the one before, if the previous one was an extreme move itself).
    borrow_rates
        Rows of `market_data.borrow_rates`; a symbol without one pays `costs.borrow_bps`.
    """
    days = np.array(axes.sessions, dtype="datetime64[D]").astype(np.int64)
    expected, delisted = _expected(days, axes, sessions, instruments)
    delisting_value, delisting_return = _delisting_values(axes, instruments)
    borrow_bps, borrowable = borrow_terms(borrow_rates, axes.symbols, axes.sessions, costs.borrow_bps)
    of_symbol = [_costs_of(costs, asset_class) for asset_class in axes.asset_classes]
    return Market(
        **grids_of(axes, parts, expected, extreme_move),
        expected=expected,
        delisted=delisted,
        delisting_value=delisting_value,
        delisting_return=delisting_return,
        ending_loss=np.zeros(len(axes.symbols)),
        day=days,
        weekend=(days + 3) % 7 >= 5,  # 1970-01-01 was a Thursday
        stressed=_stressed(axes, of_benchmarks, benchmarks, costs),
        symbol_key=np.array([symbol_key(symbol) for symbol in axes.symbols], dtype=np.uint64),
        fee_bps=np.array([each.fee_bps for each in of_symbol]),
        slippage_bps=np.array([each.slippage_bps for each in of_symbol]),
        weekend_multiplier=np.array([each.weekend_multiplier for each in of_symbol]),
        tick=np.array([each.tick for each in of_symbol]),
        tick_below_one=np.array([min(each.tick, each.tick_below_one) for each in of_symbol]),
        lot=np.array([each.lot for each in of_symbol]),
        sector=_sectors(axes, instruments),
        benchmark_returns=_benchmark_returns(axes, of_benchmarks, benchmarks),
        benchmark=_benchmark_rows(axes, benchmarks),
        borrow_bps=borrow_bps,
        borrowable=borrowable,
    )


def _costs_of(costs: Costs, asset_class: str) -> InstrumentCosts:
    return costs.crypto if asset_class == "crypto" else costs.equity


def _expected(
    numbers: Integers, axes: MarketAxes, sessions: pl.DataFrame, instruments: pl.DataFrame
) -> tuple[Flags, Integers]:
    """On the symbol's calendar from its first bar to its delisting; row of the delisting session, or -1."""
    days = {
        calendar: np.isin(numbers, _day_numbers(sessions.filter(pl.col("calendar") == calendar)["session"]))
        for calendar in set(axes.calendars)
    }
    expected = np.stack([days[calendar] for calendar in axes.calendars], axis=1)
    delisted = np.full(len(axes.symbols), -1, dtype=np.int64)
    rows = instruments.filter(pl.col("symbol").is_in(axes.symbols)).sort("symbol")
    for i, (first, last) in enumerate(zip(rows["first_session"], rows["delisted"], strict=True)):
        expected[numbers < (first - _EPOCH).days, i] = False
        if last is None:
            continue
        after = np.flatnonzero(expected[:, i] & (numbers >= (last - _EPOCH).days))
        if after.size:
            delisted[i] = after[0]
            expected[after[0] + 1 :, i] = False
    return np.ascontiguousarray(expected), delisted


def _delisting_values(axes: MarketAxes, instruments: pl.DataFrame) -> tuple[Floats, Floats]:
    """What a unit was worth at the recorded delisting, and its return from the last close; NaN where unknown."""
    rows = instruments.filter(pl.col("symbol").is_in(axes.symbols)).sort("symbol")
    value = rows["delisting_value"].cast(pl.Float64).fill_null(np.nan).to_numpy()
    per_share = (rows["delisting_unit"] == PER_SHARE).fill_null(False).to_numpy()
    return np.where(per_share, value, np.nan), np.where(per_share, np.nan, value)


def _sectors(axes: MarketAxes, instruments: pl.DataFrame) -> Integers:
    """Numbers of the sectors in the order of their names, -1 for none; only equal or not matters."""
    names = dict(instruments.select("symbol", "sector").iter_rows())
    numbers = {name: number for number, name in enumerate(sorted({names[s] for s in axes.symbols if names[s]}))}
    return np.array([numbers.get(names[symbol], -1) for symbol in axes.symbols], dtype=np.int64)


def _benchmark_rows(axes: MarketAxes, benchmarks: Mapping[AssetClass, str]) -> Integers:
    """Row of each symbol's benchmark in `_benchmark_returns`, -1 for none."""
    rows: dict[str, int] = {asset_class: row for row, asset_class in enumerate(sorted(benchmarks))}
    return np.array([rows.get(asset_class, -1) for asset_class in axes.asset_classes], dtype=np.int64)


def _benchmark_returns(axes: MarketAxes, bars: pl.DataFrame, benchmarks: Mapping[AssetClass, str]) -> Floats:
    """(benchmarks, sessions): adjusted close over that of the benchmark's bar before; 0 where it has no bar."""
    days = pl.DataFrame({"session": axes.sessions}, schema={"session": pl.Date})
    returns = np.zeros((len(benchmarks), len(axes.sessions)))
    for row, asset_class in enumerate(sorted(benchmarks)):
        closes = bars.filter(pl.col("symbol") == benchmarks[asset_class], usable_for_signals()).sort("session")
        moves = closes.select("session", change=pl.col("adj_close") / pl.col("adj_close").shift(1) - 1)
        known = days.join(moves, on="session", how="left", maintain_order="left")["change"]
        returns[row] = known.cast(pl.Float64).fill_null(0.0).to_numpy()
    return returns


def _day_numbers(sessions: pl.Series) -> Integers:
    return sessions.to_physical().to_numpy().astype(np.int64)


def _stressed(axes: MarketAxes, bars: pl.DataFrame, benchmarks: Mapping[AssetClass, str], costs: Costs) -> Flags:
    """Sessions before which the price of the asset class's benchmark, without dividends, fell by the stress return.

    A benchmark without a bar for longer than `_BENCHMARK_MEMORY` says nothing: costs are then not stressed.
    """
    stressed = np.zeros((len(axes.sessions), len(axes.symbols)), dtype=np.bool_)
    days = pl.DataFrame({"session": axes.sessions}, schema={"session": pl.Date})
    for asset_class, benchmark in benchmarks.items():
        levels = bars.filter(pl.col("symbol") == benchmark).with_columns(level=pl.col("close") * split_factor())
        closes = levels.filter(usable_for_signals()).sort("session")
        moves = closes.select("session", change=pl.col("level") / pl.col("level").shift(costs.stress_window) - 1)
        known = days.join_asof(
            moves, on="session", strategy="backward", allow_exact_matches=False, tolerance=_BENCHMARK_MEMORY
        )["change"]
        low = (known < _costs_of(costs, asset_class).stress_return).fill_null(False).to_numpy()
        stressed[:, [own == asset_class for own in axes.asset_classes]] = low[:, None]
    return stressed
