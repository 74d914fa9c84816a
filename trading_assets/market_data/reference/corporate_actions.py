"""Splits and dividends on record, and how they compare with what an adjusted close tells."""

from __future__ import annotations

import datetime as dt
from fractions import Fraction
from pathlib import Path

import polars as pl

from trading_assets.config import Configuration
from trading_assets.market_data.bar_windows import previous
from trading_assets.market_data.reference.files import ReferenceFile, reference_files

SCHEMA = {"symbol": pl.String, "session": pl.Date, "split_ratio": pl.Float64, "cash_dividend": pl.Float64}
NO_ACTIONS = pl.DataFrame(schema=SCHEMA)
#: Relative error of a ratio of two factors that are printed with seven or eight decimals.
_ROUNDING = 1e-4
_LARGEST_DENOMINATOR = 20
_SMALLEST_DIVIDEND = 1e-4
#: Share of the close before from which on a dividend is looked at.
_LARGE_DIVIDEND = 0.5
#: How near to a stated split the change of `adj_close / close` comes to it, as a share of its log ratio.
_NEARNESS = 0.25
#: Log ratio up to which an adjusted close that does not change says that prices are adjusted already; a larger split
#: shows in the prices, and some adjusted closes are none.
_SMALL = 0.2


def recorded_actions(configuration: Configuration) -> pl.DataFrame:
    """`read_actions` of every source that names files of them."""
    found = [
        read_actions(source.actions, configuration.directory) for source in configuration.market_data if source.actions
    ]
    return pl.concat([NO_ACTIONS, *found])


def read_actions(pattern: str, directory: Path) -> pl.DataFrame:
    """Return actions of all files of a glob.

    Parameters
    ----------
    pattern, directory
        Glob, and where a relative one starts. A file is a CSV with the columns symbol, session (ex-date, YYYY-MM-DD),
        split_ratio (2-for-1: 2.0; empty: none) and cash_dividend (quote currency per share held the evening before, as
        paid then; empty: none), or a factor file of Lean: no header, a row for each last day before an action, with
        price factor, split factor and close of that day; its symbol is the file's name.

    Returns
    -------
    DataFrame
        symbol, session (the first on which the action can go ex), split_ratio, cash_dividend; one row a symbol and
        session, sorted.

    Raises
    ------
    ReferenceError
        No file, or one that cannot be used: file, line, what was expected.
    """
    parts = [NO_ACTIONS]
    for file in reference_files(pattern, directory, "actions"):
        parts.append(_of_factors(file) if file.is_headerless else _of_table(file))
    every = pl.concat(parts)
    # Two dividends of a day are paid both, two splits are one after the other.
    return (
        every.group_by("symbol", "session")
        .agg(pl.col("split_ratio").product(), pl.col("cash_dividend").sum())
        .sort("symbol", "session")
    )


def with_stated(actions: pl.DataFrame, raw: pl.DataFrame) -> pl.DataFrame:
    """Return actions on record, of files of their own and of the bars' own rows.

    Parameters
    ----------
    actions
        Rows of `recorded_actions`: where it has a symbol and session, it decides.
    raw
        Received bars: symbol, session, open, close, adj_close, cash_dividend, split_ratio; any order.

    Returns
    -------
    DataFrame
        As `read_actions`.

    Notes
    -----
    A dividend is per share held the evening before, as stated. A split is believed if prices follow it: of the ratio
    as stated, its inverse (some state old shares for a new one) and none (prices that are adjusted for splits already),
    the one is taken that the change of the source's own `adj_close / close` comes to, whatever the market did that day.
    Where there is none, or it comes to none of the three, it is the one that leaves the smallest move from the last
    close to the open. That is known at the open; a small split on the day of a large move is not told by it.
    """
    stated = raw.filter((pl.col("cash_dividend") > 0) | ((pl.col("split_ratio") > 0) & (pl.col("split_ratio") != 1)))
    if stated.is_empty():
        return actions
    is_bar = pl.col("close").is_not_null()
    # Several rows of a session: bars repeat one action; rows without a price, which stand alone then, have one each.
    one = stated.group_by("symbol", "session").agg(
        split_ratio=pl.coalesce(_stated_split(is_bar).max(), _stated_split(~is_bar).product()),
        cash_dividend=pl.coalesce(_stated_cash(is_bar).max(), _stated_cash(~is_bar).sum()),
    )
    one = one.join(actions, on=["symbol", "session"], how="anti")
    return pl.concat([actions, _believed(one, raw).select(actions.columns)]).sort("symbol", "session")


def _stated_split(rows: pl.Expr) -> pl.Expr:
    return pl.col("split_ratio").filter(rows & (pl.col("split_ratio") > 0))


def _stated_cash(rows: pl.Expr) -> pl.Expr:
    return pl.col("cash_dividend").filter(rows & (pl.col("cash_dividend") > 0))


