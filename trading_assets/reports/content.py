"""What a report shows, read from the warehouse in one place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import polars as pl

from trading_assets.backtests import tables as backtests
from trading_assets.config import Configuration
from trading_assets.config.strategies import StrategySettings
from trading_assets.market_data import tables as market_data
from trading_assets.models import tables as models
from trading_assets.robustness import tables as robustness
from trading_assets.strategies import tables as strategies
from trading_assets.warehouse import Rows, Table


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
    stress: pl.DataFrame
    holdout_looks: pl.DataFrame
    splits: pl.DataFrame
    model_metrics: pl.DataFrame
    runs: pl.DataFrame


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
        stress=reader.read_or_empty(robustness.STRESS, rows=own),
        holdout_looks=reader.read_or_empty(robustness.HOLDOUT_LEDGER, where="strategy = ?", parameters=[name]),
        splits=reader.read_or_empty(models.SPLITS),
        model_metrics=reader.read_or_empty(models.METRICS, where="model = ?", parameters=[model])
        if model
        else models.METRICS.empty(),
        runs=reader.read_or_empty(backtests.RUNS, where="strategy = ?", parameters=[name]),
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


def quality_counts(reader: Reader) -> pl.DataFrame:
    """Rows quarantined and flagged by reason: kind, reason, rows, symbols, first, last."""
    quarantine = reader.read_or_empty(market_data.QUARANTINE, columns=["symbol", "session", "reasons"])
    bars = reader.read_or_empty(market_data.BARS, columns=["symbol", "session", "flags"], where="len(flags) > 0")
    return pl.concat(
        [
            _counts(quarantine.rename({"reasons": "reason"}), "quarantined"),
            _counts(bars.rename({"flags": "reason"}), "flagged"),
        ]
    )


def _counts(frame: pl.DataFrame, kind: str) -> pl.DataFrame:
    return (
        frame.explode("reason")
        .filter(pl.col("reason").is_not_null())
        .group_by("reason")
        .agg(
            pl.len().cast(pl.Int64).alias("rows"),
            pl.col("symbol").n_unique().cast(pl.Int64).alias("symbols"),
            pl.col("session").min().alias("first"),
            pl.col("session").max().alias("last"),
        )
        .sort("reason")
        .select(pl.lit(kind).alias("kind"), "reason", "rows", "symbols", "first", "last")
    )


def _benchmark(configuration: Configuration, settings: StrategySettings) -> str | None:
    if settings.universe == "crypto":
        return configuration.benchmarks.get("crypto")
    return configuration.benchmarks.get("equity")
