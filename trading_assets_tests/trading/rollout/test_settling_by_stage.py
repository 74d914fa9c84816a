"""Whole accounts at a clean broker by stages: what is withheld is never sent, and is no difference."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl
import pytest

from trading_assets.trading.broker_books import Books, books_on_record
from trading_assets.trading.brokers.simulated import SimulatedBroker
from trading_assets.trading.rollout.assignment import is_assigned
from trading_assets.trading.rollout.tables import SHARES
from trading_assets.trading.settlement import Settling, settle
from trading_assets.trading.tables import FILLS, SUBMISSIONS
from trading_assets.warehouse import Warehouse
from trading_assets_tests.trading.rollout.test_withheld import NO_SPLITS
from trading_assets_tests.trading.test_settlement import NOW, account, never

__all__ = ["account"]


@dataclass
class AtStage:
    """One stage at a time, as a person says it; what is noted is on record."""

    stage: str
    noted: dict[dt.date, str] = field(default_factory=dict)
    evenings: set[dt.date] = field(default_factory=set)

    def now(self) -> str:
        return self.stage

    def on_record(self) -> Mapping[dt.date, str]:
        return dict(self.noted)

    def made(self) -> Collection[dt.date]:
        return self.evenings

    def note(self, session: dt.date, stage: str) -> None:
        self.noted[session] = stage


def parts(folder: Path) -> tuple[Warehouse, SimulatedBroker]:
    folder.mkdir(exist_ok=True)
    return Warehouse(folder / "w.duckdb"), SimulatedBroker(folder / "b.db")


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["shadow", "canary", "partial", "majority"])
def test_a_stage_sends_its_positions_and_nothing_differs(account: Settling, stage: str, tmp_path: Path) -> None:
    warehouse, broker = parts(tmp_path)
    at = Settling(**{**vars(account), "rollout": AtStage(stage)})
    done, found = settle(warehouse, broker, at, None, is_halted=never, now=NOW)
    assert found.is_empty()
    assert done.height == len(account.sessions) - 1
    entries = account.pending.filter("entry")
    expected = [
        row["symbol"] + str(row["session"])
        for row in entries.iter_rows(named=True)
        if is_assigned("strategy/breakout", row["order_id"], SHARES[stage])
    ]
    sent = warehouse.read_or_empty(SUBMISSIONS).filter(event="intended")
    assert sent.filter(side="buy").height == len(expected)
    filled = warehouse.read_or_empty(FILLS)
    assert filled.filter(side="sell").height == sent.filter(side="sell").height
    assert sent.filter(side="sell").height <= len(expected)


@pytest.mark.slow
def test_back_and_forth_no_exit_is_lost_and_nothing_differs(account: Settling, tmp_path: Path) -> None:
    """Evening by evening, the stage changes every 5 sessions; each run finds what an earlier one left on record."""
    warehouse, broker = parts(tmp_path)
    order = ["full", "off", "majority", "shadow", "full", "partial", "canary"]
    at = AtStage("full")
    sessions = account.sessions[:105]
    for place in range(1, len(sessions)):
        at.stage = order[place // 5 % len(order)]
        until = Settling(**{**vars(account), "sessions": sessions[: place + 1], "rollout": at})
        last = sessions[place - 1] if place > 1 else None
        _, found = settle(warehouse, broker, until, last, is_halted=never, now=NOW)
        assert found.is_empty(), found
    sent = warehouse.read(SUBMISSIONS).filter(event="intended")
    pending = account.pending.filter(pl.col("session") < sessions[-1])
    assert 3 < sent.filter(side="buy").height < pending.filter("entry").height
    books, _ = books_on_record(warehouse, "breakout", "breakout-1", sessions, NO_SPLITS, account.engine_fills.clear())
    assert all(units > 0 for units in books.held.values())
    exits = set(pending.filter(~pl.col("entry"))["session"])
    off = {day for day, stage in at.noted.items() if SHARES[stage] == 0.0}
    assert exits & off  # some exit was due while nothing may be entered


def test_a_stage_that_was_noted_holds_for_its_session(account: Settling, tmp_path: Path) -> None:
    """Two evenings in shadow are made; a run at full that settles them later finds no order missing."""
    evenings = account.pending.filter("entry")["session"].unique().sort().to_list()[:2]
    place = account.sessions.index(evenings[1])
    noted = dict.fromkeys(evenings, "shadow")
    sheets = pl.concat(account.sheet_at(each, Books(), differs=False) for each in account.sessions[: place + 1])
    first = {**vars(account), "sessions": account.sessions[: place + 2], "sheets": sheets}
    warehouse, broker = parts(tmp_path)
    at = Settling(**{**first, "rollout": AtStage("full", noted)})
    _, found = settle(warehouse, broker, at, None, is_halted=never, now=NOW)
    assert found.is_empty()
    other = parts(tmp_path / "not noted")
    _, found = settle(*other, Settling(**first), None, is_halted=never, now=NOW)
    assert found.filter(kind="missed").height > 0


def test_an_evening_at_full_is_missed_although_its_sheet_was_deleted_and_the_stage_went_back(
    account: Settling, tmp_path: Path
) -> None:
    """What was decided was never sent. The record says that a sheet was made, and at full."""
    evening = account.pending.filter("entry")["session"].min()
    assert isinstance(evening, dt.date)
    place = account.sessions.index(evening)
    sheets = pl.concat(account.sheet_at(each, Books(), differs=False) for each in account.sessions[: place + 1])
    first = {**vars(account), "sessions": account.sessions[: place + 2]}
    kinds = []
    for number, kept in enumerate((sheets, sheets.clear())):
        on_record = AtStage("off", {evening: "full"}, {evening})
        at = Settling(**{**first, "sheets": kept, "rollout": on_record})
        _, found = settle(*parts(tmp_path / str(number)), at, None, is_halted=never, now=NOW)
        kinds.append(found["kind"].to_list())
    assert kinds[0] == kinds[1]
    assert set(kinds[1]) == {"missed"}
