"""The assets on a whole experiment: continued session by session, on record, exposed, and nothing made anew."""

from __future__ import annotations

import datetime as dt
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from trading_assets.backtests.backtest import PreparedBacktest
from trading_assets.protocol import Protocol
from trading_assets.trading import account as account_module
from trading_assets.trading import saved_state
from trading_assets.trading.account import Continued
from trading_assets.trading.assets import build_assets
from trading_assets.trading.closing.tables import CLOSING_PLANS
from trading_assets.trading.differences_on_record import put_differences_on_record
from trading_assets.trading.opening import Opening
from trading_assets.trading.published import hashes_of
from trading_assets.trading.rollout.gates import published_equity
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
    RECONCILIATIONS,
    SAVED_STATES,
    SUBMISSIONS,
)
from trading_assets.warehouse import Rows
from trading_assets_tests.robustness import pipeline
from trading_assets_tests.robustness.pipeline import checks_of
from trading_assets_tests.trading.experiment import FIRST, INPUTS, Experiment

pytestmark = pytest.mark.slow


def with_bars_until(experiment: Experiment, day: str) -> None:
    experiment.receive(day)
    assert experiment.trade().success


@pytest.fixture(scope="module")
def traded(finished: pipeline.Experiment, tmp_path_factory: pytest.TempPathFactory) -> Experiment:
    """An account after two runs on ever more bars; not to be changed."""
    folder = tmp_path_factory.mktemp("traded")
    finished.copy_to(folder)
    experiment = Experiment(folder)
    experiment.open()
    with_bars_until(experiment, "2017-07-14")
    with_bars_until(experiment, "2017-08-18")
    return experiment


@pytest.fixture
def copied(traded: Experiment, tmp_path: Path) -> Experiment:
    shutil.copytree(traded.folder, tmp_path, dirs_exist_ok=True)
    return Experiment(tmp_path)


def test_there_is_an_asset_only_where_an_account_is_open(finished: pipeline.Experiment, traded: Experiment) -> None:
    assert build_assets(finished.configuration) == []
    keys = [asset.key.to_user_string() for asset in build_assets(traded.configuration)]
    assert keys[0] == "trading/account/known"
    assert keys[-1] == "trading/rollout"
    assert all(key.endswith("/known") for key in keys[:-1])


def test_sessions_in_two_runs_are_those_of_one(
    traded: Experiment, finished: pipeline.Experiment, tmp_path: Path
) -> None:
    finished.copy_to(tmp_path)
    whole = Experiment(tmp_path)
    whole.open()
    with_bars_until(whole, "2017-08-18")
    for table in (*PUBLISHED, SAVED_STATES):
        assert whole.warehouse.fingerprint(table) == traded.warehouse.fingerprint(table), table.name
    equity = traded.warehouse.read(EQUITY)
    assert equity["session"].min() == FIRST
    assert equity["session"].max() == dt.date(2017, 8, 18)
    assert equity.height == 34
    assert traded.warehouse.read(PENDING_ORDERS).height > 0


def test_the_sheet_is_what_waits_at_the_last_close_whoever_asks(copied: Experiment) -> None:
    """One order a run, its units those that wait; what was made is sent, and only made again where nothing is new."""
    sheets, pending = copied.warehouse.read(ORDER_SHEETS), copied.warehouse.read(PENDING_ORDERS)
    asked = pending.filter(pl.col("session").is_in([dt.date(2017, 7, 14), dt.date(2017, 8, 18)]))
    columns = ["session", "order_id", "symbol", "side", "quantity"]
    assert sheets.select(columns).sort(columns).equals(asked.select(columns).sort(columns))
    assert sheets.height > 0
    assert sheets.select("status", "share_sent").unique().rows() == [("ready", 1.0)]
    sent = copied.warehouse.read(SUBMISSIONS).filter(event="accepted")
    assert set(sheets["client_order_id"]) <= set(sent["client_order_id"])
    before = copied.warehouse.fingerprint(ORDER_SHEETS)
    assert copied.trade().success
    assert copied.warehouse.fingerprint(ORDER_SHEETS) == before
    files = sorted(path.name for path in (copied.configuration.home / "orders").iterdir())
    assert files == ["known-1-2017-07-14.csv", "known-1-2017-08-18.csv"]


