"""What rules look at: configuration, warehouse, the clock, and Dagster's record as plain values."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from trading_assets.config import Configuration
from trading_assets.warehouse import Warehouse


@dataclass(frozen=True)
class RunFact:
    """A run of Dagster.

    Attributes
    ----------
    run_id, job
        The run, and its job.
    state
        SUCCESS, FAILURE, CANCELED, or that it goes on.
    started_at, ended_at
        UTC; None: not yet.
    asked_at
        When it was asked for, UTC.
    """

    run_id: str
    job: str
    state: str
    started_at: dt.datetime | None = None
    ended_at: dt.datetime | None = None
    asked_at: dt.datetime | None = None


@dataclass(frozen=True)
class CheckFact:
    """The last evaluation of a check that did not pass: its name, how bad that is, and what it says."""

    check: str
    is_error: bool
    detail: str


@dataclass(frozen=True)
class Situation:
    """How things are at a moment.

    Attributes
    ----------
    now
        UTC, naive.
    runs
        Runs of the configuration, the newest first.
    checks
        Checks whose last evaluation did not pass.
    unseen
        Runs under way, of any configuration of Dagster's home, whose process cannot be seen from here.
    home
        Folder whose disk is looked at; default: that of the configuration.
    """

    configuration: Configuration
    warehouse: Warehouse
    now: dt.datetime
    runs: Sequence[RunFact] = ()
    checks: Sequence[CheckFact] = ()
    unseen: Sequence[RunFact] = ()
    home: Path | None = None


@dataclass(frozen=True)
class Finding:
    """Something that is wrong.

    Attributes
    ----------
    subject
        What it is about: as long as a rule finds the same of it, it is one alert.
    message
        What is wrong, for people.
    run_id
        The run that it is of, where it is of one.
    strategies
        Strategies whose accounts it is about; empty: of all, where the rule is answered.
    """

    subject: str
    message: str
    run_id: str | None = None
    strategies: tuple[str, ...] = ()
