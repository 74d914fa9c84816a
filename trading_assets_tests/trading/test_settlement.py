"""A run of an account at its broker: clean nothing differs, hostile everything that went wrong has its name."""

from __future__ import annotations

import datetime as dt
import pickle
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from trading_assets.market_data import calendars
from trading_assets.trading.account import continue_account
from trading_assets.trading.broker_books import Books
from trading_assets.trading.brokers.simulated import Hostility, Quote, SimulatedBroker
from trading_assets.trading.settlement import Settling, settle
from trading_assets.trading.submission import submit
from trading_assets.trading.tables import ENGINE_FILLS, EQUITY, FILLS, PENDING_ORDERS, SUBMISSIONS
from trading_assets.warehouse import Warehouse
from trading_assets_tests.backtests.frames import loaded, weekdays
from trading_assets_tests.conftest import REPOSITORY
from trading_assets_tests.trading.breakout_account import BARS, END, OPENING, prepared_until, whole_account
from trading_assets_tests.trading.settling import ACCOUNT, FOUND

NOW = dt.datetime(2002, 3, 1)


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Settling:
    return whole_account(tmp_path_factory.mktemp("small"))[0]


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


def after_a_split(bars: pl.DataFrame, symbol: str, day: dt.date, ratio: float) -> pl.DataFrame:
    """The same bars where one share became several on a day: adjusted prices stay, raw ones fall."""
    since = (pl.col("symbol") == symbol) & (pl.col("session") >= day)
    raw = {name: pl.when(since).then(pl.col(name) / ratio).otherwise(name) for name in ("open", "high", "low", "close")}
    larger = {name: pl.when(since).then(pl.col(name) * ratio).otherwise(name) for name in ("volume", "forward_factor")}
    at = since & (pl.col("session") == day)
    return bars.with_columns(**raw, **larger, split_ratio=pl.when(at).then(ratio).otherwise("split_ratio"))


@pytest.mark.slow
@pytest.mark.parametrize("side", ["buy", "sell"])
@pytest.mark.parametrize("ratio", [1.5, 0.2])
def test_a_split_between_the_close_and_the_open_is_no_difference(
    side: str, ratio: float, account: Settling, tmp_path: Path
) -> None:
    """The order was given in old units; engine and broker fill it in new ones, and nothing is named."""
    settings = loaded(tmp_path)
    fill = account.engine_fills.filter(side=side).sort("session").row(3, named=True)
    days = calendars.sessions("XNYS", weekdays(1)[0], END)
    bars = BARS.filter(pl.col("session").is_in(days.implode()))
    bars = after_a_split(bars, fill["symbol"], fill["session"], ratio)
    rows = continue_account(OPENING, prepared_until(settings, END, bars), None, EQUITY.empty()).rows
    booked = rows[ENGINE_FILLS].filter(session=fill["session"], symbol=fill["symbol"], side=side)
    assert booked.height == 1
    splits = bars.filter(pl.col("split_ratio") != 1.0).select("symbol", "session", "split_ratio")
    over = {"pending": rows[PENDING_ORDERS], "engine_fills": rows[ENGINE_FILLS], "splits": splits}
    warehouse, _, _, found = settled_at(tmp_path, Settling(**vars(account) | over))
    assert found.rows() == []
    told = warehouse.read(FILLS).filter(session=fill["session"], symbol=fill["symbol"], side=side)
    assert told["quantity"].to_list() == booked["quantity"].to_list()


def settled_by_evening(account: Settling, warehouse: Warehouse, broker: SimulatedBroker) -> tuple[Any, ...]:
    """Evening by evening, where a person has accepted every difference before the next one."""
    done, found = [], []
    for place in range(1, len(account.sessions)):
        until = Settling(**{**vars(account), "sessions": account.sessions[: place + 1]})
        last = account.sessions[place - 1] if place > 1 else None
        rows = settle(warehouse, broker, until, last, is_halted=never, now=NOW)
        done.append(rows[0])
        found.append(rows[1])
    return pl.concat(done), pl.concat(found)


