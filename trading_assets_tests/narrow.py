"""Values of a known type out of wider ones: what a test relies on is asserted, and the type checker sees it too."""

from __future__ import annotations

import datetime as dt

from trading_assets.backtests.engine.arrays import Signals, Targets


def as_number(value: object) -> float:
    """Return a number of a frame, such as a maximum, that is not null."""
    assert isinstance(value, int | float)
    return value


def as_date(value: object) -> dt.date:
    """Return a date of a frame, such as the first session, that is not null."""
    assert isinstance(value, dt.date)
    return value


def as_signals(signals: Signals | Targets) -> Signals:
    """Return what an order-based strategy gives the engine."""
    assert isinstance(signals, Signals)
    return signals


def as_targets(signals: Signals | Targets) -> Targets:
    """Return what a target-weight strategy gives the engine."""
    assert isinstance(signals, Targets)
    return signals
