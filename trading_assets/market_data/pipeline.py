"""From all received bars to all that the stage knows of them: one pure function."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from typing import NamedTuple

import polars as pl

from trading_assets.config import Configuration
from trading_assets.config.fallbacks import names_stood_in_for
from trading_assets.config.universe import DynamicUniverse
from trading_assets.market_data import calendars, quality
from trading_assets.market_data.adjustment import adjust
from trading_assets.market_data.bar_windows import distinct, parts_of
from trading_assets.market_data.dynamic_universe import spells
from trading_assets.market_data.instruments import delisted, instruments
from trading_assets.market_data.lives import NO_LIVES, by_life, find_lives, for_each_life, later_lives, revives
from trading_assets.market_data.prior_results import NO_PRIOR_RESULTS, ChangedPriorResultError, PriorResults
from trading_assets.market_data.quality.apply_rules import apply_rules
from trading_assets.market_data.quality.findings import QualityError
from trading_assets.market_data.reference.corporate_actions import compared, with_stated
from trading_assets.market_data.reference_data import Inputs
from trading_assets.market_data.tables import BARS, BORROW_RATES, CORPORATE_ACTIONS, DELISTINGS
from trading_assets.market_data.universe import default_as_of, resolve


class History(NamedTuple):
    """Tables of the stage, and what did not get into them: whole, or bars, quarantine and corporate actions from the
    first session on that was not decided before.

    Attributes
    ----------
    since
        The first session of the bars, the quarantine and the corporate actions.
    as_of
        Nothing after it was used.
    ignored
        Symbols in the data that are neither in the universe nor a benchmark.
    """

    bars: pl.DataFrame
    quarantine: pl.DataFrame
    corporate_actions: pl.DataFrame
    sessions: pl.DataFrame
    instruments: pl.DataFrame
    delistings: pl.DataFrame
    borrow_rates: pl.DataFrame
    universe: pl.DataFrame
    since: dt.date
    as_of: dt.date
    ignored: list[str]


def history(raw: pl.DataFrame, inputs: Inputs, prior: PriorResults = NO_PRIOR_RESULTS) -> History:
    """Check, adjust and describe everything received.

    Parameters
    ----------
    raw
        All rows of `tables.RAW_BARS`; with `prior`, those that `incremental.read_again` reads.
    prior
        What earlier runs decided, and would decide again.

    Raises
    ------
    QualityError
        The bars are refused as a whole.
    ChangedPriorResultError
        What was decided does not hold any more.
    """
    configuration, memberships, sectors, overrides, recorded, symbology, delistings, borrow_rates, _ = inputs
    kinds = pl.concat([prior.kinds, distinct(raw, prior.kinds.columns)])
    kinds = kinds.with_columns(pl.col("source").replace(names_stood_in_for(configuration.market_data))).unique()
    listed = kinds.select("symbol", "asset_class").unique()
    universe = resolve(configuration, listed, memberships)
    ignored = _ignored(listed, universe, configuration)
    raw = raw.filter(~pl.col("symbol").is_in(ignored)) if ignored else raw
    as_of = configuration.as_of or default_as_of(raw, universe, configuration.risk.delisting_sessions)
    as_of = as_of or configuration.start
    if as_of < prior.since:
        raise ChangedPriorResultError
    kinds = kinds.filter(~pl.col("symbol").is_in(ignored))
    lives, least_days = _lives(raw, inputs, as_of), configuration.quality.reuse_days
    if prior.since > dt.date.min and (lives.height or revives(raw, prior.last, prior.since, least_days)):
        raise ChangedPriorResultError
    raw, universe = by_life(raw, lives), for_each_life(universe, lives).sort("symbol", "start")
    kinds, recorded = for_each_life(kinds, lives), by_life(recorded, lives)

    actions = with_stated(recorded, raw)
    sessions = expected_sessions(raw, configuration.start, as_of, prior, overrides)
    checked = apply_rules(
        raw,
        sessions,
        as_of,
        configuration.quality,
        overrides=by_life(overrides, lives),
        actions=actions,
        lives=lives,
        prior=prior,
    )
    del raw
    is_new = pl.col("session") >= prior.since
    used, with_actions = [], []
    for part in parts_of(checked.left):
        rows = adjust(checked.completed(part), configuration.quality.split_ratio, actions, prior)
        used.append(rows.filter(is_new).select(*BARS.columns))
        with_actions.append(compared(rows, recorded).filter(is_new).select(*CORPORATE_ACTIONS.columns))
    bars = pl.concat(used)
    for asset_class, setting in configuration.universe.items():
        if isinstance(setting, DynamicUniverse):
            own = spells(bars.filter(asset_class=asset_class), setting).with_columns(asset_class=pl.lit(asset_class))
            others = universe.filter(pl.col("asset_class") != asset_class)
            universe = pl.concat([others, own.select(universe.columns)]).sort("symbol", "start")
    return History(
        bars=bars,
        quarantine=checked.quarantine.filter(is_new),
        sessions=sessions,
        corporate_actions=pl.concat(with_actions),
        instruments=instruments(
            kinds, _spans(bars, prior), universe, memberships, sectors, symbology, lives, delistings
        ),
        delistings=_endings(delisted(memberships, symbology, lives, delistings), set(kinds["symbol"])),
        borrow_rates=_borrow_rates(for_each_life(borrow_rates, lives), set(kinds["symbol"])),
        universe=universe,
        since=prior.since,
        as_of=as_of,
        ignored=ignored,
    )


def refuse_faulty(delivered: pl.DataFrame, past: pl.DataFrame, inputs: Inputs, today: dt.date) -> None:
    """Look for what refuses a delivery before anything of it is written.

    Parameters
    ----------
    delivered, past
        Rows of `tables.RAW_BARS`: new ones, and those of the sessions before.
    today
        Bars of later sessions are not looked at.

    Raises
    ------
    QualityError
        A rule whose severity is `batch` finds something in the new ones.
    """
    if delivered.is_empty():
        return
    listed = distinct(delivered, ["symbol", "asset_class"])
    ignored = _ignored(listed, resolve(inputs.configuration, listed, inputs.memberships), inputs.configuration)
    first, last = delivered.select(first=pl.col("session").min(), last=pl.col("session").max()).row(0)
    as_of = min(last, today)
    raw = delivered if past.is_empty() else pl.concat([past, delivered])
    raw = raw.filter(~pl.col("symbol").is_in(ignored)) if ignored else raw
    lives = _lives(raw, inputs, as_of)
    raw = by_life(raw, lives)
    apply_rules(
        raw,
        expected_sessions(raw, inputs.configuration.start, as_of, overrides=inputs.overrides),
        as_of,
        inputs.configuration.quality,
        overrides=by_life(inputs.overrides, lives),
        actions=with_stated(by_life(inputs.actions, lives), raw),
        lives=lives,
        prior=NO_PRIOR_RESULTS._replace(since=first),
    )


def _lives(raw: pl.DataFrame, inputs: Inputs, as_of: dt.date) -> pl.DataFrame:
    """Later instruments of the tickers of `raw` up to `as_of`, unless the rule is off or a finding is overridden.

    Raises
    ------
    QualityError
        A benchmark is one of the tickers: which of its lives is meant cannot be told.
    """
    quality_settings = inputs.configuration.quality
    if quality_settings.severity_of(quality.TICKER_REUSE.name) == "off":
        return NO_LIVES
    overridden = inputs.overrides.filter(rule=quality.TICKER_REUSE.name)
    known = raw.lazy().filter(pl.col("session") <= as_of).select("symbol", "session", "close").collect()
    lives = find_lives(known, quality_settings.reuse_days, overridden, inputs.symbology["symbol"])
    parted = later_lives(lives).filter(pl.col("ticker").is_in(list(inputs.configuration.benchmarks.values())))
    for ticker, start in parted.select("ticker", "start").iter_rows():
        raise QualityError(
            f"the benchmark {ticker} has no bar for {quality_settings.reuse_days} days or more before {start}\n"
            "  expected: one instrument without such a hole\n"
            f"  what to do: deliver what is missing, or override {quality.TICKER_REUSE.name} for {ticker} on {start}"
        )
    return lives


def _ignored(listed: pl.DataFrame, universe: pl.DataFrame, configuration: Configuration) -> list[str]:
    """Symbols of the data that nothing asks for."""
    return sorted(set(listed["symbol"]) - {*universe["symbol"], *configuration.benchmarks.values()})


def _endings(found: pl.DataFrame, symbols: Collection[str]) -> pl.DataFrame:
    """Rows of `tables.DELISTINGS`: what is on record of symbols of the data."""
    own = found.filter(pl.col("symbol").is_in(list(symbols)))
    own = own.rename(lambda name: name.removeprefix("delisting_")).rename({"delisted": "session"})
    return own.select(*DELISTINGS.columns).sort("symbol")


def _borrow_rates(found: pl.DataFrame, symbols: Collection[str]) -> pl.DataFrame:
    """Rows of `tables.BORROW_RATES`: what is on record of symbols of the data, a number for each of a symbol."""
    own = found.filter(pl.col("symbol").is_in(list(symbols))).sort("symbol", "session", nulls_last=False)
    return own.with_columns(row=pl.int_range(pl.len()).over("symbol")).select(*BORROW_RATES.columns)


def _spans(bars: pl.DataFrame, prior: PriorResults) -> pl.DataFrame:
    """symbol, first_session, last_session of the usable bars, new or prior."""
    ends = pl.concat([bars.select("symbol", "session"), prior.first, prior.last.select("symbol", "session")])
    return ends.group_by("symbol").agg(
        pl.col("session").min().alias("first_session"), pl.col("session").max().alias("last_session")
    )


def expected_sessions(
    raw: pl.DataFrame,
    start: dt.date,
    as_of: dt.date,
    prior: PriorResults = NO_PRIOR_RESULTS,
    overrides: pl.DataFrame = quality.NO_OVERRIDES,
) -> pl.DataFrame:
    """Return every session of each calendar of `raw`, from `start` or the first bar to `as_of`: calendar, session.

    A day for which `not_a_session` is overridden is a session of the symbol's calendar, whose table of special
    sessions lacks it: an exchange trades for everybody or for nobody. A start before the first day that is recorded
    for an exchange asks for what is recorded, unless there are bars before it.

    Parameters
    ----------
    raw
        Received bars: symbol, calendar, session.
    start, as_of
        First session that is asked for, and the last.
    prior
        What is on record of bars that were not read again.
    overrides
        Reviewed overrides: symbol, session, rule.

    Raises
    ------
    CalendarError
        There are bars beyond what is recorded for an exchange.
    """
    seen = pl.concat([prior.calendars, raw.select("calendar", "session")])
    firsts = seen.group_by("calendar").agg(pl.col("session").min())
    of_symbols = pl.concat([prior.kinds, distinct(raw, prior.kinds.columns)]).select("symbol", "calendar").unique()
    said = overrides.filter(pl.col("session").is_between(start, as_of), rule=quality.NOT_A_SESSION.name)
    added = said.join(of_symbols, on="symbol").join(firsts, on="calendar", how="semi")
    parts = [added.select("calendar", "session")]
    for calendar, first in firsts.iter_rows():
        recorded, _ = calendars.bounds(calendar)
        days = calendars.sessions(calendar, min(first, max(start, recorded)), as_of)
        parts.append(pl.DataFrame({"calendar": [calendar] * len(days), "session": days}))
    return pl.concat(parts).unique().sort("calendar", "session")


def unsettled_since(history: History, first: dt.date, before: pl.DataFrame) -> dt.date:
    """Return the earliest session before `first` that was checked without the bar that decides it, or with another.

    Parameters
    ----------
    history
        History of all bars.
    before
        symbol, session: spikes and the like that an earlier run found.

    Notes
    -----
    The last received bar of a symbol before `first` is in use until the next one takes it back, and is back in use if
    that next one is corrected. Returns `first` if there is none.
    """
    now = history.quarantine.filter((pl.col("session") < first) & quality.taken_back()).select("symbol", "session")
    changed = pl.concat(
        [
            now.join(before, on=["symbol", "session"], how="anti"),
            before.join(now, on=["symbol", "session"], how="anti"),
        ]
    )
    received = pl.concat([history.bars.select("symbol", "session"), now, before]).filter(pl.col("session") < first)
    last = received.group_by("symbol").agg(pl.col("session").max())
    earliest = changed.join(last, on=["symbol", "session"], how="semi")["session"].min()
    return earliest if isinstance(earliest, dt.date) else first
