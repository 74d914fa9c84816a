"""Differences on the record of the protocol: `trading.differences` is made from it, so none is lost by a lost row."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence

import polars as pl

from trading_assets.protocol import Protocol, Record
from trading_assets.protocol.records import Entry
from trading_assets.trading.tables import DIFFERENCES

_FOUND = "difference"
_DATES = ("session", "found_on")
#: What a person says later, by a record of its own.
_LATER = ("accepted_by", "reason")


def differences_on_record(records: Iterable[Record], configuration: str, strategy: str) -> pl.DataFrame:
    """Return the rows of `trading.differences` of a strategy, but for who has accepted them.

    Parameters
    ----------
    records
        Records of the protocol.
    configuration, strategy
        Names of the configuration and of the strategy.
    """
    own = ("account", configuration, strategy)
    said = [each.payload for each in records if (each.kind, each.configuration, each.subject) == own]
    rows = [row for payload in said if payload["action"] == _FOUND for row in payload["rows"]]
    named = [{**row, **{name: dt.date.fromisoformat(row[name]) for name in _DATES}} for row in rows]
    schema = DIFFERENCES.empty().schema
    return DIFFERENCES.conform(pl.DataFrame(named, schema=schema)).sort(DIFFERENCES.key)


def put_differences_on_record(protocol: Protocol, strategy: str, found: pl.DataFrame, now: dt.datetime) -> list[str]:
    """Put differences on record, each once, and return the ids of those that are new.

    Parameters
    ----------
    protocol, strategy
        Protocol of the configuration, and the name of the strategy.
    found
        Rows of `trading.differences`.
    now
        Time of the record, UTC.
    """
    new: list[str] = []

    def decide(records: Sequence[Record]) -> list[Entry]:
        known = differences_on_record(records, protocol.configuration, strategy)["difference_id"]
        rows = found.filter(~pl.col("difference_id").is_in(known.implode())).unique(
            "difference_id", keep="first", maintain_order=True
        )
        new[:] = rows["difference_id"].to_list()
        said = rows.drop(_LATER).fill_nan(None).to_dicts()
        return [Entry("account", strategy, {"action": _FOUND, "rows": said})] if new else []

    protocol.append_decided(decide, now=now)
    return new