def _believed(stated: pl.DataFrame, raw: pl.DataFrame) -> pl.DataFrame:
    """Replace each split ratio by the one that prices follow; as stated where there are no prices to tell by."""
    split = stated.filter(pl.col("split_ratio") != 1)
    if split.is_empty():
        return stated.with_columns(pl.col("cash_dividend").fill_null(0.0), pl.col("split_ratio").fill_null(1.0))
    sound = raw.filter((pl.col("open") > 0) & (pl.col("close") > 0))
    sound = sound.join(split.select("symbol").unique(), on="symbol", how="semi").sort("session")
    factor = pl.when(pl.col("adj_close") > 0).then((pl.col("adj_close") / pl.col("close")).log())
    opens = sound.select("symbol", _session="session", _open="open", _on="session", _factor=factor)
    before = sound.select("symbol", _before="close", _day="session", _factor_before=factor)
    placed = split.select("symbol", "session", "split_ratio", "cash_dividend").sort("session")
    placed = placed.join_asof(
        opens, left_on="session", right_on="_on", by="symbol", strategy="forward", check_sortedness=False
    ).join_asof(
        before, left_on="session", right_on="_day", by="symbol", allow_exact_matches=False, check_sortedness=False
    )
    move, ratio = (pl.col("_open") / pl.col("_before")).log(), pl.col("split_ratio").log()
    paid = (1 - pl.col("cash_dividend").fill_null(0.0) / pl.col("_before")).log()
    told = pl.col("_factor") - pl.col("_factor_before") + paid
    near = _NEARNESS * ratio.abs()
    found = placed.select(
        "symbol",
        "session",
        _ratio=pl.when((told - ratio).abs() <= near)
        .then("split_ratio")
        .when((told + ratio).abs() <= near)
        .then(1 / pl.col("split_ratio"))
        .when((told.abs() <= near) & (ratio.abs() <= _SMALL))
        .then(1.0)
        .when((move + ratio).abs() <= pl.min_horizontal(move.abs(), (move - ratio).abs()))
        .then("split_ratio")
        .when(move.abs() <= (move - ratio).abs())
        .then(1.0)
        .when(move.is_not_null())
        .then(1 / pl.col("split_ratio")),
    )
    known = stated.join(found, on=["symbol", "session"], how="left", maintain_order="left")
    return known.with_columns(
        pl.col("cash_dividend").fill_null(0.0),
        split_ratio=pl.coalesce("_ratio", "split_ratio").fill_null(1.0),
    ).filter((pl.col("split_ratio") != 1) | (pl.col("cash_dividend") > 0))


def at_bars(bars: pl.DataFrame, actions: pl.DataFrame) -> pl.DataFrame:
    """Add `recorded_split` and `recorded_dividend`: what is on record at each bar, null where nothing is.

    Parameters
    ----------
    bars
        symbol, session; sorted by both.
    actions
        Rows of `read_actions`.

    Notes
    -----
    An action belongs to the symbol's first bar on or after its session: after a hole it goes ex with the next bar.
    One on or before the symbol's first bar is over already.
    """
    rows = bars.with_row_index("_at")
    if actions.is_empty():
        return rows.drop("_at").with_columns(
            recorded_split=pl.lit(None, pl.Float64), recorded_dividend=pl.lit(None, pl.Float64)
        )
    first = bars.group_by("symbol").agg(pl.col("session").min().alias("_first"))
    due = actions.join(first, on="symbol").filter(pl.col("session") > pl.col("_first")).sort("session")
    placed = due.join_asof(
        rows.select("symbol", "session", "_at").sort("session"),
        on="session",
        by="symbol",
        strategy="forward",
        check_sortedness=False,
    ).drop_nulls("_at")
    held = placed.group_by("_at").agg(
        recorded_split=pl.col("split_ratio").product(), recorded_dividend=pl.col("cash_dividend").sum()
    )
    return rows.join(held, on="_at", how="left", maintain_order="left").drop("_at")


def compared(bars: pl.DataFrame, actions: pl.DataFrame) -> pl.DataFrame:
    """Return bars with an action, recorded or inferred, and `agrees`: both come to the same change of price.

    Parameters
    ----------
    bars
        Rows of `adjustment.adjust`, sorted by symbol and session.
    actions
        On record in files of their own, of `recorded_actions`.

    Notes
    -----
    Sources round, and relate a dividend to one close or the other: a tenth of the move, or what rounding can do to
    the adjusted close, is no difference. What is not on record is compared with nothing if the symbol has no record
    at all; a symbol of the files has no other actions than theirs.
    """
    rows = bars.with_columns(
        _recorded=(pl.col("recorded_split") / (1 - pl.col("recorded_dividend") / previous("close"))).log(),
        _on_file=pl.col("symbol").is_in(actions["symbol"].unique().implode()) | pl.col("states_actions"),
        _adjusted=pl.col("adj_close_received").is_not_null(),
    )
    some = rows.filter(
        pl.col("recorded_split").is_not_null() | (pl.col("inferred_split") != 1) | (pl.col("inferred_dividend") != 0)
    )
    inferred = pl.col("inferred_change").log()
    difference = (pl.col("_recorded").fill_null(0.0) - inferred).abs()
    allowed = pl.max_horizontal(pl.col("inferred_noise"), 0.1 * pl.col("_recorded").abs().fill_null(0.0)) + _ROUNDING
    return some.with_columns(
        inferred_split=pl.when("_adjusted").then("inferred_split"),
        inferred_dividend=pl.when("_adjusted").then("inferred_dividend"),
        agrees=pl.when(pl.col("_adjusted") & pl.col("_on_file")).then(difference <= allowed),
    )


