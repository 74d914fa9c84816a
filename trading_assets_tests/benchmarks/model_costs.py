"""Processor seconds of a model's training beside what is asked of it besides. Arguments: families.

505 symbols over 1,260 sessions, 48 features that are drawn, of which the first tells a little; two folds. A line of
JSON a family: `seconds` by part as `models.costs` has them, and `peak_mb`.
"""

from __future__ import annotations

import datetime as dt
import json
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl

from trading_assets.config.models import FAMILIES
from trading_assets.models.run import run_model
from trading_assets.models.samples import Samples
from trading_assets.models.splits import walk_forward

SYMBOLS, SESSIONS, FEATURES, HORIZON = 505, 1_260, 48, 5
TEST_SESSIONS = 378
#: Families that have others in them.
_MEMBERS = {"stacking": {"members": [{"type": "xgboost"}, {"type": "ridge"}, {"type": "random_forest"}]}}
_NEVER = np.iinfo(np.int32).max


def drawn_samples() -> tuple[Samples, list[dt.date]]:
    """Return rows of a market, and its sessions."""
    rng = np.random.default_rng(0)
    days = pl.date_range(dt.date(2015, 1, 1), dt.date(2022, 1, 1), eager=True).head(SESSIONS)
    rows, place = SYMBOLS * SESSIONS, np.tile(np.arange(SESSIONS), SYMBOLS)
    session = np.tile(days.cast(pl.Int32).to_numpy(), SYMBOLS)
    features = rng.standard_normal((rows, FEATURES), dtype=np.float32)
    earned = 0.02 * rng.standard_normal(rows) + 0.002 * features[:, 0]
    is_over = place + HORIZON + 1 < SESSIONS
    ends = np.where(is_over, session + HORIZON + 1, _NEVER).astype(np.int32)
    label = np.where(is_over, (earned > 0).astype(np.float32), np.nan).astype(np.float32)
    keys = pl.DataFrame(
        {
            "symbol": np.repeat([f"S{number:03d}" for number in range(SYMBOLS)], SESSIONS),
            "session": pl.concat([days] * SYMBOLS),
            "label_end": pl.Series(np.where(is_over, ends, 0)).cast(pl.Int32).cast(pl.Date),
            "label": pl.Series(label).fill_nan(None).cast(pl.Int8),
        }
    )
    made = Samples(
        keys=keys,
        features=features,
        names=tuple(f"f{number:02d}" for number in range(FEATURES)),
        session=session.astype(np.int32),
        label_end=ends,
        label=label,
        relative_return=np.where(is_over, earned, np.nan),
        first=np.arange(rows) + 1,
        span=HORIZON + 1,
        target=np.where(is_over, earned, np.nan).astype(np.float32),
    )
    return made, days.to_list()


def costs_of(family: str, samples: Samples, days: list[dt.date]) -> dict[str, Any]:
    """Train a family as shipped and return what it took."""
    members = _MEMBERS.get(family, {})
    settings = FAMILIES[family].model_validate({"type": family, "test_sessions": TEST_SESSIONS, **members})
    if settings.label not in ("size", "rank"):
        samples = replace(samples, target=None)
    run = run_model(samples, walk_forward(days, settings), settings, name=family, seed=1, holdout_start=dt.date.max)
    seconds = {part: round(each, 1) for part, each in run.costs.seconds.items()}
    return {"family": family, "seconds": seconds, "peak_mb": round(run.costs.peak_mb)}


if __name__ == "__main__":
    made = drawn_samples()
    for name in sys.argv[1:]:
        print(json.dumps(costs_of(name, *made)), flush=True)
