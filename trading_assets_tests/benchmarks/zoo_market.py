"""A market with an edge that no straight line can tell, which breaks and returns; and a model of each family on it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from trading_assets.config.models import FAMILIES
from trading_assets.market_data import calendars
from trading_assets.market_data.tables import BARS
from trading_assets_tests.daily_bars import daily_bars

START, TRAIN, VALIDATION = dt.date(2014, 1, 2), dt.date(2015, 1, 2), dt.date(2016, 4, 1)
#: From when on it is watched, a year and a half that is the holdout, and what the life of the market is made of.
YEAR, END = dt.date(2016, 10, 3), dt.date(2018, 3, 29)
PARTS = (("edge", START), ("break", dt.date(2016, 12, 15)), ("return", dt.date(2017, 3, 15)))
BENCHMARK, CHAMPION, RANKED = "IDX", "week", "ordered"
SYMBOLS = 16
#: What the next session moves by on the side that gap and volume tell together, and the noise of a session.
MOVE, NOISE, GAP = 0.006, 0.01, 0.005
WALK: Mapping[str, Any] = {
    "train_sessions": 250,
    "test_sessions": 21,
    "min_rows": 100,
    "horizon": 1,
    "expanding": False,
}
#: What families with others in them are made of.
_MEMBERS: Mapping[str, Mapping[str, Any]] = {
    "per_regime": {"feature": "volume_ratio_20", "member": {"type": "xgboost"}},
    "stacking": {"members": [{"type": "xgboost", "trees": 50}, {"type": "ridge"}, {"type": "mlp"}]},
}
#: Learns the order within a session, which no loss sets beside the others: a champion of its own, unopposed.
_OF_RANKS = "ranking"


def zoo(families: Sequence[str] = tuple(FAMILIES), **walk: Any) -> dict[str, Any]:
    """Return what is configured: a model of each family as shipped, named as it, and who competes.

    Parameters
    ----------
    families
        Which ones; the linear `logistic` is champion first.
    **walk
        Changes of the walk forward that all share.
    """
    ordered = sorted(families, key=lambda name: name != "logistic")
    models = {name: {"type": name, **WALK, **walk, **_MEMBERS.get(name, {})} for name in ordered}
    compete = [name for name in ordered if name != _OF_RANKS]
    return {
        "seed": 7,
        "benchmarks": {"equity": BENCHMARK},
        "models": models,
        "champions": {CHAMPION: {"candidates": compete}},
    }


def market(symbols: int = SYMBOLS, *, start: dt.date = START, end: dt.date = END, seed: int = 3) -> pl.DataFrame:
    """Return rows of `market_data.bars`: what a gap means hangs on the volume of its session.

    After a session of high volume the next one goes on in the direction of the gap that the session opened with, after
    one of low volume it goes back; half of the sessions are each. Neither of the two tells anything alone. While the
    edge is broken it is the other way round.

    Parameters
    ----------
    symbols
        Stocks, beside the index, which goes nowhere.
    start, end, seed
        First and last day, and the seed of the draws.
    """
    days, rng = calendars.sessions("XNYS", start, end), np.random.default_rng(seed)
    sign = np.array([-1.0 if part_of(day) == "break" else 1.0 for day in days])
    frames = [_bars(BENCHMARK, days, 0.3 * rng.normal(0, NOISE, len(days)), rng.normal(0, 0.001, len(days)), 1e7)]
    for number in range(symbols):
        gap, is_high = rng.normal(0, GAP, len(days)), rng.random(len(days)) < 0.5
        told = np.sign(gap) * np.where(is_high, 1.0, -1.0) * sign
        intraday = rng.normal(0, NOISE, len(days))
        intraday[1:] += MOVE * told[:-1]
        volume = np.where(is_high, 2e7, 5e6) * np.exp(rng.normal(0, 0.2, len(days)))
        frames.append(_bars(f"S{number:02d}", days, intraday, gap, volume))
    received = pl.concat(frames)
    is_index = pl.col("symbol") == BENCHMARK
    adjusted = {f"adj_{name}": pl.col(name) for name in ("open", "high", "low", "close")}
    return BARS.conform(
        received.with_columns(
            asset_class=pl.when(is_index).then(pl.lit("index")).otherwise(pl.lit("equity")),
            source=pl.lit("planted"),
            split_ratio=pl.lit(1.0),
            cash_dividend=pl.lit(0.0),
            forward_factor=pl.lit(1.0),
            dollar_volume=pl.col("close") * pl.col("volume"),
            flags=pl.lit([], dtype=pl.List(pl.String)),
            **adjusted,
        )
    )


def _bars(symbol: str, days: pl.Series, intraday: np.ndarray, gap: np.ndarray, volume: Any) -> pl.DataFrame:
    closes = 100 * np.exp(np.cumsum(gap + intraday))
    return daily_bars(symbol, days, closes * np.exp(-intraday), closes, np.broadcast_to(volume, closes.shape).round())


def part_of(day: dt.date) -> str:
    """Return what part of the market's life a day is of."""
    return [name for name, first in PARTS if first <= day][-1]
