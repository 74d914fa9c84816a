"""A small market whose models are registered, and a week more of it that has features and no scores yet."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path
from typing import Any

import polars as pl

from trading_assets_tests.end_to_end.test_champion import SETTINGS, market
from trading_assets_tests.robustness.pipeline import Experiment

WALK: dict[str, Any] = {"train_sessions": 250, "test_sessions": 60, "min_rows": 100}
#: The last session that models have scored, and the last that has features.
SCORED, FEATURED = dt.date(2017, 6, 23), dt.date(2017, 6, 30)
#: First session of the last fold.
REFIT = dt.date(2017, 6, 6)
OWN: dict[str, Any] = {
    "models": {
        "trees": {**WALK, "trees": 10, "learning_rate": 0.3, "calibrate": True},
        "line": {**WALK, "type": "logistic"},
        "shut": {**WALK, "type": "ridge"},
    },
    "champions": {"best": {"candidates": ["trees", "line"]}},
    "strategies": {"learnt": {"type": "ml", "model": "best"}},
}
BARS = ("market_data/raw_bars", "market_data/bars", "features/daily", "models/splits")
MODELS = ("models/trees", "models/line", "models/shut", "models/champion/best")


def write_until(folder: Path, last: dt.date, **changes: Any) -> Experiment:
    """The experiment with sessions to `last`, not run yet."""
    folder.mkdir(exist_ok=True)
    market().filter(pl.col("session") <= last).write_csv(folder / "bars.csv")
    made = Experiment(folder)
    made.write(**{**SETTINGS, **OWN, **changes})
    return made


def make_scored(folder: Path) -> Experiment:
    """Models run through `SCORED`; then bars and features, and nothing else, through `FEATURED`."""
    made = write_until(folder, SCORED)
    assert made.run(*BARS, *MODELS).success
    write_until(folder, FEATURED)
    assert made.run(*BARS).success
    return made


def copied(made: Experiment, folder: Path) -> Experiment:
    """A copy of it, to be changed."""
    shutil.copytree(made.folder, folder, dirs_exist_ok=True)
    return Experiment(folder)
