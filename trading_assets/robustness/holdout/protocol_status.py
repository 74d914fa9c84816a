"""Where each strategy stands in the protocol: registered or not, looked at or not, changed since or not."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

import polars as pl

from trading_assets.config import Configuration
from trading_assets.models.splits import spans_of
from trading_assets.models.tables import SPLITS
from trading_assets.protocol.batches import Share, share_of
from trading_assets.protocol.looks import looks_of, standing
from trading_assets.robustness.holdout.intact import verified_record
from trading_assets.robustness.tables import EARLIER_VERDICTS, HOLDOUT_RESULTS, REGISTRATIONS, VERDICTS
from trading_assets.warehouse import Warehouse

_SCHEMA = {
    "strategy": pl.String,
    "registered_on": pl.Date,
    "registration": pl.String,
    "holdout": pl.String,
    "batch": pl.String,
    "standing": pl.String,
    "looks": pl.Int64,
    "overrides": pl.String,
    "upgrades": pl.String,
    "state": pl.String,
    "verdict": pl.String,
    "earlier_verdicts": pl.String,
}


def protocol_status(warehouse: Warehouse, configuration: Configuration) -> pl.DataFrame:
    """Return a row for each strategy.

    Returns
    -------
    DataFrame
        strategy, registered_on (null: not registered), registration (first digits of the last hash that was recorded),
        holdout (its dates, once splits are resolved), batch (its number of strategies, and the error rate of this one),
        standing (what its last look was worth: prospective or not, seen before or not), looks, overrides (their
        reasons), upgrades (of which versions, no looks), state, verdict (as last made; null: none), earlier_verdicts
        (by versions before this one).

    Raises
    ------
    LedgerTamperedError
        What is on record is not what was once written: which row, or how many are gone.
    """
    on_record = verified_record(warehouse, configuration)
    ledger, upgrades, records = on_record.ledger, on_record.upgrades, on_record.records
    earlier = warehouse.read_or_empty(EARLIER_VERDICTS).filter(kind="result").sort("recorded_at")
    registrations = warehouse.read_or_empty(REGISTRATIONS)
    evaluated = warehouse.read_or_empty(HOLDOUT_RESULTS)
    verdicts = warehouse.read_or_empty(VERDICTS).filter(kind="result")
    splits = warehouse.read_or_empty(SPLITS)
    spans = spans_of(splits) if not splits.is_empty() else {}
    locked = f"{spans['holdout'].start} to {spans['holdout'].end}" if "holdout" in spans else None
    rows = []
    for name in configuration.strategies:
        own = registrations.filter(strategy=name).sort("recorded_at")
        looks = ledger.filter(strategy=name).sort("row")
        entry, seen = configuration.registration.get(name), looks_of(records, (configuration.name, name))
        rows.append(
            {
                "strategy": name,
                "registered_on": entry.registered_on if entry else None,
                "registration": own["registration_hash"][-1][:12] if not own.is_empty() else None,
                "holdout": locked,
                "batch": _batch(share_of(records, (configuration.name, name))),
                "standing": standing(records, seen[-1]) if seen else None,
                "looks": max(looks.height, len(seen)),
                "overrides": _joined(reason for reason in looks["override"].to_list() if reason),
                "upgrades": _joined(
                    f"{old} to {new}"
                    for old, new in upgrades.filter(strategy=name).select("old_version", "new_version").iter_rows()
                ),
                "state": _state(
                    entry.registered_on if entry else None,
                    max(looks.height, len(seen)),
                    [
                        configuration.is_current(each, name)
                        for each in evaluated.filter(strategy=name)["config_hash"].to_list()
                    ],
                ),
                "verdict": next(iter(verdicts.filter(strategy=name)["result"]), None),
                "earlier_verdicts": _joined(
                    f"{version}: {result}"
                    for version, result in earlier.filter(strategy=name).select("product_version", "result").iter_rows()
                ),
            }
        )
    return pl.DataFrame(rows, schema=_SCHEMA)


def _batch(share: Share | None) -> str | None:
    return None if share is None else f"{share.members} at {share.alpha:.3%}"


def _joined(texts: Iterable[str]) -> str | None:
    return "; ".join(texts) or None


def _state(registered_on: dt.date | None, looks: int, evaluations_current: list[bool]) -> str:
    if registered_on is None:
        return "locked: not registered" if not looks else "locked again: looked at, and no longer registered"
    if not looks:
        return "registered, not looked at yet"
    if not evaluations_current:
        return "looked at; its holdout has to be evaluated again"
    if not all(evaluations_current):
        return "looked at; the configuration has changed since"
    return "looked at under this configuration"