def test_every_session_but_the_first_is_settled_at_the_broker_without_a_difference(traded: Experiment) -> None:
    """What the engine booked is what the broker filled: an account at a clean broker raises no alarm."""
    done, equity = traded.warehouse.read(RECONCILIATIONS), traded.warehouse.read(EQUITY)
    assert done["session"].to_list() == equity.sort("session")["session"].to_list()[1:]
    assert done["differences"].sum() == 0
    assert traded.warehouse.read_or_empty(DIFFERENCES).is_empty()
    filled, booked = traded.warehouse.read(FILLS), traded.warehouse.read(ENGINE_FILLS)
    assert filled.height == booked.height > 0
    columns = ["session", "symbol", "side", "quantity", "price", "fee"]
    assert filled.sort(columns).select(columns).equals(booked.sort(columns).select(columns))


def test_its_sessions_are_exposures_of_the_folder(traded: Experiment) -> None:
    """Each session once: the second run adds those that the first had not seen."""
    seen = [
        (record.payload["start"], record.payload["end"])
        for record in Protocol.of(traded.configuration).read()
        if record.kind == "exposure" and record.payload["stage"] == "trading"
    ]
    assert seen == [("2017-07-03", "2017-07-14"), ("2017-07-15", "2017-08-18")]


def test_a_run_without_new_bars_changes_nothing(copied: Experiment) -> None:
    before = [copied.warehouse.fingerprint(table) for table in (*PUBLISHED, SAVED_STATES)]
    done = copied.trade()
    assert done.success
    assert checks_of(done, "books_close") == {"trading/account/known": True}
    assert checks_of(done, "no_difference_stands") == {"trading/account/known": True}
    assert [copied.warehouse.fingerprint(table) for table in (*PUBLISHED, SAVED_STATES)] == before


@pytest.mark.parametrize(
    "edit",
    [
        "UPDATE trading.equity SET equity = equity + 1 WHERE session = '2017-07-10'",
        "DELETE FROM trading.holdings",
        "UPDATE trading.saved_states SET session = '2017-08-17'",
        "DELETE FROM trading.saved_states",
    ],
)
def test_what_is_edited_is_told_and_nothing_goes_on_from_it(edit: str, copied: Experiment) -> None:
    with duckdb.connect(str(copied.configuration.warehouse_path)) as connection:
        connection.execute(edit)
    done = copied.trade()
    assert not done.success
    [failure] = done.get_step_failure_events()
    assert "were edited or deleted after they were published: known" in str(failure.step_failure_data.error)


def test_a_run_that_was_killed_before_it_published_is_made_again(
    copied: Experiment, traded: Experiment, finished: pipeline.Experiment
) -> None:
    """The record of the second run is there, and the rows are those of the first."""
    first = traded.warehouse.read(EQUITY).filter(pl.col("session") <= dt.date(2017, 7, 14))
    assert first.height == 9
    shutil.rmtree(copied.folder)
    finished.copy_to(copied.folder)
    copied.open()
    with_bars_until(copied, "2017-07-14")
    kept = copied.configuration.warehouse_path.with_suffix(".kept")
    copied.until("2017-08-18")
    assert copied.run(*INPUTS).success
    shutil.copy(copied.configuration.warehouse_path, kept)
    assert copied.trade().success
    shutil.copy(kept, copied.configuration.warehouse_path)
    assert copied.trade().success
    for table in PUBLISHED:
        assert copied.warehouse.fingerprint(table) == traded.warehouse.fingerprint(table), table.name


