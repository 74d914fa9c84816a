"""The register of trials: every backtest whose result could have been selected.

How good the best of many looks depends on how many there were, so the count must not be forgotten (and must not
grow by running the same thing again): a trial is identified by what was evaluated, not by when.

The daily returns stay with it as a list of 32-bit floats: seven digits, four bytes a session before the database
compresses them, and readable from SQL. From them follows how many different ideas the trials were.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from trading_assets.config.strategies import StrategyParameters
from trading_assets.robustness.frozen import canonical
from trading_assets.robustness.tables import TRIALS

#: Part of every trial's identity; counts the ways in which trials have been recorded (2: with daily returns).
_RECORD = 2


@dataclass(frozen=True, eq=False)
class Evaluation:
    """One parameter set on one span of one state of the data, its annual Sharpe ratio and its daily returns."""

    strategy: str
    strategy_type: str
    parameters: StrategyParameters
    split: str
    start: dt.date
    end: dt.date
    data_hash: str
    sharpe: float | None
    returns: NDArray[np.float64]


def params_hash(strategy_type: str, parameters: StrategyParameters) -> str:
    """SHA-256 of a strategy's type and all of its parameters, the defaulted ones included."""
    return _digest([strategy_type, parameters.model_dump(mode="json")])


def trial_id(evaluation: Evaluation) -> str:
    """Identifies what was evaluated: strategy, parameters, span and data; not the result."""
    return _digest(
        [
            _RECORD,
            evaluation.strategy,
            params_hash(evaluation.strategy_type, evaluation.parameters),
            evaluation.split,
            evaluation.start,
            evaluation.end,
            evaluation.data_hash,
        ]
    )[:16]


def new_trials(
    known: pl.DataFrame, evaluations: Sequence[Evaluation], *, source: str, run_id: str, evaluated_at: dt.datetime
) -> pl.DataFrame:
    """Rows of `robustness.trials` for the evaluations that are not among the `known` ones.

    Parameters
    ----------
    source, run_id
        The asset that evaluated them, and the run that a schedule, a command or a person in the UI started.
    """
    by_id = {trial_id(evaluation): evaluation for evaluation in reversed(evaluations)}
    added = {trial: by_id[trial] for trial in sorted(by_id.keys() - set(known["trial"]))}
    lines = [
        {
            "trial": trial,
            "strategy": evaluation.strategy,
            "params_hash": params_hash(evaluation.strategy_type, evaluation.parameters),
            "params": canonical(evaluation.parameters.model_dump(mode="json")),
            "split": evaluation.split,
            "start": evaluation.start,
            "end": evaluation.end,
            "data_hash": evaluation.data_hash,
            "sharpe": evaluation.sharpe,
            "sessions": evaluation.returns.size,
            "source": source,
            "run_id": run_id,
            "evaluated_at": evaluated_at,
        }
        for trial, evaluation in added.items()
    ]
    schema = TRIALS.empty().schema
    rows = pl.DataFrame(lines, schema={name: dtype for name, dtype in schema.items() if name != "returns"})
    series = [pl.Series(evaluation.returns, dtype=pl.Float32) for evaluation in added.values()]
    return rows.with_columns(returns=pl.Series(series, dtype=pl.List(pl.Float32))).select(list(schema))


def latest(trials: pl.DataFrame) -> pl.DataFrame:
    """The last evaluation of each parameter set: a set that was tried on more data is no further trial."""
    return trials.sort("evaluated_at", "trial").unique("params_hash", keep="last", maintain_order=True)


def returns_of_trials(trials: pl.DataFrame) -> NDArray[np.float64]:
    """Daily returns (trials, sessions) of rows of `robustness.trials` that are of one span."""
    return np.array(trials["returns"].to_list(), dtype=np.float64).reshape(trials.height, -1)


def _digest(value: object) -> str:
    return hashlib.sha256(canonical(value).encode()).hexdigest()
