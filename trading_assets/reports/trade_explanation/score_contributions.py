"""What stood behind one score: the kept model of its fold is asked again what each feature's value added."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from trading_assets.config import Configuration
from trading_assets.models.explanations import contributions
from trading_assets.models.samples import matrix_of
from trading_assets.models.tables import FITS
from trading_assets.models.threads import one_thread
from trading_assets.models.training import learner_of
from trading_assets.warehouse import Warehouse

SCHEMA = {"feature": pl.String, "value": pl.Float64, "contribution": pl.Float64}


def score_contributions(
    warehouse: Warehouse, configuration: Configuration, prediction: Mapping[str, Any], features: Mapping[str, Any]
) -> pl.DataFrame:
    """Return what each feature added to a score: feature, value, contribution; the largest first.

    Empty where nothing can be said: the model of the fold is not kept (a user's own, a large one, one of an earlier
    version), or it does not give this score for the features as they are stored now.

    Parameters
    ----------
    warehouse, configuration
        Where the models of folds are, and the section of the model.
    prediction
        Row of `models.predictions`, of a champion with the name of who was champion; empty: the strategy looks at no
        model.
    features
        Row of `features.daily` of the same symbol and session.

    Returns
    -------
    pl.DataFrame
        `contribution` is in log-odds of boosted trees, and as `contributions` has it of others; null `value`: missing.
    """
    model, names = prediction.get("model"), sorted(set(features) - {"symbol", "session"})
    if model not in configuration.models or not names:
        return pl.DataFrame(schema=SCHEMA)
    kept = warehouse.read_or_empty(FITS, where="model = ? AND fold = ?", parameters=[model, prediction["fold"]])
    if kept.is_empty():
        return pl.DataFrame(schema=SCHEMA)
    curved = prediction.get("uncalibrated")  # of a calibrated score what the model itself said
    said = prediction["score"] if curved is None else curved
    fitted = learner_of(configuration, model).load(base64.b64decode(kept["content"][0]))
    row = matrix_of(pl.DataFrame([features]).select(pl.col(names).cast(pl.Float64)), names, pl.Series([0]))
    with one_thread():
        try:
            is_same = fitted.score(row)[0] == said
        except Exception:  # it was trained on other columns, for which each library has an error of its own
            is_same = False
        added = contributions(fitted, row)[0] if is_same else np.empty(0)
    if not is_same:
        return pl.DataFrame(schema=SCHEMA)
    found = pl.DataFrame({"feature": names, "value": [features[name] for name in names], "contribution": added})
    return found.cast(pl.Schema(SCHEMA)).sort(pl.col("contribution").abs(), descending=True, maintain_order=True)
