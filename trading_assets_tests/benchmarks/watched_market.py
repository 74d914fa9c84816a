"""A market whose edge comes, breaks and returns, and what is configured to live through it."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import polars as pl

from trading_assets.market_data import calendars
from trading_assets_tests.daily_bars import daily_bars

START, TRAIN, VALIDATION = dt.date(2014, 1, 2), dt.date(2015, 1, 2), dt.date(2016, 4, 1)
#: The year that is watched, which is the holdout, and what it is made of: name and first session of each part.
YEAR, END = dt.date(2016, 10, 3), dt.date(2017, 9, 29)
PARTS = (("edge", dt.date(2014, 1, 2)), ("break", dt.date(2016, 12, 15)), ("return", dt.date(2017, 4, 17)))
SYMBOLS = ("IDX", *"ABCDEFGHIJ")
#: A session's expected move in the direction of its spell, the mean length of a spell, and the noise.
MOVE, SPELL, NOISE = 0.006, 40, 0.01

_WALK: dict[str, Any] = {"train_sessions": 250, "test_sessions": 21, "min_rows": 100, "horizon": 3}
SETTINGS: dict[str, Any] = {
    "name": "watched",
    "seed": 7,
    "start": str(START.replace(day=1)),
    "market_data": [{"source": "files", "asset_class": "equity", "path": "bars.csv"}],
    "benchmarks": {"equity": "IDX"},
    "splits": {
        "train": [str(TRAIN), str(VALIDATION - dt.timedelta(days=1))],
        "validation": [str(VALIDATION), str(YEAR - dt.timedelta(days=1))],
        "holdout": [str(YEAR), str(END)],
    },
    "models": {
        "dull": {**_WALK, "trees": 1, "learning_rate": 0.001},
        "keen": {**_WALK, "type": "logistic", "expanding": False},
    },
    "champions": {"week": {"candidates": ["dull", "keen"]}},
    "strategies": {"learnt": {"type": "ml", "model": "week", "entry_score": 0.52}},
    "registration": {"learnt": {"registered_on": str(YEAR - dt.timedelta(days=1)), "hypothesis": "Trends of weeks."}},
    "robustness": {
        "resamples": 20,
        "permutations": 20,
        "cross_validation_blocks": 4,
        "look_ahead_cuts": 1,
        "stress_scenarios": ["flash_crash"],
        "grids": {"learnt": {"stop_atr": [2.0, 2.5]}},
    },
    "reports": {"data_docs": False},
}


def market(seed: int = 3) -> pl.DataFrame:
    """Daily bars. The index goes nowhere; each stock has spells of some forty sessions in which it rises or falls.

    While the edge is broken a stock moves against its last twenty sessions: what tells a trend tells the wrong side.
    """
    days, rng = calendars.sessions("XNYS", START, END), np.random.default_rng(seed)
    _, broken, again = (sum(day < first for day in days) for _, first in PARTS)
    frames = []
    for symbol in SYMBOLS:
        side = np.where(np.cumsum(rng.random(len(days)) < 1 / SPELL) % 2 == rng.integers(2), 1.0, -1.0)
        noise, level = rng.normal(0, NOISE, len(days)), np.zeros(len(days) + 1)
        for day in range(len(days)):
            if broken <= day < again:
                side[day] = -np.sign(level[day] - level[max(day - 20, 0)])
            move = 0.3 * noise[day] if symbol == "IDX" else MOVE * side[day] + noise[day]
            level[day + 1] = level[day] + move
        closes, opens = 100 * np.exp(level[1:]), 100 * np.exp(level[:-1] + rng.normal(0, 0.001, len(days)))
        frames.append(daily_bars(symbol, days, opens, closes, rng.uniform(5e6, 1e7, len(days)).round()))
    return pl.concat(frames)


def part_of(day: dt.date) -> str:
    """Return what part of the market's life a day is of."""
    return [name for name, first in PARTS if first <= day][-1]
