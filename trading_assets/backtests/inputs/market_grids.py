"""The arrays of a market that have a value a session and symbol, from the rows of some symbols at a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from trading_assets.backtests.engine.arrays import Flags, Floats, Integers
from trading_assets.backtests.inputs.data_hash import QUARANTINED_COLUMNS
from trading_assets.backtests.inputs.market_axes import MarketAxes
from trading_assets.features.history import in_order
from trading_assets.market_data.quality import EXTREME_MOVE, STALE_PRICE, Rule, taken_back

#: Columns of the bars and of the indicators that are read of each symbol.
_OF_BARS = (*QUARANTINED_COLUMNS, "high", "split_ratio", "cash_dividend", "forward_factor", "adj_close")
_OF_INDICATORS = ("atr_14", "atr_14_mean_60", "adv_20")
#: Returns behind the daily volatility that prices an order beyond the size clip.
VOLATILITY_SESSIONS = 20


#: Arrays with a value a session and symbol, and what stands where there is no bar.
_EMPTY: Mapping[str, float | bool] = {
    **dict.fromkeys(("open", "high", "low", "close"), np.nan),
    "split_ratio": 1.0,
    "cash_dividend": 0.0,
    **dict.fromkeys(("present", "refuted", "fillable", "tradable"), False),
    **dict.fromkeys(("atr", "adv", "volatility_ratio", "volatility", "returns"), np.nan),
}


class MarketTables(NamedTuple):
    """Rows of some symbols that a market is made of.

    Attributes
    ----------
    symbols
        Ascending.
    bars, quarantine, indicators
        Tables of the stages before; rows of other symbols do no harm.
    """

    symbols: Sequence[str]
    bars: pl.DataFrame
    quarantine: pl.DataFrame
    indicators: pl.DataFrame


def grids_of(
    axes: MarketAxes, parts: Iterable[MarketTables], expected: Flags, extreme_move: float
) -> dict[str, NDArray[Any]]:
    """Return the arrays (sessions, symbols) that follow from bars, by their names in `Market`.

    Parameters
    ----------
    parts
        Tables of some symbols at a time; each symbol is in one of them.
    expected
        (sessions, symbols), see `Market`.
    extreme_move
        See `build_market`.
    """
    grids = {name: np.full(expected.shape, value) for name, value in _EMPTY.items()}
    columns = {symbol: number for number, symbol in enumerate(axes.symbols)}
    for part in parts:
        own = [columns[symbol] for symbol in part.symbols if symbol in columns]
        if not own:
            continue
        place = slice(own[0], own[-1] + 1) if own[-1] - own[0] + 1 == len(own) else own
        for name, values in _grids_of_part(axes.of(own), part, expected[:, place], extreme_move).items():
            grids[name][:, place] = values
    return grids


def _grids_of_part(
    axes: MarketAxes, part: MarketTables, expected: Flags, extreme_move: float
) -> dict[str, NDArray[Any]]:
    is_own = pl.col("symbol").is_in(axes.symbols)
    flags = {"is_extreme": _flag(EXTREME_MOVE), "is_stale": _flag(STALE_PRICE)}
    # No more columns than are read: lists are slow to move, and each step copies its rows.
    own = in_order(part.bars.select(*_OF_BARS, **flags).filter(is_own))
    of_received = _PlacedRows.of(_received(own, part.quarantine.filter(is_own), extreme_move), axes)
    of_usable = _PlacedRows.of(own.filter(~pl.col("is_extreme")).select("symbol", "session", "adj_close"), axes)
    of_bars = _PlacedRows.of(own.select("symbol", "session", "split_ratio", "cash_dividend", "forward_factor"), axes)
    levels = part.indicators.select("symbol", "session", *_OF_INDICATORS).filter(is_own)
    atr, adv, volatility_ratio = _levels(_PlacedRows.of(levels, axes), of_bars)
    return {
        **{name: of_received.floats(name) for name in ("open", "high", "low", "close")},
        "split_ratio": of_bars.floats("split_ratio", 1.0),
        "cash_dividend": of_bars.floats("cash_dividend", 0.0),
        "present": of_usable.flags() & expected,
        **{name: of_received.flags(name) & expected for name in ("refuted", "fillable", "tradable")},
        "atr": atr,
        "adv": _last_known(adv),
        "volatility_ratio": volatility_ratio,
        "volatility": _last_known(_PlacedRows.of(_volatility(of_usable.frame), axes).floats("volatility")),
        "returns": _returns(of_usable.floats("adj_close"), expected),
    }


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
