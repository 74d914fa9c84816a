"""Slippage on record by its hash: fills that are edited after they were judged have a name, a difference."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence

import polars as pl

from trading_assets.config.canonical import digest
from trading_assets.protocol import Protocol, Record
from trading_assets.protocol.contents import content_hash
from trading_assets.protocol.records import Entry
from trading_assets.trading.divergence.tables import SLIPPAGE
from trading_assets.trading.opening import Opening
from trading_assets.trading.tables import DIFFERENCES

_SLIPPAGE = "slippage"


def changed_slippage(
    records: Iterable[Record], configuration: str, opening: Opening, slippage: pl.DataFrame, found_on: dt.date
) -> pl.DataFrame:
    """Return a difference if fills that were judged before have another slippage now; no row if not.

    Parameters
    ----------
    records, configuration
        Records of the protocol, and the name of the configuration.
    opening
        Account.
    slippage
        Rows of `trading.slippage` of the account, as its fills give them now.
    found_on
        Last session that is judged.

    Returns
    -------
    polars.DataFrame
        Rows of `trading.differences`.
    """
    last = _last(records, configuration, opening)
    if last is None:
        return DIFFERENCES.empty()
    through = dt.date.fromisoformat(last["through"])
    now = _hash(slippage, through)
    if now == last["hash"]:
        return DIFFERENCES.empty()
    row = {
        "strategy": opening.strategy,
        "account": opening.account,
        "difference_id": digest(["slippage", opening.account, last["through"], last["hash"], now])[:16],
        "kind": "revision",
        "session": through,
        "detail": f"fills up to {through} that slippage was judged by are not those of then: rows of trading.fills "
        "were edited or deleted, or the broker told some later",
        "found_on": found_on,
    }
    return DIFFERENCES.conform(pl.DataFrame([row]))


def put_slippage_on_record(
    protocol: Protocol, opening: Opening, slippage: pl.DataFrame, through: dt.date, now: dt.datetime
) -> None:
    """Put the hash of what fills cost up to a session on record, unless it is.

    Parameters
    ----------
    protocol, opening
        Protocol of the configuration, and the account.
    slippage, through
        Rows of `trading.slippage` of the account, and the last session that is judged.
    now
        Time of the record, UTC.
    """
    said = {
        "action": _SLIPPAGE,
        "account": opening.account,
        "through": through.isoformat(),
        "hash": _hash(slippage, through),
    }

    def decide(records: Sequence[Record]) -> list[Entry]:
        is_there = _last(records, protocol.configuration, opening) == said
        return [] if is_there else [Entry("account", opening.strategy, said)]

    protocol.append_decided(decide, now=now)


def judged_through(records: Iterable[Record], configuration: str, opening: Opening) -> dt.date | None:
    """Return the last session of an account whose fills were judged, by what is on record; None: none was.

    Parameters
    ----------
    records, configuration, opening
        Records of the protocol, name of the configuration, and the account.
    """
    last = _last(records, configuration, opening)
    return None if last is None else dt.date.fromisoformat(last["through"])


def _last(records: Iterable[Record], configuration: str, opening: Opening) -> dict[str, str] | None:
    own, found = ("account", configuration, opening.strategy), None
    for each in records:
        if (each.kind, each.configuration, each.subject) == own and each.payload["action"] == _SLIPPAGE:
            found = dict(each.payload) if each.payload["account"] == opening.account else found
    return found


def _hash(slippage: pl.DataFrame, through: dt.date) -> str:
    return content_hash(slippage.filter(pl.col("session") <= through).sort(SLIPPAGE.key))
