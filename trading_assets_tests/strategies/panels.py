"""Markets of random walks with every feature, and what a strategy decides on them."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import polars as pl

from trading_assets.config.models import Model
from trading_assets.config.plugins import strategy_module
from trading_assets.config.sections import Regimes
from trading_assets.config.strategies import StrategySettings, members_of
from trading_assets.features.daily import daily_features
from trading_assets.features.indicators import indicators
from trading_assets.models.regimes import regime_probabilities
from trading_assets.strategies.evaluation.decide import StrategyDecisions, decide
from trading_assets.strategies.evaluation.inputs import Frames, panel_of
from trading_assets_tests.backtests.frames import BENCHMARK, configuration, frames, frames_for, frames_of

SESSIONS = 400
#: A model that a gate may name; its scores are those of the market.
OF_ENTRIES = Model(label="triple_barrier", primary="equity_momentum")
SYMBOLS = tuple(f"S{number:02d}" for number in range(9))


@cache
def market() -> Frames:
    """Nine equities and an index on weekdays, with holes, features and scores."""
    tables = frames(SESSIONS, seed=4, symbols=SYMBOLS)
    random = np.random.default_rng(4)
    kept = pl.Series(random.random(tables.bars.height) > 0.004)
    return complete(tables.bars.filter(kept | (tables.bars["symbol"] == BENCHMARK)))


def complete(bars: pl.DataFrame) -> Frames:
    """All that a strategy reads, computed from bars."""
    score = (pl.col("adj_close") * 7.3) % 1  # of the session's own close
    return frames_of(
        bars,
        indicators=indicators(bars),
        daily=daily_features(bars, {"equity": BENCHMARK}),
        predictions=bars.select("symbol", "session", score=score),
    )


def settings(strategy_type: str, **parameters: object) -> StrategySettings:
    """Settings of a strategy as they come out of a loaded file."""
    made = strategy_module(strategy_type).Parameters(**parameters)
    return StrategySettings(type=strategy_type, parameters=made)


def decided(strategies: dict[str, StrategySettings], name: str, tables: Frames) -> StrategyDecisions:
    """What strategy `name` decides, after those that it is made of."""
    experiment = configuration().model_copy(update={"strategies": strategies, "models": {"of_entries": OF_ENTRIES}})
    of_members = [decided(strategies, member, tables).target_weights for member in members_of(strategies[name])]
    if of_members:
        tables = replace(tables, target_weights=pl.concat(of_members), regimes=regimes(tables))
    own = frames_for(experiment, name, tables)
    return decide(own.strategy, [panel_of(experiment, own)], experiment.risk)


def regimes(tables: Frames) -> pl.DataFrame:
    """Rows of `models.regimes` of the index."""
    own = tables.daily.filter(symbol=BENCHMARK)
    return regime_probabilities(own, Regimes(number=2, min_sessions=100), benchmark=BENCHMARK, seed=1)


def panel(strategy_type: str, tables: Frames | None = None) -> pl.DataFrame:
    """What a strategy of a type sees."""
    experiment = configuration().model_copy(update={"strategies": {"s": settings(strategy_type)}})
    return panel_of(experiment, frames_for(experiment, "s", tables or market()))


def rows_of(frame: pl.DataFrame) -> list[dict[str, Any]]:
    return list(frame.iter_rows(named=True))
