"""Evidence: what rows that a verdict reads were made of, and what they are, on record before the verdict is.

Rows of a table say what they say, whoever wrote them, and of whatever code and data. So each step whose rows a verdict
reads puts on record a fingerprint of what it evaluated, and a hash of the rows. The verdict takes rows whose record has
today's fingerprint and their own hash, and no others: those of an audit of other code, of a test on other bars, or of a
hand that edited them afterwards are refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from trading_assets.asset_factories.table_asset import Step
from trading_assets.backtests import tables as backtests
from trading_assets.protocol import Entry, Protocol, Record
from trading_assets.protocol.contents import content_hash
from trading_assets.robustness.tables import HOLDOUT, HOLDOUT_RESULTS, LOOK_AHEAD, OVERFITTING, RESAMPLING, STRESS
from trading_assets.strategies.evaluation.failure import strategy_of
from trading_assets.strategies.evaluation.on_record import evaluated_state
from trading_assets.warehouse import Rows, Table

#: Tables whose rows of a strategy each asset of the stage puts on record; of those with splits that of the holdout.
OF_ASSETS: Mapping[str, Sequence[Table]] = {
    "look_ahead": (LOOK_AHEAD,),
    "overfitting": (OVERFITTING,),
    "holdout": (
        HOLDOUT_RESULTS,
        STRESS,
        RESAMPLING,
        backtests.METRICS,
        backtests.FILLS,
        backtests.TRADES,
        backtests.EQUITY,
    ),
}


def record_evidence(step: Step, asset: str) -> None:
    """Put on record what the rows that a step has written are of, and what they are, unless the very same is.

    Of registered strategies alone: no others are judged.
    """
    name, configuration = strategy_of(step), step.configuration
    state = evaluated_state(step) if name in configuration.registration else None
    if state is None:
        return
    payload = {"asset": asset, "fingerprint": state, "rows": hashes_of_rows(step, asset)}
    protocol = Protocol.of(configuration)

    def decide(records: Sequence[Record]) -> list[Entry]:
        last = last_evidence(records, (configuration.name, name), asset)
        same = last is not None and all(last.payload.get(key) == value for key, value in payload.items())
        return [] if same else [Entry("evidence", name, payload)]

    protocol.append_decided(decide, now=step.now)


def not_on_record(step: Step, asset: str, records: Sequence[Record], state: str | None) -> str | None:
    """Return in words why rows of an asset are no evidence; None where they are.

    Parameters
    ----------
    state
        Fingerprint of what is evaluated now, see `evaluated_state`.
    """
    last = last_evidence(records, (step.configuration.name, strategy_of(step)), asset)
    if last is None:
        return "its rows are not on record"
    if last.payload["fingerprint"] != state:
        return "its rows are of other code, data or settings than those of today"
    said, now = last.payload["rows"], hashes_of_rows(step, asset)
    changed = sorted(table for table in {*said, *now} if said.get(table) != now.get(table))
    return f"rows of {changed[0]} are not those that it wrote" if changed else None


def last_evidence(records: Sequence[Record], member: tuple[str, str], asset: str) -> Record | None:
    """Return the last record of what an asset of a strategy wrote; None before one.

    Parameters
    ----------
    records
        Records of the protocol, oldest first.
    member
        Names of the configuration and of the strategy.
    asset
        Name of an asset of the stage, a key of `OF_ASSETS`.
    """
    for record in reversed(records):
        of = (record.kind, record.configuration, record.subject)
        if of == ("evidence", *member) and record.payload["asset"] == asset:
            return record
    return None


def hashes_of_rows(step: Step, asset: str) -> dict[str, str]:
    """Return a hash of the rows of a strategy in each table of an asset, whatever their order and run."""
    own, found = Rows("strategy", strategy_of(step)), {}
    with step.work.held_open() as held:
        of_tables = [(table, held.read_or_empty(table, rows=own)) for table in OF_ASSETS[asset]]
    for table, rows in of_tables:
        if "split" in rows.columns:
            rows = rows.filter(pl.col("split") == HOLDOUT)
        found[table.name] = content_hash(rows.sort(table.key).drop("run_id", strict=False))
    return found
