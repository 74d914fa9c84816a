"""Which received bars are usable, and what is to be known about those that are.

Rules of one row come first, then those across symbols, then those that need a symbol's neighbouring bars. Nothing
decided about session *t* depends on bars after *t*, except that the next received bar may confirm *t* as a spike: until
it has arrived, and whatever it brings, `extreme_move` makes *t* a missing session for signals, though not for losses.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import polars as pl

from trading_assets.config.quality import Quality
from trading_assets.market_data.adjustment import with_factor_change, with_units
from trading_assets.market_data.bar_windows import by_parts, previous, repeated
from trading_assets.market_data.lives import NO_LIVES
from trading_assets.market_data.prior_results import NO_PRIOR_RESULTS, ChangedPriorResultError, PriorResults
from trading_assets.market_data.quality import cross_sectional, level_shifts
from trading_assets.market_data.quality.common_jumps import common_jumps
from trading_assets.market_data.quality.findings import Findings, QualityError
from trading_assets.market_data.quality.frequency import other_frequency
from trading_assets.market_data.quality.overrides import NO_OVERRIDES
from trading_assets.market_data.quality.price_jumps import extreme_moves
from trading_assets.market_data.quality.rules import (
    COMMON_JUMP,
    DUPLICATE_CONFLICT,
    DUPLICATE_EXACT,
    EXTREME_MOVE,
    FUTURE_BAR,
    GAP_EVENT,
    HALF_ADJUSTED,
    IDENTICAL_SERIES,
    NEGATIVE_VOLUME,
    NON_FINITE_PRICE,
    NON_POSITIVE_PRICE,
    NOT_A_SESSION,
    NULL_PRICE,
    OHLC_VIOLATION,
    ONE_SERIES,
    PARTIAL_SESSION,
    ROUNDING_CLAMPED,
    RULES,
    SPIKE,
    SPLIT_SUSPECT,
    STALE_DAY,
    STALE_PRICE,
    TICKER_REUSE,
    UNIT_CHANGE,
    VOLUME_UNIT_BREAK,
    WRONG_FREQUENCY,
    ZERO_VOLUME,
    Rule,
)
from trading_assets.market_data.quality.values import PRICES, VALUES, finite_or_null
from trading_assets.market_data.reference.corporate_actions import NO_ACTIONS
from trading_assets.warehouse.checking import in_order

__all__ = ["QualityError", "QualityResult", "apply_rules"]


_BY_NAME = {rule.name: rule for rule in RULES}
#: What the rules look at that compare bars with others; what is left to be used does without the rest until the end.
_COMPARED = ("_row", "symbol", "asset_class", "session", *PRICES, "volume", "adj_close", "_copied")


@dataclass(frozen=True)
class QualityResult:
    """Received bars, parted; both frames have the columns of the raw bars, sorted by symbol and session.

    Attributes
    ----------
    quarantine
        And `reasons`, a list of rule names; values that are no finite numbers are null.
    left
        What can be used: the columns that rules compare, and `flags`, a list of rule names.
    rows
        All that was checked, where the other columns of `left` are.
    """

    quarantine: pl.DataFrame
    left: pl.DataFrame
    rows: pl.DataFrame

    @property
    def usable(self) -> pl.DataFrame:
        """Usable bars and their `flags`; high and low as clamped, volume never null."""
        return self.completed(self.left)

    def completed(self, left: pl.DataFrame) -> pl.DataFrame:
        """Return `usable` of some rows of `left`: all columns of all symbols are twice what was received."""
        names = [name for name in self.rows.columns if name != "_row"]
        first, last = left.select(first=pl.col("_row").min(), last=pl.col("_row").max()).row(0)
        around = self.rows[first : last + 1] if left.height else self.rows
        others = around.select(name for name in names if name not in left.columns)
        return left.with_columns(
            others[(left["_row"] - (first or 0))],
            high=pl.max_horizontal(PRICES),
            low=pl.min_horizontal(PRICES),
            volume=pl.col("volume").fill_null(0.0),
        ).select(*names, "flags")


def apply_rules(
    raw: pl.DataFrame,
    sessions: pl.DataFrame,
    as_of: dt.date,
    quality: Quality,
    *,
    overrides: pl.DataFrame = NO_OVERRIDES,
    actions: pl.DataFrame = NO_ACTIONS,
    lives: pl.DataFrame = NO_LIVES,
    prior: PriorResults = NO_PRIOR_RESULTS,
) -> QualityResult:
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
        Thresholds, as fractions, and severities.
    overrides
        Rows of `read_overrides`: what a rule finds there is none.
    actions
        Corporate actions on record, of `corporate_actions.read_actions`.
    lives
        Rows of `lives.find_lives`: instruments whose ticker was another one's before; `raw` has them by their symbols.
    prior
        What is on record of sessions before `prior.since`. They are the past of those after: `LOOK_BACK` usable bars
        of each symbol, or all it has, have to be there.

    Returns
    -------
    QualityResult
        What is on record of sessions before `prior.since`; they have no flags.

    Raises
    ------
    QualityError
        A rule whose severity is `batch` found something.
    ChangedPriorResultError
        A bar takes back the move of the last one before `prior.since`.

    Notes
    -----
    - A bar may have several reasons, and a bad bar says nothing about its neighbours: they are compared with
      the bars that passed.
    - A rule of severity `symbol` takes the symbol's bars from its first finding on.
    - OHLC relations are checked among the prices that are there. A breach below `rounding_breach`, as a
      fraction of the high or low, is clamped. A null volume counts as 0.
    - Moves and gaps are measured after corporate actions, on record or as the change of `adj_close / close` tells
      them: a split is no move. The previous close is that of the last bar that is neither quarantined by a row rule nor
      a confirmed spike, however long ago.
    - Exact copies are reduced to one before anything else; all rows of a conflict are quarantined.
    """
    rows = _without_copies(raw).with_row_index("_row")
    rows = rows.with_columns(pl.col("symbol").set_sorted())  # windows over a sorted column are several times faster
    known = sessions.select("calendar", "session", _known=True)
    places = by_parts(
        rows.select("symbol", "calendar", "session"),
        lambda part: part.join(known, on=["calendar", "session"], how="left", maintain_order="left").select("_known"),
    )
    rows = rows.with_columns(places)  # a join of all columns would copy them
    found = Findings(rows, quality, overrides, prior)
    of_a_row = {rule: rows.select(holds).to_series() for rule, holds in _row_rules(as_of, quality).items()}
    rows = finite_or_null(rows.drop("_known", "_conflict"))
    other = other_frequency(rows, sessions)
    left = with_units(rows.select(_COMPARED))
    left = found.sift(left, {WRONG_FREQUENCY: other.found, **of_a_row}, {WRONG_FREQUENCY: other.evidence})
    del other, of_a_row
    left = found.sift(left, {STALE_DAY: cross_sectional.stale_days(left, quality)})
    most, few = cross_sectional.copies(left, quality)
    left = found.sift(left, {ONE_SERIES: most, IDENTICAL_SERIES: few})

    left = left.with_columns(by_parts(left, lambda part: with_factor_change(part, actions).select("factor_change")))
    jumps = common_jumps(left, quality)
    left = found.sift(left, {COMMON_JUMP: jumps.found}, {COMMON_JUMP: jumps.evidence})
    left = found.sift(left, {UNIT_CHANGE: by_parts(left, lambda part: _unit_changes(part, found))["found"]})
    left = found.without_prior(left.drop("factor_change"), SPIKE, HALF_ADJUSTED)
    moves = by_parts(left, lambda part: _moves(part, found, quality, actions, prior))
    left = left.with_columns(moves.select(_extreme="extreme", _suspect="split_suspect"))
    left = found.sift(left, {SPIKE: moves["spike"], HALF_ADJUSTED: moves["half_adjusted"]})
    flags = by_parts(left, lambda part: _flags(part, quality, actions, lives))
    found.sift(left, {_BY_NAME[each.name]: each for each in flags})

    rows = rows.select(*raw.columns, "_row")
    return QualityResult(found.quarantined(rows).drop("_row"), found.with_flags(left), rows)