def unfollowed_dividends(bars: pl.DataFrame, actions: pl.DataFrame) -> pl.DataFrame:
    """Find dividends of more than half of the close before, less than half of which the open went down by.

    Most of these are in another unit than the prices (pence and pounds). One that is no less than the close before is
    not used at all.

    Parameters
    ----------
    bars
        Rows of `tables.BARS`, sorted by symbol and session.
    actions
        Rows of `tables.CORPORATE_ACTIONS`.

    Returns
    -------
    DataFrame
        symbol, session, recorded_dividend, before (the close before); sorted.
    """
    large = actions.filter(pl.col("recorded_dividend") > 0).select("symbol", "session", "recorded_dividend")
    own = bars.filter(pl.col("symbol").is_in(large["symbol"].unique().implode()))
    levels = own.select("symbol", "session", opens=pl.col("open") * pl.col("split_ratio"), before=previous("close"))
    dividend, before = pl.col("recorded_dividend"), pl.col("before")
    found = large.join(levels, on=["symbol", "session"]).filter(
        dividend > _LARGE_DIVIDEND * before, before - pl.col("opens") < dividend / 2
    )
    return found.select("symbol", "session", "recorded_dividend", "before").sort("symbol", "session")


def _of_table(file: ReferenceFile) -> pl.DataFrame:
    table = file.table(required=("symbol", "session"), optional=("split_ratio", "cash_dividend"))
    rows = table.select(
        "line",
        "symbol",
        session=file.dates(table, "session"),
        split_ratio=file.numbers(table, "split_ratio").fill_null(1.0),
        cash_dividend=file.numbers(table, "cash_dividend").fill_null(0.0),
    )
    file.refuse(rows.filter(pl.col("symbol").is_null()), "symbol", "a symbol")
    file.refuse(rows.filter(pl.col("session").is_null()), "session", "an ex-date like 2020-08-31")
    file.refuse(rows.filter(pl.col("split_ratio") <= 0), "split_ratio", "a ratio above 0, such as 2 for 2-for-1")
    file.refuse(rows.filter(pl.col("cash_dividend") < 0), "cash_dividend", "an amount of 0 or more")
    return rows.select(*SCHEMA)


def _of_factors(file: ReferenceFile) -> pl.DataFrame:
    """Lean: factors of a row hold up to its day; those of the next row from the day after on."""
    table = file.headerless(("session", "price", "split", "close"))
    rows = table.select(
        "line",
        session=file.dates(table, "session", "%Y%m%d"),
        **{name: file.numbers(table, name) for name in ("price", "split", "close")},
    )
    file.refuse(rows.filter(pl.col("session").is_null()), "date", "a date like 20200828")
    file.refuse(rows.filter(~(pl.col("price") > 0).fill_null(False)), "price factor", "a factor above 0")
    file.refuse(rows.filter(~(pl.col("split") > 0).fill_null(False)), "split factor", "a factor above 0")
    rows = rows.sort("session")
    actions = rows.select(
        pl.lit(file.stem).alias("symbol"),
        session=pl.col("session") + dt.timedelta(days=1),
        split_ratio=pl.col("split").shift(-1) / pl.col("split"),
        paid=1 - pl.col("price") / pl.col("price").shift(-1),
        close=pl.col("close"),
    ).drop_nulls("split_ratio")
    actions = actions.with_columns(
        cash_dividend=(pl.col("paid") * pl.col("close")).fill_null(0.0),
    )
    actions = actions.with_columns(split_ratio=pl.Series(map(_exact, actions["split_ratio"]), dtype=pl.Float64))
    real = (pl.col("split_ratio") != 1.0) | (pl.col("cash_dividend") > _SMALLEST_DIVIDEND)
    return actions.filter(real).with_columns(pl.col("cash_dividend").clip(lower_bound=0.0)).select(*SCHEMA)


def _exact(ratio: float) -> float:
    """The simple fraction that a rounded ratio stands for, if there is one: 1.99999 is 2."""
    if ratio < 1:
        return 1 / _exact(1 / ratio)
    simple = float(Fraction(ratio).limit_denominator(_LARGEST_DENOMINATOR))
    return simple if abs(ratio / simple - 1) <= _ROUNDING else ratio
