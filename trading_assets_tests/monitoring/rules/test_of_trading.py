"""Rules about running accounts, on one whose sessions are written by hand."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import scipy.stats

from trading_assets.backtests.tables import EQUITY as BACKTEST
from trading_assets.monitoring.alert_state import open_alerts
from trading_assets.monitoring.look import look_and_tell
from trading_assets.monitoring.rules.of_trading import at_most, divergence, hit_rate, late_session, limit_breached
from trading_assets.monitoring.rules.situation import Situation
from trading_assets.monitoring.tables import ALERTS
from trading_assets.protocol import Protocol
from trading_assets.trading.divergence.alarms_on_record import put_alarms_on_record
from trading_assets.trading.divergence.tables import DIVERGENCE
from trading_assets.trading.tables import EQUITY
from trading_assets.warehouse import Rows, Warehouse
from trading_assets.warehouse.lock import Patience, file_lock
from trading_assets_tests.trading.opened_account import ACCOUNT, DAYS, NOW, STRATEGY, published

OWN = Rows("strategy", STRATEGY)


def account(folder: Path, now: dt.datetime = NOW, **columns: Any) -> Situation:
    """An account whose last session has some other values."""
    where: dict[str, Any] = {"universe": {"AAA": ["files", "XNYS", "equity"]}}
    configuration, warehouse = published(folder, **where)
    rows, last = warehouse.read(EQUITY), pl.col("session") == DAYS[-1]
    changed = {name: pl.when(last).then(pl.lit(value)).otherwise(name) for name, value in columns.items()}
    warehouse.replace(OWN, {EQUITY: rows.with_columns(daily_return=0.001, drawdown=0.0).with_columns(**changed)})
    return Situation(configuration.model_copy(update={"as_of": None}), warehouse, now)


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({}, None),
        ({"daily_return": -0.019}, None),
        ({"daily_return": -0.021}, "lost 2.10% in the session (risk.daily_loss_limit 0.02)"),
        ({"drawdown": -0.25}, "is 25.00% below its peak (risk.drawdown_limit 0.2)"),
        ({"halted": True}, "is halted by the drawdown breaker"),
    ],
)
def test_limits_of_the_newest_session(tmp_path: Path, columns: dict[str, Any], said: str | None) -> None:
    found = list(limit_breached(account(tmp_path, **columns), 0))
    assert [each.message for each in found] == ([] if said is None else [f"{ACCOUNT}, session {DAYS[-1]}: it {said}"])
    assert all(each.strategies == (STRATEGY,) for each in found)


def test_a_session_is_late_two_hours_after_its_close(tmp_path: Path) -> None:
    """The last published session is Friday, 23 March 2001; New York closes at 16:00, then 21:00 UTC."""
    monday = dt.datetime(2001, 3, 26)
    assert DAYS[-1] == dt.date(2001, 3, 23)
    early = account(tmp_path, monday + dt.timedelta(hours=22, minutes=59))
    assert list(late_session(early, 2)) == []
    late = replace(early, now=monday + dt.timedelta(hours=23))
    [found] = late_session(late, 2)
    assert found.message == f"{ACCOUNT}: session 2001-03-26 is not published, the last one is 2001-03-23"
    fixed = late.configuration.model_copy(update={"as_of": DAYS[-1]})
    assert list(late_session(Situation(fixed, late.warehouse, late.now), 2)) == []


def test_a_session_that_is_decided_late_by_configuration_is_no_alarm(tmp_path: Path) -> None:
    """The run begins six hours after the close, 21:00 UTC of Monday, and has 45 minutes: 03:45 of Tuesday."""
    now = account(tmp_path, dt.datetime(2001, 3, 27, 3, 44))
    slow = now.configuration.accounts.model_copy(update={"after_close_minutes": 360})
    patient = replace(now, configuration=now.configuration.model_copy(update={"accounts": slow}))
    assert list(late_session(patient, 2)) == []
    assert len(list(late_session(replace(patient, now=dt.datetime(2001, 3, 27, 3, 45)), 2))) == 1


@pytest.mark.parametrize("is_locked", [True, False])
def test_an_alert_of_an_account_goes_on_while_its_record_cannot_be_read(tmp_path: Path, is_locked: bool) -> None:
    """Neither a writer of the protocol nor a broken one ends an alert; the broken one is told of."""
    now = account(tmp_path, drawdown=-0.25)
    raised = look_and_tell(now).events.filter(rule="limit_breached")
    assert raised["state"].to_list() == ["raised"]
    protocol = Protocol.of(now.configuration).path
    impatient = Warehouse(now.warehouse.path, wait_seconds=0.05)
    later = replace(now, now=NOW + dt.timedelta(minutes=5), warehouse=impatient)
    if is_locked:
        with file_lock(protocol, exclusive=True, patience=Patience(1.0)):
            assert look_and_tell(later).events.is_empty()
    else:
        protocol.write_bytes(b"not a database" * 1000)
        rows = look_and_tell(later).events
        assert rows.filter(state="resolved").is_empty()
        assert {"limit_breached", "divergence"} <= set(rows.filter(rule="rule_broken")["subject"])
    assert ("limit_breached", ACCOUNT) in open_alerts(now.warehouse.read(ALERTS))


def test_an_alarm_of_divergence_that_is_on_record(tmp_path: Path) -> None:
    now = account(tmp_path)
    assert list(divergence(now, 0)) == []
    alarm = now.warehouse.read(DIVERGENCE).filter(statistic="live_wealth", session=DAYS[30])
    raised = alarm.with_columns(alarm=pl.lit(value=True), value=pl.lit(123.4))
    put_alarms_on_record(Protocol.of(now.configuration), STRATEGY, raised, NOW)
    [found] = divergence(now, 0)
    assert found.subject == f"{ACCOUNT} live_wealth"
    assert found.message.startswith(f"{ACCOUNT}, paper, verdict reject: live_wealth in alarm since {DAYS[30]}: money")


@pytest.mark.parametrize(("every", "fires"), [(2, False), (6, True)])
def test_sessions_that_win_too_seldom(tmp_path: Path, every: int, fires: bool) -> None:
    """60 sessions of which 30 or 10 win, where half did in the backtest: 10 or fewer of 60 have a chance of 7e-8."""
    now = account(tmp_path)
    backtest = pl.DataFrame({"session": [dt.date(1999, 1, 1) + dt.timedelta(days=each) for each in range(100)]})
    backtest = backtest.with_columns(
        strategy=pl.lit(STRATEGY),
        split=pl.lit("holdout"),
        daily_return=pl.when(pl.int_range(pl.len()) % 2 == 0).then(0.01).otherwise(-0.01),
        **{
            name: pl.lit(1) for name in BACKTEST.columns if name not in ("strategy", "split", "session", "daily_return")
        },
    )
    backtest = backtest.with_columns(drawdown=0.0)
    now.warehouse.replace(OWN, {BACKTEST: BACKTEST.conform(backtest)})
    won = (pl.int_range(pl.len()) % every == 0).cast(pl.Float64)
    rows = now.warehouse.read(EQUITY).with_columns(daily_return=won * 0.02 - 0.01)
    now.warehouse.replace(OWN, {EQUITY: rows})
    found = list(hit_rate(now, 0.001))
    assert len(found) == fires
    if fires:
        assert "10 of its last 60 sessions won, where 50% did in the backtest" in found[0].message


@pytest.mark.parametrize(
    ("wins", "trials", "rate"), [(0, 20, 0.4), (25, 63, 0.53), (63, 63, 0.5), (3, 5, 0.0), (3, 5, 1.0)]
)
def test_the_chance_is_that_of_the_binomial_distribution(wins: int, trials: int, rate: float) -> None:
    assert at_most(wins, trials, rate) == pytest.approx(scipy.stats.binom.cdf(wins, trials, rate), abs=1e-10)
