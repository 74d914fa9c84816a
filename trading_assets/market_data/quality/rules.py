"""Every data-quality rule by name; severities are configuration (`config.quality`)."""

from __future__ import annotations

from typing import NamedTuple

import polars as pl


class Rule(NamedTuple):
    """A data-quality rule: what it finds is flagged, quarantined, or stops the batch, as its severity says."""

    name: str
    description: str
    remedy: str = "deliver the data again"


NULL_PRICE = Rule("null_price", "open, high, low or close is empty (or was no finite number)")
NON_FINITE_PRICE = Rule("non_finite_price", "open, high, low or close is NaN or infinite")
NON_POSITIVE_PRICE = Rule("non_positive_price", "open, high, low or close is zero or negative")
OHLC_VIOLATION = Rule("ohlc_violation", "open or close outside [low, high], or low above high")
NEGATIVE_VOLUME = Rule("negative_volume", "the volume is below zero")
DUPLICATE_CONFLICT = Rule("duplicate_conflict", "one delivery brought differing bars of this symbol and session")
NOT_A_SESSION = Rule("not_a_session", "the day is no session of the instrument's calendar")
FUTURE_BAR = Rule("future_bar", "the session is after the run's as-of date")
PARTIAL_SESSION = Rule("partial_session", "too few of the session's intraday bars are there")

WRONG_FREQUENCY = Rule(
    "wrong_frequency",
    "bars that are declared daily come regularly every so many sessions: weekly or monthly ones",
    "deliver daily bars, or take the file out of the source's path",
)
STALE_DAY = Rule("stale_day", "the bar repeats the one before, and so do those of most symbols")
ONE_SERIES = Rule("one_series", "most symbols carry the bars of another symbol")
IDENTICAL_SERIES = Rule("identical_series", "the symbol has carried the bars of another symbol for long")
COMMON_JUMP = Rule("common_jump", "many symbols moved by one and the same ratio: another currency or unit")
UNIT_CHANGE = Rule(
    "unit_change",
    "the whole bar, not the close alone, is at 100, 1000, ... times its level, or a hundredth, ... of it",
)
TICKER_REUSE = Rule("ticker_reuse", "the first bar after a year without one: another instrument, with its own symbol")
SPIKE = Rule("spike", "an extreme move that the next bar took back")
HALF_ADJUSTED = Rule("half_adjusted", "one bar is off by the ratio of a split, and the next one is back")

EXTREME_MOVE = Rule(
    "extreme_move",
    "the close moved too far, or the open by the ratio of a split, with no corporate action: a missing session for "
    "signals",
)
SPLIT_SUSPECT = Rule(
    "split_suspect", "the open is at the ratio of a split from the close before, and none is on record"
)
VOLUME_UNIT_BREAK = Rule("volume_unit_break", "the usual volume is many times, or a small part of, what it was")
GAP_EVENT = Rule("gap_event", "the open is far from the previous close")
ZERO_VOLUME = Rule("zero_volume", "nothing traded, or the source gives no volume: no fill on this bar")
STALE_PRICE = Rule("stale_price", "the close has not moved for several bars: no fill on this bar")
DUPLICATE_EXACT = Rule("duplicate_exact", "the same bar was delivered more than once; one is kept")
ROUNDING_CLAMPED = Rule("rounding_clamped", "high or low moved by rounding size to contain the other prices")

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
    WRONG_FREQUENCY,
    STALE_DAY,
    ONE_SERIES,
    IDENTICAL_SERIES,
    COMMON_JUMP,
    UNIT_CHANGE,
    SPIKE,
    HALF_ADJUSTED,
    EXTREME_MOVE,
    SPLIT_SUSPECT,
    TICKER_REUSE,
    VOLUME_UNIT_BREAK,
    GAP_EVENT,
    ZERO_VOLUME,
    STALE_PRICE,
    DUPLICATE_EXACT,
    ROUNDING_CLAMPED,
)


def taken_back() -> pl.Expr:
    """Return bars of the quarantine that only the next bar put there: until it came, they were in use."""
    return pl.col("reasons").list.contains(SPIKE.name) | pl.col("reasons").list.contains(HALF_ADJUSTED.name)
