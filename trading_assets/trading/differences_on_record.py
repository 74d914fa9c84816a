"""Differences on the record of the protocol: `trading.differences` is made from it, so none is lost by a lost row."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence

import polars as pl

from trading_assets.config import Configuration, ConfigurationError
from trading_assets.protocol import Protocol, Record
from trading_assets.protocol.records import Entry
from trading_assets.trading.opening import openings_on
from trading_assets.trading.tables import DIFFERENCES
from trading_assets.warehouse import Rows, Warehouse

_FOUND, _ACCEPT = "difference", "accept"
_DATES = ("session", "found_on")
#: What a person says later, by a record of its own: column, and key of that record.
_LATER = {"accepted_by": "by", "reason": "reason"}


def differences_on_record(records: Iterable[Record], configuration: str, strategy: str) -> pl.DataFrame:
    """Return the rows of `trading.differences` of a strategy, with who has accepted them and why.

    Parameters
    ----------
    records
        Records of the protocol.
    configuration, strategy
        Names of the configuration and of the strategy.
    """
    own = ("account", configuration, strategy)
    said = [each.payload for each in records if (each.kind, each.configuration, each.subject) == own]
    accepted = {payload["difference"]: payload for payload in said if payload["action"] == _ACCEPT}
    rows = []
    for row in (row for payload in said if payload["action"] == _FOUND for row in payload["rows"]):
        later = accepted.get(row["difference_id"], {})
        dates = {name: dt.date.fromisoformat(row[name]) for name in _DATES}
        rows.append({**row, **dates, **{column: later.get(key) for column, key in _LATER.items()}})
    return DIFFERENCES.conform(pl.DataFrame(rows, schema=DIFFERENCES.empty().schema)).sort(DIFFERENCES.key)


def differences_of(configuration: Configuration, strategy: str) -> pl.DataFrame:
    """Return `differences_on_record` of a strategy of the configuration, as they stand now."""
    return differences_on_record(Protocol.of(configuration).read(), configuration.name, strategy)


def standing_differences(configuration: Configuration, strategy: str) -> pl.DataFrame:
    """Return the differences of the open account of a strategy that nobody has accepted; none where none is open."""
    records = Protocol.of(configuration).read()
    openings = openings_on(records, configuration.name, strategy)
    account = openings[-1].account if openings else ""
    return not_accepted(differences_on_record(records, configuration.name, strategy).filter(account=account))


def not_accepted(differences: pl.DataFrame) -> pl.DataFrame:
    """Return rows of `trading.differences` that nobody has accepted, by session."""
    return differences.filter(pl.col("accepted_by").is_null()).sort("session", "difference_id")


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


def accept_difference(
    warehouse: Warehouse,
    configuration: Configuration,
    strategy: str,
    difference: str,
    *,
    by: str,
    reason: str,
    now: dt.datetime,
) -> None:
    """Put on record that a person accepts a difference, and say so in its row.

    Parameters
    ----------
    warehouse, configuration, strategy
        Warehouse, configuration, and the name of the strategy.
    difference
        Its id.
    by, reason
        Who accepts it, and why.
    now
        Time of the record, UTC.

    Raises
    ------
    ConfigurationError
        No such difference stands, or there is no reason.
    """
    if not reason.strip():
        raise ConfigurationError(
            "a difference is accepted without a reason\n  expected: --reason with some words\n"
            "  what to do: say why; it goes on record beside your name"
        )
    standing = not_accepted(differences_of(configuration, strategy))["difference_id"].to_list()
    if difference not in standing:
        raise ConfigurationError(
            f"no difference {difference!r} of {strategy} stands\n  expected: {', '.join(standing[:5]) or 'none does'}\n"
            f"  what to do: trading-assets account reconcile {strategy}"
        )
    said = {"action": _ACCEPT, "difference": difference, "by": by, "reason": reason.strip()}
    Protocol.of(configuration).append("account", strategy, said, now=now)
    warehouse.replace(Rows("strategy", strategy), {DIFFERENCES: differences_of(configuration, strategy)})
