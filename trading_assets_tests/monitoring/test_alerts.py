"""Alerts against a real server on this machine."""

from __future__ import annotations

import datetime as dt
import json
import logging
import socket
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from trading_assets.config.sections import Notifier
from trading_assets.monitoring.alerts import ATTEMPTS, alert, notify
from trading_assets.monitoring.tables import ALERTS
from trading_assets.warehouse import ContractError, Warehouse, WarehouseError, Whole
from trading_assets_tests.monitoring.webhook import TOKEN, Server, serving

MOMENT = dt.datetime(2020, 3, 9, 14, 30, 5)


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with serving(list(getattr(request, "param", [200]))) as state:
        yield state


def an_alert(message: str = "bars are stale") -> pl.DataFrame:
    return alert(raised_at=MOMENT, severity="error", source="run everything", message=message, run_id="r1")


def test_alert_is_a_row_of_the_ledger(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path / "warehouse.duckdb")
    warehouse.append(ALERTS, an_alert())
    warehouse.append(ALERTS, alert(raised_at=MOMENT, severity="info", source="drift", message="over"))
    with pytest.raises(WarehouseError, match="append only"):
        warehouse.replace(Whole(), {ALERTS: ALERTS.empty()})
    rows = warehouse.read(ALERTS)
    assert rows["message"].to_list() == ["bars are stale", "over"]
    assert rows["run_id"].to_list() == ["r1", None]
    assert rows["raised_at"].to_list() == [MOMENT, MOMENT]


def test_unknown_severity_is_refused(tmp_path: Path) -> None:
    bad = alert(raised_at=MOMENT, severity="meh", source="x", message="y")
    with pytest.raises(ContractError, match="severity"):
        Warehouse(tmp_path / "warehouse.duckdb").append(ALERTS, bad)


def test_the_secret_is_hidden_in_the_row() -> None:
    row = alert(
        raised_at=MOMENT,
        severity="error",
        source="x",
        message=f"401 for {TOKEN.get_secret_value()}",
        secrets=[TOKEN.get_secret_value()],
    )
    assert row["message"].to_list() == ["401 for ***"]


def test_log_is_the_default(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        assert notify(an_alert(), Notifier())
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("ERROR", "run everything: bars are stale")
    ]


def test_webhook_gets_json_and_the_token(server: Server) -> None:
    assert notify(an_alert(), server.notifier())
    ((path, headers, body),) = server.requests
    assert path == "/hooks/private-path"
    assert headers["Authorization"] == f"Bearer {TOKEN.get_secret_value()}"
    assert headers["Content-Type"] == "application/json"
    assert body == {
        "raised_at": "2020-03-09T14:30:05Z",
        "severity": "error",
        "source": "run everything",
        "message": "bars are stale",
        "run_id": "r1",
        "text": "run everything: bars are stale",
    }


def test_webhook_without_a_token_sends_none(server: Server) -> None:
    assert notify(an_alert(), server.notifier(token=None))
    assert "Authorization" not in server.requests[0][1]


@pytest.mark.parametrize("server", [[500, 429, 503, 200]], indirect=True)
def test_retries_back_off_with_jitter(server: Server) -> None:
    waits: list[float] = []
    assert notify(an_alert(), server.notifier(), sleep=waits.append, jitter=lambda: 0.5)
    assert len(server.requests) == ATTEMPTS
    assert waits == [0.75, 1.5, 3.0]


@pytest.mark.parametrize("server", [[500]], indirect=True)
def test_gives_up_in_the_end(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    assert not notify(an_alert(), server.notifier(), sleep=lambda _: None, jitter=lambda: 0.0)
    assert len(server.requests) == ATTEMPTS
    assert "HTTP status 500" in caplog.text


@pytest.mark.parametrize("server", [[400], [401], [307], [302]], indirect=True)
def test_refusals_and_redirects_are_final(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    """A redirect is not followed: it would take the token elsewhere."""
    assert not notify(an_alert(), server.notifier(), sleep=lambda _: pytest.fail("it waited"), jitter=lambda: 0.0)
    assert [path for path, _, _ in server.requests] == ["/hooks/private-path"]
    assert "could not notify 127.0.0.1" in caplog.text


@pytest.mark.parametrize("server", [[500]], indirect=True)
def test_no_secret_reaches_the_log_or_the_body(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        leaky = an_alert(f"401 for {TOKEN.get_secret_value()}")
        notify(leaky, server.notifier(), sleep=lambda _: None, jitter=lambda: 0.0)
    assert TOKEN.get_secret_value() not in caplog.text
    assert "private-path" not in caplog.text
    assert all(TOKEN.get_secret_value() not in json.dumps(body) for _, _, body in server.requests)
    assert server.requests[0][2]["message"] == "401 for ***"


def test_nobody_there_is_logged_not_raised(caplog: pytest.LogCaptureFixture) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        notifier = Server([], url=f"http://127.0.0.1:{unused.getsockname()[1]}/").notifier()
        waits: list[float] = []
        assert not notify(an_alert(), notifier, sleep=waits.append, jitter=lambda: 0.0)
    assert len(waits) == ATTEMPTS - 1
    assert "ConnectionRefusedError" in caplog.text


def test_one_lost_alert_does_not_stop_the_next(server: Server) -> None:
    server.statuses = [400, 200]
    two = pl.concat([an_alert("first"), an_alert("second")])
    assert not notify(two, server.notifier(), sleep=lambda _: None, jitter=lambda: 0.0)
    assert [body["message"] for _, _, body in server.requests] == ["first", "second"]
