"""Which received bars are usable, and what is to be known about those that are.

Rules of one row come first, then the extreme moves, which need a symbol's neighbouring bars. Nothing decided
about session *t* depends on bars after *t*, except that the next received bar may confirm *t* as a spike: until
it has arrived, and whatever it brings, `extreme_move` makes *t* a missing session for signals and marks.
"""

from __future__ import annotations

import datetime as dt
from typing import Literal, NamedTuple

import numpy as np
import polars as pl

from trading_assets.config.sections import Quality
from trading_assets.market_data.adjustment import with_factor_change


class Rule(NamedTuple):
    """A data-quality rule: it puts a bar into quarantine, or flags it."""

    name: str
    effect: Literal["quarantine", "flag"]
    description: str


NULL_PRICE = Rule("null_price", "quarantine", "open, high, low or close is empty (or was no finite number)")
NON_FINITE_PRICE = Rule("non_finite_price", "quarantine", "open, high, low or close is NaN or infinite")
NON_POSITIVE_PRICE = Rule("non_positive_price", "quarantine", "open, high, low or close is zero or negative")
OHLC_VIOLATION = Rule("ohlc_violation", "quarantine", "open or close outside [low, high], or low above high")
NEGATIVE_VOLUME = Rule("negative_volume", "quarantine", "the volume is below zero")
DUPLICATE_CONFLICT = Rule(
    "duplicate_conflict", "quarantine", "one delivery brought differing bars of this symbol and session"
)
NOT_A_SESSION = Rule("not_a_session", "quarantine", "the day is no session of the instrument's calendar")
FUTURE_BAR = Rule("future_bar", "quarantine", "the session is after the run's as-of date")
PARTIAL_SESSION = Rule("partial_session", "quarantine", "too few of the session's intraday bars are there")
SPIKE = Rule("spike", "quarantine", "an extreme move that the next bar took back")

EXTREME_MOVE = Rule(
    "extreme_move", "flag", "the close moved too far with no corporate action: a missing session for signals and marks"
)
GAP_EVENT = Rule("gap_event", "flag", "the open is far from the previous close")
ZERO_VOLUME = Rule("zero_volume", "flag", "nothing traded, or the source gives no volume: no fill on this bar")
STALE_PRICE = Rule("stale_price", "flag", "the close has not moved for several bars: no fill on this bar")
DUPLICATE_EXACT = Rule("duplicate_exact", "flag", "the same bar was delivered more than once; one is kept")
ROUNDING_CLAMPED = Rule("rounding_clamped", "flag", "high or low moved by rounding size to contain the other prices")

RULES = (
    NULL_PRICE,
    NON_FINITE_PRICE,
    NON_POSITIVE_PRICE,
    OHLC_VIOLATION,
    NEGATIVE_VOLUME,
    DUPLICATE_CONFLICT,
    NOT_A_SESSION,
    FUTURE_BAR,
    PARTIAL_SESSION,
    SPIKE,
    EXTREME_MOVE,
    GAP_EVENT,
    ZERO_VOLUME,
    STALE_PRICE,
    DUPLICATE_EXACT,
    ROUNDING_CLAMPED,
)

PRICES = ("open", "high", "low", "close")
VALUES = (*PRICES, "volume", "adj_close", "coverage")


class Judged(NamedTuple):
    """Received bars, parted; both frames have the columns of the raw bars, sorted by symbol and session.

    Attributes
    ----------
    usable
        And `flags`, a list of rule names; high and low as clamped, volume never null.
    quarantine
        And `reasons`, a list of rule names; values that are no finite numbers are null.
    """

    usable: pl.DataFrame
    quarantine: pl.DataFrame


