"""At which stage a subject is: a person's steps, dated, on the record of the protocol.

An account at the simulated broker begins at `full`, one at a real broker at `off`. A step forward counts at the broker
that it was made at, a step back at every one: a change of the section `trading` switches nothing on.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from trading_assets.config import Configuration
from trading_assets.protocol import Protocol, Record
from trading_assets.protocol.switches import MOVE
from trading_assets.trading.opening import LIVE, SIMULATED, Opening, openings_on
from trading_assets.trading.rollout.tables import FULL, OFF, ROLLOUT, SHARES, STAGES

SHEET = "rollout_sheet"
STRATEGY, MODEL = "strategy", "model"


@dataclass(frozen=True)
class Move:
    """A step of a subject.

    Attributes
    ----------
    subject
        `strategy/<name>`, `model/<name>` or `feature/<provider>`.
    before, stage
        Stages before and from then on.
    broker
        Where orders went then.
    gate
        Criteria of a step forward; none on the way back.
    by, reason, at
        Who, why and when, UTC.
    """

    subject: str
    before: str
    stage: str
    broker: str | None
    gate: Sequence[Mapping[str, Any]]
    by: str
    reason: str
    at: dt.datetime


@dataclass(frozen=True)
class SheetStage:
    """Stage by which the sheet of a close was made, when that went on record, UTC, and whether in its evening."""

    session: dt.date
    stage: str
    at: dt.datetime
    in_evening: bool = False


def rank(stage: str) -> int:
    """Return the place of a stage, from 0 of `off`."""
    return STAGES.index(stage)


def lower(first: str, second: str) -> str:
    """Return the stage of two that comes first.

    Examples
    --------
    >>> lower("canary", "full")
    'canary'
    """
    return min(first, second, key=rank)


def broker_of(opening: Opening) -> str:
    """Return where the orders of an account go: the name of its broker, and `live` where money is at stake."""
    return f"{opening.broker} live" if opening.mode == LIVE else opening.broker


def broker_now(configuration: Configuration, records: Iterable[Record], strategy: str) -> str:
    """Return where the orders of a strategy go: by its open account, by the configuration where none is open.

    Parameters
    ----------
    configuration, records, strategy
        Configuration, records of the protocol, and the name of the strategy.
    """
    openings, trading = openings_on(records, configuration.name, strategy), configuration.trading
    if openings:
        return broker_of(openings[-1])  # as its orders go: an edit of the section `trading` moves no account
    return f"{trading.broker} live" if trading.broker != SIMULATED and trading.live else trading.broker


def default_stage(broker: str) -> str:
    """Return the stage at which an account begins at a broker."""
    return FULL if broker == SIMULATED else OFF


def moves_on(records: Iterable[Record], configuration: str) -> list[Move]:
    """Return all steps of the subjects of a configuration, oldest first.

    Parameters
    ----------
    records, configuration
        Records of the protocol, and the name of the configuration.
    """
    return [
        Move(
            subject=each.subject or "",
            before=each.payload["before"],
            stage=each.payload["stage"],
            broker=each.payload["broker"],
            gate=each.payload["gate"],
            by=each.payload["by"],
            reason=each.payload["reason"],
            at=each.recorded_at,
        )
        for each in _of_accounts(records, configuration)
        if each.payload["action"] == MOVE
    ]


def strategy_stage(records: Iterable[Record], configuration: str, strategy: str, broker: str) -> str:
    """Return the stage of a strategy at a broker, as records have it.

    A new account begins at the stage of a broker's accounts, or at that of the account before it if this is lower.

    Parameters
    ----------
    records, configuration, strategy
        Records of the protocol, and the names of the configuration and of the strategy.
    broker
        Where orders go, as `broker_of` says it of its account.
    """
    stage = first = default_stage(broker)
    for each in _of_accounts(records, configuration):
        action = each.payload["action"]
        if action == "open" and each.subject == strategy:
            stage = lower(stage, first)
        elif action == MOVE and each.subject == f"{STRATEGY}/{strategy}":
            to = each.payload["stage"]
            stage = to if each.payload["broker"] == broker else lower(stage, to)
    return stage


def stage_now(configuration: Configuration, strategy: str) -> str:
    """Return the stage of a strategy, as it is on record now."""
    records = Protocol.of(configuration).read()
    return strategy_stage(records, configuration.name, strategy, broker_now(configuration, records, strategy))


def sheet_stages(records: Iterable[Record], configuration: str, strategy: str, account: str) -> list[SheetStage]:
    """Return by which stages the sheets of an account were made, oldest record first; `full` is not on record.

    Parameters
    ----------
    records, configuration
        Records of the protocol, and the name of the configuration.
    strategy, account
        Names of the strategy and of its account.
    """
    own = [each for each in _of_accounts(records, configuration) if each.subject == f"{STRATEGY}/{strategy}"]
    return [
        SheetStage(
            dt.date.fromisoformat(each.payload["session"]),
            each.payload["stage"],
            each.recorded_at,
            each.payload.get("in_evening", False),
        )
        for each in own
        if each.payload["action"] == SHEET and each.payload["account"] == account
    ]


def note_sheet(
    configuration: Configuration,
    strategy: str,
    account: str,
    session: dt.date,
    stage: str,
    now: dt.datetime,
    *,
    in_evening: bool = False,
) -> None:
    """Put on record by which stage a sheet is made, before anything of it is sent; the same stage once.

    Parameters
    ----------
    configuration, strategy, account
        Configuration, and the names of the strategy and of its account.
    session, stage
        Session that has closed, and the stage.
    now
        Time of the record, UTC.
    in_evening
        Whether it is made to be sent by then, rather than of a session that a run passes over.
    """
    protocol = Protocol.of(configuration)
    known = sheet_stages(protocol.read(), configuration.name, strategy, account)
    last = next((each for each in reversed(known) if each.session == session), None)
    before = (FULL, False) if last is None else (last.stage, last.in_evening)
    if before != (stage, in_evening):
        said = {"action": SHEET, "account": account, "session": session.isoformat(), "stage": stage}
        protocol.append("account", f"{STRATEGY}/{strategy}", said | {"in_evening": in_evening}, now=now)


def rollout_rows(records: Iterable[Record], configuration: str) -> pl.DataFrame:
    """Return the rows of `trading.rollout` of a configuration.

    Parameters
    ----------
    records, configuration
        Records of the protocol, and the name of the configuration.
    """
    rows, steps = [], dict[str, int]()
    for move in moves_on(records, configuration):
        steps[move.subject] = steps.get(move.subject, 0) + 1
        rows.append(
            {
                "subject": move.subject,
                "step": steps[move.subject],
                "stage": move.stage,
                "share": SHARES[move.stage],
                "previous": move.before,
                "broker": move.broker,
                "gate": json.dumps(list(move.gate), sort_keys=True),
                "by": move.by,
                "reason": move.reason,
                "changed_at": move.at,
            }
        )
    return ROLLOUT.conform(pl.DataFrame(rows, schema=ROLLOUT.empty().schema)).sort(ROLLOUT.key)


def _of_accounts(records: Iterable[Record], configuration: str) -> list[Record]:
    return [each for each in records if each.kind == "account" and each.configuration == configuration]
