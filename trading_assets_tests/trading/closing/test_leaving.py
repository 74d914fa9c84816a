"""An account of a whole experiment is left by runs of its assets: on record, on the sheet, at the broker, killed."""

from __future__ import annotations

import datetime as dt
import pickle
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest

from trading_assets.protocol import Protocol
from trading_assets.protocol.records import Entry
from trading_assets.trading.brokers.simulated import SimulatedBroker
from trading_assets.trading.closing.close import BY_VERDICT, accounts_at_work, close_account
from trading_assets.trading.closing.record import closing_of
from trading_assets.trading.closing.tables import CLOSING_PLANS
from trading_assets.trading.settlement import Settling
from trading_assets.trading.status import account_status
from trading_assets.trading.tables import (
    ACCOUNTS,
    DIFFERENCES,
    ENGINE_FILLS,
    EQUITY,
    FILLS,
    HOLDINGS,
    ORDER_SHEETS,
    PENDING_ORDERS,
    PUBLISHED,
    SAVED_STATES,
    SUBMISSIONS,
)
from trading_assets.warehouse import Warehouse
from trading_assets_tests.backtests.frames import loaded
from trading_assets_tests.conftest import REPOSITORY
from trading_assets_tests.robustness import pipeline
from trading_assets_tests.trading.breakout_account import BARS, OPENING
from trading_assets_tests.trading.closing.leaving import ACCOUNT, FOUND
from trading_assets_tests.trading.closing.slices import closing_of_market, left_by, thin_market
from trading_assets_tests.trading.experiment import STRATEGY, Experiment

pytestmark = pytest.mark.slow
NOW = dt.datetime(2017, 8, 5)


def with_bars_until(experiment: Experiment, day: str, **changes: object) -> None:
    experiment.until(day, **changes)
    assert experiment.run().success
    assert experiment.trade().success


@pytest.fixture(scope="module")
def holding(finished: pipeline.Experiment, tmp_path_factory: pytest.TempPathFactory) -> Experiment:
    """An account that holds something on Friday, 4 August 2017; not to be changed."""
    folder = tmp_path_factory.mktemp("holding")
    finished.copy_to(folder)
    experiment = Experiment(folder)
    experiment.open()
    with_bars_until(experiment, "2017-08-04")
    assert experiment.warehouse.read(HOLDINGS).filter(session=dt.date(2017, 8, 4)).height > 0
    return experiment


@pytest.fixture
def copied(holding: Experiment, tmp_path: Path) -> Experiment:
    shutil.copytree(holding.folder, tmp_path, dirs_exist_ok=True)
    return Experiment(tmp_path)


def test_a_closed_account_sells_all_and_the_next_one_can_be_opened(copied: Experiment) -> None:
    before = {table: copied.warehouse.read_or_empty(table) for table in PUBLISHED}
    made = close_account(copied.configuration, STRATEGY, by="ops", reason="over", now=NOW)
    assert made.acts_from == dt.date(2017, 8, 7)
    with_bars_until(copied, "2017-08-07")
    assert copied.warehouse.read(ACCOUNTS)["state"].to_list() == ["closing"]
    sheet = copied.warehouse.read(ORDER_SHEETS).filter(session=made.acts_from)
    assert {*sheet["reason"]} == {"closing"}
    assert sheet["urgency"].sort().to_list() == list(range(1, sheet.height + 1))
    assert sheet["limit"].null_count() == 0
    with_bars_until(copied, "2017-08-18")
    equity, status = copied.warehouse.read(EQUITY), account_status(copied.warehouse, copied.configuration, STRATEGY)
    assert status["state"].to_list() == copied.warehouse.read(ACCOUNTS)["state"].to_list() == ["closed"]
    last = equity.sort("session").row(-1, named=True)
    assert (last["positions"], last["session"]) == (0, status["last_session"].item())
    assert last["session"] < dt.date(2017, 8, 18)
    for table, rows in before.items():
        if "session" in table.columns:
            kept = copied.warehouse.read_or_empty(table).filter(pl.col("session") <= dt.date(2017, 8, 4))
            assert kept.sort(table.key).equals(rows.sort(table.key)), table.name
    assert copied.warehouse.read_or_empty(DIFFERENCES).is_empty()
    assert accounts_at_work(copied.configuration) == {}
    units = pl.when(side="buy").then("quantity").otherwise(-pl.col("quantity"))
    assert copied.warehouse.read(FILLS).group_by("symbol").agg(units.sum())["quantity"].unique().to_list() == [0.0]
    assert copied.trade().success, "nothing is added to it"
    assert copied.warehouse.read(EQUITY).equals(equity)
    assert copied.open(session=None).account == "known-2"
    states = account_status(copied.warehouse, copied.configuration, STRATEGY)["state"].to_list()
    assert states == ["closed", "open"]