def judge(raw: pl.DataFrame, sessions: pl.DataFrame, as_of: dt.date, quality: Quality) -> Judged:
    """Part received bars into usable ones and quarantine.

    Parameters
    ----------
    raw
        Columns of `tables.RAW_BARS`, any order of rows.
    sessions
        calendar, session: every expected session up to `as_of` (days after it are not looked up).
    as_of
        Nothing after it is used.
    quality
        Thresholds, as fractions.

    Notes
    -----
    - A bar may have several reasons, and a bad bar says nothing about its neighbours: they are compared with
      the bars that passed.
    - OHLC relations are checked among the prices that are there. A breach below `rounding_breach`, as a
      fraction of the high or low, is clamped. A null volume counts as 0.
    - Moves and gaps are measured after corporate actions, as the change of `adj_close / close` tells them: a
      split is no move. The previous close is that of the last bar that is neither quarantined by a row rule nor
      a confirmed spike, however long ago.
    - Exact copies are reduced to one before anything else; all rows of a conflict are quarantined.
    """
    rows = _without_copies(raw)
    rows = rows.join(sessions.select("calendar", "session", _known=True), on=["calendar", "session"], how="left")
    rows = _with_names(rows, _row_rules(as_of, quality), "reasons")
    rows = rows.drop("_known", "_conflict").with_columns(_finite_or_null(name) for name in VALUES)
    rows = rows.sort("symbol", "session", "occurrence")

    received = with_factor_change(rows.filter(pl.col("reasons").list.len() == 0))
    extreme, spike = _extreme_moves(received, quality)
    spikes = received.filter(pl.Series(spike)).with_columns(reasons=pl.lit([SPIKE.name]))
    quarantine = pl.concat([rows.filter(pl.col("reasons").list.len() > 0), spikes.select(rows.columns)])

    usable = received.with_columns(_extreme=pl.Series(extreme, dtype=pl.Boolean)).filter(
        ~pl.Series(spike, dtype=pl.Boolean)
    )
    usable = with_factor_change(usable.drop("factor_change", "factor_noise"))
    usable = _with_names(usable, _flags(quality), "flags").with_columns(
        high=pl.max_horizontal(PRICES), low=pl.min_horizontal(PRICES), volume=pl.col("volume").fill_null(0.0)
    )
    return Judged(
        usable=usable.select(*raw.columns, "flags"),
        quarantine=quarantine.sort("symbol", "session", "occurrence").select(*raw.columns, "reasons"),
    )


def _without_copies(raw: pl.DataFrame) -> pl.DataFrame:
    """One row of each exact copy; adds `_copied` and `_conflict`."""
    key = ["symbol", "session"]
    repeated = pl.struct(key).is_duplicated()
    single = raw.filter(~repeated).with_columns(_copied=False, _conflict=False)
    several = raw.filter(repeated).sort(*key, "occurrence")
    content = ["asset_class", *VALUES]
    several = several.with_columns(_copied=pl.struct([*key, *content]).is_duplicated())
    several = several.unique([*key, *content], keep="first", maintain_order=True)
    return pl.concat([single, several.with_columns(_conflict=pl.struct(key).is_duplicated())])


def _row_rules(as_of: dt.date, quality: Quality) -> dict[Rule, pl.Expr]:
    prices = [pl.when(pl.col(name).is_finite()).then(pl.col(name)) for name in PRICES]
    rounding = quality.rounding_breach
    top, high, low, bottom = pl.max_horizontal(prices), prices[1], prices[2], pl.min_horizontal(prices)
    return {
        NULL_PRICE: pl.any_horizontal(pl.col(name).is_null() for name in PRICES),
        NON_FINITE_PRICE: pl.any_horizontal(~pl.col(name).is_finite() for name in PRICES),
        NON_POSITIVE_PRICE: pl.any_horizontal(pl.col(name) <= 0 for name in PRICES),
        OHLC_VIOLATION: ((top > high) & (top >= high * (1 + rounding)))
        | ((bottom < low) & (bottom <= low * (1 - rounding))),
        NEGATIVE_VOLUME: pl.col("volume") < 0,
        DUPLICATE_CONFLICT: pl.col("_conflict"),
        NOT_A_SESSION: pl.col("_known").is_null() & (pl.col("session") <= as_of),
        FUTURE_BAR: pl.col("session") > as_of,
        PARTIAL_SESSION: pl.col("coverage") < quality.min_coverage,
    }


def _extreme_moves(received: pl.DataFrame, quality: Quality) -> tuple[np.ndarray, np.ndarray]:
    """Extreme moves that were not taken back, and those that were (spikes), by row of `received`.

    A spike is a reference for nothing after it, its adjusted close included: each symbol's spikes are taken out
    one after the other, and what follows is measured again.
    """
    spike, settled = np.zeros(received.height, dtype=np.bool_), np.zeros(received.height, dtype=np.bool_)
    left = received.with_row_index("_row")
    while True:
        previous = pl.col("close").shift(1).over("symbol")
        following = (pl.col("close") * pl.col("factor_change")).shift(-1).over("symbol")
        moves = left.select(
            "_row",
            "symbol",
            move=(pl.col("close") * pl.col("factor_change") / previous - 1).abs() > quality.extreme_move,
            back=(following * pl.col("factor_change") / previous - 1).abs() <= quality.spike_return,
            next=pl.col("_row").shift(-1).over("symbol"),
        ).with_columns(move=pl.col("move").fill_null(False) & ~pl.Series(settled[left["_row"].to_numpy()]))
        found = moves.filter("move", "back").unique("symbol", keep="first", maintain_order=True)
        if found.is_empty():
            extreme = np.zeros(received.height, dtype=np.bool_)
            extreme[moves.filter("move")["_row"].to_numpy()] = True
            return extreme, spike
        spike[found["_row"].to_numpy()] = True
        settled[found["next"].to_numpy()] = True  # the way back from a spike is no extreme move itself
        left = with_factor_change(
            left.filter(~pl.col("_row").is_in(found["_row"])).drop("factor_change", "factor_noise")
        )