def _unit_changes(bars: pl.DataFrame, found: Findings) -> pl.DataFrame:
    return pl.DataFrame({"found": level_shifts.unit_changes(bars, found.overridden(bars, UNIT_CHANGE))})


def _moves(
    bars: pl.DataFrame, found: Findings, quality: Quality, actions: pl.DataFrame, prior: PriorResults
) -> pl.DataFrame:
    """Columns of `price_jumps.Moves`.

    Raises
    ------
    ChangedPriorResultError
        A bar takes back the move of the last one before `prior.since`.
    """
    real = found.overridden(bars, EXTREME_MOVE) | found.overridden(bars, SPIKE) | found.overridden(bars, HALF_ADJUSTED)
    is_decided, is_open = _prior(bars, prior)
    moves = extreme_moves(with_factor_change(bars, actions), quality, real | (is_decided & ~is_open), actions)
    if (is_decided & (moves.spike | moves.half_adjusted)).any():
        raise ChangedPriorResultError
    return pl.DataFrame(moves._asdict())


def _prior(left: pl.DataFrame, prior: PriorResults) -> tuple[pl.Series, pl.Series]:
    """Rows of sessions before `prior.since`, and those among them that the next bar may still take back."""
    is_open = pl.struct("symbol", "session").is_in(
        prior.last.filter("is_extreme").select(pl.struct("symbol", "session")).to_series().implode()
    )
    found = left.select(before=pl.col("session") < prior.since, open=is_open)
    return found["before"], found["open"]


