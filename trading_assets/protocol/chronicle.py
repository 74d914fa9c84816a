"""What a data folder has on record of one strategy, in the order in which it happened, in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from trading_assets.protocol.batches import Member
from trading_assets.protocol.records import Record

SCHEMA = pl.Schema({"recorded_at": pl.Datetime("us"), "kind": pl.String(), "what": pl.String()})


def chronicle(records: Sequence[Record], member: Member) -> pl.DataFrame:
    """Return a row for each record of a strategy: its registrations, batch, looks, results, upgrades and evaluations.

    Returns
    -------
    DataFrame
        recorded_at (UTC), kind, what (a sentence); in the order of the records.
    """
    rows = [
        (record.recorded_at, record.kind, said) for record in records if (said := _said(record, member)) is not None
    ]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def _said(record: Record, member: Member) -> str | None:
    if record.kind == "batch":
        own = next((m for m in record.payload["members"] if (m["configuration"], m["strategy"]) == member), None)
        if own is None:
            return None
        return (
            f"one of {record.payload['m']}: weight {own['weight']:.4g}, judged at an error rate of {own['alpha']:.3%}"
        )
    if (record.configuration, record.subject) != member:
        return None
    return _SENTENCES[record.kind](record.payload) if record.kind in _SENTENCES else None


def _registration(said: Any) -> str:
    if "imported" in said:
        return (
            f"registration {said['registration_hash'][:12]} of an earlier version, of {said['imported']['recorded_at']}"
        )
    start, end = said["holdout"]
    changed = f"; changed: {'; '.join(said['changed'])}" if said.get("changed") else ""
    return f"plan {said['plan_hash'][:12]}, holdout {start} to {end}, {len(said['symbols'])} symbols{changed}"


def _look(said: Any) -> str:
    if "imported" in said:
        return f"look {said['look']} by an earlier version, of {said['imported']['evaluated_at']}"
    when = "prospective" if said.get("prospective") else "retrospective"
    why = f", after a change ({said['override']})" if said.get("override") else ""
    changed = f"; changed: {'; '.join(said['changed'])}" if said.get("changed") else ""
    seen = f"; seen before by {said['exposures']} evaluations" if said.get("exposures") else ""
    return f"look {said['look']}{why}, {when}{changed}{seen}"


def _result(said: Any) -> str:
    def shown(value: float | None) -> str:
        return "undefined" if value is None else f"{value:.3g}"

    verdict = said["verdict"].replace("_", " ")
    return f"seen at look {said['look']}: Sharpe {shown(said['sharpe'])}, {shown(said['bets'])} bets, {verdict}"


def _exposure(said: Any) -> str:
    return f"{said['stage']} on {said['start']} to {said['end']}, {len(said['symbols'])} symbols"


def _upgrade(said: Any) -> str:
    return f"version {said['new_version']} took the place of {said['old_version']}: {said['reason']}"


_SENTENCES = {
    "registration": _registration,
    "look": _look,
    "result": _result,
    "exposure": _exposure,
    "upgrade": _upgrade,
}