def test_a_session_that_is_made_again_on_other_bars_is_named(
    paper: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The warehouse of the evening before is restored, with other bars: its rows pass, and what follows is told."""
    paper.open()
    with_bars_until(paper, "2017-07-13")
    kept, day = paper.configuration.warehouse_path.with_suffix(".kept"), dt.date(2017, 7, 14)
    paper.until("2017-07-14")
    assert paper.run(*INPUTS).success
    shutil.copy(paper.configuration.warehouse_path, kept)
    assert paper.trade().success
    before = paper.warehouse.read(EQUITY).filter(session=day)["equity"].item()
    assert paper.warehouse.read(HOLDINGS).filter(session=day).height > 0
    shutil.copy(kept, paper.configuration.warehouse_path)
    revised = account_module.continue_account

    def on_other_bars(opening: Opening, prepared: PreparedBacktest, *known: Any) -> Continued:
        market = prepared.market
        close = market.close.copy()
        close[prepared.axes.sessions.index(day)] *= 0.97
        return revised(opening, replace(prepared, market=market._replace(close=close)), *known)

    monkeypatch.setattr(account_module, "continue_account", on_other_bars)
    done = paper.trade()
    assert done.success
    after = paper.warehouse.read(EQUITY).filter(session=day)["equity"].item()
    assert after != before
    [told] = paper.warehouse.read(DIFFERENCES).filter(kind="revision").to_dicts()
    assert (told["session"], told["found"]) == (day, after)
    assert "was made again with other rows of trading.equity" in told["detail"]
    assert checks_of(done, "no_difference_stands") == {"trading/account/known": False}


def test_runs_that_were_killed_on_two_evenings_stop_nothing(copied: Experiment) -> None:
    kept = copied.configuration.warehouse_path.with_suffix(".kept")
    for day in ("2017-08-21", "2017-08-22"):
        copied.until(day)
        assert copied.run(*INPUTS).success
        shutil.copy(copied.configuration.warehouse_path, kept)
        assert copied.trade().success
        shutil.copy(kept, copied.configuration.warehouse_path)
    assert copied.trade().success
    assert copied.warehouse.read(EQUITY)["session"].max() == dt.date(2017, 8, 22)
    assert copied.warehouse.read_or_empty(DIFFERENCES).is_empty()


def test_a_difference_outlives_its_row(copied: Experiment) -> None:
    """It is on record: deleting its row, or another process that writes the table without it, takes it from nobody."""
    row = {
        "strategy": "known",
        "account": "known-1",
        "difference_id": "0" * 16,
        "kind": "manual_trade",
        "session": dt.date(2017, 8, 18),
        "symbol": "AAA",
        "expected": 0.0,
        "found": 5.0,
        "detail": "buy 5 AAA",
        "found_on": dt.date(2017, 8, 18),
    }
    found = DIFFERENCES.conform(pl.DataFrame([row]))
    protocol = Protocol.of(copied.configuration)
    assert put_differences_on_record(protocol, "known", found, dt.datetime(2027, 1, 1)) == ["0" * 16]
    done = copied.trade()
    assert copied.warehouse.read(DIFFERENCES).equals(found)
    assert checks_of(done, "no_difference_stands") == {"trading/account/known": False}


def test_another_plan_stops_the_account_until_another_is_opened(copied: Experiment) -> None:
    copied.write(as_of="2017-08-18", strategies={"known": {"type": "equity_momentum", "trend_slope": -0.5}})
    done = copied.trade()
    assert not done.success
    [failure] = done.get_step_failure_events()
    assert "is not what known-1 was opened for" in str(failure.step_failure_data.error)


#: Columns that the version before did not know, and the table that it did not have.
NEW = {"risk_free", "interest", "modelled_slippage_bps", "slippage_deviation_bps"}
NEW_TABLE = CLOSING_PLANS


def as_an_earlier_version_left_it(experiment: Experiment) -> None:
    """Have rows, state and record as a version wrote them that knew fewer columns and another engine."""
    tables, of_known = [each for each in PUBLISHED if each != NEW_TABLE], Rows("strategy", "known")
    rows = {table: experiment.warehouse.read(table) for table in (*tables, SAVED_STATES)}
    saved = saved_state.decode(rows[SAVED_STATES]["state"].item())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(saved_state, "LAYOUT", 1)
        own = rows[SAVED_STATES].with_columns(layout=pl.lit(1, pl.Int64), state=pl.lit(saved_state.encode(saved)))
    earlier = {
        replace(table, columns={name: each for name, each in table.columns.items() if name not in NEW}): of_table
        for table, of_table in {**rows, SAVED_STATES: own}.items()
    }
    earlier = {table: of_table.select(*table.columns) for table, of_table in earlier.items()}
    with duckdb.connect(str(experiment.configuration.warehouse_path)) as connection:
        for table in (*earlier, NEW_TABLE):
            connection.execute(f"DROP TABLE {table.name}")
    experiment.warehouse.replace(of_known, earlier)
    before = [each for each in Protocol.of(experiment.configuration).read() if "through" in each.payload][-1]
    said = {"account": "known-1", "through": "2017-08-18", "follows": before.row}
    written = {
        each.table: [[list(hashes), {"known": list(hashes.values())}]]
        for each in hashes_of(earlier, "known")
        for hashes in each.parts.values()
    }
    protocol = Protocol.of(experiment.configuration)
    payload = {**said, "asset": "trading/account/known", "written": written}
    protocol.append("evidence", None, payload, now=dt.datetime(2027, 1, 1))


def error_of(experiment: Experiment) -> str:
    [failure] = experiment.trade().get_step_failure_events()
    return str(failure.step_failure_data.error)


def test_an_account_of_an_earlier_version_is_as_published_and_another_follows_it(copied: Experiment) -> None:
    """Its columns have no values, and are not to get some by hand."""
    as_an_earlier_version_left_it(copied)
    kept = copied.warehouse.read(EQUITY)
    assert kept["risk_free"].null_count() == kept.height == 34
    error = error_of(copied)
    assert "known-1 was saved by another version of the product: the state has layout 1" in error
    assert "what to do: trading-assets account open known begins the next one" in error
    made = copied.open(session=dt.date(2017, 8, 18))
    assert made.account == "known-2"
    assert copied.trade().success
    assert copied.warehouse.read(EQUITY).filter(account="known-1").equals(kept)
    with_bars_until(copied, "2017-08-22")
    equity = copied.warehouse.read(EQUITY)
    assert equity.filter(account="known-1").equals(kept)
    assert equity.filter(account="known-2")["session"].max() == dt.date(2017, 8, 22)
    states = copied.warehouse.read(ACCOUNTS).sort("account").select("account", "state").rows()
    assert states == [("known-1", "ended"), ("known-2", "open")]
    records = Protocol.of(copied.configuration).read()
    assert published_equity(copied.warehouse, records, copied.configuration.name, made).height == 3
    with duckdb.connect(str(copied.configuration.warehouse_path)) as connection:
        connection.execute("UPDATE trading.equity SET risk_free = 0.01 WHERE account = 'known-1'")
    assert "rows of trading.equity were edited" in error_of(copied)


def test_a_symbol_that_is_dropped_stops_the_account_until_another_is_opened(copied: Experiment) -> None:
    """Nothing is held of it: but the strategy that goes on without it is another one."""
    sources = [{"source": "synthetic", "asset_class": "equity", "symbols": ["AAA", "BBB", "CCC"]}]
    copied.write(as_of="2017-08-18", market_data=sources)
    assert copied.run(*INPUTS).success
    done = copied.trade()
    assert not done.success
    [failure] = done.get_step_failure_events()
    assert "DDD: not traded by known any more as when known-1 was opened" in str(failure.step_failure_data.error)
