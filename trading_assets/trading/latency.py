"""How late after its open an order came to a market that never closes, and what its price did meanwhile."""

from __future__ import annotations

import polars as pl

from trading_assets.market_data.calendar_facts import ALWAYS
from trading_assets.trading.tables import LATENCIES


def latencies(
    sheet: pl.DataFrame, pending: pl.DataFrame, submissions: pl.DataFrame, prices: pl.DataFrame | None = None
) -> pl.DataFrame:
    """Return how late orders for a market that never closes were sent, and what its price did meanwhile.

    The engine fills at 00:00 UTC, when a sheet cannot be there yet. What the price did until the order was sent is
    latency: it is no slippage, which begins when the order is sent.

    Parameters
    ----------
    sheet, pending
        Rows of `trading.order_sheets` and of `trading.pending_orders`.
    submissions
        Rows of `trading.submissions`.
    prices
        symbol, at (UTC), price: bars within the day by their end, where there are any. None: there are none.

    Returns
    -------
    polars.DataFrame
        Rows of `trading.latencies`: `latency_bps` is the move against the order, null where no price is known between.
    """
    asked = _with_calendar(sheet, pending).filter(calendar=ALWAYS)
    sent = submissions.filter(event="intended").select("client_order_id", sent_at="recorded_at")
    opened = pl.col("for_session").cast(pl.Datetime("us"))
    rows = asked.join(sent, on="client_order_id", how="inner", maintain_order="left").with_columns(
        opened_at=opened, latency_seconds=(pl.col("sent_at") - opened).dt.total_microseconds() / 1e6
    )
    rows = rows.with_columns(latency_bps=pl.lit(None, pl.Float64))
    if prices is not None and rows.height:
        before, by_then = (_last_by(rows, prices, moment) for moment in ("opened_at", "sent_at"))
        rows = rows.with_columns(first=before["price"], last=by_then["price"], last_at=by_then["last_at"])
        sign = pl.when(pl.col("side") == "buy").then(1.0).otherwise(-1.0)
        moved = sign * (pl.col("last") / pl.col("first") - 1.0) * 1e4
        rows = rows.with_columns(latency_bps=pl.when(pl.col("last_at") > pl.col("opened_at")).then(moved))
    return LATENCIES.conform(rows.select(list(LATENCIES.columns))).sort(LATENCIES.key)


def _last_by(rows: pl.DataFrame, prices: pl.DataFrame, moment: str) -> pl.DataFrame:
    """The last price of each symbol by a moment of its row, and when it was: last_at, price; null where none is."""
    known = prices.select("symbol", "at", "price", last_at="at").sort("at")
    asked = rows.select("symbol", at=moment).with_row_index("place").sort("at")
    return asked.join_asof(known, on="at", by="symbol", check_sortedness=False).sort("place")


def _with_calendar(sheet: pl.DataFrame, pending: pl.DataFrame) -> pl.DataFrame:
    of_orders = pending.select("session", "order_id", "calendar")
    return sheet.join(of_orders, on=["session", "order_id"], how="left", maintain_order="left")
