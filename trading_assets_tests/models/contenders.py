"""Scores of models of which it is known how good they are, as candidates of a champion."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl

from trading_assets.models.champions import Contender
from trading_assets_tests.models.panels import weekdays

HORIZON = 5


def make_labels(sessions: int = 800, symbols: int = 6, seed: int = 0) -> pl.DataFrame:
    """symbol, session, label, label_end, relative_return, chance: coins whose chances are drawn; ends six sessions on.

    The last six sessions have no label yet.
    """
    rng, days = np.random.default_rng(seed), weekdays(sessions)
    chance = rng.uniform(0.2, 0.8, (symbols, sessions))
    label = (rng.random((symbols, sessions)) < chance).astype(np.int8)
    ends = [*days[HORIZON + 1 :], *[None] * (HORIZON + 1)]
    rows = pl.DataFrame(
        {
            "symbol": np.repeat([f"S{number}" for number in range(symbols)], sessions),
            "session": days * symbols,
            "label": label.ravel(),
            "label_end": ends * symbols,
            "relative_return": (0.02 * (label - 0.5)).ravel(),
            "chance": chance.ravel(),
        },
        schema_overrides={"label_end": pl.Date, "label": pl.Int8},
    )
    over = pl.col("label_end").is_not_null()
    return rows.with_columns(pl.when(over).then(name).alias(name) for name in ("label", "relative_return"))


def make_contender(name: str, labels: pl.DataFrame, skill: float, seed: int = 1) -> Contender:
    """Scores between one half and the true chances: skill 1 knows these, skill 0 nothing; a little noise in either."""
    noise = np.random.default_rng(seed).normal(0, 0.02, labels.height)
    score = 0.5 + skill * (pl.col("chance") - 0.5) + pl.Series(noise)
    return Contender(name, "coins", HORIZON, labels.with_columns(score.clip(0.01, 0.99).alias("score")).drop("chance"))


def cut(contender: Contender, end: dt.date) -> Contender:
    """What is known at a close: no later session, and no label that ends later."""
    rows = contender.rows.filter(pl.col("session") <= end)
    known = pl.col("label_end") <= end
    rows = rows.with_columns(
        pl.when(known).then(name).alias(name) for name in ("label", "relative_return", "label_end")
    )
    return Contender(contender.name, contender.target, contender.horizon, rows)
