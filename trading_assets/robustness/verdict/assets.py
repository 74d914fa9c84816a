"""How the asset of the verdict computes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from trading_assets import __version__
from trading_assets.asset_factories.table_asset import Step
from trading_assets.backtests import tables as backtests
from trading_assets.market_data.tables import BARS, INSTRUMENTS, UNIVERSE
from trading_assets.models.splits import development, spans_of
from trading_assets.models.tables import METRICS, SPLITS
from trading_assets.robustness.holdout.assets import head_file, keep_earlier_verdict, waits_until
from trading_assets.robustness.holdout.record_look import verified_ledger
from trading_assets.robustness.holdout.upgrade_ledger import history_of_upgrades, verified_upgrades
from trading_assets.robustness.rows_by_span import STAGE, write
from trading_assets.robustness.tables import (
    EARLIER_VERDICTS,
    HOLDOUT,
    HOLDOUT_RESULTS,
    LOOK_AHEAD,
    OVERFITTING,
    RESAMPLING,
    STRESS,
    VERDICTS,
)
from trading_assets.robustness.verdict import caps
from trading_assets.robustness.verdict.bets import count_bets
from trading_assets.robustness.verdict.criteria import judge, rows, unregistered, waiting
from trading_assets.strategies.evaluation.failure import require_ok, strategy_of
from trading_assets.strategies.interface.resolved import configured_strategy, resolve_strategy
from trading_assets.warehouse import Rows, Table


def verdict(step: Step) -> Mapping[str, Any]:
    """Go, no go, or not enough evidence: every pre-registered criterion, and the result in words."""
    from trading_assets.robustness.verdict.statistics import history_of, statistics_of

    require_ok(
        step,
        (
            "strategies",
            "backtests",
            *(f"{STAGE}/{asset}" for asset in ("sensitivity", "overfitting", "look_ahead", "holdout")),
        ),
    )
    name, configuration = strategy_of(step), step.configuration
    keep_earlier_verdict(step)
    upgrades = history_of_upgrades(
        verified_upgrades(step.work, configuration), step.work.read_or_empty(EARLIER_VERDICTS), name
    )
    looks = history_of(verified_ledger(step.work, head_file(step)), name)
    history = " ".join(filter(None, (looks, upgrades)))
    limits = configuration.robustness.verdict
    until = waits_until(step) if name in configuration.registration else None
    if until is not None:
        judgement = waiting(name, limits, until, history)
    elif name in configuration.registration:
        rows_of = evaluated(step, name)
        statistics = statistics_of(
            rows_of[STRESS],
            rows_of[RESAMPLING],
            rows_of[OVERFITTING],
            look_ahead=rows_of[LOOK_AHEAD],
            bets=bets_of(step, name),
        )
        judgement = judge(name, statistics, limits, caps_of(step), history)
    else:
        judgement = unregistered(name, limits, history)
    table = rows(judgement).with_columns(product_version=pl.lit(__version__))
    write(step, verdict.__name__, {VERDICTS: table})
    return {
        "result": judgement.result,
        "explanation": judgement.explanation,
        "criteria": table.select("kind", "criterion", "value", "threshold", "passed"),
    }


def bets_of(step: Step, name: str) -> float:
    """Count the bets of the run on the holdout."""
    own = Rows("strategy", name)
    fills = step.work.read(backtests.FILLS, rows=own).filter(split=HOLDOUT)
    trades = step.work.read(backtests.TRADES, rows=own).filter(split=HOLDOUT)
    equity = step.work.read(backtests.EQUITY, rows=own).filter(split=HOLDOUT)
    bars = step.work.read(
        BARS,
        columns=["symbol", "session", "close", "split_ratio"],
        where="list_contains(?, symbol) AND session BETWEEN ? AND ?",
        parameters=[fills["symbol"].unique().sort().to_list(), equity["session"].min(), equity["session"].max()],
    )
    return count_bets(fills, trades, bars)


def caps_of(step: Step) -> list[str]:
    """List why the verdict is at best conditional, from the configuration and the data of the strategy."""
    name, configuration = strategy_of(step), step.configuration
    strategy = resolve_strategy(configuration, name, step.work.read(INSTRUMENTS))
    members = [configured_strategy(configuration, member) for member in strategy.members]
    models = sorted({each.model for each in (strategy, *members) if each.model})
    symbols = strategy.symbols
    spans = spans_of(step.work.read(SPLITS))
    memberships = step.work.read(UNIVERSE, where="list_contains(?, symbol)", parameters=[symbols])
    metrics = {model: step.work.read_or_empty(METRICS, rows=Rows("model", model)) for model in models}
    start, end = development(spans).start, spans[HOLDOUT].end
    return [
        *caps.looser_criteria(configuration.robustness),
        *caps.cheap_costs(configuration.costs, strategy.instruments["asset_class"].to_list()),
        *caps.without_departures(strategy.instruments, memberships, start, end),
        *caps.unproven_models(metrics, models),
    ]


def evaluated(step: Step, name: str) -> dict[Table, pl.DataFrame]:
    """Rows that the verdict is made from, of this configuration and of the backtest as it stands.

    Of `robustness.stress` and `robustness.resampling` those of the holdout.

    Raises
    ------
    HoldoutMissingError
        The holdout was not evaluated under this configuration.
    EvidenceMissingError
        What the trials on record say, or the look-ahead audit, is not of this configuration.
    """
    from trading_assets.robustness.verdict.statistics import EvidenceMissingError, HoldoutMissingError

    rows = Rows("strategy", name)
    results = step.work.read_or_empty(HOLDOUT_RESULTS, rows=rows)
    metrics = step.work.read_or_empty(backtests.METRICS, rows=rows).filter(split=HOLDOUT)
    if results.is_empty():
        raise HoldoutMissingError(name, "it never was")
    if results["config_hash"].item() != step.configuration.hash:
        raise HoldoutMissingError(name, "the configuration has changed since")
    if metrics.is_empty():
        raise HoldoutMissingError(name, f"backtests/{name} has run since")
    evidence = {}
    for table, asset in ((OVERFITTING, "overfitting"), (LOOK_AHEAD, "look_ahead")):
        evidence[table] = step.work.read_or_empty(table, rows=rows)
        if evidence[table].is_empty() or evidence[table]["config_hash"][0] != step.configuration.hash:
            raise EvidenceMissingError(name, asset)
    seen = {table: step.work.read(table, rows=rows).filter(split=HOLDOUT) for table in (STRESS, RESAMPLING)}
    return seen | evidence
