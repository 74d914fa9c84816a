"""Small tables of the stages before, from random walks: what a strategy reads."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import polars as pl
import yaml

from trading_assets.backtests.backtest import PreparedBacktest, prepare
from trading_assets.config import Configuration, load_configuration
from trading_assets.config.strategies import StrategyParameters
from trading_assets.features.indicators import indicators
from trading_assets.market_data.tables import BARS, INSTRUMENTS, QUARANTINE, SESSIONS, UNIVERSE
from trading_assets.strategies import equity_momentum
from trading_assets.strategies.evaluation.inputs import Frames
from trading_assets.strategies.interface.module import StrategyModule
from trading_assets.strategies.interface.resolved import ConfiguredStrategy, ResolvedStrategy, resolve_strategy

FIRST = dt.date(2001, 1, 1)  # a Monday
SYMBOLS = ("AAA", "BBB", "CCC", "DDD")
BENCHMARK = "IDX"


SETTINGS = {
    "name": "small",
    "seed": 3,
    "start": FIRST,
    "market_data": [{"source": "synthetic", "asset_class": "equity"}],
    "benchmarks": {"equity": BENCHMARK},
    "strategies": {"breakout": {"type": "equity_momentum"}, "wide": {"type": "equity_momentum", "stop_atr": 4}},
}


def configuration(**changes: object) -> Configuration:
    """Two equity strategies on every symbol; no source is read, and parameters are as given."""
    return Configuration.model_validate(SETTINGS | changes)


def loaded(folder: Path, **changes: object) -> Configuration:
    """The same, loaded from a file as a user's would be: with the parameters of the strategies' types."""
    path = folder / "small.yaml"
    path.write_text(yaml.safe_dump(SETTINGS | changes))
    return load_configuration(path, folder)


def weekdays(count: int) -> list[dt.date]:
    days = (FIRST + dt.timedelta(days=k) for k in range(2 * count + 7))
    return [day for day in days if day.weekday() < 5][:count]


def bars_of(symbol: str, closes: np.ndarray, sessions: list[dt.date], asset_class: str = "equity") -> pl.DataFrame:
    """Bars that open where the last one closed, without corporate actions."""
    opens = np.concatenate([closes[:1], closes[:-1]])
    rows = pl.DataFrame(
        {
            "session": sessions,
            "open": opens,
            "high": np.maximum(opens, closes) * 1.01,
            "low": np.minimum(opens, closes) * 0.99,
            "close": closes,
        }
    )
    prices = ("open", "high", "low", "close")
    return BARS.conform(
        rows.with_columns(
            symbol=pl.lit(symbol),
            asset_class=pl.lit(asset_class),
            volume=pl.lit(1e7),
            split_ratio=pl.lit(1.0),
            cash_dividend=pl.lit(0.0),
            forward_factor=pl.lit(1.0),
            dollar_volume=pl.col("close") * 1e7,
            flags=pl.lit([], dtype=pl.List(pl.String)),
            source=pl.lit("test"),
            **{f"adj_{name}": pl.col(name) for name in prices},
        )
    )


def frames(sessions: int = 400, seed: int = 0, symbols: tuple[str, ...] = SYMBOLS) -> Frames:
    """Trending random walks of equities on weekdays, and an index."""
    random = np.random.default_rng(seed)
    days = weekdays(sessions)
    walks = {symbol: 50 * np.exp(np.cumsum(random.normal(0.0015, 0.015, sessions))) for symbol in (*symbols, BENCHMARK)}
    bars = pl.concat(
        bars_of(symbol, walk, days, "index" if symbol == BENCHMARK else "equity") for symbol, walk in walks.items()
    )
    return frames_of(bars)


def frames_of(bars: pl.DataFrame, calendar: str = "XNYS", **changes: pl.DataFrame) -> Frames:
    """The other tables that go with bars: weekdays expected, every symbol but the index in the universe."""
    bars = bars.sort("symbol", "session")
    days = bars["session"].unique().sort()
    symbols = bars.group_by("symbol", "asset_class").agg(
        first_session=pl.col("session").min(), last_session=pl.col("session").max()
    )
    traded = symbols.filter(pl.col("asset_class") != "index")
    tables: dict[str, Any] = {
        "bars": bars,
        "quarantine": QUARANTINE.empty(),
        "sessions": SESSIONS.conform(pl.DataFrame({"calendar": calendar, "session": days})),
        "instruments": INSTRUMENTS.conform(
            symbols.with_columns(
                calendar=pl.lit(calendar),
                source=pl.lit("test"),
                delisted=pl.lit(None, pl.Date),
                synthetic=pl.lit(True),
                in_universe=pl.col("asset_class") != "index",
            )
        ),
        "indicators": indicators(bars),
        "daily": pl.DataFrame(),
        "predictions": pl.DataFrame(schema={"symbol": pl.String, "session": pl.Date, "score": pl.Float64}),
        "universe": UNIVERSE.conform(
            traded.select("symbol", "asset_class", start="first_session", end=pl.lit(None, pl.Date))
        ),
    }
    tables |= changes
    return Frames(strategy=_momentum(tables["instruments"]), **tables)


def frames_for(experiment: Configuration, name: str, tables: Frames) -> Frames:
    """The same tables for another strategy, one of `experiment`."""
    return replace(tables, strategy=resolve_strategy(experiment, name, tables.instruments))


def prepare_strategy(experiment: Configuration, name: str, tables: Frames) -> PreparedBacktest:
    """Resolve strategy `name` on the tables and prepare it."""
    return prepare(experiment, frames_for(experiment, name, tables))


def configured_as(
    name: str, module: Any, parameters: StrategyParameters, members: tuple[str, ...] = ()
) -> ConfiguredStrategy:
    """A strategy of a module, whatever any configuration says."""
    return ConfiguredStrategy(name=name, module=module, parameters=parameters, universe="all", members=members)


def _momentum(instruments: pl.DataFrame) -> ResolvedStrategy:
    """`equity_momentum` with its defaults on everything, until `frames_for` names another one."""
    return ResolvedStrategy(
        name="momentum",
        module=cast(StrategyModule, equity_momentum),
        parameters=equity_momentum.Parameters(),
        universe="all",
        members=(),
        instruments=instruments,
        benchmark=None,
    )
