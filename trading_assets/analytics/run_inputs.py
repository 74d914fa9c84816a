"""What the analytics of a strategy read: its longest open run, and bars up to that run's last session, none later."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import polars as pl

from trading_assets.backtests.engine.arrays import Market
from trading_assets.backtests.inputs.market_arrays import build_market
from trading_assets.backtests.inputs.market_axes import MarketAxes
from trading_assets.backtests.inputs.market_grids import MarketTables
from trading_assets.backtests.tables import BASELINES, DEVELOPMENT, EQUITY, FILLS, FULL, OPEN_POSITIONS, TRADES
from trading_assets.config import Configuration
from trading_assets.config.strategies import OrderParameters, TargetWeightParameters
from trading_assets.features.tables import DAILY, INDICATORS
from trading_assets.market_data.tables import BARS, BORROW_RATES, INSTRUMENTS, QUARANTINE, SESSIONS, UNIVERSE
from trading_assets.models.tables import PREDICTIONS, REGIMES
from trading_assets.strategies.interface.resolved import resolve_strategy
from trading_assets.strategies.tables import SIGNALS
from trading_assets.warehouse import Rows, Table, Warehouse

_KNOWN = "list_contains(?, symbol) AND session <= ?"


@dataclass(frozen=True)
class RunInputs:
    """A run and the market that it was made on, up to its last session.

    Attributes
    ----------
    equity, fills, trades, open_positions, baselines
        Rows of the run in the tables of `backtests`.
    symbols, capacity
        What the strategy may trade, ascending, and its largest order as a fraction of average daily volume.
    bars, indicators, features, universe, instruments
        Rows of these symbols in the tables of the stages before: of bars the adjusted close, of features the columns
        that were asked for.
    scores
        session, symbol, score: of the model that the strategy reads, else of the entries that it asked for.
    entries
        session, symbol, trigger: entries that it asked for.
    regimes
        session, regime: the likeliest regime of its benchmark at that close; none where there are no regimes.
    market, axes
        Arrays of what was filled, on the sessions of the run.
    """

    equity: pl.DataFrame
    fills: pl.DataFrame
    trades: pl.DataFrame
    open_positions: pl.DataFrame
    baselines: pl.DataFrame
    symbols: Sequence[str]
    capacity: float
    bars: pl.DataFrame
    indicators: pl.DataFrame
    features: pl.DataFrame
    universe: pl.DataFrame
    instruments: pl.DataFrame
    scores: pl.DataFrame
    entries: pl.DataFrame
    regimes: pl.DataFrame
    market: Market
    axes: MarketAxes

    @property
    def calendars(self) -> list[str]:
        """Calendars of what the strategy may trade."""
        own = self.instruments.filter(pl.col("symbol").is_in(self.symbols))["calendar"]
        return own.unique().sort().to_list()

    @property
    def last_session(self) -> dt.date:
        """Last session of the run."""
        last: dt.date = self.equity["session"][-1]
        return last


def read_run(warehouse: Warehouse, configuration: Configuration, name: str, features: Sequence[str]) -> RunInputs:
    """Read the longest run of a strategy that may be looked at, and its market.

    The full run exists once a registered strategy has opened its holdout; before, nothing after development is read.

    Parameters
    ----------
    warehouse, configuration
        Warehouse, and the configuration that the strategy is of.
    name
        Name of the strategy.
    features
        Columns of `features.daily`.
    """
    with warehouse.held_open() as held:
        own = Rows("strategy", name)
        runs = held.read(EQUITY, rows=own)
        split = FULL if FULL in runs["split"] else DEVELOPMENT

        def of_run(table: Table) -> pl.DataFrame:
            return held.read(table, rows=own, where="split = ?", parameters=[split])

        equity = runs.filter(split=split).sort("session")
        last: dt.date = equity["session"][-1]
        instruments = held.read(INSTRUMENTS, capped=("last_session", last))
        strategy = resolve_strategy(configuration, name, instruments)
        fills = of_run(FILLS)
        # Whole bars of what was filled alone: a universe may be wide. Without a fill any symbol makes the axes.
        filled = fills["symbol"].unique().sort().to_list() or strategy.symbols[:1]
        known = [*filled, *configuration.benchmarks.values()], last

        def market_of(table: Table, columns: Sequence[str] | None = None) -> pl.DataFrame:
            symbols = known[0] if columns is None else [*strategy.symbols]
            return held.read_or_empty(table, columns=columns, where=_KNOWN, parameters=[symbols, last])

        bars, quarantine = market_of(BARS), market_of(QUARANTINE)
        indicators = market_of(INDICATORS, ["symbol", "session", "atr_14", "atr_14_mean_60", "adv_20"])
        axes = _axes(equity, filled, instruments)
        market = build_market(
            axes,
            [MarketTables(axes.symbols, bars, quarantine, indicators)],
            bars,
            held.read(SESSIONS, where="session <= ?", parameters=[last]),
            instruments,
            benchmarks=configuration.benchmarks,
            costs=configuration.costs,
            extreme_move=configuration.quality.extreme_move,
            borrow_rates=held.read_or_empty(
                BORROW_RATES, where="list_contains(?, symbol) AND (session IS NULL OR session <= ?)", parameters=known
            ),
        )
        signals = held.read_or_empty(SIGNALS, rows=own, where="action = 'enter' AND session <= ?", parameters=[last])
        entries = signals.select("session", "symbol", "score", trigger="reason")
        return RunInputs(
            scores=_scores(held, strategy.model, entries, last),
            entries=entries.drop("score"),
            regimes=_regimes(held, strategy.benchmark, last),
            equity=equity,
            fills=fills,
            trades=of_run(TRADES),
            open_positions=of_run(OPEN_POSITIONS),
            baselines=of_run(BASELINES),
            symbols=strategy.symbols,
            capacity=cast(OrderParameters | TargetWeightParameters, strategy.parameters).capacity,
            bars=market_of(BARS, ["symbol", "session", "adj_close"]),
            indicators=indicators,
            features=market_of(DAILY, ["symbol", "session", *features]),
            universe=held.read_or_empty(UNIVERSE, where="list_contains(?, symbol)", parameters=[strategy.symbols]),
            instruments=instruments,
            market=market,
            axes=axes,
        )


def _axes(equity: pl.DataFrame, symbols: Sequence[str], instruments: pl.DataFrame) -> MarketAxes:
    rows = instruments.filter(pl.col("symbol").is_in(symbols)).sort("symbol")
    names = (rows[name].to_list() for name in ("symbol", "asset_class", "calendar"))
    return MarketAxes(equity["session"].to_list(), *names)


def _scores(warehouse: Warehouse, model: str | None, entries: pl.DataFrame, last: dt.date) -> pl.DataFrame:
    columns = ["session", "symbol", "score"]
    if model is None:
        return entries.select(columns).drop_nulls().unique(["session", "symbol"], keep="first", maintain_order=True)
    own = Rows("model", model)
    found = warehouse.read_or_empty(PREDICTIONS, columns=columns, rows=own, where="session <= ?", parameters=[last])
    return found.drop_nulls()


def _regimes(warehouse: Warehouse, benchmark: str | None, last: dt.date) -> pl.DataFrame:
    """The likeliest at each close, the lower number of equal ones."""
    where = "benchmark = ? AND session <= ?"
    rows = warehouse.read_or_empty(REGIMES, where=where, parameters=[benchmark or "", last])
    likeliest = rows.sort(["session", "probability", "regime"], descending=[False, True, False])
    return likeliest.unique("session", keep="first", maintain_order=True).select("session", "regime")


def round_trips(run: RunInputs) -> pl.DataFrame:
    """Return a row a round trip: trade_id, symbol, sector, side, trigger, exit_reason (null while it is open)."""
    opening = run.fills.sort("session", maintain_order=True).group_by("trade_id", maintain_order=True).first()
    found = opening.select("trade_id", "symbol", trigger="reason", side=pl.col("side").replace("buy", "long"))
    return (
        found.with_columns(pl.col("side").replace("sell", "short"))
        .join(run.trades.select("trade_id", "exit_reason"), on="trade_id", how="left", maintain_order="left")
        .join(run.instruments.select("symbol", "sector"), on="symbol", how="left", maintain_order="left")
    )
