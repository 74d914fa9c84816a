"""A universe by market capitalisation, volume and age, chosen again and again on what was known at the time."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
from numpy.typing import NDArray

from trading_assets.config.universe import DynamicUniverse

_SCHEMA = {"symbol": pl.String, "start": pl.Date, "end": pl.Date}
_DAYS_A_YEAR = 365
#: Share of the window's sessions that a symbol must have a bar in.
_PRESENT = 0.8
#: How near to one unit, as a log, the window's median and its deviation are for a coin pegged to the quote currency.
_AT_ONE, _AT_ONE_DEVIATION = 0.05, 0.03


def spells(bars: pl.DataFrame, universe: DynamicUniverse) -> pl.DataFrame:
    """Who is in the universe, when.

    Parameters
    ----------
    bars
        Usable bars of one asset class: symbol, session, close, adj_close, dollar_volume, market_cap.
    universe
        Rules of the universe.

    Returns
    -------
    DataFrame
        symbol, start, end (null while it lasts), sorted. A spell starts on the first session of a month or quarter; the
        choice looks at sessions before that one only.

    Notes
    -----
    Left out of a choice, by what the window shows: a coin whose volatility is below `pegged_volatility`, or that stays
    at one unit of the quote currency (a stablecoin, whatever it is called), and a coin whose price keeps a constant
    ratio to a larger one (a wrapped coin). A coin without a bar in a fifth of the window, or on its last session, is
    no candidate.
    """
    if bars.is_empty():
        return pl.DataFrame(schema=_SCHEMA)
    sessions = bars["session"].unique().sort()
    every = "1mo" if universe.rebalance == "monthly" else "1q"
    starts = (
        sessions.to_frame().group_by(pl.col("session").dt.truncate(every)).agg(pl.col("session").min().alias("first"))
    )
    firsts = starts.sort("first")["first"].to_list()
    panel = _Panel(bars, sessions)
    members = [(first, panel.chosen(first, universe)) for first in firsts]
    rows: list[tuple[str, dt.date, dt.date | None]] = []
    since: dict[str, dt.date] = {}
    for first, chosen in members:
        for symbol in [name for name in since if name not in chosen]:
            rows.append((symbol, since.pop(symbol), first - dt.timedelta(days=1)))
        for symbol in chosen:
            since.setdefault(symbol, first)
    rows += [(symbol, start, None) for symbol, start in since.items()]
    return pl.DataFrame(rows, schema=_SCHEMA, orient="row").sort("symbol", "start")


class _Panel:
    """Bars as matrices, a row a session and a column a symbol."""

    def __init__(self, bars: pl.DataFrame, sessions: pl.Series) -> None:
        self.sessions = sessions.to_list()
        self.symbols = bars["symbol"].unique().sort().to_list()
        rows = sessions.to_frame().with_row_index("_at")
        columns = pl.DataFrame({"symbol": self.symbols}).with_row_index("_column")
        placed = bars.join(rows, on="session").join(columns, on="symbol")
        at, column = placed["_at"].to_numpy(), placed["_column"].to_numpy()

        def matrix(name: str) -> NDArray[np.float64]:
            values = np.full((len(self.sessions), len(self.symbols)), np.nan)
            values[at, column] = placed[name].cast(pl.Float64).to_numpy()
            return values

        self.log_price = np.log(matrix("adj_close"))
        self.dollar_volume = matrix("dollar_volume")
        self.market_cap = matrix("market_cap")
        self.age = np.cumsum(np.isfinite(self.log_price), axis=0)

    def chosen(self, first: dt.date, universe: DynamicUniverse) -> list[str]:
        """Symbols chosen on what was known before `first`."""
        end = int(np.searchsorted(np.array(self.sessions, dtype="datetime64[D]"), np.datetime64(first)))
        start = end - universe.window
        if start < 0:
            return []
        log_price, volume = self.log_price[start:end], self.dollar_volume[start:end]
        there = np.isfinite(log_price)
        candidate = there[-1] & (there.mean(axis=0) >= _PRESENT) & (self.age[end - 1] >= universe.min_age)
        candidate &= ~np.isin(self.symbols, universe.exclude)
        candidate[candidate] = ~_pegged(log_price[:, candidate], universe.pegged_volatility)
        typical = np.full(len(self.symbols), -np.inf)
        typical[candidate] = np.nanmedian(volume[:, candidate], axis=0)
        candidate &= typical >= universe.min_dollar_volume
        capitalisation = np.nan_to_num(self.market_cap[end - 1], nan=0.0)
        candidate &= capitalisation >= universe.min_market_cap
        size = typical if universe.by == "dollar_volume" else capitalisation
        ranked = sorted(np.flatnonzero(candidate).tolist(), key=lambda place: (-size[place], self.symbols[place]))
        kept: list[int] = []
        for place in ranked:
            if len(kept) == universe.largest:
                break
            ratios = log_price[:, [place]] - log_price[:, kept]
            if not kept or (_deviation(ratios) >= universe.wrapped_deviation).all():
                kept.append(place)
        return [self.symbols[place] for place in kept]


def _pegged(log_price: NDArray[np.float64], calmest: float) -> NDArray[np.bool_]:
    """Columns that hardly move, or stay at one unit of the quote currency however noisily they are printed."""
    calm = _deviation(np.diff(log_price, axis=0)) * np.sqrt(_DAYS_A_YEAR) < calmest
    at_one = np.abs(np.nanmedian(log_price, axis=0)) <= _AT_ONE
    return np.asarray(calm | (at_one & (calmest > 0) & (_deviation(log_price) <= _AT_ONE_DEVIATION)))


def _deviation(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of each column's finite values; infinite where there are fewer than two."""
    finite = np.isfinite(values)
    count = finite.sum(axis=0)
    safe = np.where(finite, values, 0.0)
    mean = safe.sum(axis=0) / np.maximum(count, 1)
    squares = np.where(finite, (values - mean) ** 2, 0.0).sum(axis=0)
    return np.where(count > 1, np.sqrt(squares / np.maximum(count - 1, 1)), np.inf)
