"""The register of trials: every backtest whose result could have been selected.

How good the best of many looks depends on how many there were, so the count must not be forgotten (and must not
grow by running the same thing again): a trial is identified by what was evaluated, not by when.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import polars as pl

from trading_assets.config.strategies import StrategyParameters
from trading_assets.robustness.frozen import canonical
from trading_assets.robustness.tables import TRIALS


@dataclass(frozen=True)
class Evaluation:
    """One parameter set on one span of one state of the data, and its annual Sharpe ratio."""

    strategy: str
    params_hash: str
    split: str
    start: dt.date
    end: dt.date
    data_hash: str
    sharpe: float | None
    sessions: int


def params_hash(strategy_type: str, parameters: StrategyParameters) -> str:
    """SHA-256 of a strategy's type and all of its parameters, the defaulted ones included."""
    return _digest([strategy_type, parameters.model_dump(mode="json")])


def trial_id(evaluation: Evaluation) -> str:
    """Identifies what was evaluated: strategy, parameters, span and data; not the result."""
    what = asdict(evaluation)
    return _digest([what[name] for name in ("strategy", "params_hash", "split", "start", "end", "data_hash")])[:16]


def new_trials(known: pl.DataFrame, evaluations: Sequence[Evaluation], evaluated_at: dt.datetime) -> pl.DataFrame:
    """Rows of `robustness.trials` for the evaluations that are not among the `known` ones."""
    lines = [
        {"trial": trial_id(evaluation), **asdict(evaluation), "evaluated_at": evaluated_at}
        for evaluation in evaluations
    ]
    rows = pl.DataFrame(lines, schema=TRIALS.empty().schema).unique("trial", keep="first", maintain_order=True)
    return rows.join(known.select("trial"), on="trial", how="anti", maintain_order="left").sort("trial")


def _digest(value: object) -> str:
    return hashlib.sha256(canonical(value).encode()).hexdigest()