def _without_copies(raw: pl.DataFrame) -> pl.DataFrame:
    """One row of each exact copy, sorted; adds `_copied` and `_conflict`."""
    key = ["symbol", "session"]
    rows = in_order(raw, [*key, "occurrence"])
    is_repeated = rows.select(repeated(key)).to_series()
    if not is_repeated.any():
        return rows.with_columns(_copied=False, _conflict=False)
    single = rows.filter(~is_repeated).with_columns(_copied=False, _conflict=False)
    several = rows.filter(is_repeated)
    if several.is_empty():
        return single
    content = ["asset_class", *VALUES]
    several = several.with_columns(_copied=pl.struct([*key, *content]).is_duplicated())
    several = several.unique([*key, *content], keep="first", maintain_order=True)
    several = several.with_columns(_conflict=pl.struct(key).is_duplicated())
    return pl.concat([single, several]).sort(*key, "occurrence")


def violates_ohlc(quality: Quality) -> pl.Expr:
    """Return whether a bar breaks the rule `ohlc_violation`."""
    prices = [pl.when(pl.col(name).is_finite()).then(pl.col(name)) for name in PRICES]
    rounding = quality.rounding_breach
    top, high, low, bottom = pl.max_horizontal(prices), prices[1], prices[2], pl.min_horizontal(prices)
    return ((top > high) & (top >= high * (1 + rounding))) | ((bottom < low) & (bottom <= low * (1 - rounding)))


def _row_rules(as_of: dt.date, quality: Quality) -> dict[Rule, pl.Expr]:
    return {
        NULL_PRICE: pl.any_horizontal(pl.col(name).is_null() for name in PRICES),
        NON_FINITE_PRICE: pl.any_horizontal(~pl.col(name).is_finite() for name in PRICES),
        NON_POSITIVE_PRICE: pl.any_horizontal(pl.col(name) <= 0 for name in PRICES),
        OHLC_VIOLATION: violates_ohlc(quality),
        NEGATIVE_VOLUME: pl.col("volume") < 0,
        DUPLICATE_CONFLICT: pl.col("_conflict"),
        NOT_A_SESSION: pl.col("_known").is_null() & (pl.col("session") <= as_of),
        FUTURE_BAR: pl.col("session") > as_of,
        PARTIAL_SESSION: pl.col("coverage") < quality.min_coverage,
    }


def _flags(bars: pl.DataFrame, quality: Quality, actions: pl.DataFrame, lives: pl.DataFrame) -> pl.DataFrame:
    """What is noted of bars that stay in use, by the name of the rule."""
    gap = (pl.col("open") * pl.col("factor_change") / previous("close") - 1).abs()
    equal = [pl.col("close") == previous("close", lag) for lag in range(1, quality.stale_closes)]
    first = lives.select(pl.struct("symbol", session="start")).to_series()
    noted = {
        TICKER_REUSE: pl.struct("symbol", "session").is_in(first.implode()),
        EXTREME_MOVE: pl.col("_extreme"),
        SPLIT_SUSPECT: pl.col("_suspect"),
        GAP_EVENT: gap > quality.gap_event,
        ZERO_VOLUME: pl.col("volume").fill_null(0.0) == 0,
        STALE_PRICE: pl.all_horizontal(equal),
        DUPLICATE_EXACT: pl.col("_copied"),
        ROUNDING_CLAMPED: (pl.max_horizontal(PRICES) > pl.col("high")) | (pl.min_horizontal(PRICES) < pl.col("low")),
    }
    rows = with_factor_change(bars, actions).select(holds.alias(rule.name) for rule, holds in noted.items())
    breaks = level_shifts.volume_unit_breaks(bars, quality)
    return rows.with_columns(breaks.alias(VOLUME_UNIT_BREAK.name))
