"""From the tables of bars to the arrays of a market."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import numpy as np
import polars as pl
from numpy.typing import NDArray

from trading_assets.backtests.engine.arrays import Flags, Floats, Integers, Market
from trading_assets.backtests.engine.transaction_costs import symbol_key
from trading_assets.backtests.inputs.borrow_terms import borrow_terms
from trading_assets.backtests.inputs.data_hash import QUARANTINED_COLUMNS
from trading_assets.config.sections import AssetClass, Costs, InstrumentCosts
from trading_assets.features.history import in_order, split_factor, usable_for_signals
from trading_assets.market_data.quality import EXTREME_MOVE, STALE_PRICE, Rule, taken_back
from trading_assets.market_data.reference.borrow_rates import NO_BORROW_RATES
from trading_assets.market_data.reference.delistings import PER_SHARE

_EPOCH = dt.date(1970, 1, 1)
#: Columns of the bars and of the indicators that are read of each symbol.
_OF_BARS = (*QUARANTINED_COLUMNS, "high", "split_ratio", "cash_dividend", "forward_factor", "adj_close")
_OF_INDICATORS = ("atr_14", "atr_14_mean_60", "adv_20")


#: (rows,) whether a row is on the axes, its session and its symbol.
Places = tuple[Flags, Integers, Integers]


@dataclass(frozen=True)
class MarketAxes:
    """The axes of a market: sessions ascending, symbols ascending with what they are."""

    sessions: list[dt.date]
    symbols: list[str]
    asset_classes: list[str]
    calendars: list[str]

    def places(self, frame: pl.DataFrame) -> Places:
        """Return which rows of a frame are on the axes, and at which row and column."""
        days = np.array(self.sessions, dtype="datetime64[D]").astype(np.int64)
        own = frame["session"].to_physical().to_numpy().astype(np.int64)
        # A search a row would take longer than all the rest: days are numbers, and few.
        first, last = int(days[0]), int(days[-1])
        row_of_day = np.full(last - first + 2, -1, dtype=np.int64)
        row_of_day[days - first] = np.arange(days.size)
        rows = row_of_day[np.where((own >= first) & (own <= last), own - first, last - first + 1)]
        runs = frame["symbol"].rle().struct.unnest()
        numbers = {symbol: number for number, symbol in enumerate(self.symbols)}
        columns = np.repeat(
            np.array([numbers.get(symbol, -1) for symbol in runs["value"]], dtype=np.int64), runs["len"].to_numpy()
        )
        return (rows >= 0) & (columns >= 0), rows, columns


def build_axes(symbols: list[str], instruments: pl.DataFrame, sessions: pl.DataFrame, last: dt.date) -> MarketAxes:
    """Return sessions of the calendars of `symbols`, from the first bar of any of them to `last`.

    Parameters
    ----------
    instruments, sessions
        Rows of `market_data.instruments` and `market_data.sessions`.
    """
    rows = instruments.filter(pl.col("symbol").is_in(symbols)).sort("symbol")
    first = rows["first_session"].min()
    days = sessions.filter(
        pl.col("calendar").is_in(rows["calendar"].unique().to_list()), pl.col("session").is_between(first, last)
    )["session"]
    return MarketAxes(
        sessions=days.unique().sort().to_list(),
        symbols=rows["symbol"].to_list(),
        asset_classes=rows["asset_class"].to_list(),
        calendars=rows["calendar"].to_list(),
    )


def last_session(bars: pl.DataFrame) -> dt.date:
    """Return the last session of any bar."""
    return cast(dt.date, bars["session"].max())


def build_market(
    axes: MarketAxes,
    bars: pl.DataFrame,
    quarantine: pl.DataFrame,
    sessions: pl.DataFrame,
    instruments: pl.DataFrame,
    indicators: pl.DataFrame,
    *,
    benchmarks: Mapping[AssetClass, str],
    costs: Costs,
    extreme_move: float,
    borrow_rates: pl.DataFrame = NO_BORROW_RATES,
) -> Market:
    """Return arrays of the symbols of `axes`.

    Parameters
    ----------
    bars, quarantine, sessions, instruments, indicators
        Tables of the stages before; the bars include those of the benchmarks. Of the quarantine only spikes
        are used: nobody knew on their day that they would be one, so orders filled and losses were marked there.
    benchmarks
        Symbol of the benchmark by asset class; without one costs are never stressed.
    extreme_move
        An entry, or an exit that gains by it, fills only at an open within this fraction of the previous received close
        (or of the one before, if the previous one was an extreme move itself).
    borrow_rates
        Rows of `market_data.borrow_rates`; a symbol without one pays `costs.borrow_bps`.
    """
    days = np.array(axes.sessions, dtype="datetime64[D]").astype(np.int64)
    is_own = pl.col("symbol").is_in(axes.symbols)
    flags = {"is_extreme": _flag(EXTREME_MOVE), "is_stale": _flag(STALE_PRICE)}
    # No more columns than are read: lists are slow to move, and each step copies its rows.
    own = in_order(bars.select(*_OF_BARS, **flags).filter(is_own))
    of_received = _PlacedRows.of(_received(own, quarantine.filter(is_own), extreme_move), axes)
    of_usable = _PlacedRows.of(own.filter(~pl.col("is_extreme")).select("symbol", "session", "adj_close"), axes)
    expected, delisted = _expected(days, axes, sessions, instruments)
    delisting_value, delisting_return = _delisting_values(axes, instruments)
    of_bars = _PlacedRows.of(own.select("symbol", "session", "split_ratio", "cash_dividend", "forward_factor"), axes)
    del own
    levels = indicators.select("symbol", "session", *_OF_INDICATORS).filter(is_own)
    atr, adv, volatility_ratio = _levels(_PlacedRows.of(levels, axes), of_bars)
    del levels
    borrow_bps, borrowable = borrow_terms(borrow_rates, axes.symbols, axes.sessions, costs.borrow_bps)
    of_symbol = [_costs_of(costs, asset_class) for asset_class in axes.asset_classes]
    return Market(
        open=of_received.floats("open"),
        high=of_received.floats("high"),
        low=of_received.floats("low"),
        close=of_received.floats("close"),
        split_ratio=of_bars.floats("split_ratio", 1.0),
        cash_dividend=of_bars.floats("cash_dividend", 0.0),
        expected=expected,
        present=of_usable.flags() & expected,
        refuted=of_received.flags("refuted") & expected,
        fillable=of_received.flags("fillable") & expected,
        tradable=of_received.flags("tradable") & expected,
        atr=atr,
        adv=_last_known(adv),
        volatility_ratio=volatility_ratio,
        volatility=_last_known(_PlacedRows.of(_volatility(of_usable.frame), axes).floats("volatility")),
        returns=_returns(of_usable.floats("adj_close"), expected),
        delisted=delisted,
        delisting_value=delisting_value,
        delisting_return=delisting_return,
        ending_loss=np.zeros(len(axes.symbols)),
        day=days,
        weekend=(days + 3) % 7 >= 5,  # 1970-01-01 was a Thursday
        stressed=_stressed(axes, bars, benchmarks, costs),
        symbol_key=np.array([symbol_key(symbol) for symbol in axes.symbols], dtype=np.uint64),
        fee_bps=np.array([each.fee_bps for each in of_symbol]),
        slippage_bps=np.array([each.slippage_bps for each in of_symbol]),
        weekend_multiplier=np.array([each.weekend_multiplier for each in of_symbol]),
        tick=np.array([each.tick for each in of_symbol]),
        tick_below_one=np.array([min(each.tick, each.tick_below_one) for each in of_symbol]),
        lot=np.array([each.lot for each in of_symbol]),
        sector=_sectors(axes, instruments),
        benchmark_returns=_benchmark_returns(axes, bars, benchmarks),
        benchmark=_benchmark_rows(axes, benchmarks),
        borrow_bps=borrow_bps,
        borrowable=borrowable,
    )


#: Returns behind the daily volatility that prices an order beyond the size clip.
VOLATILITY_SESSIONS = 20
_BENCHMARK_MEMORY = dt.timedelta(days=10)


@dataclass(frozen=True)
class _PlacedRows:
    """Rows of a table, of those on the grid their places in its flattened arrays."""

    frame: pl.DataFrame
    on_grid: NDArray[np.bool_]
    places: Integers
    shape: tuple[int, int]

    @classmethod
    def of(cls, frame: pl.DataFrame, axes: MarketAxes) -> _PlacedRows:
        on_grid, rows, columns = axes.places(frame)
        shape = len(axes.sessions), len(axes.symbols)
        return cls(frame, on_grid, rows[on_grid] * shape[1] + columns[on_grid], shape)

    def floats(self, column: str, otherwise: float = np.nan) -> Floats:
        array = np.full(self.shape, otherwise)
        array.ravel()[self.places] = self.frame[column].fill_null(otherwise).to_numpy()[self.on_grid]
        return array

    def flags(self, column: str | None = None) -> Flags:
        """True where the frame has a row, and `column` is true there."""
        array = np.zeros(self.shape, dtype=np.bool_)
        kept = slice(None) if column is None else self.frame[column].to_numpy()[self.on_grid]
        array.ravel()[self.places[kept]] = True
        return array


def _flag(rule: Rule) -> pl.Expr:
    return pl.col("flags").list.contains(rule.name)


def _costs_of(costs: Costs, asset_class: str) -> InstrumentCosts:
    return costs.crypto if asset_class == "crypto" else costs.equity


def _received(bars: pl.DataFrame, quarantine: pl.DataFrame, extreme_move: float) -> pl.DataFrame:
    """Bars and spikes in order, with `refuted` (spikes), `tradable` and `fillable`.

    Both are known at the open but for volume and stale prices; what is fillable also opens near a close before.

    Prices are compared free of splits and dividends; a spike has no factor of its own and takes the last one.
    """
    columns = (*QUARANTINED_COLUMNS, "high")  # the high is read in a scenario alone
    spikes = quarantine.filter(taken_back()).select(
        *columns,
        forward_factor=pl.lit(None, pl.Float64),
        is_extreme=pl.lit(True),
        is_stale=pl.lit(False),
        refuted=pl.lit(True),
    )
    usable = bars.select(*columns, "forward_factor", "is_extreme", "is_stale", refuted=pl.lit(False))
    both = pl.concat([usable, spikes], how="vertical_relaxed") if spikes.height else usable
    factor = pl.col("forward_factor").forward_fill().over("symbol").fill_null(1.0)
    was_extreme = pl.col("is_extreme").shift(1).over("symbol").fill_null(False)
    near = pl.col("previous").is_null() | (pl.col("gap") <= extreme_move)
    near_before = pl.col("was_extreme") & (pl.col("before") <= extreme_move).fill_null(False)
    trades = ((pl.col("open") > 0) & (pl.col("volume") > 0) & ~pl.col("is_stale")).fill_null(False)
    return (
        in_order(both)
        .with_columns(level=pl.col("close") * factor, first=pl.col("open") * factor, was_extreme=was_extreme)
        .with_columns(previous=pl.col("level").shift(1).over("symbol"))
        .with_columns(
            gap=(pl.col("first") / pl.col("previous") - 1).abs(),
            before=(pl.col("first") / pl.col("level").shift(2).over("symbol") - 1).abs(),
        )
        .select(
            *("symbol", "session", "open", "high", "low", "close", "refuted"),
            tradable=trades,
            fillable=(trades & (near | near_before)).fill_null(False),
        )
    )


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


def _levels(indicators: _PlacedRows, bars: _PlacedRows) -> tuple[Floats, Floats, Floats]:
    """ATR as a raw price, ADV, and the ATR over its mean, where there is a bar."""
    factor = bars.floats("forward_factor")
    atr, adv = indicators.floats("atr_14"), indicators.floats("adv_20")
    adv[np.isnan(factor)] = np.nan
    with np.errstate(divide="ignore", invalid="ignore"):
        raw, ratio = atr / factor, atr / indicators.floats("atr_14_mean_60")
    ratio[np.isnan(factor)] = np.nan
    return raw, adv, ratio


def _volatility(usable: pl.DataFrame) -> pl.DataFrame:
    """Sample deviation of the last 20 daily returns of a symbol's usable bars; null before there are as many."""
    ordered = in_order(usable)
    change = pl.col("adj_close") / pl.col("adj_close").shift(1) - 1
    return ordered.select(
        "symbol", "session", volatility=change.rolling_std(VOLATILITY_SESSIONS, ddof=1).over("symbol")
    )


def _last_known(values: Floats) -> Floats:
    """(sessions, symbols), each hole filled with the symbol's value before it: an order is priced by what is known."""
    known = np.where(np.isnan(values), 0, np.arange(values.shape[0])[:, None])
    return np.ascontiguousarray(np.take_along_axis(values, np.maximum.accumulate(known, axis=0), axis=0))


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


def _returns(adjusted: Floats, expected: Flags) -> Floats:
    """Return between consecutive expected sessions of a symbol; sessions off its calendar have none."""
    returns = np.full(adjusted.shape, np.nan)
    patterns, of_symbol = np.unique(np.packbits(expected.T, axis=1), axis=0, return_inverse=True)
    for number in range(len(patterns)):
        columns = np.flatnonzero(of_symbol == number)
        pattern = expected[:, columns[0]]
        rows = np.flatnonzero(pattern)
        levels = adjusted[np.ix_(rows, columns)]
        returns[np.ix_(rows[1:], columns)] = levels[1:] / levels[:-1] - 1.0
    return returns


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
