"""What a new delivery of bars changes in the ones received before."""

from __future__ import annotations

import datetime as dt
from typing import NamedTuple

import polars as pl

from trading_assets.market_data.quality import VALUES
from trading_assets.market_data.tables import RAW_BARS, REVISIONS

_IDENTITY = ("symbol", "session", "asset_class", "source", "calendar")
_RECEIPT = ("source_file", "source_line", "ingested_at")


class Delivery(NamedTuple):
    """Rows of `tables.RAW_BARS` that replace the stored ones, and rows to append to `tables.REVISIONS`."""

    raw_bars: pl.DataFrame
    revisions: pl.DataFrame


def reconcile(stored: pl.DataFrame, received: pl.DataFrame, now: dt.datetime) -> Delivery:
    """Compare a delivery with what is stored of the same sessions.

    Parameters
    ----------
    stored
        Rows of `tables.RAW_BARS`.
    received
        The same columns but occurrence and ingested_at; may hold duplicates. NaN and infinity become null.
    now
        When the delivery arrived, UTC.

    Returns
    -------
    Delivery
        A bar that arrives again with the same values keeps its receipt (file, line, time), so an identical
        delivery changes nothing. A value that changed, or a bar that is not delivered any more, is a revision.
    """
    content = [*_IDENTITY, *VALUES]
    finite = [pl.when(pl.col(name).is_finite()).then(pl.col(name)).alias(name) for name in VALUES]
    arrived = received.with_columns(*finite, ingested_at=pl.lit(now, pl.Datetime("us")))
    arrived = _counted(arrived.sort(*content, "source_file", "source_line"), content, "copy")
    before = _counted(stored.sort(*content, "occurrence"), content, "copy")
    same = [*content, "copy"]

    new = arrived.join(before, on=same, how="anti", nulls_equal=True)
    gone = before.join(arrived, on=same, how="anti", nulls_equal=True)
    kept = before.join(arrived, on=same, how="semi", nulls_equal=True)
    columns = [*content, *_RECEIPT]
    rows = pl.concat([kept.select(columns), new.select(columns)])
    rows = rows.sort("symbol", "session", "source", "source_file", "source_line", *VALUES, nulls_last=True)
    rows = _counted(rows, ["symbol", "session"], "occurrence")
    return Delivery(rows.select(*RAW_BARS.columns), _revisions(gone, new, now))


def _revisions(gone: pl.DataFrame, new: pl.DataFrame, now: dt.datetime) -> pl.DataFrame:
    """Pair what is gone with what is new of the same symbol and session, and list the values that differ."""
    key = ["symbol", "session", "occurrence"]
    old_rows = _counted(gone.drop("occurrence"), key[:2], "occurrence")
    new_rows = _counted(new, key[:2], "occurrence")
    pairs = [
        frame.unpivot(VALUES, index=key, variable_name="column", value_name=name)
        for frame, name in ((old_rows, "old"), (new_rows, "new"))
    ]
    changes = pairs[0].join(pairs[1], on=[*key, "column"], how="left").filter(pl.col("old").ne_missing(pl.col("new")))
    return (
        changes.with_columns(received_at=pl.lit(now, pl.Datetime("us"))).select(*REVISIONS.columns).sort(*key, "column")
    )


def _counted(frame: pl.DataFrame, by: list[str], name: str) -> pl.DataFrame:
    """Number the rows of each group 1, 2, ... in the order of the frame."""
    return frame.with_columns(pl.int_range(1, pl.len() + 1).over(by).cast(pl.Int64).alias(name))
