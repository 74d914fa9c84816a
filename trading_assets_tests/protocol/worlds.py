"""Universes whose likeness is known, and records made of them."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from trading_assets.config.sections import Interval
from trading_assets.protocol.records import Entry, Record

SESSIONS = [dt.date(2020, 1, 1) + dt.timedelta(days=n) for n in range(400)]
HOLDOUT = Interval(start=SESSIONS[200], end=SESSIONS[399])
START = dt.datetime(2026, 1, 1, 12)


def make_bars(
    symbols: Sequence[str],
    *,
    common: float,
    seed: int,
    market: int = 0,
    sessions: Sequence[dt.date] = SESSIONS,
) -> pl.DataFrame:
    """Bars whose daily log returns are `common` parts of one market (drawn by `market`) and otherwise their own.

    A symbol's own part is drawn by `seed` and its place in `symbols`, so that a list of other names is a renamed copy.
    """
    drawn = np.random.default_rng([99, market]).normal(0, 0.01, len(sessions))
    frames = []
    for place, symbol in enumerate(symbols):
        own = np.random.default_rng([seed, place]).normal(0, 0.01, len(sessions))
        level = 100 * np.exp((common * drawn + (1 - common) * own).cumsum())
        frames.append(pl.DataFrame({"session": list(sessions), "adj_close": level}).with_columns(symbol=pl.lit(symbol)))
    return pl.concat(frames).select("symbol", "session", "adj_close")


def chain(*entries: Entry, configuration: str = "main", after: Sequence[Record] = ()) -> list[Record]:
    """Records of entries, one an hour, behind those that are there."""
    rows = itertools.count(len(after) + 1)
    made = [
        Record(
            row, each.kind, START + dt.timedelta(hours=row), configuration, each.subject, each.payload, f"hash {row}"
        )
        for each, row in zip(entries, rows, strict=False)
    ]
    return [*after, *made]


def registered(strategy: str, symbols: Sequence[str] = ("A", "B"), **more: Any) -> Entry:
    """A registration with a holdout; `more` are further parts of its payload, or others in place of these."""
    payload: Mapping[str, Any] = {
        "plan_hash": f"plan of {strategy}",
        "holdout": [HOLDOUT.start.isoformat(), HOLDOUT.end.isoformat()],
        "symbols": list(symbols),
        "weight": None,
        "received": {"until": None},
        **more,
    }
    return Entry("registration", strategy, payload)
