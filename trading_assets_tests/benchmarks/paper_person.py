"""The person at a simulated year: halts and resumes, takes the rollout back and forward, and leaves the account.

What is said on an evening is said once, before its sheet is made: whoever is killed and lives the evening again finds
it on record. On which evenings follows from the number of sessions alone.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from trading_assets.config import Configuration
from trading_assets.protocol import Protocol
from trading_assets.trading.closing.close import close_account
from trading_assets.trading.closing.record import closing_of
from trading_assets.trading.halt import halt, is_halted, resume
from trading_assets.trading.opening import openings_on
from trading_assets.trading.rollout.moves import GateRefusedError, advance, back
from trading_assets.trading.rollout.sending import AccountStage
from trading_assets.trading.rollout.stages import moves_on, stage_now
from trading_assets.trading.rollout.tables import FULL
from trading_assets.warehouse import Warehouse
from trading_assets_tests.benchmarks.paper_market import STRATEGY, sessions

SUBJECT, BY = f"strategy/{STRATEGY}", "ops"
#: Evenings of a halt, as shares of the year at which each begins, and how many evenings each lasts.
_HALTS, _EVENINGS = (0.2, 0.55), 2
#: Evenings of a step back, as shares of the year, and to which stage; and the evening on which the account is left.
_BACK = ((0.35, "partial"), (0.7, "off"))
_CLOSE = 0.9


@dataclass(frozen=True)
class Plan:
    """What a person says in a year.

    Attributes
    ----------
    halted
        Evenings at which trading is halted; it is resumed on the one after.
    back
        Evenings of a step back, and its stage. On each evening after it a step forward is asked for, up to `full`.
    close
        Evening on which the account is left: it enters nothing from the next close on.
    """

    halted: frozenset[dt.date]
    back: dict[dt.date, str]
    close: dt.date


def plan_of(count: int) -> Plan:
    """Return what is said in a year of so many sessions."""
    days = sessions(count)

    def at(share: float) -> int:
        return int(share * count)

    halted = {days[at(share) + each] for share in _HALTS for each in range(_EVENINGS)}
    return Plan(frozenset(halted), {days[at(share)]: to for share, to in _BACK}, days[at(_CLOSE)])


def act(configuration: Configuration, plan: Plan, day: dt.date, now: dt.datetime) -> None:
    """Say what is to be said on an evening, unless its sheet is made: then all of it was said.

    Parameters
    ----------
    configuration, plan
        Configuration of the account, and what is said when.
    day, now
        Session that has closed, and the time of the records, UTC.
    """
    if day in made_on_record(configuration, now):
        return
    words = {"by": BY, "reason": f"evening of {day}", "now": now}
    if is_halted(configuration) != (day in plan.halted):
        (halt if day in plan.halted else resume)(configuration, **words)  # type: ignore[arg-type]
    leave(configuration, plan, day, now)
    if all(move.at != now for move in moves_on(Protocol.of(configuration).read(), configuration.name)):
        _step(configuration, plan, day, words)


def leave(configuration: Configuration, plan: Plan, day: dt.date, now: dt.datetime) -> None:
    """Close the account if it is the evening for that.

    Parameters
    ----------
    configuration, plan, day, now
        As `act` takes them.
    """
    records = Protocol.of(configuration).read()
    account = openings_on(records, configuration.name, STRATEGY)[-1].account
    if day == plan.close and closing_of(records, configuration.name, account) is None:
        close_account(configuration, STRATEGY, by=BY, reason=f"evening of {day}", now=now)


def made_on_record(configuration: Configuration, now: dt.datetime) -> Sequence[dt.date]:
    """Return the sessions of which a sheet of an evening is on record.

    Parameters
    ----------
    configuration, now
        Configuration of the account, and the time.
    """
    opening = openings_on(Protocol.of(configuration).read(), configuration.name, STRATEGY)[-1]
    return sorted(AccountStage(configuration, opening, now, in_evening=True).made())


def _step(configuration: Configuration, plan: Plan, day: dt.date, words: dict[str, object]) -> None:
    """A step back on its evening, else one forward where something is withheld: a gate may be closed yet."""
    warehouse = Warehouse(configuration.warehouse_path)
    if day in plan.back:
        back(warehouse, configuration, SUBJECT, to=plan.back[day], **words)  # type: ignore[arg-type]
    elif stage_now(configuration, STRATEGY) != FULL:
        try:
            advance(warehouse, configuration, SUBJECT, **words)  # type: ignore[arg-type]
        except GateRefusedError:
            return
