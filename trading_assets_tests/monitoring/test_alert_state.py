"""What becomes of an alert over time: told once, repeated, escalated, held back at night, acknowledged, over."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_assets.config.alerts import AlertRule, Alerts
from trading_assets.monitoring.alert_state import AlertEvent, decide, id_of, is_quiet, open_alerts
from trading_assets.monitoring.rules.situation import Finding
from trading_assets.monitoring.tables import ALERTS

START = dt.datetime(2026, 11, 30, 12, 0)
HOUR = dt.timedelta(hours=1)


class Ledger:
    """Looks one after another, with what they put on record."""

    def __init__(self, severity: str = "error", **settings: object) -> None:
        self.settings = Alerts.model_validate(settings)
        self.rules = {"disk": AlertRule.model_validate({"severity": severity})}
        self.rows = ALERTS.empty()

    def look(self, now: dt.datetime, *subjects: str) -> list[AlertEvent]:
        found = {"disk": [Finding(each, f"{each} is full") for each in subjects]}
        events = decide(open_alerts(self.rows), found, self.rules, self.settings, now)
        self.append(now, events)
        return events

    def append(self, now: dt.datetime, events: Sequence[AlertEvent]) -> None:
        added = [
            {
                "raised_at": now,
                "severity": each.severity,
                "source": "rule disk",
                "message": each.message,
                "run_id": None,
                "alert_id": each.alert.alert_id,
                "rule": each.alert.rule,
                "subject": each.alert.subject,
                "state": each.state,
                "told": each.told,
                "by": None,
            }
            for each in events
        ]
        self.rows = pl.concat([self.rows, pl.DataFrame(added, schema=ALERTS.empty().schema)])

    def states(self, now: dt.datetime, *subjects: str) -> list[tuple[str, bool]]:
        return [(each.state, each.told) for each in self.look(now, *subjects)]


def test_an_alert_is_told_once_and_then_that_it_is_over() -> None:
    ledger = Ledger("warning")
    assert ledger.states(START, "a") == [("raised", True)]
    assert ledger.states(START + HOUR, "a") == []
    assert ledger.states(START + 2 * HOUR, "a", "b") == [("raised", True)]
    assert ledger.states(START + 3 * HOUR, "b") == [("resolved", True)]
    assert ledger.states(START + 4 * HOUR, "b") == []
    [again] = ledger.look(START + 5 * HOUR, "b", "a")
    assert (again.state, again.alert.alert_id) == ("raised", id_of("disk", "a", START + 5 * HOUR))


def test_a_warning_is_repeated_after_a_day_and_an_error_escalates_before() -> None:
    warning = Ledger("warning")
    hours = [hour for hour in range(60) if warning.states(START + hour * HOUR, "a")]
    assert hours == [0, 24, 48]
    error = Ledger("error")
    found = {hour: events for hour in range(60) if (events := error.states(START + hour * HOUR, "a"))}
    assert found == {
        0: [("raised", True)],
        4: [("escalated", True)],
        28: [("repeated", True)],
        52: [("repeated", True)],
    }


def test_what_is_acknowledged_is_told_no_more_until_it_is_over() -> None:
    ledger = Ledger("error")
    [raised] = ledger.look(START, "a")
    ledger.append(START, [AlertEvent("acknowledged", raised.alert, "on it", "info", told=False)])
    assert [ledger.states(START + hour * HOUR, "a") for hour in range(1, 60)] == [[]] * 59
    assert ledger.states(START + 60 * HOUR) == [("resolved", True)]


def test_quiet_hours_hold_back_all_but_errors() -> None:
    night = {"quiet_hours": ["22:00", "07:00"], "timezone": "America/New_York"}
    warning, late = Ledger("warning", **night), dt.datetime(2026, 12, 1, 4, 0)  # 23:00 in New York
    assert warning.states(late, "a") == [("raised", False)]
    assert warning.states(late + 7 * HOUR, "a") == []
    assert warning.states(late + 8 * HOUR, "a") == [("told", True)]
    assert Ledger("error", **night).states(late, "a") == [("raised", True)]
    gone = Ledger("warning", **night)
    assert gone.states(late, "a") + gone.states(late + HOUR) == [("raised", False), ("resolved", False)]


@pytest.mark.parametrize(
    ("hours", "time", "quiet"),
    [
        (("22:00", "07:00"), "22:00", True),
        (("22:00", "07:00"), "06:59", True),
        (("22:00", "07:00"), "07:00", False),
        (("12:00", "13:00"), "12:30", True),
        (("12:00", "13:00"), "13:00", False),
    ],
)
def test_quiet_hours_may_go_over_midnight(hours: tuple[str, str], time: str, quiet: bool) -> None:
    moment = dt.datetime.fromisoformat(f"2026-06-01T{time}")
    assert is_quiet(Alerts(quiet_hours=hours), moment) is quiet
    assert not is_quiet(Alerts(), moment)


def test_a_rule_that_could_not_look_changes_nothing_and_one_that_is_gone_is_over() -> None:
    ledger = Ledger()
    ledger.look(START, "a")
    opened = open_alerts(ledger.rows)
    assert decide(opened, {}, ledger.rules, ledger.settings, START + HOUR) == []
    [over] = decide(opened, {}, {}, ledger.settings, START + HOUR)
    assert (over.state, over.told, over.message) == ("resolved", False, "no longer looked at: a is full")


def test_messages_without_a_rule_are_no_alerts() -> None:
    rows = pl.DataFrame(
        [{"raised_at": START, "severity": "info", "source": "trading a", "message": "2 orders"}],
        schema_overrides=ALERTS.empty().schema,
    )
    assert open_alerts(ALERTS.conform(rows)) == {}


@given(st.lists(st.sets(st.sampled_from("abc")), max_size=30), st.sampled_from(["warning", "error"]))
def test_what_is_open_is_what_was_found_last(looks: list[set[str]], severity: str) -> None:
    """And of each alert one is raised between two that are over, whatever came in between."""
    ledger = Ledger(severity, quiet_hours=["22:00", "07:00"])
    for number, subjects in enumerate(looks):
        ledger.look(START + number * 5 * HOUR, *sorted(subjects))
        assert {subject for _, subject in open_alerts(ledger.rows)} == subjects
    for subject in "abc":
        ends = ledger.rows.filter(pl.col("subject") == subject, pl.col("state").is_in(["raised", "resolved"]))["state"]
        assert ends.to_list() == [("raised", "resolved")[number % 2] for number in range(ends.len())]