@pytest.mark.slow
def test_a_hostile_broker_is_told_by_name_and_nothing_is_sent_twice(account: Settling, tmp_path: Path) -> None:
    """What the broker drew is known from its own file; each of it is found, and nothing else."""
    wrong = {"rejects": 0.15, "partial": 0.2, "late": 0.15, "told_twice": 0.3, "deaf": 0.3, "mute": 0.3}
    warehouse, broker = Warehouse(tmp_path / "w.duckdb"), SimulatedBroker(tmp_path / "b.db", Hostility(**wrong), 3)
    done, found = settled_by_evening(account, warehouse, broker)
    orders, fills = broker.orders(), {fill.broker_fill_id: fill for fill in broker.fills()}
    asked = _asked(warehouse)
    assert len({each.client_order_id for each in orders}) == len(orders) == len(asked)
    assert warehouse.read(FILLS).height == len(fills)
    late = {each.client_order_id for each in fills.values() if each.session > asked[str(each.client_order_id)][0]}
    short = {each.client_order_id for each in fills.values() if each.quantity < asked[str(each.client_order_id)][1]}
    rejected = {each.client_order_id for each in orders if each.status == "rejected"}
    never_filled = set(asked) - {each.client_order_id for each in fills.values()} - rejected
    by_kind = {kind: set(rows["client_order_id"]) for (kind,), rows in found.group_by("kind")}
    not_sent = by_kind["missed"] - set(asked)
    assert {*found.filter(pl.col("client_order_id").is_in(list(not_sent)))["detail"]} == {"it was blocked: not_held"}
    assert by_kind["rejected"] == rejected
    assert by_kind["partial"] >= short - late
    assert by_kind["missed"] - not_sent == late | never_filled
    assert by_kind["excess"] == late
    assert set(by_kind) == {"rejected", "partial", "missed", "excess"}
    assert all(by_kind.values())
    assert done["differences"].sum() == found.height


@pytest.mark.slow
@pytest.mark.parametrize("wrong", [{"rejects": 0.3}, {"rejects": 0.2, "partial": 0.5}])
def test_no_exit_sells_what_an_entry_did_not_bring(account: Settling, wrong: dict[str, float], tmp_path: Path) -> None:
    """The account is long only: whatever the broker rejects or fills in part, it is never short there."""
    assert account.pending.filter(pl.col("entry") & (pl.col("side") == "sell")).is_empty()
    warehouse, broker = Warehouse(tmp_path / "w.duckdb"), SimulatedBroker(tmp_path / "b.db", Hostility(**wrong), 3)
    _, found = settled_by_evening(account, warehouse, broker)
    assert lowest_position(warehouse) >= 0
    assert found.filter(detail="it was blocked: not_held").height > 0


def lowest_position(warehouse: Warehouse) -> float:
    units = pl.when(pl.col("side") == "buy").then("quantity").otherwise(-pl.col("quantity"))
    rows = warehouse.read(FILLS).with_columns(units=units).sort("session", "units")
    day = rows.group_by("symbol", "session", maintain_order=True).agg(pl.col("units").sum())
    return float(day.select(pl.col("units").cum_sum().over("symbol")).min().item())


def test_after_a_difference_no_session_that_is_passed_over_sends_an_entry(account: Settling, tmp_path: Path) -> None:
    """A trade at the desk in the first session of a run of many: entries stop after it, exits do not make it short."""
    warehouse, broker = Warehouse(tmp_path / "w.duckdb"), SimulatedBroker(tmp_path / "b.db")
    entries = account.pending.filter("entry")["session"].sort().to_list()
    place = account.sessions.index(entries[3])
    broker.trade_by_hand(account.sessions[place], "ZZZ", "buy", 5.0, Quote(10.0, 0.0))
    first = Settling(**{**vars(account), "sessions": account.sessions[: place + 20]})
    _, found = settle(warehouse, broker, first, None, is_halted=never, now=NOW)
    assert found.filter(kind="manual_trade")["session"].to_list() == [account.sessions[place]]
    sent = warehouse.read(SUBMISSIONS).filter(side="buy")
    assert sent.height > 0
    assert sent.filter(pl.col("for_session") > account.sessions[place]).is_empty()
    assert first.pending.filter(pl.col("entry"), pl.col("session") >= account.sessions[place]).height > 0
    assert lowest_position(warehouse) >= 0


