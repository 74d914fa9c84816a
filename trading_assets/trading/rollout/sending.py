"""Send a sheet by the stage that is on record now: read anew for each sheet, and asked again before each order."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import polars as pl

from trading_assets.config import Configuration
from trading_assets.protocol import Protocol as OnRecord
from trading_assets.trading.opening import Opening
from trading_assets.trading.rollout.assignment import is_assigned, position_of
from trading_assets.trading.rollout.stages import (
    STRATEGY,
    SheetStage,
    broker_of,
    note_sheet,
    sheet_stages,
    strategy_stage,
)
from trading_assets.trading.rollout.tables import FULL, SHARES
from trading_assets.trading.rollout.withheld import Parting, Withheld
from trading_assets.trading.submission import Submitted

#: Whether an order of a sheet is withheld by now.
IsWithheld = Callable[[Mapping[str, object]], bool]


class StageOf(Protocol):
    """Where the stage of an account is on record."""

    def now(self) -> str:
        """Return the stage now."""
        ...

    def on_record(self) -> Mapping[dt.date, str]:
        """Return by which stage the sheet of each close was made; `full` where nothing is said."""
        ...

    def made(self) -> Collection[dt.date]:
        """Return the closes whose sheets were made in their evening, by what is on record."""
        ...

    def note(self, session: dt.date, stage: str) -> None:
        """Put on record by which stage the sheet of a close is made."""
        ...


@dataclass(frozen=True)
class AtFull:
    """The stage of what has no rollout."""

    def now(self) -> str:
        """Return `full`."""
        return FULL

    def on_record(self) -> Mapping[dt.date, str]:
        """Return nothing."""
        return {}

    def made(self) -> Collection[dt.date]:
        """Return nothing."""
        return ()

    def note(self, session: dt.date, stage: str) -> None:
        """Note nothing."""


@dataclass(frozen=True)
class AccountStage:
    """The stage of an account, on the record of the protocol.

    Attributes
    ----------
    configuration, opening
        Configuration, and the account.
    at
        Time of the records, UTC.
    in_evening
        Whether sheets are made in their evening, rather than of sessions that a run passes over.
    """

    configuration: Configuration
    opening: Opening
    at: dt.datetime
    in_evening: bool = False

    def now(self) -> str:
        """Return the stage as it is on record now."""
        records, opening = OnRecord.of(self.configuration).read(), self.opening
        return strategy_stage(records, self.configuration.name, opening.strategy, broker_of(opening))

    def on_record(self) -> Mapping[dt.date, str]:
        """Return the last stage on record for the sheet of each close."""
        return {each.session: each.stage for each in self._sheets()}

    def made(self) -> Collection[dt.date]:
        """Return the closes of which a sheet of an evening is on record, whatever the table of sheets says."""
        return {each.session for each in self._sheets() if each.in_evening}

    def note(self, session: dt.date, stage: str) -> None:
        """Put it on record, once."""
        own = (self.configuration, self.opening.strategy, self.opening.account)
        note_sheet(*own, session, stage, self.at, in_evening=self.in_evening)

    def _sheets(self) -> list[SheetStage]:
        records, opening = OnRecord.of(self.configuration).read(), self.opening
        return sheet_stages(records, self.configuration.name, opening.strategy, opening.account)


@dataclass
class GoneBack:
    """Whether an order that the broker does not have is withheld by the stage now: asked before each order.

    So it is by whatever stage its sheet was made, and whether or not it was sent before and refused, or lost.

    Exits go on, and so does the part of an order that leaves a position. Of a pair of which a leg has gone the other
    one goes, too.

    Parameters
    ----------
    strategy, now
        Name of the strategy, and what says the stage now.
    """

    strategy: str
    now: Callable[[], str]
    begun: set[object] = field(default_factory=set)

    def __call__(self, order: Mapping[str, object]) -> bool:
        """Return whether an order of the sheet is withheld by now."""
        if not order["entry"] or order["blocked_by"] is not None or order["pair_id"] in self.begun:
            return False
        share = SHARES[self.now()]
        position = position_of(order, is_weight=bool(order["sized_at_open"]))
        if not is_assigned(f"{STRATEGY}/{self.strategy}", position, share):
            return True
        if order["pair_id"] is not None:
            self.begun.add(order["pair_id"])
        return False


class Send(Protocol):
    """How a sheet is sent."""

    def __call__(self, sheet: pl.DataFrame, *, is_withheld: IsWithheld) -> Submitted:
        """Send its orders."""
        ...


class Make(Protocol):
    """How a sheet is made."""

    def __call__(self, *, withheld: Withheld) -> pl.DataFrame:
        """Return it."""
        ...


def send_by_stage(
    stage_of: StageOf,
    parting: Parting,
    session: dt.date,
    make: Make,
    send: Send,
    *,
    units_sent: Callable[[], Mapping[str, float]],
    made_at: str | None = None,
) -> tuple[pl.DataFrame, Submitted]:
    """Make the sheet of a close and send it; made again if the stage has changed meanwhile.

    By which stage it is made goes on record before anything of it is sent.

    Parameters
    ----------
    stage_of, parting
        Where the stage is on record, and what of the account is withheld up to the close.
    session
        Session that has closed.
    make, send
        How the sheet is made, and sent.
    units_sent
        Units of each order that was sent by now.
    made_at
        Stage by which the sheet was made in its evening: it stays so. None: it is made now.

    Returns
    -------
    tuple of DataFrame and Submitted
        The sheet as it was made last, and what became of its orders.
    """
    while True:
        stage = made_at or stage_of.now()
        if made_at is None:
            stage_of.note(session, stage)
        if stage != FULL or parting.withheld.held:
            parting.units_sent = units_sent()
        sheet = make(withheld=parting.close(session, stage))
        gone_back = GoneBack(parting.opening.strategy, stage_of.now)
        found = send(sheet, is_withheld=gone_back)
        if made_at is not None or stage_of.now() == stage:
            return sheet, found
