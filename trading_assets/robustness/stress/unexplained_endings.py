"""Endings that nothing on record explains, booked as if they were the worst kind."""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right
from dataclasses import replace

import numpy as np
import polars as pl

from trading_assets.backtests.backtest import PreparedBacktest
from trading_assets.backtests.engine.arrays import Flags, Floats, Integers
from trading_assets.backtests.results.run_tables import Result

#: Mean returns of delistings for performance: of NYSE and AMEX stocks (Shumway 1997), of Nasdaq stocks (Shumway and
#: Warther 1999); a coin that ends is worth nothing.
EXCHANGE_LOSS, NASDAQ_LOSS, COIN_LOSS = 0.30, 0.55, 1.0
_NASDAQ = ("NASDAQ", "XNAS", "XNMS", "XNCM")


def with_unexplained_delistings(
    prepared: PreparedBacktest, instruments: pl.DataFrame, end: dt.date, delisting_sessions: int
) -> PreparedBacktest:
    """Let every ending without a recorded reason cost the holder a further part; who is short gains nothing.

    Parameters
    ----------
    instruments
        Rows of `market_data.instruments`.
    end
        What happens after it has no part in it.
    delisting_sessions
        Missing sessions of a symbol without a recorded delisting that are an ending; it is booked on the last of them.
    """
    market = prepared.market
    last = bisect_right(prepared.axes.sessions, end)
    delisted = market.delisted.copy()
    found = _ends_without_record(prepared, last, delisting_sessions)
    delisted[found >= 0] = found[found >= 0]
    losses = np.where(_is_explained(prepared, instruments), 0.0, _losses(prepared, instruments))
    losses[delisted < 0] = 0.0
    return replace(prepared, market=market._replace(delisted=delisted, ending_loss=losses))


def positions_met(prepared: PreparedBacktest, run: Result) -> int:
    """Long positions of a run in the scenario that an unexplained ending closed; short ones lose nothing by it."""
    symbols = np.array(prepared.axes.symbols)[prepared.market.ending_loss > 0]
    closed = run.trades.filter(pl.col("exit_reason") == "delisted", pl.col("symbol").is_in(symbols.tolist()))
    return closed.filter(side="long").height


def _ends_without_record(prepared: PreparedBacktest, last: int, delisting_sessions: int) -> Integers:
    """(symbols,) row of the session that makes an ending of missing bars without a record; -1 where none does."""
    market = prepared.market
    received = market.expected & np.isfinite(market.close)
    rows = np.full(len(prepared.axes.symbols), -1, dtype=np.int64)
    for i in np.flatnonzero(market.delisted < 0):
        bars = np.flatnonzero(received[:last, i])
        if bars.size:
            missing = bars[-1] + 1 + np.flatnonzero(market.expected[bars[-1] + 1 : last, i])
            if missing.size >= delisting_sessions:
                rows[i] = missing[delisting_sessions - 1]
    return rows


def _of_axes(prepared: PreparedBacktest, instruments: pl.DataFrame) -> pl.DataFrame:
    order = pl.DataFrame({"symbol": prepared.axes.symbols}, schema={"symbol": pl.String})
    return order.join(instruments, on="symbol", how="left", maintain_order="left")


def _is_explained(prepared: PreparedBacktest, instruments: pl.DataFrame) -> Flags:
    rows = _of_axes(prepared, instruments)
    explained: Flags = (prepared.market.delisted >= 0) & rows["delisting_reason"].is_not_null().to_numpy()
    return explained


def _losses(prepared: PreparedBacktest, instruments: pl.DataFrame) -> Floats:
    rows = _of_axes(prepared, instruments)
    exchange = pl.coalesce("exchange", "calendar").str.to_uppercase()
    nasdaq = pl.any_horizontal(exchange.str.contains(name, literal=True) for name in _NASDAQ).fill_null(False)
    loss = (
        pl.when(pl.col("asset_class") == "crypto")
        .then(COIN_LOSS)
        .when(nasdaq)
        .then(NASDAQ_LOSS)
        .otherwise(EXCHANGE_LOSS)
    )
    return rows.select(loss=loss.cast(pl.Float64))["loss"].to_numpy().copy()
