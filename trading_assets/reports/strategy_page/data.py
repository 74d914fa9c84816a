"""What a report shows, read from the warehouse in one place."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import polars as pl

from trading_assets.analytics import tables as analytics
from trading_assets.backtests import tables as backtests
from trading_assets.backtests.tables import DEVELOPMENT, FULL
from trading_assets.config import Configuration
from trading_assets.config.strategies import StrategySettings
from trading_assets.market_data.quality import RULES
from trading_assets.models import tables as models
from trading_assets.protocol import Protocol
from trading_assets.protocol.chronicle import chronicle
from trading_assets.reports.notes import notes_of, resolved_from
from trading_assets.reports.strategy_page.trade_bars import candles, excursions
from trading_assets.robustness import tables as robustness
from trading_assets.robustness.tables import EVERY_STRATEGY
from trading_assets.strategies import tables as strategies
from trading_assets.strategies.interface.resolved import ResolvedStrategy
from trading_assets.warehouse import Rows, Warehouse

#: A SQL model: see dbt_like_sql/market_data.
QUALITY_SUMMARY = "market_data.quality_summary"


@dataclass(frozen=True)
class StrategyContent:
    """Everything that one strategy's page shows, as tables."""

    name: str
    settings: StrategySettings
    hypothesis: str
    synthetic: bool
    benchmark: str | None
    notes: list[str]
    status: pl.DataFrame
    verdicts: pl.DataFrame
    earlier_verdicts: pl.DataFrame
    metrics: pl.DataFrame
    equity: pl.DataFrame
    baselines: pl.DataFrame
    trades: pl.DataFrame
    excursions: pl.DataFrame
    candles: pl.DataFrame
    open_positions: pl.DataFrame
    liquidation_plan: pl.DataFrame
    decisions: pl.DataFrame
    orders: pl.DataFrame
    fills: pl.DataFrame
    sensitivity: pl.DataFrame
    sensitivity_summary: pl.DataFrame
    choices: pl.DataFrame
    heatmaps: pl.DataFrame
    stress: pl.DataFrame
    stress_equity: pl.DataFrame
    breakdown: pl.DataFrame
    overfitting: pl.DataFrame
    every_strategy: pl.DataFrame
    logits: pl.DataFrame
    resampling: pl.DataFrame
    bands: pl.DataFrame
    splits: pl.DataFrame
    model_metrics: pl.DataFrame
    champions: pl.DataFrame
    tuning_gain: pl.DataFrame
    runs: pl.DataFrame
    protocol: pl.DataFrame
    quality: pl.DataFrame
    contributions: pl.DataFrame
    factor_exposures: pl.DataFrame
    signal_quality: pl.DataFrame
    capacity: pl.DataFrame
    overlap: pl.DataFrame

    @property
    def longest_split(self) -> str:
        """The continuous run that reaches furthest: through the holdout once it was looked at."""
        return FULL if FULL in self.equity["split"] else DEVELOPMENT


def strategy_content(warehouse: Warehouse, configuration: Configuration, name: str) -> StrategyContent:
    """Read all tables of one strategy.

    Parameters
    ----------
    warehouse, configuration
        Warehouse, and the configuration that the strategy is of.
    name
        Name of the strategy.
    """
    strategy = resolved_from(warehouse, configuration, name)
    protocol = chronicle(Protocol.of(configuration).read(), (configuration.name, name))
    notes = notes_of(warehouse, configuration, name)
    registered = configuration.registration.get(name)
    hypothesis = registered.hypothesis if registered else ""
    with warehouse.held_open() as held:
        return _content_of(held, configuration.strategies[name], name, strategy, protocol, notes, hypothesis)


