"""Bars of a second source in place of those that a first one failed to bring.

What the first has brought stays as it is: of the second there are only sessions after the last that is on record of
the first, under the name of the second. When the first is back, its bars take their place, and each value that
is another is a revision, as of any delivery.
"""

from __future__ import annotations

import datetime as dt
from typing import NamedTuple

import polars as pl

#: Days before the first session that is read over which prices of the two are compared.
COMPARED = dt.timedelta(days=45)
_PRICES = ("open", "high", "low", "close")
_KEY = ("symbol", "session")


class StandIn(NamedTuple):
    """What a second source brings.

    Attributes
    ----------
    bars
        Its rows that are taken.
    refused
        symbol, session, price, first, second: of each symbol that is not taken, where the two differ most.
    unseen
        Symbols that are not taken because the first knows them, and no session is there of both to compare.
    """

    bars: pl.DataFrame
    refused: pl.DataFrame
    unseen: list[str]


def stand_in(first: pl.DataFrame, second: pl.DataFrame, tolerance: float, last: pl.DataFrame) -> StandIn:
    """Choose the bars of a second source that take the place of those that the first did not bring.

    Parameters
    ----------
    first
        Rows on record of the first source, as raw bars, those of `COMPARED` before among them.
    second
        Rows that the second source delivers for the same sessions.
    tolerance
        Relative difference of a price above which a symbol is refused.
    last
        symbol, last: the last session of the first on record, however long ago. Such a symbol without a session of
        both is not taken; one that the first never brought is.
    """
    refused = differing(first, second, tolerance)
    bars = (
        second.join(refused.select("symbol").unique(), on="symbol", how="anti")
        .join(last.select("symbol", _last="last"), on="symbol", how="left", maintain_order="left")
        .filter(pl.col("_last").is_null() | (pl.col("session") > pl.col("_last")))
    )
    common = first.join(second, on=_KEY, how="semi")["symbol"].unique()
    is_seen = pl.col("_last").is_null() | pl.col("symbol").is_in(common.implode())
    unseen = bars.filter(~is_seen)["symbol"].unique().sort().to_list()
    bars = bars.filter(is_seen)
    bars = _as_the_first_adjusts(first, second, bars).select(second.columns)
    return StandIn(bars, refused.unique("symbol", keep="first", maintain_order=True), unseen)


def _as_the_first_adjusts(first: pl.DataFrame, second: pl.DataFrame, bars: pl.DataFrame) -> pl.DataFrame:
    """Bars with adjusted closes that go on from those of the first source.

    Two vendors adjust from different days on: at the seam `adj_close / close` would jump, and be taken for a dividend.
    So those of the second are scaled to the first at the last session that both adjust; where there is none, and the
    first knows the symbol, they are left out.
    """
    factor = pl.col("adj_close") / pl.col("close")
    one, other = (
        each.filter(factor.is_finite() & (factor > 0))
        .unique(_KEY, keep="first", maintain_order=True)
        .select(*_KEY, factor=factor)
        for each in (first, second)
    )
    scales = (
        one.join(other, on=_KEY, suffix="_second")
        .sort(_KEY)
        .group_by("symbol", maintain_order=True)
        .agg(_scale=(pl.col("factor") / pl.col("factor_second")).last())
    )
    is_new = pl.col("_last").is_null()
    scale = pl.when(is_new).then(1.0).otherwise(pl.col("_scale"))
    return bars.join(scales, on="symbol", how="left", maintain_order="left").with_columns(
        adj_close=pl.col("adj_close") * scale
    )


def differing(first: pl.DataFrame, second: pl.DataFrame, tolerance: float) -> pl.DataFrame:
    """Return where prices of two sources differ: symbol, session, price, first, second, each symbol's largest first.

    Parameters
    ----------
    first, second
        Rows of raw bars of both; of several of a symbol and session the first counts.
    tolerance
        Relative difference, of the price of `first`, above which there is one.
    """
    one, other = (
        each.unique(_KEY, keep="first", maintain_order=True).unpivot(_PRICES, index=_KEY, variable_name="price")
        for each in (first, second)
    )
    both = one.rename({"value": "first"}).join(other.rename({"value": "second"}), on=[*_KEY, "price"])
    apart = ((pl.col("second") - pl.col("first")) / pl.col("first")).abs()
    return (
        both.with_columns(_apart=apart)
        .filter(pl.col("_apart") > tolerance)
        .sort("symbol", pl.col("_apart").neg(), "session", "price")
        .select(*_KEY, "price", "first", "second")
    )


def in_words(rows: pl.DataFrame, first: str, second: str, most: int = 3) -> str:
    """Return what differs, for people.

    Parameters
    ----------
    rows
        Rows of `differing`.
    first, second
        Names of the sources.
    most
        Rows that are told.
    """
    told = [
        f"{symbol} on {session}: {price} {one:g} by {first}, {other:g} by {second}"
        for symbol, session, price, one, other in rows.head(most).iter_rows()
    ]
    return "; ".join(told) + ("; ..." if rows.height > most else "")
