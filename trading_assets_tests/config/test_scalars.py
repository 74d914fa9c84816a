"""Cron expressions and time zones, against what the scheduler itself takes."""

from __future__ import annotations

import pytest
from dagster._utils.schedules import is_valid_cron_schedule

from trading_assets.config.scalars import require_cron, require_day, require_time_zone

GOOD = [
    "0 6 * * 6",
    "@daily",
    "*/15 0-6,12 1,15 jan-mar mon",
    "30 22 * * 1-5",
    "0 0 29 2 *",
    "5/10 * * * 7",
]
BAD = [
    "",
    "0 6 * *",
    "60 * * * *",
    "* 24 * * *",
    "0 0 0 * *",
    "0 0 * 13 *",
    "*/0 * * * *",
    "0 0 31 2 *",
]
BAD += ["* * * * * *", "@reboot", "a b c d e", "0 0 * * 8", "1,,2 * * * *", "-1 * * * *", "1" * 5000 + " * * * *"]


@pytest.mark.parametrize("text", GOOD)
def test_what_the_scheduler_takes_is_taken(text: str) -> None:
    assert is_valid_cron_schedule(text)
    assert require_cron(text) == text


@pytest.mark.parametrize("text", BAD)
def test_what_the_scheduler_refuses_is_refused(text: str) -> None:
    assert not is_valid_cron_schedule(text)
    with pytest.raises(ValueError, match="no cron expression"):
        require_cron(text)


def test_a_day_that_no_month_has_never_comes() -> None:
    """April and June have 30 days."""
    with pytest.raises(ValueError, match="no day 31 in these months"):
        require_cron("0 0 31 4,6 *")


@pytest.mark.parametrize("name", ["UTC", "America/New_York", "Asia/Kolkata", "EST5EDT"])
def test_zones_of_the_database_are_taken(name: str) -> None:
    assert require_time_zone(name) == name


@pytest.mark.parametrize("name", ["", "utc+1", "Europe", "../UTC", "/etc/localtime", "localtime", "x" * 100_000])
def test_no_zone_but_those_of_the_database(name: str) -> None:
    """`localtime` is another zone on another machine: results would hang on where they were made."""
    with pytest.raises(ValueError, match="unknown time zone"):
        require_time_zone(name)


def test_a_near_miss_is_named() -> None:
    with pytest.raises(ValueError, match="did you mean 'Europe/London'"):
        require_time_zone("Europe/Lodon")


@pytest.mark.parametrize("value", [20100131, 1262304000.0, True])
def test_a_number_is_no_day(value: object) -> None:
    with pytest.raises(ValueError, match="expected a date such as 2010-01-31"):
        require_day(value)
