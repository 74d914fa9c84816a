"""What the searches of a model leave as rows: the trials of each fold, losses by session, and what was bought."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from trading_assets.models.evaluation_tables import types_of_folds
from trading_assets.models.paired_test import PairedTest, paired_test
from trading_assets.models.promotion import MINIMUM_EFFECT, losses_by_session
from trading_assets.models.splits import Fold
from trading_assets.models.tables import TUNING_GAIN, TUNING_LOSSES, TUNING_TRIALS
from trading_assets.models.tuning import Search

Floats = NDArray[np.float64]


def trials_of(search: Search, fold: Fold) -> pl.DataFrame:
    """Return rows of `models.tuning_trials` of a fold, without name and version of the model."""
    lines = [
        (
            fold.number,
            number,
            json.dumps(dict(each.parameters), sort_keys=True),
            each.loss,
            each.folds,
            each.pruned,
            number == search.chosen,
        )
        for number, each in enumerate(search.trials)
    ]
    return pl.DataFrame(lines, schema=types_of_folds(TUNING_TRIALS), orient="row")


def losses_of(predictions: pl.DataFrame, untuned: Floats, fold: Fold) -> pl.DataFrame:
    """Return rows of `models.tuning_losses` of a fold, without name and version of the model.

    Parameters
    ----------
    predictions
        Rows of the fold as `predictions_of` has them: labels of the holdout are none.
    untuned
        (rows,) what the model says of them with the parameters of the configuration.
    fold
        The fold.
    """
    with_search = losses_by_session(predictions, dt.date.max)
    without = losses_by_session(predictions.with_columns(score=pl.Series(untuned)), dt.date.max)
    lines = [(fold.number, day, each.loss, without[day].loss) for day, each in with_search.items()]
    return pl.DataFrame(lines, schema=types_of_folds(TUNING_LOSSES), orient="row")


def gain_of(trials: pl.DataFrame, losses: pl.DataFrame, horizon: int) -> pl.DataFrame:
    """Return the row of `models.tuning_gain` of a model, without its name and version; none without a search.

    Parameters
    ----------
    trials, losses
        Rows of `models.tuning_trials` and `models.tuning_losses` of all its folds.
    horizon
        Sessions of a label.
    """
    if trials.is_empty():
        return pl.DataFrame(schema=types_of_folds(TUNING_GAIN))
    ordered = losses.sort("session")
    tuned, untuned = (ordered[name].to_numpy() for name in ("tuned", "untuned"))
    test = paired_test(tuned, untuned, horizon) if ordered.height else None
    changed = trials.filter("chosen", pl.col("trial") > 0)["fold"].n_unique()
    result, reason = _judged(test, changed, trials["fold"].n_unique(), ordered.height)
    row = {
        "trials": trials["parameters"].n_unique(),
        "pruned": int(trials["pruned"].sum()),
        "changed_folds": changed,
        "tuned": float(tuned.mean()) if tuned.size else None,
        "untuned": float(untuned.mean()) if untuned.size else None,
        **({**test.figures(), "power": test.power(MINIMUM_EFFECT)} if test else {}),
        "sessions": ordered.height,
        "result": result,
        "reason": reason,
    }
    return pl.DataFrame([row], schema=types_of_folds(TUNING_GAIN))


def chosen_by_fold(trials: pl.DataFrame) -> dict[int, Mapping[str, Any]]:
    """Return the parameters that the model of each fold has, of rows of `models.tuning_trials`."""
    rows = trials.filter("chosen").sort("fold").select("fold", "parameters")
    return {fold: json.loads(parameters) for fold, parameters in rows.iter_rows()}


def chosen_of_last(trials: pl.DataFrame) -> Mapping[str, Any]:
    """Return the parameters of the last fold that was searched; nothing without a search."""
    chosen = chosen_by_fold(trials)
    return chosen[max(chosen)] if chosen else {}


def _judged(test: PairedTest | None, changed: int, folds: int, sessions: int) -> tuple[str, str]:
    if changed == 0:
        return "nothing", f"the search bought nothing: each of {folds} folds kept the parameters of the configuration"
    if test is None:
        return "nothing", f"nothing is known of what the search bought: {sessions} sessions are too few to test"
    side = "lower" if test.difference >= 0 else "higher"
    figures = (
        f"log loss {side} by {abs(test.difference):.6f} a session on {test.sessions} sessions, "
        f"t {test.statistic:.2f} of {test.critical:.2f} needed; "
        f"{test.detectable():.6f} would be found four times out of five"
    )
    if test.is_better:
        return "bought", f"the search bought something: {figures}"
    if test.statistic < -test.critical:
        return "cost", f"the search cost something, beyond what chance makes of equals: {figures}"
    return "nothing", f"the search bought nothing that chance would not: {figures}"
