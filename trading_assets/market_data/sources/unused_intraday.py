"""Intraday bars that no session is made of."""

from __future__ import annotations

import datetime as dt

import polars as pl

from trading_assets.market_data.sources.intraday import sound_bars
from trading_assets.market_data.sources.raw import LONGEST_TEXT, NO_REJECTED, NUMBERS

#: A price is missing, not above zero or outside low and high, or several bars of one stamp differ.
UNSOUND = "unsound_intraday_bar"
#: A copy of a bar that is used.
COPY = "copy_of_intraday_bar"


def unused_intraday_bars(bars: pl.DataFrame, start: dt.date, end: dt.date) -> pl.DataFrame:
    """Return columns of `raw.REJECTED_SCHEMA`: bars of [start, end] that `intraday.sound_bars` leaves out, and why.

    Parameters
    ----------
    bars
        Bars before sessions are made of them: symbol, local, numbers, source, source_file, source_line, text.

    Notes
    -----
    Bars outside an exchange's regular hours are not among them: they are left out as documented.
    """
    sound = sound_bars(bars)
    if sound.height == bars.height:
        return NO_REJECTED
    place, values = ["source_file", "source_line"], ["symbol", "local", *NUMBERS[:5]]
    others = bars.join(sound, on=place, how="anti", maintain_order="left")
    others = others.filter(pl.col("local").dt.date().is_between(start, end))
    copies = others.join(sound.select(values), on=values, how="semi", nulls_equal=True).select(*place, _is_copy=True)
    numbers = [pl.col(name).cast(pl.String).fill_null("") for name in NUMBERS[:5]]
    written = pl.concat_str(pl.col("symbol"), pl.col("local").cast(pl.String), *numbers, separator=",")
    return others.join(copies, on=place, how="left", maintain_order="left").select(
        "source",
        *place,
        pl.col("local").dt.date().alias("session"),
        pl.when(pl.col("_is_copy")).then(pl.lit(COPY)).otherwise(pl.lit(UNSOUND)).alias("reason"),
        pl.coalesce("text", written.str.slice(0, LONGEST_TEXT)).alias("text"),
    )