def test_without_a_verdict_or_with_a_known_difference_no_entry_is_sent(account: Settling, tmp_path: Path) -> None:
    for number, changes in enumerate(({"verdict_stands": False}, {"differs": True})):
        folder = tmp_path / str(number)
        folder.mkdir()
        first = Settling(**{**vars(account), "sessions": account.sessions[:30], **changes})
        _, broker, _, found = settled_at(folder, first)
        assert broker.orders() == []
        said = {"it was blocked: verdict", "it was blocked: not_held"} if number == 0 else None
        assert {*found["detail"]} <= (said or {"it was blocked: difference", "it was blocked: not_held"})


def test_a_sheet_that_was_made_is_not_sent_after_its_open(account: Settling, tmp_path: Path) -> None:
    """Nothing of it reached the broker in its evening, because trading was halted then: it is missed."""
    sheets = pl.concat(account.sheet_at(day, Books(), differs=False) for day in account.sessions[:29])
    first = Settling(**{**vars(account), "sessions": account.sessions[:30], "sheets": sheets})
    _, broker, _, found = settled_at(tmp_path, first)
    assert broker.orders() == []
    assert found.filter(detail="it was not sent").height > 0


def test_what_was_sent_is_held_to_the_record_and_not_to_a_sheet_that_was_edited(
    account: Settling, tmp_path: Path
) -> None:
    """The sheet of an evening was sent; later somebody writes ten times as much into it: nothing changes."""
    day = min(account.pending.filter("entry")["session"].to_list())
    place = account.sessions.index(day)
    sheet = account.sheet_at(day, Books(), differs=False)
    warehouse, broker = Warehouse(tmp_path / "w.duckdb"), SimulatedBroker(tmp_path / "b.db")
    submit(warehouse, broker, sheet, is_halted=never, over=day, now=NOW)
    edited = sheet.with_columns(pl.col("quantity") * 10)
    first = Settling(**{**vars(account), "sessions": account.sessions[: place + 2], "sheets": edited})
    done, found = settle(warehouse, broker, first, None, is_halted=never, now=NOW)
    assert found.is_empty()
    assert done["fills"].sum() == sheet.height > 0
    assert len(broker.orders()) == sheet.height


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
    blocks = {"it was blocked: not_held", "it was blocked: difference"}
    assert {*found["detail"]} == {"it was not sent", *blocks}


@pytest.mark.slow
def test_killed_at_any_moment_it_settles_as_one_that_was_left_alone(account: Settling, tmp_path: Path) -> None:
    """Killed by the system five times after a random order and a random time: fills and differences are the same."""
    moments, folders = random.Random(7), (tmp_path / "killed", tmp_path / "left")
    day = account.sessions[max(account.sessions.index(each) for each in first_evenings(account, 5)) + 1]
    short = Settling(**{**vars(account), "sessions": [each for each in account.sessions if each <= day]})
    for folder in folders:
        folder.mkdir()
        (folder / ACCOUNT).write_bytes(pickle.dumps(short))
    for _ in range(5):
        process = _settling(folders[0])
        assert process.stdout is not None
        for _ in range(moments.randint(1, 4)):
            process.stdout.readline()
        time.sleep(moments.random() * 0.1)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    for folder in folders:
        process = _settling(folder)
        process.communicate(timeout=300)
        assert process.returncode == 0
    killed, left = (Warehouse(folder / "w.duckdb") for folder in folders)
    for table in (FILLS, SUBMISSIONS):
        assert killed.read(table).sort(table.key).equals(left.read(table).sort(table.key)), table.name
    found, expected = (pl.read_parquet(folder / FOUND) for folder in folders)
    assert found.equals(expected)
    orders = [SimulatedBroker(folder / "b.db").orders() for folder in folders]
    assert sorted(each.client_order_id for each in orders[0]) == sorted(each.client_order_id for each in orders[1])
    assert len(orders[0]) > 3


def first_evenings(account: Settling, count: int) -> list[dt.date]:
    return account.pending["session"].unique().sort().to_list()[:count]


def _settling(folder: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "trading_assets_tests.trading.settling", str(folder)]
    return subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True)