def test_a_closing_survives_processes_that_are_killed(
    copied: Experiment, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """In the middle of leaving, at random moments: rows and orders are those of an account that was left in peace."""
    close_account(copied.configuration, STRATEGY, by="ops", reason="over", now=NOW)
    folder = tmp_path_factory.mktemp("undisturbed")
    shutil.copytree(copied.folder, folder, dirs_exist_ok=True)
    undisturbed, draw = Experiment(folder), random.Random(5)
    for day in ("2017-08-07", "2017-08-08", "2017-08-10"):
        with_bars_until(undisturbed, day)
        copied.until(day)
        assert copied.run().success
        for _ in range(2):
            process = _process("trade", copied.folder)
            assert process.stdout is not None and process.stdout.readline() == "begun\n"
            time.sleep(draw.uniform(0.0, 4.0))
            process.send_signal(signal.SIGKILL)
            process.communicate()
        process = _process("trade", copied.folder)
        process.communicate(timeout=300)
        assert process.returncode == 0
    same = ("recorded_at",)
    for table in (*PUBLISHED, SAVED_STATES, FILLS, SUBMISSIONS, ORDER_SHEETS, ACCOUNTS):
        ours, theirs = (each.warehouse.read_or_empty(table).sort(table.key) for each in (copied, undisturbed))
        columns = [name for name in table.columns if name not in same]
        assert ours.select(columns).equals(theirs.select(columns)), table.name
    assert copied.warehouse.read(ACCOUNTS)["state"].to_list() == ["closed"]
    assert copied.warehouse.read_or_empty(DIFFERENCES).is_empty()
    first, second = (
        SimulatedBroker(each.configuration.home / "brokers" / "known-1.db") for each in (copied, undisturbed)
    )
    assert [each.client_order_id for each in first.orders()] == [each.client_order_id for each in second.orders()]


def test_slices_are_sent_once_by_processes_that_are_killed(tmp_path: Path) -> None:
    """A position takes several sessions to leave. Whoever sends slices loses the line, and is killed in mid-plan."""
    market = thin_market(tmp_path)
    closing = closing_of_market(market)
    rows = left_by(market, closing).rows
    account = Settling(
        configuration="small",
        risk=loaded(tmp_path).risk,
        opening=OPENING,
        sessions=rows[EQUITY]["session"].to_list(),
        pending=rows[PENDING_ORDERS],
        sheets=ORDER_SHEETS.empty(),
        engine_fills=rows[ENGINE_FILLS],
        splits=BARS.select("symbol", "session", "split_ratio").clear(),
        verdict_stands=True,
        differs=False,
        plans=rows[CLOSING_PLANS],
    )
    folders, draw = [tmp_path / name for name in ("killed", "left")], random.Random(3)
    for folder in folders:
        folder.mkdir()
        (folder / ACCOUNT).write_bytes(pickle.dumps(account))
    earlier = rows[PENDING_ORDERS].filter(pl.col("session") < closing.acts_from).height
    for lines in (earlier, *(draw.randint(1, 3) for _ in range(3))):
        process = _process("settle", folders[0])
        assert process.stdout is not None
        for _ in range(1 + lines):
            process.stdout.readline()
        time.sleep(draw.random() * 0.1)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    for folder in folders:
        process = _process("settle", folder)
        process.communicate(timeout=300)
        assert process.returncode == 0
        assert pl.read_parquet(folder / FOUND).is_empty()
    one, other = (SimulatedBroker(folder / "b.db") for folder in folders)
    assert sorted(each.client_order_id for each in one.orders()) == sorted(
        each.client_order_id for each in other.orders()
    )
    booked = rows[ENGINE_FILLS]
    assert len(one.orders()) == booked.height
    assert booked.filter(reason="closing").height > booked.filter(reason="closing")["symbol"].n_unique(), "slices"
    killed, left = (Warehouse(folder / "w.duckdb").read(FILLS).sort(FILLS.key) for folder in folders)
    assert killed.equals(left)


def test_a_revoked_verdict_closes_an_account_where_that_is_wanted(copied: Experiment) -> None:
    """An account that was opened under the verdict of today stands; one that says `go` is closed by the next run."""
    wanted = {"accounts": {"close_on_revoked_verdict": True}}
    protocol, name = Protocol.of(copied.configuration), copied.configuration.name
    with_bars_until(copied, "2017-08-07", **wanted)
    assert closing_of(protocol.read(), name, "known-1") is None
    [said] = [each.payload for each in protocol.read() if each.kind == "account" and each.payload["action"] == "open"]
    better = {**said, "account": "known-2", "verdict": "go", "session": "2017-08-04"}
    protocol.append_decided(lambda _: [Entry("account", STRATEGY, better)], now=NOW)
    copied.until("2017-08-07")
    assert copied.trade().success
    assert closing_of(protocol.read(), name, "known-2") is None, "by default nobody closes it"
    copied.until("2017-08-07", **wanted)
    assert copied.trade().success
    found = closing_of(protocol.read(), name, "known-2")
    assert found is not None and found.by == BY_VERDICT
    assert copied.warehouse.read(ACCOUNTS).filter(account="known-2")["state"].to_list() == ["closing"]


def _process(what: str, folder: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "trading_assets_tests.trading.closing.leaving", what, str(folder)]
    return subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
