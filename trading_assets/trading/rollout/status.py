"""How the rollout stands: each subject with its stage, since when, and what the next step asks for."""

from __future__ import annotations

import datetime as dt

import polars as pl

from trading_assets.config import Configuration
from trading_assets.models.standing import champion_history
from trading_assets.protocol import Protocol
from trading_assets.protocol.switches import FEATURE
from trading_assets.trading.opening import openings_on
from trading_assets.trading.rollout.moves import Subject, gate_of, next_stage, stage_of
from trading_assets.trading.rollout.stages import MODEL, STRATEGY, broker_now, moves_on, strategy_stage
from trading_assets.trading.rollout.tables import FULL, SHARES
from trading_assets.warehouse import Warehouse

_SCHEMA: dict[str, type[pl.DataType]] = {
    "subject": pl.String,
    "stage": pl.String,
    "share": pl.Float64,
    "since": pl.Datetime,
    "by": pl.String,
    "reason": pl.String,
    "next": pl.String,
    "stands_against_it": pl.String,
}


def stages_below_full(configuration: Configuration, strategy: str | None = None) -> list[tuple[str, str, float]]:
    """Return strategy, stage and share of each open account of which not everything is sent.

    Parameters
    ----------
    configuration, strategy
        Configuration, and the name of one strategy; None: all.
    """
    records = Protocol.of(configuration).read()
    found = []
    for name in configuration.strategies:
        stage = strategy_stage(records, configuration.name, name, broker_now(configuration, records, name))
        if stage != FULL and strategy in (None, name) and openings_on(records, configuration.name, name):
            found.append((name, stage, SHARES[stage]))
    return found


def rollout_status(warehouse: Warehouse, configuration: Configuration) -> pl.DataFrame:
    """Return a row for each strategy with an account or a step on record, each candidate of a champion, each provider.

    Returns
    -------
    DataFrame
        subject, stage, share, since (UTC; null: as it began), by, reason, next (stage; null after the last),
        stands_against_it (criteria of its gate that are not met; null: none).
    """
    records = Protocol.of(configuration).read()
    last = {each.subject: each for each in moves_on(records, configuration.name)}
    subjects = [
        Subject(STRATEGY, name)
        for name in configuration.strategies
        if openings_on(records, configuration.name, name) or f"{STRATEGY}/{name}" in last
    ]
    for champion in configuration.champions:
        if champion_history(warehouse, configuration, champion).history:
            subjects += [Subject(MODEL, each) for each in configuration.candidates_of(champion)]
    subjects += [Subject(FEATURE, each) for each in configuration.alternative_data]
    rows: list[dict[str, object]] = []
    for subject in subjects:
        stage, move = stage_of(warehouse, configuration, records, subject), last.get(subject.text)
        following = next_stage(subject, stage)
        gate = gate_of(warehouse, configuration, records, subject) if following else []
        since: dt.datetime | None = None if move is None or move.stage != stage else move.at
        rows.append(
            {
                "subject": subject.text,
                "stage": stage,
                "share": SHARES[stage],
                "since": since,
                "by": None if since is None or move is None else move.by,
                "reason": None if since is None or move is None else move.reason,
                "next": following,
                "stands_against_it": ", ".join(each.criterion for each in gate if not each.passed) or None,
            }
        )
    return pl.DataFrame(rows, schema=_SCHEMA)
