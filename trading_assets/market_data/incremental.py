"""Which months are settled for good, so that a new session costs what it brings and not what was there.

A month is on record with a fingerprint of all that its bars depend on. While both agree, what is stored is what a run
over everything would write again, and later months are checked with a short past: `LOOK_BACK` usable bars a symbol.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import polars as pl

from trading_assets.config.quality import LOOK_BACK
from trading_assets.config.universe import DynamicUniverse
from trading_assets.market_data.derived_columns import factors_are_as_written
from trading_assets.market_data.lives import took_over_a_ticker
from trading_assets.market_data.prior_results import PriorResults
from trading_assets.market_data.quality.rules import EXTREME_MOVE, FUTURE_BAR, UNIT_CHANGE, taken_back
from trading_assets.market_data.reference_data import Inputs
from trading_assets.market_data.tables import BARS, INSTRUMENTS, QUARANTINE, RAW_BARS, SESSIONS, SETTLED_MONTHS
from trading_assets.warehouse import MissingTableError, UnitOfWork

_DAY = dt.timedelta(days=1)
#: Calendar days that are read again at first; twice as many while some symbol has fewer bars in them than it needs.
PAST = dt.timedelta(days=300)
_LONGEST_PAST = 8 * PAST


def settled_months(work: UnitOfWork, inputs: Inputs, start: dt.date, end: dt.date) -> pl.DataFrame:
    """Return rows of `tables.SETTLED_MONTHS` for some months, as far as all before them are on record.

    Parameters
    ----------
    work, inputs
        Reads of the step, and what its bars are made from.
    start, end
        First and last day; the months of both are among them.
    """
    before = work.aside().query("SELECT min(session) FROM market_data.raw_bars").item()
    if before is not None and before < start and not _is_settled(work, inputs, start - _DAY):
        return SETTLED_MONTHS.empty()
    lasts, commits = pl.date_range(start, end, "1mo", eager=True).dt.month_end(), work.commits(RAW_BARS)
    return pl.DataFrame(
        [(last, inputs.fingerprint(last), _last_commit(commits, last)) for last in lasts],
        schema={name: column.dtype for name, column in SETTLED_MONTHS.columns.items()},
        orient="row",
    )


def read_again(work: UnitOfWork, inputs: Inputs, since: dt.date) -> tuple[pl.DataFrame, PriorResults] | None:
    """Return received bars from `since` on with the past that checking them needs, and what is on record of that past.

    None where everything is to be checked again: the past is not on record, or is no past that ends (a delivery held
    back, another unit, a move that was taken back on its last day, a ticker with two owners), or a universe is chosen
    from all of it, or the factors that prices would be adjusted on from were edited.

    Parameters
    ----------
    work, inputs
        Reads of the step, and what its bars are made from.
    since
        First session that is made anew.
    """
    dynamic = any(isinstance(each, DynamicUniverse) for each in inputs.configuration.universe.values())
    if dynamic or not _is_settled(work, inputs, since - _DAY):
        return None
    try:
        past = _past(work, since)
        if past is None:
            return None
        instruments = work.aside().read(INSTRUMENTS)
        if instruments.filter(took_over_a_ticker()).height:
            return None
        if not factors_are_as_written(inputs.configuration, work, since):
            return None
        held = work.read(QUARANTINE, where="session BETWEEN ? AND ?", parameters=[past, since - _DAY])
        ends = work.query(
            f"""SELECT symbol, min(session) AS first, max(session) AS session,
                arg_max(forward_factor, session) AS forward_factor,
                list_contains(arg_max(flags, session), '{EXTREME_MOVE.name}') AS is_extreme
            FROM {BARS.name} WHERE session < ? GROUP BY symbol ORDER BY symbol""",
            [since],
            reads=[BARS.name],
        )
        last = ends.drop("first")
        if _is_open(work, held, last, since, past):
            return None
        prior = PriorResults(
            since=since,
            reasons=held.select("symbol", "session", "occurrence", rule="reasons").explode("rule"),
            last=last,
            first=ends.select("symbol", session="first"),
            kinds=instruments.select("symbol", "asset_class", "calendar", "source"),
            calendars=work.aside().query(
                f"SELECT calendar, min(session) AS session FROM {SESSIONS.name} GROUP BY calendar ORDER BY calendar"
            ),
        )
        return work.read(RAW_BARS, where="session >= ?", parameters=[past]), prior
    except MissingTableError:
        return None


def _is_settled(work: UnitOfWork, inputs: Inputs, last: dt.date) -> bool:
    """Whether all up to `last`, the end of a month, is on record and nothing that it depends on has changed."""
    row = work.aside().read_or_empty(SETTLED_MONTHS, where="session = ?", parameters=[last])
    return row.height == 1 and row.row(0) == (
        last,
        inputs.fingerprint(last),
        _last_commit(work.commits(RAW_BARS), last),
    )


def _last_commit(commits: Mapping[tuple[str, str, str], int], last: dt.date) -> int:
    """The last one that may have changed received bars up to `last`."""
    reaching = (number for (column, lower, _), number in commits.items() if not column or lower <= last.isoformat())
    return max(reaching, default=0)


def _past(work: UnitOfWork, since: dt.date) -> dt.date | None:
    """Where the past begins in which each symbol with a bar from `since` on has `LOOK_BACK` usable bars, or all."""
    past = since - PAST
    while past >= since - _LONGEST_PAST:
        thin = work.query(
            f"""WITH active AS (SELECT DISTINCT symbol FROM {RAW_BARS.name} WHERE session >= ?),
            near AS (
                SELECT symbol, count(*) AS bars FROM {BARS.name}
                WHERE session >= ? AND session < ? GROUP BY symbol
            ), far AS (SELECT DISTINCT symbol FROM {RAW_BARS.name} WHERE session < ?)
            SELECT count(*) FROM active SEMI JOIN far USING (symbol) LEFT JOIN near USING (symbol)
            WHERE coalesce(bars, 0) < ?""",
            [since, past, since, past, LOOK_BACK],
            reads=[RAW_BARS.name, BARS.name],
        ).item()
        if thin == 0:
            return past
        past -= since - past
    return None


def _is_open(work: UnitOfWork, held: pl.DataFrame, last: pl.DataFrame, since: dt.date, past: dt.date) -> bool:
    """Whether some decision before `since` reaches beyond it."""
    if held.filter(pl.col("reasons").list.contains(UNIT_CHANGE.name)).height:
        return True
    noted = work.query(
        f"""SELECT (SELECT count(*) FROM {BARS.name} WHERE session >= ? AND session < ?
            AND list_contains(flags, '{UNIT_CHANGE.name}')) + (SELECT count(*) FROM {QUARANTINE.name}
            WHERE session < ? AND list_contains(reasons, '{FUTURE_BAR.name}'))""",
        [past, since, since],
        reads=[BARS.name, QUARANTINE.name],
    ).item()
    spikes = held.filter(taken_back()).select("symbol", spike="session")
    at_the_end = spikes.join(last, on="symbol", how="left").filter(pl.col("spike") > pl.col("session"))
    return bool(noted) or at_the_end.height > 0
