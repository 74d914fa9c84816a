"""Alarms on the record of the protocol: one that was raised stays raised, whatever is done to tables afterwards."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence

import polars as pl

from trading_assets.config import Configuration
from trading_assets.protocol import Protocol, Record
from trading_assets.protocol.records import Entry
from trading_assets.trading.opening import openings_on

_ALARM = "alarm"
_SCHEMA: dict[str, type[pl.DataType]] = {
    "account": pl.String,
    "statistic": pl.String,
    "session": pl.Date,
    "value": pl.Float64,
    "level": pl.Float64,
}


def alarms_on_record(records: Iterable[Record], configuration: str, strategy: str) -> pl.DataFrame:
    """Return the alarms of the accounts of a strategy, as they were raised.

    Parameters
    ----------
    records
        Records of the protocol.
    configuration, strategy
        Names of the configuration and of the strategy.

    Returns
    -------
    polars.DataFrame
        account, statistic, session at which it was at its level first, value then, level.
    """
    own = ("account", configuration, strategy)
    said = [each.payload for each in records if (each.kind, each.configuration, each.subject) == own]
    rows = [
        {**{name: payload[name] for name in _SCHEMA}, "session": dt.date.fromisoformat(payload["session"])}
        for payload in said
        if payload["action"] == _ALARM
    ]
    return pl.DataFrame(rows, schema=_SCHEMA)


def standing_alarms(configuration: Configuration, strategy: str, wait_seconds: float = 120.0) -> pl.DataFrame:
    """Return the alarms of the open account of a strategy by what is on record; none where none is open.

    Parameters
    ----------
    configuration, strategy, wait_seconds
        Configuration, name of the strategy, and how long it waits for whoever writes the protocol.
    """
    records = Protocol(configuration.data, configuration.name, wait_seconds=wait_seconds).read()
    openings = openings_on(records, configuration.name, strategy)
    account = openings[-1].account if openings else ""
    return alarms_on_record(records, configuration.name, strategy).filter(account=account)


def put_alarms_on_record(protocol: Protocol, strategy: str, divergence: pl.DataFrame, now: dt.datetime) -> pl.DataFrame:
    """Put alarms on record, each statistic of an account once, and return those that are new.

    Parameters
    ----------
    protocol, strategy
        Protocol of the configuration, and the name of the strategy.
    divergence
        Rows of `trading.divergence`.
    now
        Time of the record, UTC.
    """
    key, new = ["account", "statistic"], pl.DataFrame(schema=_SCHEMA)
    raised = divergence.filter("alarm").sort("session").unique(key, keep="first", maintain_order=True)

    def decide(records: Sequence[Record]) -> list[Entry]:
        nonlocal new
        known = alarms_on_record(records, protocol.configuration, strategy)
        new = raised.select(list(_SCHEMA)).join(known, on=key, how="anti", maintain_order="left").sort(key)
        return [Entry("account", strategy, {"action": _ALARM, **row}) for row in new.to_dicts()]

    protocol.append_decided(decide, now=now)
    return new


def with_recorded_alarms(divergence: pl.DataFrame, alarms: pl.DataFrame) -> pl.DataFrame:
    """Return rows in which an alarm on record stands from its session on, whatever the values say now.

    Parameters
    ----------
    divergence
        Rows of `trading.divergence`.
    alarms
        What `alarms_on_record` returns.
    """
    since = alarms.select("account", "statistic", since="session")
    joined = divergence.join(since, on=["account", "statistic"], how="left", maintain_order="left")
    stands = (pl.col("session") >= pl.col("since")).fill_null(value=False)
    return joined.with_columns(alarm=pl.col("alarm") | stands).drop("since")
