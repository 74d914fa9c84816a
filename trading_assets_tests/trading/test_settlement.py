"""A run of an account at its broker: clean nothing differs, hostile everything that went wrong has its name."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from trading_assets.market_data import calendars
from trading_assets.trading.account import continue_account
from trading_assets.trading.settlement import Settling, settle
from trading_assets.trading.simulated_broker import Hostility, Quote, SimulatedBroker
from trading_assets.trading.tables import ENGINE_FILLS, EQUITY, FILLS, ORDER_SHEETS, PENDING_ORDERS, SUBMISSIONS
from trading_assets.warehouse import Warehouse
from trading_assets_tests.backtests.frames import loaded, weekdays
from trading_assets_tests.trading.test_account import BARS, END, OPENING, prepared_until

NOW = dt.datetime(2002, 3, 1)


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Settling:
    settings = loaded(tmp_path_factory.mktemp("small"))
    days = calendars.sessions("XNYS", weekdays(1)[0], END)  # of all weekdays those that are sessions
    bars = BARS.filter(pl.col("session").is_in(days.implode()))
    rows = continue_account(OPENING, prepared_until(settings, END, bars), None, EQUITY.empty()).rows
    return Settling(
        configuration="small",
        risk=settings.risk,
        opening=OPENING,
        sessions=rows[next(iter(rows))]["session"].to_list(),
        pending=rows[PENDING_ORDERS],
        sheets=ORDER_SHEETS.empty(),
        engine_fills=rows[ENGINE_FILLS],
    )


def never() -> bool:
    return False


def settled_at(folder: Path, account: Settling, seed: int = 0, **wrong: Any) -> tuple[Any, ...]:
    warehouse, broker = Warehouse(folder / "w.duckdb"), SimulatedBroker(folder / "b.db", Hostility(**wrong), seed)
    done, found = settle(warehouse, broker, account, None, is_halted=never, now=NOW)
    return warehouse, broker, done, found


@pytest.mark.slow
def test_a_clean_broker_gives_no_false_alarm(account: Settling, tmp_path: Path) -> None:
    warehouse, _, done, found = settled_at(tmp_path, account)
    assert found.is_empty()
    assert done["session"].to_list() == list(account.sessions[1:])
    assert done["orders"].sum() == account.pending.height > 20
    fills = warehouse.read(FILLS)
    assert fills["quantity"].sum() == pytest.approx(account.engine_fills["quantity"].sum())


@pytest.mark.slow
def test_a_hostile_broker_is_told_by_name_and_nothing_is_sent_twice(account: Settling, tmp_path: Path) -> None:
    """What the broker drew is known from its own file; each of it is found, and nothing else."""
    wrong = {"rejects": 0.15, "partial": 0.2, "late": 0.15, "told_twice": 0.3, "deaf": 0.3, "mute": 0.3}
    warehouse, broker, done, found = settled_at(tmp_path, account, 3, **wrong)
    orders, fills = broker.orders(), {fill.broker_fill_id: fill for fill in broker.fills()}
    assert len({each.client_order_id for each in orders}) == len(orders) == account.pending.height
    assert warehouse.read(SUBMISSIONS).filter(event="intended").height == account.pending.height
    assert warehouse.read(FILLS).height == len(fills)
    asked = _asked(warehouse)
    late = {each.client_order_id for each in fills.values() if each.session > asked[str(each.client_order_id)][0]}
    short = {each.client_order_id for each in fills.values() if each.quantity < asked[str(each.client_order_id)][1]}
    rejected = {each.client_order_id for each in orders if each.status == "rejected"}
    never_filled = set(asked) - {each.client_order_id for each in fills.values()} - rejected
    by_kind = {kind: set(rows["client_order_id"]) for (kind,), rows in found.group_by("kind")}
    assert by_kind["rejected"] == rejected
    assert by_kind["partial"] == short - late
    assert by_kind["missed"] == late | never_filled
    assert by_kind["excess"] == late
    assert set(by_kind) == {"rejected", "partial", "missed", "excess"}
    assert all(by_kind.values())
    assert done["differences"].sum() == found.height


def _asked(warehouse: Warehouse) -> dict[str, tuple[dt.date, float]]:
    rows = warehouse.read(SUBMISSIONS).filter(event="intended")
    return {row["client_order_id"]: (row["for_session"], row["quantity"]) for row in rows.iter_rows(named=True)}


def test_settled_sessions_are_not_settled_again_and_a_trade_by_hand_is_found(account: Settling, tmp_path: Path) -> None:
    """Sixty sessions, then the others: what was settled stays, and what is traded at the desk is named."""
    first = Settling(**{**vars(account), "sessions": account.sessions[:30]})
    warehouse, broker, done, _ = settled_at(tmp_path, first)
    last = done["session"].max()
    assert settle(warehouse, broker, first, last, is_halted=never, now=NOW)[0].is_empty()
    more = Settling(**{**vars(account), "sessions": account.sessions[:32]})
    broker.trade_by_hand(account.sessions[31], "ZZZ", "buy", 5.0, Quote(10.0, 0.0))
    done, found = settle(warehouse, broker, more, last, is_halted=never, now=NOW)
    assert done["session"].to_list() == list(account.sessions[30:32])
    assert Counter(found["kind"]) == {"manual_trade": 1}


def test_what_a_halt_holds_back_is_missed(account: Settling, tmp_path: Path) -> None:
    warehouse, broker = Warehouse(tmp_path / "w.duckdb"), SimulatedBroker(tmp_path / "b.db")
    first = Settling(**{**vars(account), "sessions": account.sessions[:30]})
    _, found = settle(warehouse, broker, first, None, is_halted=lambda: True, now=NOW)
    filled = account.engine_fills.filter(pl.col("session").is_in(account.sessions[:30]))
    assert broker.orders() == []
    assert Counter(found["kind"]) == {"missed": filled.height}
    assert {*found["detail"]} == {"it was not sent"}
