"""What a new delivery of bars changes in the ones received before."""

from __future__ import annotations

import datetime as dt
from typing import NamedTuple

import polars as pl

from trading_assets.market_data.bar_windows import repeated
from trading_assets.market_data.quality import VALUES
from trading_assets.market_data.quality.values import finite_or_null
from trading_assets.market_data.tables import RAW_BARS, REVISIONS
from trading_assets.warehouse import Sessions
from trading_assets.warehouse.checking import in_order
from trading_assets.warehouse.slices import last_of_month

_KEY = ("symbol", "session")
_IDENTITY = ("symbol", "session", "asset_class", "source", "calendar")
_MONTH = pl.col("session").dt.month_start()
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
        Bars with the same columns but occurrence and ingested_at; may hold duplicates. NaN and infinity become null.
    now
        When the delivery arrived, UTC.

    Returns
    -------
    Delivery
        A bar that arrives again with the same values keeps its receipt (file, line, time), so an identical
        delivery changes nothing. A value that changed, or a bar that is not delivered any more, is a revision.
    """
    arrived = finite_or_null(received).with_columns(ingested_at=pl.lit(now, pl.Datetime("us")))
    columns = [*_IDENTITY, *VALUES, *_RECEIPT]
    if stored.is_empty():
        new, gone, kept = arrived, stored, stored
    else:
        differing = _differing_months(arrived, stored)
        if differing.is_empty():
            return Delivery(stored, REVISIONS.empty())
        of_them = _MONTH.is_in(differing.implode())
        alike, arrived, before = stored.filter(~of_them), arrived.filter(of_them), stored.filter(of_them)
        arrived, before = _in_order(arrived), _in_order(before)
        here, there = _told_apart(arrived), _told_apart(before)
        same = [*_KEY, "content", "copy"]
        new = arrived[here.join(there, on=same, how="anti", maintain_order="left")["row"]]
        gone = before[there.join(here, on=same, how="anti", maintain_order="left")["row"]]
        kept = before[there.join(here, on=same, how="semi", maintain_order="left")["row"]]
    rows = _in_order(pl.concat([kept.select(columns), new.select(columns)]))
    rows = _counted(rows, "occurrence", list(_KEY)).select(*RAW_BARS.columns)
    if not stored.is_empty():  # no two rows of a symbol and session are in different months
        rows = pl.concat([alike, rows]).sort(_KEY, maintain_order=True)
    return Delivery(rows, _revisions(gone, new, now))


def changed_months(stored: pl.DataFrame, replacing: pl.DataFrame, start: dt.date, end: dt.date) -> Sessions:
    """Return the months from the first to the last that are not what is stored, at least one.

    Parameters
    ----------
    stored, replacing
        Rows of `tables.RAW_BARS` of some months, and those that take their place.
    start, end
        First and last day of these months.
    """
    if stored.is_empty():
        return Sessions(start, end)
    month = pl.col("session").dt.month_start().alias("month")
    before, after = (
        frame.with_columns(month).partition_by("month", as_dict=True, include_key=False)
        for frame in (stored, replacing)
    )
    changed = [
        key[0]
        for key in {*before, *after}
        if key not in before or key not in after or not before[key].equals(after[key])
    ]
    if not changed:
        return Sessions(start, end)
    return Sessions(max(start, min(changed)), min(end, last_of_month(max(changed))))


def _differing_months(arrived: pl.DataFrame, stored: pl.DataFrame) -> pl.Series:
    """Months whose bars do not say the same, in any order: by their number and the sum of a hash of each."""
    content = pl.struct(*_IDENTITY, *VALUES).hash().alias("content")
    both = pl.concat(
        rows.select(_MONTH.alias("month"), content)
        .group_by("month")
        .agg(bars=pl.len(), content=pl.col("content").sum())
        for rows in (arrived, stored)
    )
    found = both.group_by("month", "bars", "content").agg(times=pl.len())
    return found.filter(pl.col("times") < 2)["month"].unique()


def _told_apart(bars: pl.DataFrame) -> pl.DataFrame:
    """symbol, session, `content` (a hash of all that a bar says), `copy` (numbers those that say the same), `row`."""
    hashed = bars.select(*_KEY, content=pl.struct(*_IDENTITY, *VALUES).hash()).with_row_index("row")
    return _counted(hashed, "copy", [*_KEY, "content"])


def _in_order(bars: pl.DataFrame) -> pl.DataFrame:
    """Sorted by symbol and session, and within both by origin and values."""
    rows = in_order(bars, _KEY)
    if rows.select(repeated(_KEY).any()).item():
        return bars.sort(*_KEY, "source", "source_file", "source_line", *VALUES, nulls_last=True)
    return rows


def _revisions(gone: pl.DataFrame, new: pl.DataFrame, now: dt.datetime) -> pl.DataFrame:
    """Pair what is gone with what is new of the same symbol and session, and list the values that differ."""
    if gone.is_empty():
        return REVISIONS.empty()
    key = [*_KEY, "occurrence"]
    old_rows = _counted(gone.drop("occurrence"), "occurrence", list(_KEY))
    new_rows = _counted(new, "occurrence", list(_KEY))
    old = old_rows.rename({"ingested_at": "old_received_at"}).unpivot(
        VALUES, index=[*key, "old_received_at"], variable_name="column", value_name="old"
    )
    new_values = new_rows.unpivot(VALUES, index=key, variable_name="column", value_name="new")
    there = new_rows.select(*key, there=True)
    both = old.join(new_values, on=[*key, "column"], how="left").join(there, on=key, how="left")
    # Of a bar that is not delivered any more every value is listed, so that it can be put together again.
    changes = both.filter(pl.col("old").ne_missing(pl.col("new")) | pl.col("there").is_null())
    return (
        changes.with_columns(received_at=pl.lit(now, pl.Datetime("us"))).select(*REVISIONS.columns).sort(*key, "column")
    )


def as_known(raw: pl.DataFrame, revisions: pl.DataFrame, moment: dt.datetime) -> pl.DataFrame:
    """Return bars as they were on record at a moment.

    Parameters
    ----------
    raw, revisions
        All rows of `tables.RAW_BARS` and `tables.REVISIONS`.
    moment
        UTC.

    Returns
    -------
    DataFrame
        symbol, session, occurrence and the values of the bars that had arrived by then, sorted: what came later is
        undone, value by value, and a bar that was withdrawn later is there again. Where several rows of one symbol
        and session were delivered at once, `occurrence` is that of the revision.
    """
    key = [*_KEY, "occurrence"]
    later = revisions.filter(pl.col("received_at") > moment).sort("received_at", maintain_order=True)
    first = later.group_by(*key, "column", maintain_order=True).first()
    undone = first.pivot(on="column", index=key, values="old")
    arrived = first.group_by(key).agg(
        pl.col("old_received_at").min().alias("_arrived"), pl.col("column").alias("_undone")
    )
    now = raw.select(*key, *VALUES, "ingested_at")
    both = now.join(undone, on=key, how="full", coalesce=True, suffix="_then").join(arrived, on=key, how="left")
    was_changed = pl.col("_undone").is_not_null()
    known = (
        pl.when(was_changed)
        .then((pl.col("_arrived") <= moment).fill_null(True))
        .otherwise(pl.col("ingested_at") <= moment)
    )
    values = []
    for name in VALUES:
        then = f"{name}_then" if f"{name}_then" in both.columns else None
        if then is None:
            values.append(pl.col(name))
        else:
            is_undone = was_changed & pl.col("_undone").list.contains(name).fill_null(False)
            values.append(pl.when(is_undone).then(pl.col(then)).otherwise(pl.col(name)).alias(name))
    return both.filter(known).select(*key, *values).sort(key)


def _counted(frame: pl.DataFrame, name: str, by: list[str]) -> pl.DataFrame:
    """Number the rows of each group 1, 2, ... in the order of the frame; nearly all groups have one row.

    The frame is in order of symbol and session, by which rows of a group are alike.
    """
    several = frame.select(repeated(_KEY)).to_series()
    if several.any():
        alike = frame.filter(several).select(pl.struct(by).is_duplicated()).to_series()
        several = several.scatter(several.arg_true().filter(~alike), False)
    numbers = pl.repeat(1, frame.height, dtype=pl.Int64, eager=True)
    if several.any():
        counted = frame.filter(several).select(pl.int_range(1, pl.len() + 1).over(by).cast(pl.Int64)).to_series()
        numbers = numbers.scatter(several.arg_true(), counted)
    return frame.with_columns(numbers.alias(name))