def _content_of(
    warehouse: Warehouse,
    settings: StrategySettings,
    name: str,
    strategy: ResolvedStrategy | None,
    protocol: pl.DataFrame,
    notes: list[str],
    hypothesis: str,
) -> StrategyContent:
    own = Rows("strategy", name)
    model = getattr(settings.parameters, "model", None)
    status, verdicts = read_outcome(warehouse, name)
    trades = warehouse.read_or_empty(backtests.TRADES, rows=own)
    equity = warehouse.read_or_empty(backtests.EQUITY, rows=own)
    longest = FULL if FULL in equity["split"] else DEVELOPMENT
    of_run, last = trades.filter(split=longest), equity.filter(split=longest)["session"].max()
    champions = warehouse.read_or_empty(models.CHAMPIONS, rows=Rows("model", model or ""))
    searched = [[model or "", *champions["candidate"].unique().sort()]]
    return StrategyContent(
        name=name,
        settings=settings,
        hypothesis=hypothesis,
        synthetic=strategy is not None and bool(strategy.instruments["synthetic"].any()),
        benchmark=strategy.benchmark if strategy else None,
        notes=notes,
        status=status,
        verdicts=verdicts,
        earlier_verdicts=warehouse.read_or_empty(robustness.EARLIER_VERDICTS, rows=own),
        metrics=warehouse.read_or_empty(backtests.METRICS, rows=own),
        equity=equity,
        baselines=warehouse.read_or_empty(backtests.BASELINES, rows=own),
        trades=trades,
        excursions=excursions(warehouse, of_run),
        candles=candles(warehouse, of_run, last if isinstance(last, dt.date) else None),
        open_positions=warehouse.read_or_empty(backtests.OPEN_POSITIONS, rows=own),
        liquidation_plan=warehouse.read_or_empty(backtests.LIQUIDATION_PLAN, rows=own),
        decisions=warehouse.read_or_empty(backtests.DECISIONS, rows=own),
        orders=warehouse.read_or_empty(backtests.ORDERS, rows=own),
        fills=warehouse.read_or_empty(backtests.FILLS, rows=own),
        sensitivity=warehouse.read_or_empty(robustness.SENSITIVITY, rows=own),
        sensitivity_summary=warehouse.read_or_empty(robustness.SENSITIVITY_SUMMARY, rows=own),
        choices=warehouse.read_or_empty(robustness.CHOICES, rows=own),
        heatmaps=warehouse.read_or_empty(robustness.HEATMAPS, rows=own, where="metric = 'sharpe'"),
        stress=warehouse.read_or_empty(robustness.STRESS, rows=own),
        stress_equity=warehouse.read_or_empty(robustness.STRESS_EQUITY, rows=own),
        breakdown=warehouse.read_or_empty(robustness.BREAKDOWN, rows=own),
        overfitting=warehouse.read_or_empty(robustness.OVERFITTING, rows=own),
        every_strategy=warehouse.read_or_empty(robustness.OVERFITTING, rows=Rows("strategy", EVERY_STRATEGY)),
        logits=warehouse.read_or_empty(robustness.LOGITS, rows=own),
        resampling=warehouse.read_or_empty(robustness.RESAMPLING, rows=own),
        bands=warehouse.read_or_empty(robustness.BANDS, rows=own),
        splits=warehouse.read_or_empty(models.SPLITS),
        model_metrics=warehouse.read_or_empty(models.METRICS, where="model = ?", parameters=[model])
        if model
        else models.METRICS.empty(),
        champions=champions,
        tuning_gain=warehouse.read_or_empty(models.TUNING_GAIN, where="list_contains(?, model)", parameters=searched),
        runs=warehouse.read_or_empty(backtests.RUNS, where="strategy = ?", parameters=[name]),
        protocol=protocol,
        quality=quality_counts(warehouse, settings.universe),
        contributions=warehouse.read_or_empty(analytics.CONTRIBUTIONS, rows=own),
        factor_exposures=warehouse.read_or_empty(analytics.FACTOR_EXPOSURES, rows=own),
        signal_quality=warehouse.read_or_empty(analytics.SIGNAL_QUALITY, rows=own),
        capacity=warehouse.read_or_empty(analytics.CAPACITY, rows=own),
        overlap=warehouse.read_or_empty(analytics.OVERLAP, where="strategy = ?", parameters=[name]),
    )


def read_outcome(warehouse: Warehouse, name: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return status and verdict rows of a strategy."""
    with warehouse.held_open() as held:
        status = held.read_or_empty(strategies.STATUS, where="strategy = ?", parameters=[name])
        return status, held.read_or_empty(robustness.VERDICTS, rows=Rows("strategy", name))


def quality_counts(warehouse: Warehouse, asset_class: str | list[str] = "all") -> pl.DataFrame:
    """Return bars that broke a rule, from `market_data.quality_summary`; of one asset class if one is named."""
    if not warehouse.exists(QUALITY_SUMMARY):
        return pl.DataFrame()
    counts = warehouse.query(f"SELECT * FROM {QUALITY_SUMMARY} ORDER BY ALL", reads=[QUALITY_SUMMARY])
    meanings = {rule.name: rule.description for rule in RULES}
    counts = counts.with_columns(
        meaning=pl.col("reason").replace_strict(meanings, default=None, return_dtype=pl.String)
    )
    named = isinstance(asset_class, str) and asset_class != "all"
    return counts.filter(asset_class=asset_class).drop("asset_class") if named else counts
