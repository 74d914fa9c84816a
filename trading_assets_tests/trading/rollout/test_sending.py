"""By which stage a sheet is sent: a step back between two orders of another process holds the second one."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from trading_assets.config.sections import Risk
from trading_assets.protocol import Protocol
from trading_assets.trading.brokers.port import BrokerOrder, BrokerUnavailableError, OrderRequest
from trading_assets.trading.brokers.simulated import SimulatedBroker
from trading_assets.trading.order_sheet import order_sheet
from trading_assets.trading.rollout.moves import back
from trading_assets.trading.rollout.sending import AtFull, GoneBack, send_by_stage
from trading_assets.trading.rollout.stages import sheet_stages
from trading_assets.trading.rollout.withheld import Parting, Withheld
from trading_assets.trading.submission import Submitted, submit, units_sent
from trading_assets.trading.tables import PENDING_ORDERS, SUBMISSIONS
from trading_assets.warehouse import Warehouse
from trading_assets_tests.conftest import REPOSITORY
from trading_assets_tests.trading.experiment import STRATEGY, Experiment
from trading_assets_tests.trading.rollout.by_stage import PENDING, SHEET
from trading_assets_tests.trading.rollout.test_withheld import DAYS, OPENING, Account, numbered, order
from trading_assets_tests.trading.test_order_sheet import FRIDAY, waiting

NOW = dt.datetime(2017, 7, 1)


@dataclass
class Stages:
    """Stages that follow each other each time that somebody asks, and what was noted."""

    said: list[str]
    noted: list[str] = field(default_factory=list)

    def now(self) -> str:
        return self.said.pop(0) if len(self.said) > 1 else self.said[0]

    def on_record(self) -> Mapping[dt.date, str]:
        return {}

    def made(self) -> Collection[dt.date]:
        return ()

    def note(self, session: dt.date, stage: str) -> None:
        self.noted.append(stage)


def row(**changes: Any) -> dict[str, Any]:
    said = {"entry": True, "blocked_by": None, "pair_id": None, "sized_at_open": False}
    return {"symbol": "AAA", "order_id": "s-1-20170630-AAA-buy"} | said | changes


def test_what_was_on_the_sheet_is_withheld_once_the_stage_is_lower_and_exits_are_not() -> None:
    asked = GoneBack("s", lambda: "shadow")
    assert asked(row())
    assert not asked(row(entry=False))
    assert not asked(row(blocked_by="difference"))  # the part of it that leaves a position
    assert not GoneBack("s", lambda: "full")(row())


def test_of_a_pair_of_which_a_leg_has_gone_the_other_one_goes() -> None:
    stages = Stages(["full", "off"])
    asked = GoneBack("s", stages.now)
    assert not asked(row(pair_id="P"))
    assert not asked(row(pair_id="P", symbol="BBB"))
    assert asked(row(pair_id="Q"))


def test_a_sheet_is_made_again_when_the_stage_has_changed_meanwhile() -> None:
    account = Account(order(DAYS[0], "buy", 10.0, entry=True))
    made: list[Withheld] = []

    def make(*, withheld: Withheld) -> pl.DataFrame:
        made.append(withheld)
        return account.pending

    def send(sheet: pl.DataFrame, *, is_withheld: Any) -> Submitted:
        return Submitted((), (), ())

    stages, parting = Stages(["full", "shadow"]), Parting("small", OPENING, account.pending, {})
    send_by_stage(stages, parting, DAYS[0], make, send, units_sent=dict)
    assert [(each.stage, len(each.orders)) for each in made] == [("full", 0), ("shadow", 1)]
    assert stages.noted == ["full", "shadow"]
    made.clear()
    send_by_stage(Stages(["off"]), parting, DAYS[0], make, send, units_sent=dict, made_at="canary")
    assert [each.stage for each in made] == ["canary"]
    send_by_stage(AtFull(), parting, DAYS[0], make, send, units_sent=dict)
    assert made[-1].stage == "full"


class Evening(SimulatedBroker):
    """At whose window some symbols are refused in the evening, without being kept, or whose line is lost."""

    refused: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()

    def submit(self, order: OrderRequest) -> BrokerOrder:
        if order.symbol in self.refused:
            return BrokerOrder(order.client_order_id, "rejected", "not at this time of day")
        if order.symbol in self.lost:
            raise BrokerUnavailableError("no answer")
        return super().submit(order)


class TwoRuns:
    """An evening at `full`, and a morning after a step back, at one broker."""

    def __init__(self, folder: Path, *orders: dict[str, Any]) -> None:
        self.pending = Account(*orders).pending
        self.warehouse, self.broker = Warehouse(folder / "w.duckdb"), Evening(folder / "b.db")

    def run(self, stage: str, now: dt.datetime) -> pl.DataFrame:
        sent_by_now = partial(units_sent, self.warehouse, OPENING)

        def made(*, withheld: Withheld) -> pl.DataFrame:
            sheet = order_sheet("small", self.pending, Risk(), held={}, withheld=withheld.orders)
            return withheld.leave(sheet)

        sheet, _ = send_by_stage(
            Stages([stage]),
            Parting("small", OPENING, self.pending, {}),
            DAYS[0],
            made,
            partial(submit, self.warehouse, self.broker, is_halted=lambda: False, over=DAYS[0], now=now),
            units_sent=sent_by_now,
        )
        return sheet

    @property
    def symbols(self) -> list[str]:
        """What the broker has."""
        sent = self.warehouse.read(SUBMISSIONS).select("client_order_id", "symbol").unique()
        names = dict(sent.iter_rows())
        return sorted(names[each.client_order_id] for each in self.broker.orders() if each.status != "cancelled")


@pytest.mark.parametrize("fault", ["refused", "lost"])
@pytest.mark.parametrize("stage", ["off", "shadow", "canary"])
def test_an_entry_that_never_reached_the_broker_is_held_after_a_step_back(
    stage: str, fault: str, tmp_path: Path
) -> None:
    """Of two entries at full one is taken, one is refused for the hour, or its line is lost: back holds it."""
    held = numbered(0.05, 1.0)
    runs = TwoRuns(tmp_path, *(order(DAYS[0], "buy", 10.0, entry=True, symbol=each) for each in ("AAA", held)))
    setattr(runs.broker, fault, (held,))
    runs.run("full", NOW)
    assert runs.symbols == ["AAA"]
    setattr(runs.broker, fault, ())
    sheet = runs.run(stage, NOW + dt.timedelta(hours=15))
    assert runs.symbols == ["AAA"]
    if fault == "refused":
        assert sheet.filter(symbol=held, status="ready").is_empty()
    runs.run("full", NOW + dt.timedelta(hours=16))
    assert runs.symbols == sorted(["AAA", held])


@pytest.mark.parametrize("fault", ["refused", "lost"])
@pytest.mark.parametrize("never_sent", ["AAA", "BBB"])
def test_the_other_leg_of_a_pair_goes_where_one_is_at_the_broker_and_stays_where_none_is(
    never_sent: str, fault: str, tmp_path: Path
) -> None:
    """What is lost on the way may be there, so the other leg follows; of a leg that is refused no other one is left."""
    legs = [
        order(DAYS[0], side, 10.0, entry=True, symbol=symbol, pair_id="P", target_weight=0.01)
        for symbol, side in (("AAA", "buy"), ("BBB", "sell"))
    ]
    both = ["AAA", "BBB"] if fault == "lost" else []
    for place, (faulty, there) in enumerate([((never_sent,), both), (("AAA", "BBB"), [])]):
        (tmp_path / str(place)).mkdir()
        runs = TwoRuns(tmp_path / str(place), *legs)
        setattr(runs.broker, fault, faulty)
        runs.run("full", NOW)
        setattr(runs.broker, fault, ())
        runs.run("off", NOW + dt.timedelta(hours=15))
        assert runs.symbols == there


@pytest.mark.slow
def test_a_step_back_between_two_orders_of_a_process_holds_the_next_entry(paper: Experiment) -> None:
    """Four entries and two exits: back to off after the second order. Entries from then on stay, exits go."""
    paper.open()
    same = {"strategy": STRATEGY, "account": "known-1", "session": FRIDAY}
    rows = [waiting(each, **same) for each in ("AAA", "BBB", "CCC", "DDD")]
    exits = {"side": "sell", "entry": False, "quantity": 10.0}
    rows += [waiting(each, order_id=f"x-{each}", **same, **exits) for each in ("EEE", "FFF")]
    pending = PENDING_ORDERS.conform(pl.DataFrame(rows, schema=PENDING_ORDERS.empty().schema))
    pending.write_parquet(paper.folder / PENDING)
    process = sending(paper.folder)
    assert process.stdin is not None and process.stdout is not None
    for place in range(6):
        assert process.stdout.readline() == "next\n"
        if place == 2:
            words = {"to": "off", "by": "ops", "reason": "it slips", "now": NOW}
            back(paper.warehouse, paper.configuration, f"strategy/{STRATEGY}", **words)  # type: ignore[arg-type]
        process.stdin.write("go\n")
        process.stdin.flush()
    process.communicate("go\n" * 20, timeout=60)
    assert process.returncode == 0
    sent = Warehouse(paper.folder / "w.duckdb").query("SELECT * FROM trading.submissions WHERE event = 'intended'")
    by_id = pl.read_parquet(paper.folder / SHEET)
    orders = [each.client_order_id for each in SimulatedBroker(paper.folder / "b.db").orders()]
    assert sorted(orders) == sorted(sent["client_order_id"])
    entries = [each for each in orders[:2] if each in set(sent.filter(side="buy")["client_order_id"])]
    assert sent.filter(side="sell").height == 2
    assert sorted(sent.filter(side="buy")["client_order_id"]) == sorted(entries)
    assert sorted(by_id["client_order_id"]) == sorted(orders)
    records = Protocol.of(paper.configuration).read()
    assert [each.stage for each in sheet_stages(records, "small", STRATEGY, "known-1")] == ["off"]


def sending(folder: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "trading_assets_tests.trading.rollout.by_stage", str(folder)]
    return subprocess.Popen(command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
