"""Rows of symbols while they are in the universe."""

from __future__ import annotations

import polars as pl


def only_members(rows: pl.DataFrame, universe: pl.DataFrame) -> pl.DataFrame:
    """Return rows whose session is in a spell of their symbol, by symbol and session.

    Parameters
    ----------
    rows
        symbol, session and anything else.
    universe
        Rows of `market_data.universe`; without any, all rows are returned.
    """
    ordered = rows.sort("symbol", "session")
    if universe.is_empty():
        return ordered
    spells = universe.select("symbol", "start", "end", session=pl.col("start")).sort("session", "symbol")
    found = ordered.sort("session", "symbol").join_asof(spells, on="session", by="symbol", check_sortedness=False)
    is_over = (pl.col("session") > pl.col("end")).fill_null(False)
    return found.filter(pl.col("start").is_not_null(), ~is_over).drop("start", "end").sort("symbol", "session")
