"""What may be shown of an archived run: its holdout follows today's lock, and whoever looks is on record.

A run shows of a holdout what a look at it has shown, as long as the strategy is registered. A holdout that was closed
again, or that nobody has opened, stays closed in archived runs, too: also to one whose splits were other ones, and in
whose development it lay. Nothing that is shown here goes into a verdict, a registration or an order.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any, NamedTuple

from trading_assets.config import Configuration
from trading_assets.config.sections import Interval
from trading_assets.market_data.tables import BARS
from trading_assets.models.splits import spans_of
from trading_assets.models.tables import SPLITS
from trading_assets.protocol import Protocol
from trading_assets.protocol.exposures import exposure
from trading_assets.protocol.looks import looks_of
from trading_assets.protocol.recording import record_exposures
from trading_assets.protocol.universe_returns import equal_weight_returns
from trading_assets.warehouse import Warehouse
from trading_assets.warehouse.by_symbol import read_by_symbol

#: What the protocol calls it if somebody opens an archived run.
STAGE = "archive"


class Shown(NamedTuple):
    """What may be shown of a strategy of an archived run.

    Attributes
    ----------
    development, holdout
        Whether what it left of train and validation, and of the holdout, may be seen.
    why
        What is left out, in words; empty if nothing is.
    """

    development: bool
    holdout: bool
    why: str = ""


def may_be_shown(warehouse: Warehouse, configuration: Configuration, row: Mapping[str, Any]) -> Shown:
    """Return what the lock of today lets through of a strategy of an archived run.

    Parameters
    ----------
    warehouse, configuration
        Warehouse with today's splits, and today's configuration.
    row
        Row of `backtests.run_archive`.
    """
    name, locked = row["strategy"], spans_of(warehouse.read_or_empty(SPLITS)).get("holdout")
    looked_at = _looked_at(configuration, name)
    is_open = locked is None or any(each.start <= locked.start and locked.end <= each.end for each in looked_at)
    until = dt.date.max if locked is None else locked.end if is_open else locked.start - dt.timedelta(days=1)
    end, first, last = row["development_end"], row["holdout_start"], row["holdout_end"]
    if end is not None and end > until:
        return Shown(False, False, f"its development span, to {end}, goes into what is the locked holdout now")
    if first is None or last is None:
        return Shown(True, False)
    was_seen = any(each.start <= first and last <= each.end for each in looked_at)
    if was_seen and last <= until:
        return Shown(True, True)
    return Shown(True, False, f"its holdout, {first} to {last}, is closed")


def _looked_at(configuration: Configuration, strategy: str) -> list[Interval]:
    """Spans that looks of a strategy have shown; none if it is not registered now."""
    if strategy not in configuration.registration:
        return []
    looks = looks_of(Protocol.of(configuration).read(), (configuration.name, strategy))
    said = [each.payload for each in looks if "start" in each.payload and "end" in each.payload]
    return [
        Interval(start=dt.date.fromisoformat(str(each["start"])), end=dt.date.fromisoformat(str(each["end"])))
        for each in said
    ]


def put_on_record(warehouse: Warehouse, configuration: Configuration, row: Mapping[str, Any], now: dt.datetime) -> None:
    """Record that somebody sees what an archived run left of a holdout: before it is shown, and once.

    Parameters
    ----------
    warehouse, configuration
        Warehouse with the bars, and today's configuration.
    row
        Row of `backtests.run_archive` whose holdout may be shown.
    now
        Time, UTC.
    """
    symbols, start, end = list(row["symbols"]), row["holdout_start"], row["holdout_end"]
    bars = read_by_symbol(
        warehouse,
        BARS,
        columns=["symbol", "session", "adj_close"],
        where="list_contains(?, symbol) AND session <= ?",
        parameters=[symbols, end],
    )
    returns = equal_weight_returns(bars, symbols, start, end)
    entry = exposure(STAGE, row["strategy"], start, end, symbols, returns)
    record_exposures(Protocol.of(configuration), [entry], now)
