"""A market in which one parameter decides what can be learnt, and one in which nothing can."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import polars as pl

from trading_assets.config.models import Model
from trading_assets.config.tuning import Range, Tuning
from trading_assets.models.samples import Samples, build_samples
from trading_assets_tests.models.panels import SETTINGS, bars, benchmark

HORIZON = 5
#: What says nothing of depth, and adds little of what is noise.
SLOW = {"trees": 15, "learning_rate": 0.3, "depth": 1, "horizon": HORIZON}


def searching(trials: int = 6, **more: Any) -> Model:
    """Trees of one level, which a search may make deeper: one level adds up features, two know of their product."""
    tune = Tuning(search={"depth": Range(low=1, high=3)}, trials=trials, inner_folds=2, **more)
    return SETTINGS.model_copy(update={**SLOW, "tune": tune})


@cache
def of_products(share: float, sessions: int = 420, seed: int = 0) -> Samples:
    """Two features whose product has the sign of the forward return in a share of the rows, and which alone tell
    nothing; a third is noise. Of share 0 all is noise.
    """
    panel = bars(sessions=sessions, seed=seed)
    rng = np.random.default_rng(seed + 1)
    own = pl.col("adj_open")
    forward = (own.shift(-1 - HORIZON) / own.shift(-1) - 1).over("symbol").fill_null(0.0)
    ordered = panel.sort("symbol", "session").with_columns(forward.alias("forward"))
    sign = np.where(ordered["forward"].to_numpy() > 0, 1.0, -1.0)
    one = rng.choice([-1.0, 1.0], ordered.height)
    told = rng.random(ordered.height) < share
    other = np.where(told, one * sign, rng.choice([-1.0, 1.0], ordered.height))
    size = np.abs(rng.standard_normal((2, ordered.height)))
    columns = {"one": one * size[0], "other": other * size[1], "noise": rng.standard_normal(ordered.height)}
    made = ordered.select("symbol", "session").with_columns(pl.Series(name, each) for name, each in columns.items())
    return build_samples(panel, benchmark(panel), made, HORIZON)
