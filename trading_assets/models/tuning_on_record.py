"""Sets of parameters that searches have tried, on record before anybody can trade what they chose.

A search never sees a test fold, and still makes one strategy of many that could have been: each different set of
parameters is a trial of the data folder, pruned or not, whatever the model is called and however often it is searched
again. More folds and more data try the same set again, which is no further trial, as with backtests.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from typing import Any

import polars as pl

from trading_assets.config import Configuration
from trading_assets.config.canonical import canonical, digest
from trading_assets.config.stated import completed
from trading_assets.models.splits import Fold
from trading_assets.models.training import Learner
from trading_assets.models.tuning import with_parameters
from trading_assets.protocol import Protocol, record_trials
from trading_assets.protocol.trials_table import OF_SEARCHES, TRIALS


def record_searches(
    protocol: Protocol,
    learner: Learner,
    name: str,
    trials: pl.DataFrame,
    *,
    folds: Sequence[Fold],
    symbols: Sequence[str],
    run_id: str,
    now: dt.datetime,
) -> None:
    """Put what the searches of a model have tried on record, those left out that are.

    Parameters
    ----------
    protocol, now
        Protocol of the data folder, and the time of the record, UTC.
    learner, name
        What makes the model, and its name.
    trials
        Rows of `models.tuning_trials`.
    folds
        Folds of the walk forward.
    symbols
        Symbols that the model learns from.
    run_id
        Run that searched.
    """
    if trials.is_empty():
        return
    rows = rows_of_searches(learner, name, trials, folds=folds, symbols=symbols)
    rows = rows.with_columns(run_id=pl.lit(run_id), evaluated_at=pl.lit(now).cast(pl.Datetime("us")))
    record_trials(protocol, TRIALS.conform(rows), subject=name, source=f"models/{name}", now=now)


def as_tried(configuration: Configuration, model: str, trained: Sequence[int]) -> pl.DataFrame:
    """Return rows of `models.tuning_trials` that say what a model without a strategy tried: its section, as it is.

    Its scores and losses are there to be compared, whoever reads them. Else a search by hand, of a section a set, would
    be none. A model that a strategy of the configuration reads is a part of the trials of that strategy, which go on
    record once it is run: sections of it that were trained before, and never run with it, are on record nowhere.

    Parameters
    ----------
    configuration, model
        Configuration, and the name of the model.
    trained
        Numbers of the folds that were trained.
    """
    named = (getattr(each.parameters, "model", None) for each in configuration.strategies.values())
    read = {candidate for each in named if isinstance(each, str) for candidate in configuration.candidates_of(each)}
    lines = [] if model in read else [(fold, 0, "{}") for fold in sorted(trained)[:1]]
    return pl.DataFrame(lines, schema={"fold": pl.Int64, "trial": pl.Int64, "parameters": pl.String}, orient="row")


def rows_of_searches(
    learner: Learner, name: str, trials: pl.DataFrame, *, folds: Sequence[Fold], symbols: Sequence[str]
) -> pl.DataFrame:
    """Return a row of `robustness.trials` for each different set of parameters, but for run and time.

    There are no returns: a set is judged by its loss. Whoever reads them counts each as one of which none are known.

    Parameters
    ----------
    learner, name, trials, folds, symbols
        As `record_searches` takes them.
    """
    first = trials.sort("fold", "trial").unique("parameters", keep="first", maintain_order=True)
    # Folds come as they end, and a set is on record by the first that comes: its span is that of all.
    start, end = min(each.train_start for each in folds), max(each.train_end for each in folds)
    # A symbol that is listed since makes no further set of parameters, see `latest` of the register of trials.
    # The same values of a user's own code that has changed are another set.
    code = [learner.own.code] if learner.own else []
    conditions = digest([OF_SEARCHES, learner.seed, *code])[:16]
    lines: list[dict[str, Any]] = []
    for parameters in first["parameters"]:
        settings = with_parameters(learner.settings, json.loads(parameters))
        params = [OF_SEARCHES, learner.type, completed(settings)]
        lines.append(
            {
                "trial": digest([*params, conditions, sorted(symbols)])[:16],
                "strategy": name,
                "type": OF_SEARCHES,
                "params_hash": digest(params),
                "params": canonical(settings.model_dump(mode="json")),
                "symbols": sorted(symbols),
                "settings_hash": conditions,
                "split": "train",
                "start": start,
                "end": end,
                "data_hash": "",
                "sharpe": None,
                "sessions": 0,
                "returns": None,
                "source": f"models/{name}",
            }
        )
    schema = {key: kind for key, kind in TRIALS.empty().schema.items() if key not in ("run_id", "evaluated_at")}
    return pl.DataFrame(lines, schema=schema)
