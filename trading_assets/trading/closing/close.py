"""Closing a running account: a word that goes on record, and what becomes of the account."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

import polars as pl

from trading_assets import __version__
from trading_assets.config import Configuration, ConfigurationError
from trading_assets.market_data import calendars
from trading_assets.market_data.tables import INSTRUMENTS
from trading_assets.models.splits import spans_of
from trading_assets.models.tables import SPLITS
from trading_assets.protocol import Protocol, Record
from trading_assets.protocol.records import Entry
from trading_assets.robustness.tables import RESULTS
from trading_assets.robustness.verdict.current import VerdictMissingError, current_verdict
from trading_assets.strategies.evaluation.plan import plan_of
from trading_assets.strategies.interface.resolved import configured_strategy, resolve_strategy
from trading_assets.trading.closing.record import CLOSE, Closing, closing_of, is_left, left_on_record
from trading_assets.trading.opening import (
    Opening,
    assert_strategy,
    gone_from,
    open_accounts,
    openings_on,
    universe_of,
)
from trading_assets.trading.runs_on_record import runs_on_record
from trading_assets.warehouse import Warehouse

#: Who closes an account whose verdict is revoked.
BY_VERDICT = "revoked verdict"
_A_DAY, _AHEAD = dt.timedelta(days=1), dt.timedelta(days=30)


def close_account(configuration: Configuration, strategy: str, *, by: str, reason: str, now: dt.datetime) -> Closing:
    """Put on record that the open account of a strategy is left for good; nothing takes that back.

    Parameters
    ----------
    configuration, strategy
        Configuration, and the name of the strategy.
    by, reason
        Who closes it, and why.
    now
        Time of the record, UTC.

    Raises
    ------
    ConfigurationError
        There is no such strategy, no account of it is open, it is closing already, another version has saved it, or
        there is no reason.
    """
    from trading_assets.trading.saved_state import is_of_another_layout

    assert_strategy(configuration, strategy)
    if not reason.strip():
        raise ConfigurationError(
            "an account is closed without a reason\n  expected: --reason with some words\n"
            "  what to do: say why; it goes on record beside your name"
        )
    protocol = Protocol.of(configuration)

    def decide(records: Sequence[Record]) -> list[Entry]:
        """Under the lock of the protocol: of two who close at once the second one is refused."""
        openings = openings_on(records, configuration.name, strategy)
        if not openings:
            raise ConfigurationError(
                f"no account of {strategy} is open\n  expected: one\n"
                f"  what to do: nothing, or trading-assets account open {strategy}"
            )
        if is_of_another_layout(records, configuration.name, openings[-1].account):
            raise ConfigurationError(
                f"{openings[-1].account} was saved by another version of the product: this one can sell nothing of it\n"
                "  expected: the version that saved it\n"
                f"  what to do: trading-assets account open {strategy} ends it, and begins the next one"
            )
        known = closing_of(records, configuration.name, openings[-1].account)
        if known is not None:
            raise ConfigurationError(
                f"{known.account} is closing already, by {known.by}: {known.reason}\n"
                "  expected: an account that is not\n"
                f"  what to do: trading-assets account status {strategy}"
            )
        days = [each["through"] for each in runs_on_record(records, configuration.name, openings[-1].account)]
        through = dt.date.fromisoformat(max(days)) if days else None
        first = first_session(openings[-1], through, now)
        said = {
            "action": CLOSE,
            "account": openings[-1].account,
            "session": first.isoformat(),
            "by": by,
            "reason": reason.strip(),
            "product_version": __version__,
        }
        return [Entry("account", strategy, said)]

    protocol.append_decided(decide, now=now)
    records = protocol.read()
    made = closing_of(records, configuration.name, openings_on(records, configuration.name, strategy)[-1].account)
    assert made is not None
    return made


def assert_would_be_sold(warehouse: Warehouse, configuration: Configuration, strategy: str) -> None:
    """Stop a person who closes an account with which no run goes on: what it holds would never be sold.

    Parameters
    ----------
    warehouse, configuration
        Warehouse with the splits and instruments of the last run, and configuration.
    strategy
        Name of the strategy.

    Raises
    ------
    ConfigurationError
        What is registered, or a symbol, is not what the account was opened for.
    """
    opening = open_accounts(configuration).get(strategy)
    if opening is None:
        return
    spans = spans_of(warehouse.read(SPLITS))
    is_registered = strategy in configuration.registration
    plan = plan_of(configuration, configured_strategy(configuration, strategy), spans)
    universe = universe_of(resolve_strategy(configuration, strategy, warehouse.read(INSTRUMENTS)))
    if not is_registered or plan.hash != opening.plan_hash or gone_from(opening.universe, universe):
        raise ConfigurationError(
            f"what {opening.account} holds would never be sold: {strategy} is not what it was opened for any more\n"
            f"  expected: plan {opening.plan_hash[:16]} and the symbols of then\n"
            f"  what to do: go back to it, or trading-assets account open {strategy}, which ends {opening.account}"
        )


def accounts_at_work(configuration: Configuration) -> dict[str, Opening]:
    """Return the account of each strategy that has one which still decides or is being left.

    It reads the protocol alone, and of one that cannot be read none is returned.
    """
    opened = open_accounts(configuration)
    records = Protocol.of(configuration).read() if opened else ()
    return {
        name: each for name, each in opened.items() if not left_on_record(records, configuration.name, each.account)
    }


def why_revoked(warehouse: Warehouse, configuration: Configuration, opening: Opening) -> str | None:
    """Return in words why the verdict that an account was opened under does not stand; None where it does.

    It stands where there is a verdict of what is registered now that is as good or better.

    Parameters
    ----------
    warehouse, configuration, opening
        Warehouse with the verdict, configuration, and the account.
    """
    try:
        found = current_verdict(warehouse, configuration, opening.strategy)
    except VerdictMissingError as error:
        return str(error).splitlines()[0]
    if found.refused is not None:
        return "what is registered now was refused a look"
    before = opening.verdict
    if before in RESULTS and not found.meets(before):
        return f"the verdict is {found.result}, and was {before} when the account was opened"
    return None


def first_session(opening: Opening, through: dt.date | None, now: dt.datetime) -> dt.date:
    """Return the first session at whose close a closing acts that goes on record now.

    It is not published, and not over yet: nobody closes an account at a close whose morrow is known. What was over
    when the account was opened is a replay anyway, and may be left in.

    Parameters
    ----------
    opening, through
        Account, and the last session that it has published; None: none.
    now
        Time of the record, UTC.

    Raises
    ------
    CalendarError
        No session is recorded in the thirty days after `now`.
    """
    start = opening.session if through is None else through + _A_DAY
    spans = _spans(opening.universe, start, max(start, now.date()) + _AHEAD)
    may = spans.filter((pl.col("over") <= opening.recorded_at) | (pl.col("over") > now))
    if may.is_empty():
        raise calendars.CalendarError(f"no session of {opening.account} is recorded after {max(start, now.date())}")
    return dt.date.fromisoformat(str(may["session"].min()))


def account_state(opening: Opening, openings: Sequence[Opening], closing: Closing | None, equity: pl.DataFrame) -> str:
    """Return the state of an account: one of `tables.STATES`.

    Parameters
    ----------
    opening, openings
        Account, and all accounts of its strategy, oldest first.
    closing
        Its closing; None: it has none.
    equity
        Rows of `trading.equity` of it.
    """
    if closing is not None and is_left(closing, equity):
        return "closed"
    if opening != openings[-1]:
        return "ended"
    return "open" if closing is None else "closing"


def _spans(universe: Mapping[str, Sequence[str]], start: dt.date, end: dt.date) -> pl.DataFrame:
    """Sessions of any calendar of a universe, and when each is over on all of them: session, over (UTC)."""
    parts = []
    for calendar in sorted({said[1] for said in universe.values()}):
        until = min(end, calendars.bounds(calendar)[1])
        days = pl.DataFrame(calendars.sessions(calendar, start, until))
        spans = calendars.session_spans(calendar, start, max(start, until))
        parts.append(spans.join(days, on="session", how="semi").select("session", "over"))
    over = pl.col("over").max().dt.replace_time_zone(None)
    return pl.concat(parts).group_by("session").agg(over).sort("session")
