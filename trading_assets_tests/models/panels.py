"""Small panels of bars and features, with or without something to learn."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from functools import cache

import numpy as np
import polars as pl

from trading_assets.config.models import Model, WalkForward
from trading_assets.models.run import ModelRun, run_model
from trading_assets.models.samples import RowNumbers, Samples, build_samples
from trading_assets.models.splits import walk_forward
from trading_assets.models.training import Fit, Learner, beside_baselines, training_set

FIRST = dt.date(2010, 1, 4)
SETTINGS = Model(
    train_sessions=150, test_sessions=60, embargo_sessions=5, trees=10, learning_rate=0.5, min_rows=100, ridge=1.0
)
NO_HOLDOUT = dt.date.max


def weekdays(count: int) -> list[dt.date]:
    days = (FIRST + dt.timedelta(days=number) for number in range(2 * count))
    return [date for date in days if date.weekday() < 5][:count]


def bars(symbols: int = 6, sessions: int = 330, seed: int = 0, missing: float = 0.0) -> pl.DataFrame:
    """symbol, session, adj_open: independent random walks, with some bars missing."""
    rng = np.random.default_rng(seed)
    paths = 50 * np.exp(np.cumsum(0.02 * rng.standard_normal((symbols, sessions)), axis=1))
    frame = pl.DataFrame(
        {
            "symbol": np.repeat([f"S{number}" for number in range(symbols)], sessions),
            "session": weekdays(sessions) * symbols,
            "adj_open": paths.ravel(),
        }
    )
    return frame.filter(pl.Series(rng.random(frame.height) >= missing))


def benchmark(frame: pl.DataFrame) -> pl.DataFrame:
    """An index that drifts upward, on every session of the panel."""
    sessions = frame["session"].unique().sort()
    return pl.DataFrame(
        {"symbol": ["INDEX"] * len(sessions), "session": sessions, "adj_open": 100 * 1.0005 ** np.arange(len(sessions))}
    )


def features(frame: pl.DataFrame, horizon: int, strength: float, seed: int = 1) -> pl.DataFrame:
    """`signal` tells the forward return with the given strength (0: nothing); `noise` and `other` tell nothing.

    A tenth of the values is missing.
    """
    rng = np.random.default_rng(seed)
    own = pl.col("adj_open")
    forward = (own.shift(-1 - horizon) / own.shift(-1) - 1).over("symbol").fill_null(0.0)
    ordered = frame.sort("symbol", "session").with_columns((forward / 0.02 / np.sqrt(horizon)).alias("forward"))
    draws = rng.standard_normal((3, ordered.height))
    holes = rng.random((3, ordered.height)) < 0.1
    columns = {
        "signal": strength * ordered["forward"].to_numpy() + draws[0],
        "noise": draws[1],
        "other": draws[2],
    }
    return ordered.select("symbol", "session").with_columns(
        pl.Series(name, np.where(hole, np.nan, values)).fill_nan(None)
        for (name, values), hole in zip(columns.items(), holes, strict=True)
    )


@cache
def samples(
    strength: float = 1.0, horizon: int = 5, sessions: int = 330, missing: float = 0.0, seed: int = 0
) -> Samples:
    panel = bars(sessions=sessions, missing=missing, seed=seed)
    return build_samples(panel, benchmark(panel), features(panel, horizon, strength), horizon)


def dates_of(made: Samples) -> list[dt.date]:
    return made.keys["session"].unique().sort().to_list()


def run(
    made: Samples,
    settings: WalkForward = SETTINGS,
    holdout_start: dt.date = NO_HOLDOUT,
    seed: int = 3,
    fits: Mapping[str, bytes] | None = None,
) -> ModelRun:
    folds = walk_forward(dates_of(made), settings)
    return run_model(made, folds, settings, name="model", seed=seed, holdout_start=holdout_start, fits=fits)


@cache
def trained() -> ModelRun:
    """The plain case, trained once for all tests that only look at it."""
    return run(samples())


def labelled(made: Samples, count: int) -> RowNumbers:
    """The first rows that could train."""
    return np.flatnonzero(~np.isnan(made.label) & made.scorable())[:count]


def fit(made: Samples, rows: RowNumbers, learner: Learner) -> Fit:
    """Model and baselines of some rows."""
    training = training_set(made, rows)
    return beside_baselines(learner.fit(training), training, learner.settings)
