"""What a report shows, read from the warehouse in one place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import polars as pl

from trading_assets.backtests import tables as backtests
from trading_assets.config import Configuration
from trading_assets.config.strategies import StrategySettings
from trading_assets.models import tables as models
from trading_assets.robustness import tables as robustness
from trading_assets.strategies import tables as strategies
from trading_assets.warehouse import Rows, Table

#: A SQL model: see dbt_like_sql/market_data.
QUALITY_SUMMARY = "market_data.quality_summary"


class Reader(Protocol):
    """Anything that reads tables: a warehouse or a unit of work."""

    def read_or_empty(
        self,
        table: Table,
        *,
        columns: Sequence[str] | None = None,
        where: str = "",
        parameters: Sequence[object] = (),
        rows: Rows | None = None,
    ) -> pl.DataFrame:
        """Read a table; no rows if it does not exist."""
        ...

    def exists(self, table_name: str) -> bool:
        """Whether the table has been written."""
        ...

    def query(self, sql: str, parameters: Sequence[object] = (), *, reads: Sequence[str] = ()) -> pl.DataFrame:
        """The result of a SELECT."""
        ...


@dataclass(frozen=True)
class StrategyContent:
    """Everything that one strategy's page shows, as tables."""

    name: str
    settings: StrategySettings
    synthetic: bool
    benchmark: str | None
    status: pl.DataFrame
    verdicts: pl.DataFrame
    metrics: pl.DataFrame
    equity: pl.DataFrame
    baselines: pl.DataFrame
    trades: pl.DataFrame
    open_positions: pl.DataFrame
    decisions: pl.DataFrame
    sensitivity: pl.DataFrame
    sensitivity_summary: pl.DataFrame
    heatmaps: pl.DataFrame
    stress: pl.DataFrame
    splits: pl.DataFrame
    model_metrics: pl.DataFrame
    runs: pl.DataFrame
    quality: pl.DataFrame


def strategy_content(reader: Reader, configuration: Configuration, name: str) -> StrategyContent:
    """Read all tables of one strategy."""
    settings = configuration.strategies[name]
    own = Rows("strategy", name)
    model = getattr(settings.parameters, "model", None)
    status, verdicts = read_outcome(reader, name)
    return StrategyContent(
        name=name,
        settings=settings,
        synthetic=is_synthetic(configuration, settings),
        benchmark=_benchmark(configuration, settings),
        status=status,
        verdicts=verdicts,
        metrics=reader.read_or_empty(backtests.METRICS, rows=own),
        equity=reader.read_or_empty(backtests.EQUITY, rows=own),
        baselines=reader.read_or_empty(backtests.BASELINES, rows=own),
        trades=reader.read_or_empty(backtests.TRADES, rows=own),
        open_positions=reader.read_or_empty(backtests.OPEN_POSITIONS, rows=own),
        decisions=reader.read_or_empty(backtests.DECISIONS, rows=own),
        sensitivity=reader.read_or_empty(robustness.SENSITIVITY, rows=own),
        sensitivity_summary=reader.read_or_empty(robustness.SENSITIVITY_SUMMARY, rows=own),
        heatmaps=reader.read_or_empty(robustness.HEATMAPS, rows=own, where="metric = 'sharpe'"),
        stress=reader.read_or_empty(robustness.STRESS, rows=own),
        splits=reader.read_or_empty(models.SPLITS),
        model_metrics=reader.read_or_empty(models.METRICS, where="model = ?", parameters=[model])
        if model
        else models.METRICS.empty(),
        runs=reader.read_or_empty(backtests.RUNS, where="strategy = ?", parameters=[name]),
        quality=quality_counts(reader, settings.universe),
    )


def read_outcome(reader: Reader, name: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Status and verdict rows of a strategy."""
    status = reader.read_or_empty(strategies.STATUS, where="strategy = ?", parameters=[name])
    return status, reader.read_or_empty(robustness.VERDICTS, rows=Rows("strategy", name))


def is_synthetic(configuration: Configuration, settings: StrategySettings) -> bool:
    """Whether some of a strategy's prices are simulated."""
    simulated = {source.asset_class for source in configuration.market_data if source.source == "synthetic"}
    if isinstance(settings.universe, list):
        return bool(simulated)
    return bool(simulated) if settings.universe == "all" else settings.universe in simulated


def quality_counts(reader: Reader, asset_class: str | list[str] = "all") -> pl.DataFrame:
    """Bars that broke a rule, from `market_data.quality_summary`; of one asset class if one is named."""
    if not reader.exists(QUALITY_SUMMARY):
        return pl.DataFrame()
    counts = reader.query(f"SELECT * FROM {QUALITY_SUMMARY} ORDER BY ALL", reads=[QUALITY_SUMMARY])
    named = isinstance(asset_class, str) and asset_class != "all"
    return counts.filter(asset_class=asset_class).drop("asset_class") if named else counts


def _benchmark(configuration: Configuration, settings: StrategySettings) -> str | None:
    if settings.universe == "crypto":
        return configuration.benchmarks.get("crypto")
    return configuration.benchmarks.get("equity")