def _flags(quality: Quality) -> dict[Rule, pl.Expr]:
    previous = pl.col("close").shift(1).over("symbol")
    gap = (pl.col("open") * pl.col("factor_change") / previous - 1).abs()
    equal = [(pl.col("close") == pl.col("close").shift(lag)).over("symbol") for lag in range(1, quality.stale_closes)]
    return {
        EXTREME_MOVE: pl.col("_extreme"),
        GAP_EVENT: gap > quality.gap_event,
        ZERO_VOLUME: pl.col("volume").fill_null(0.0) == 0,
        STALE_PRICE: pl.all_horizontal(equal),
        DUPLICATE_EXACT: pl.col("_copied"),
        ROUNDING_CLAMPED: (pl.max_horizontal(PRICES) > pl.col("high")) | (pl.min_horizontal(PRICES) < pl.col("low")),
    }


def _with_names(frame: pl.DataFrame, rules: dict[Rule, pl.Expr], column: str) -> pl.DataFrame:
    """Add the list of the names of those rules that hold, in the order of `rules`.

    Few bars have any, so lists are made for those only.
    """
    held = frame.select(holds.fill_null(False).alias(rule.name) for rule, holds in rules.items()).with_row_index("_row")
    some = held.filter(pl.any_horizontal(pl.exclude("_row")))
    names = [pl.when(rule.name).then(pl.lit(rule.name)) for rule in rules]
    lists = some.select("_row", pl.concat_list(names).list.drop_nulls().alias(column))
    joined = frame.with_row_index("_row").join(lists, on="_row", how="left", maintain_order="left").drop("_row")
    return joined.with_columns(pl.col(column).fill_null(pl.lit([], dtype=pl.List(pl.String))))


def _finite_or_null(name: str) -> pl.Expr:
    return pl.when(pl.col(name).is_finite()).then(pl.col(name)).alias(name)


def faults(bars: pl.DataFrame, instruments: pl.DataFrame, sessions: pl.DataFrame) -> dict[str, int]:
    """How many bars in use break what every reader relies on; counted apart from the rules that let them in.

    Parameters
    ----------
    bars, instruments, sessions
        Whole tables.
    """
    prices = [*PRICES, *(f"adj_{name}" for name in PRICES)]
    unsound = pl.any_horizontal(~(pl.col(name).is_finite() & (pl.col(name) > 0)).fill_null(False) for name in prices)
    outside = (pl.max_horizontal(PRICES) > pl.col("high")) | (pl.min_horizontal(PRICES) < pl.col("low"))
    expected = instruments.select("symbol", "calendar").join(sessions, on="calendar")
    return {
        "price not finite and positive": bars.filter(unsound).height,
        "open or close outside [low, high]": bars.filter(outside).height,
        "more than one row of a symbol and session": bars.height - bars.unique(["symbol", "session"]).height,
        "not a session of the calendar": bars.join(expected, on=["symbol", "session"], how="anti").height,
    }


def missing_sessions(bars: pl.DataFrame, instruments: pl.DataFrame, sessions: pl.DataFrame) -> pl.DataFrame:
    """symbol, expected, missing: sessions between a symbol's first and last bar, most missing first."""
    spans = instruments.select("symbol", "calendar", "first_session", "last_session").join(sessions, on="calendar")
    expected = spans.filter(pl.col("session").is_between("first_session", "last_session"))
    found = expected.join(bars.select("symbol", "session", _found=True), on=["symbol", "session"], how="left")
    counts = found.group_by("symbol").agg(pl.len().alias("expected"), pl.col("_found").is_null().sum().alias("missing"))
    return counts.sort(pl.col("missing") / pl.col("expected"), "symbol", descending=[True, False])
