"""What the bars say of round trips: how far each went against it and for it, and the candles around some of them."""

from __future__ import annotations

import datetime as dt

import polars as pl

from trading_assets.market_data.tables import BARS
from trading_assets.warehouse import Warehouse

_SESSIONS = ("entry_session", "exit_session")
#: Sessions that are drawn before an entry and after an exit, and the most in all.
BESIDE, MOST_CANDLES = 12, 90

EXCURSIONS = pl.Schema(
    {
        "trade_id": pl.String,
        "symbol": pl.String,
        "side": pl.String,
        "entry_session": pl.Date,
        "exit_session": pl.Date,
        "worst": pl.Float64,
        "best": pl.Float64,
        "return": pl.Float64,
        "pnl": pl.Float64,
    }
)
CANDLES = pl.Schema(
    {"trade_id": pl.String, "session": pl.Date, **dict.fromkeys(("open", "high", "low", "close", "factor"), pl.Float64)}
)

# The session of the exit counts with its open alone: what the day brought came after a fill at the open, and a stop's
# own price is in the trade.
_SPANS = f"""
SELECT t.trade_id, min(b.adj_low) AS low, max(b.adj_high) AS high, any_value(e.adj_close / e.close) AS factor
FROM trades t
JOIN {BARS.name} e ON e.symbol = t.symbol AND e.session = t.entry_session
LEFT JOIN {BARS.name} b ON b.symbol = t.symbol AND b.session >= t.entry_session AND b.session < t.exit_session
GROUP BY t.trade_id
"""
_AROUND = f"""
WITH placed AS (
    SELECT symbol, session, adj_open, adj_high, adj_low, adj_close, adj_close / close AS factor,
        row_number() OVER (PARTITION BY symbol ORDER BY session) AS place
    FROM {BARS.name} WHERE symbol IN (SELECT symbol FROM trades)
)
SELECT t.trade_id, b.session, b.adj_open AS open, b.adj_high AS high, b.adj_low AS low, b.adj_close AS close, b.factor
FROM trades t
JOIN placed e ON e.symbol = t.symbol AND e.session = t.entry_session
JOIN placed x ON x.symbol = t.symbol AND x.session = t.exit_session
JOIN placed b ON b.symbol = t.symbol AND b.place BETWEEN e.place - {BESIDE} AND x.place + {BESIDE}
    AND b.session <= t.last_session
ORDER BY t.trade_id, b.session
"""


def excursions(warehouse: Warehouse, trades: pl.DataFrame) -> pl.DataFrame:
    """Return the worst and the best that each trade stood at, from its fill at the entry to that at the exit.

    Parameters
    ----------
    warehouse
        With the bars; without them the frame is empty.
    trades
        Rows of `backtests.trades` of one run.

    Returns
    -------
    polars.DataFrame
        `EXCURSIONS`, by entry: worst (zero or negative) and best (zero or positive) are fractions of the entry price,
        dividends in them (adjusted prices); maximum adverse and favourable excursion. What it ended with, net of costs,
        is one of its places; a trade within one session has no other. One without a bar at its entry is left out.
    """
    if trades.is_empty() or not warehouse.exists(BARS.name):
        return EXCURSIONS.to_frame()
    spans = warehouse.query(
        _SPANS, reads=[BARS.name], frames={"trades": trades.select("trade_id", "symbol", *_SESSIONS)}
    )
    entry = pl.col("entry_price") * pl.col("factor")
    lowest, highest = (pl.col("low") / entry - 1).fill_null(0.0), (pl.col("high") / entry - 1).fill_null(0.0)
    is_short, ended = pl.col("side") == "short", pl.col("return").fill_null(0.0)
    against, for_it = (
        pl.when(is_short).then(-highest).otherwise(lowest),
        pl.when(is_short).then(-lowest).otherwise(highest),
    )
    return (
        trades.join(spans, on="trade_id", maintain_order="left")
        .with_columns(worst=pl.min_horizontal(against, ended, 0.0), best=pl.max_horizontal(for_it, ended, 0.0))
        .sort("entry_session", "trade_id")
        .select(EXCURSIONS.names())
    )


def told_trades(trades: pl.DataFrame) -> dict[str, str]:
    """Return ids of the trades whose candles are drawn, with what they are: the best, the worst and the last."""
    ordered = trades.sort("pnl", "trade_id")
    if ordered.is_empty():
        return {}
    last = trades.sort("exit_session", "trade_id")["trade_id"][-1]
    named = {
        last: "The last trade",
        ordered["trade_id"][0]: "The worst trade",
        ordered["trade_id"][-1]: "The best trade",
    }
    return dict(reversed(named.items()))


def candles(warehouse: Warehouse, trades: pl.DataFrame, last: dt.date | None) -> pl.DataFrame:
    """Return the bars around some trades, in the prices of each trade's entry session.

    Parameters
    ----------
    warehouse, trades
        See `excursions`.
    last
        Last session of the run, after which no bar is read: what follows may be a holdout that nobody has opened. None
        where there is no run.

    Returns
    -------
    polars.DataFrame
        `CANDLES`, by trade and session. `factor` makes a price of that session one of the entry's. Trades that last
        long are left out.
    """
    few = trades.filter(pl.col("trade_id").is_in(list(told_trades(trades))))
    if last is None or few.is_empty() or not warehouse.exists(BARS.name):
        return CANDLES.to_frame()
    asked = few.select("trade_id", "symbol", *_SESSIONS, last_session=pl.lit(last))
    rows = warehouse.query(_AROUND, reads=[BARS.name], frames={"trades": asked})
    at_entry = few.select("trade_id", "entry_session").join(
        rows.select("trade_id", "factor", entry_session="session"), on=["trade_id", "entry_session"]
    )
    base = at_entry.select("trade_id", base="factor")
    return (
        rows.filter(pl.len().over("trade_id") <= MOST_CANDLES)
        .join(base, on="trade_id", maintain_order="left")
        .with_columns(pl.col("open", "high", "low", "close", "factor") / pl.col("base"))
        .select(CANDLES.names())
    )


def held_by_month(trades: pl.DataFrame, sessions: pl.Series, most: int) -> pl.DataFrame:
    """Return which fraction of each month's sessions each symbol was held, of those that were held longest.

    Parameters
    ----------
    trades
        Round trips: symbol, entry_session, exit_session; the session of the exit is not held.
    sessions
        Sessions of the run.
    most
        Symbols at most.

    Returns
    -------
    polars.DataFrame
        symbol, month (its first day), held; symbols that were held longest first, every month of the run for each.
    """
    days = pl.DataFrame({"session": sessions}).with_columns(month=pl.col("session").dt.truncate("1mo"))
    held = (
        trades.select("symbol", *_SESSIONS)
        .join_where(days, pl.col("session") >= pl.col("entry_session"), pl.col("session") < pl.col("exit_session"))
        .select("symbol", "session", "month")
        .unique()
    )
    longest = held.group_by("symbol").len().sort("len", "symbol", descending=[True, False]).head(most)["symbol"]
    of_month = days.group_by("month").agg(sessions=pl.len()).sort("month")
    counted = held.group_by("symbol", "month").len()
    return (
        pl.DataFrame({"symbol": longest})
        .join(of_month, how="cross", maintain_order="left_right")
        .join(counted, on=["symbol", "month"], how="left", maintain_order="left")
        .select("symbol", "month", held=pl.col("len").fill_null(0) / pl.col("sessions"))
    )
