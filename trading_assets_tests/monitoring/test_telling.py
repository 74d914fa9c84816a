"""An alert that reached nobody: the record says so, and it is told again until somebody has heard it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from trading_assets.monitoring.alert_state import open_alerts
from trading_assets.monitoring.failed_runs import alert_of_failed_run
from trading_assets.monitoring.look import Looked, look_and_tell
from trading_assets.monitoring.rules.situation import Situation
from trading_assets.monitoring.tables import ALERTS
from trading_assets.monitoring.telling import tell
from trading_assets.warehouse import LockedError, Warehouse
from trading_assets.warehouse.connection import open_to_write
from trading_assets_tests.monitoring.rules.situations import NOW
from trading_assets_tests.monitoring.test_look import MINE, sign, watched
from trading_assets_tests.monitoring.webhook import Server, serving

Look = Callable[[float], Looked]


@pytest.fixture
def server() -> Iterator[Server]:
    with serving([400]) as found:  # refused: nobody hears anything, and nothing is tried again
        yield found


@pytest.fixture
def now(tmp_path: Path, server: Server) -> Situation:
    """Something is wrong, and the notifier is down."""
    found = watched(tmp_path, mine={**MINE, "severity": "error"})
    sign(found.warehouse, "smoke")
    return replace(found, configuration=found.configuration.model_copy(update={"notifier": server.notifier()}))


@pytest.fixture
def look(now: Situation) -> Look:
    return lambda hours: look_and_tell(replace(now, now=NOW + dt.timedelta(hours=hours)))


def states(now: Situation) -> list[str]:
    return now.warehouse.read(ALERTS).filter(rule="mine")["state"].to_list()


def test_what_reached_nobody_is_told_by_the_next_look_and_grows_no_record(
    now: Situation, look: Look, server: Server
) -> None:
    assert not look(0).delivered
    [opened] = open_alerts(now.warehouse.read(ALERTS)).values()
    assert opened.told_at is None and states(now) == ["raised"]
    again = look(0.1)
    assert (again.delivered, again.events.height) == (False, 0)
    assert states(now) == ["raised"], "a notifier that is down for a week fills no table"
    server.statuses[:] = [200]
    heard = look(0.2)
    assert heard.delivered and heard.events["state"].to_list() == ["told"]
    assert str(server.requests[-1][2]["message"]).startswith("smoke [")
    sent = len(server.requests)
    assert look(0.3).delivered and len(server.requests) == sent


@pytest.mark.parametrize("status", [400, 200], ids=["nobody heard it", "somebody did"])
def test_an_alert_is_not_lost_where_a_run_begins_to_write_meanwhile(
    now: Situation, server: Server, status: int
) -> None:
    """What comes after the telling finds the warehouse held, so that it is not on record, and is told once more."""
    server.statuses[:] = [status]
    hurried = replace(now, warehouse=Warehouse(now.warehouse.path, wait_seconds=0.1))
    with ExitStack() as run, suppress(LockedError):
        server.before_answer = lambda: run.enter_context(open_to_write(now.warehouse.path, 10))
        look_and_tell(hurried)
    server.before_answer = lambda: None
    assert states(now) == ["raised"] and len(server.requests) == 1
    server.statuses[:] = [200]
    later = look_and_tell(replace(now, now=NOW + dt.timedelta(hours=0.1)))
    assert later.delivered and later.events["state"].to_list() == ["told"] and len(server.requests) == 2


def test_an_escalation_that_reached_nobody_is_made_again(now: Situation, look: Look, server: Server) -> None:
    server.statuses[:] = [200]
    look(0)
    server.statuses[:] = [400]
    assert not look(5).delivered and states(now) == ["raised", "told"]
    server.statuses[:] = [200]
    assert look(5.1).events["state"].to_list() == ["escalated"]


def test_a_failed_run_of_which_nobody_heard_is_not_told(now: Situation, server: Server) -> None:
    """The sensor of failed runs tells it; the rule takes it on."""
    row = alert_of_failed_run(now.configuration, job="daily", run_id="r1", message="no", now=NOW)
    now.warehouse.append(ALERTS, row)
    assert not tell(now.warehouse, row, now.configuration.notifier, NOW)
    assert open_alerts(now.warehouse.read(ALERTS))["run_failed", "daily"].told_at is None
    message = pl.concat([row.with_columns(pl.lit(None).cast(pl.String).alias(name) for name in ("rule", "state"))])
    before = now.warehouse.read(ALERTS).height
    assert not tell(now.warehouse, message, now.configuration.notifier, NOW)
    assert now.warehouse.read(ALERTS).height == before, "a mere message is no alert"


def test_a_look_whose_time_to_tell_is_over_asks_nobody_and_the_next_one_tells_all(
    now: Situation, server: Server
) -> None:
    """Each of ten alerts would ask a webhook that hangs for 43 s, and the daemon waits a minute for a look."""
    server.statuses[:] = [200]
    for number in range(9):
        sign(now.warehouse, f"smoke {number}")
    looked = look_and_tell(now, seconds=0)
    assert not looked.delivered and server.requests == []
    assert states(now) == ["raised"] * 10
    after = look_and_tell(replace(now, now=NOW + dt.timedelta(minutes=5)))
    assert after.delivered and len(server.requests) == 10
