"""What one strategy reads: the tables of the earlier stages, and the panel made of them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

import polars as pl

from trading_assets.config import Configuration
from trading_assets.features.alternative import Publications
from trading_assets.features.history import BAR_COLUMNS, in_order
from trading_assets.features.own import assert_current
from trading_assets.features.tables import DAILY, INDICATORS
from trading_assets.market_data.tables import (
    BARS,
    BORROW_RATES,
    INSTRUMENTS,
    PUBLICATIONS,
    QUARANTINE,
    RISK_FREE,
    SESSIONS,
    UNIVERSE,
)
from trading_assets.models.tables import PREDICTIONS, REGIMES
from trading_assets.strategies.evaluation.fingerprint import providers_behind
from trading_assets.strategies.evaluation.market_rows import (
    MarketRows,
    RowParts,
    RowsAside,
    days_of,
    parts_within,
    rows_between,
    split_by_symbol,
)
from trading_assets.strategies.interface.panel import build_panel, with_members, with_regimes
from trading_assets.strategies.interface.plugin import PluginModule
from trading_assets.strategies.interface.resolved import ResolvedStrategy, resolve_strategy
from trading_assets.strategies.tables import TARGET_WEIGHTS
from trading_assets.warehouse import Rows, Table, Warehouse
from trading_assets.warehouse.by_symbol import bounds_of_batches, read_batches

_KNOWN = "session <= ?"


@dataclass(frozen=True)
class Frames:
    """A strategy and the tables of the earlier stages, as far as it needs them; rows of other symbols do no harm.

    `daily` has the features that the strategy names; `predictions` has symbol, session and score of the model
    that its rules name; `target_weights` are those of its members, and `regimes` is read only for one with members.
    `borrow_rates` are for the simulation: no rule looks at them. `publications` are what the features of alternative
    data behind it are made of; None without any. `panels` are the strategy's panel where it is made already, whatever
    the other tables have; else it follows from them (`panel_of`).

    With `parts`, which are read again and again, rows of bars, indicators, features and scores are in these, and the
    frames have those of the benchmarks alone. So whoever goes through the market of any frames takes `in_parts`.
    """

    strategy: ResolvedStrategy
    bars: pl.DataFrame
    quarantine: pl.DataFrame
    sessions: pl.DataFrame
    instruments: pl.DataFrame
    indicators: pl.DataFrame
    daily: pl.DataFrame
    predictions: pl.DataFrame
    universe: pl.DataFrame
    target_weights: pl.DataFrame = field(default_factory=TARGET_WEIGHTS.empty)
    regimes: pl.DataFrame = field(default_factory=REGIMES.empty)
    borrow_rates: pl.DataFrame = field(default_factory=BORROW_RATES.empty)
    risk_free: pl.DataFrame = field(default_factory=RISK_FREE.empty)
    panels: Iterable[pl.DataFrame] | None = None
    parts: RowParts | None = None
    publications: Publications | None = None

    def in_parts(self, benchmarks: Iterable[str]) -> Iterator[Frames]:
        """Yield the same tables with the rows of some symbols at a time, for a strategy that trades these alone.

        Parameters
        ----------
        benchmarks
            Symbols whose indicators are in each part: those of others are compared with them.
        """
        whole = self.rows
        beside = self.indicators.filter(pl.col("symbol").is_in([*benchmarks]))
        for rows in split_by_symbol(whole) if self.parts is None else self.parts:
            if rows is whole:
                yield self
                continue
            others = beside.filter(~pl.col("symbol").is_in(rows.indicators["symbol"].unique().implode()))
            yield replace(
                self,
                strategy=self.strategy.of_symbols(rows.symbols),
                bars=rows.bars,
                indicators=pl.concat([rows.indicators, others]),
                daily=rows.daily,
                predictions=rows.predictions,
                parts=None,
            )

    def whole(self) -> Frames:
        """Return the same tables with all rows in the frames."""
        if self.parts is None:
            return self
        parts, others = list(self.parts), ~pl.col("symbol").is_in(self.strategy.symbols)
        _, *tables = zip(*parts, self.rows, strict=True)
        rows = [in_order(pl.concat([*each[:-1], each[-1].filter(others)])) for each in tables]
        return replace(self, bars=rows[0], indicators=rows[1], daily=rows[2], predictions=rows[3], parts=None)

    @property
    def rows(self) -> MarketRows:
        """What is in the frames of the rows that parts have."""
        return MarketRows(self.strategy.symbols, self.bars, self.indicators, self.daily, self.predictions)

    @property
    def last_session(self) -> dt.date:
        """Last session of any bar."""
        days = days_of([self.bars, *([] if self.parts is None else [self.parts.days.to_frame()])])
        return cast(dt.date, days.max())

    @property
    def bars_in_parts(self) -> Iterable[pl.DataFrame]:
        """All bars, those of the benchmarks among them: as they are, or where there are parts by symbol and session."""
        return (self.bars,) if self.parts is None else _BarsInParts(self.bars, self.strategy.symbols, self.parts)


@dataclass(frozen=True)
class _BarsInParts:
    """Bars of the benchmarks put among those of some symbols at a time, again and again."""

    of_benchmarks: pl.DataFrame
    symbols: Sequence[str]
    parts: RowParts

    def __iter__(self) -> Iterator[pl.DataFrame]:
        others = self.of_benchmarks.filter(~pl.col("symbol").is_in(self.symbols))
        for rows in self.parts:
            last = rows.bars["symbol"].tail(1)
            before, others = (others.filter(each) for each in _up_to(max([*last, *rows.symbols[-1:]], default="")))
            yield in_order(pl.concat([rows.bars, before])) if before.height else rows.bars
        if others.height:
            yield others


def _up_to(symbol: str) -> tuple[pl.Expr, pl.Expr]:
    return pl.col("symbol") <= symbol, pl.col("symbol") > symbol


def read_frames(warehouse: Warehouse, configuration: Configuration, name: str, until: dt.date | None = None) -> Frames:
    """Resolve strategy `name` and read what it needs.

    Parameters
    ----------
    warehouse, configuration
        Warehouse with the tables, and the configuration that the strategy is of.
    name
        Name of the strategy.
    until
        Last session of what is read: a later one changes none of it. None: all of them.

    Raises
    ------
    NoSymbolsError
        The strategy's universe is empty.
    """
    with warehouse.held_open() as held:
        instruments = held.read(INSTRUMENTS, capped=None if until is None else ("last_session", until))
        strategy = resolve_strategy(configuration, name, instruments)
        return _frames_of(held, configuration, strategy, instruments, until or dt.date.max)


def _frames_of(
    warehouse: Warehouse,
    configuration: Configuration,
    strategy: ResolvedStrategy,
    instruments: pl.DataFrame,
    until: dt.date,
) -> Frames:
    symbols, members = [*strategy.symbols, *configuration.benchmarks.values()], strategy.members
    assert_current(warehouse, configuration, set(strategy.features))

    def own(table: Table, also: str = "") -> pl.DataFrame:
        return warehouse.read_or_empty(
            table,
            where=f"list_contains(?, symbol){also and f' AND {also}'}",
            parameters=[symbols, *([until] if also else [])],
        )

    known: dict[str, Any] = {"where": _KNOWN, "parameters": [until]}
    predictions = warehouse.read_or_empty(
        PREDICTIONS, columns=["symbol", "session", "score"], rows=Rows("model", strategy.model or ""), **known
    )
    read = _MarketTables(warehouse, symbols, until, strategy.features)
    if strategy.decides_by_symbol:
        rows = read.of([*configuration.benchmarks.values()])
        parts = RowsAside(read.in_parts(strategy.symbols, predictions), warehouse.path.parent)
    else:
        rows, parts = read.of(symbols), None
    return Frames(
        strategy=strategy,
        bars=rows[BARS],
        quarantine=own(QUARANTINE, also=_KNOWN),
        sessions=warehouse.read(SESSIONS, **known),
        instruments=instruments,
        indicators=rows[INDICATORS],
        daily=rows[DAILY],
        predictions=predictions,
        parts=parts,
        universe=own(UNIVERSE),
        target_weights=pl.concat(
            [
                TARGET_WEIGHTS.empty(),
                *(warehouse.read(TARGET_WEIGHTS, rows=Rows("strategy", each), **known) for each in members),
            ]
        ),
        regimes=warehouse.read_or_empty(REGIMES, **known) if members else REGIMES.empty(),
        borrow_rates=own(BORROW_RATES, also=f"(session IS NULL OR {_KNOWN})"),
        risk_free=warehouse.read_or_empty(RISK_FREE, **known),
        publications=_publications(warehouse, configuration, strategy, instruments, until),
    )


def _publications(
    warehouse: Warehouse,
    configuration: Configuration,
    strategy: ResolvedStrategy,
    instruments: pl.DataFrame,
    until: dt.date,
) -> Publications | None:
    """What was published of the columns that a strategy, or what is behind it, reads."""
    providers = providers_behind(configuration, strategy.name)
    if not providers:
        return None
    where, parameters = f"list_contains(?, provider) AND {_KNOWN}", [providers, until]
    return Publications.of(warehouse.read_or_empty(PUBLICATIONS, where=where, parameters=parameters), instruments)


class _MarketTables:
    """Bars, indicators and features of some symbols up to a session: of these the step depends, and not one by one."""

    def __init__(self, warehouse: Warehouse, symbols: list[str], until: dt.date, features: Sequence[str]) -> None:
        self._aside, self._until = warehouse.aside(), until
        self._columns: dict[Table, list[str] | None] = {BARS: None, INDICATORS: None}
        if features:
            self._columns[DAILY] = ["symbol", "session", *features]
        for table, columns in self._columns.items():
            warehouse.depend_on(table, columns=columns or (), **self._where(symbols))

    def of(self, symbols: list[str]) -> dict[Table, pl.DataFrame]:
        """Return the rows of symbols by table."""
        rows = {
            table: self._aside.read_or_empty(table, columns=columns, **self._where(symbols))
            for table, columns in self._columns.items()
        }
        return {DAILY: DAILY.empty(), **rows}

    def in_parts(self, symbols: list[str], predictions: pl.DataFrame) -> Iterator[MarketRows]:
        """Yield the rows of symbols, some at a time, with the predictions of these."""
        with self._aside.held_open() as held:
            bounds = bounds_of_batches(held, BARS, **self._where(symbols)) or [(symbols[0], symbols[-1])]
            batches = [
                read_batches(held, table, bounds, columns=columns, **self._where(symbols))
                for table, columns in self._columns.items()
            ]
            scores = in_order(predictions)
            for own, *rows in zip(parts_within(symbols, bounds), *batches, strict=True):
                bars, indicators, *daily = rows
                of_part = rows_between(scores, own[0], own[-1])
                yield MarketRows(own, bars, indicators, daily[0] if daily else DAILY.empty(), of_part)

    def _where(self, symbols: list[str]) -> dict[str, Any]:
        return {"where": f"list_contains(?, symbol) AND {_KNOWN}", "parameters": [symbols, self._until]}


class Panels:
    """A strategy's panel, some symbols at a time: made anew each time that somebody goes through it."""

    def __init__(self, configuration: Configuration, frames: Frames, until: dt.date | None) -> None:
        self._configuration, self._frames, self._until = configuration, frames, until

    def __iter__(self) -> Iterator[pl.DataFrame]:
        for part in self._frames.in_parts(self._configuration.benchmarks.values()):
            yield panel_of(self._configuration, part, self._until)


def panels_of(configuration: Configuration, frames: Frames, until: dt.date | None = None) -> Iterable[pl.DataFrame]:
    """Return the strategy's panel in the parts that its rows come in; one where they are all there.

    Parameters
    ----------
    configuration, frames, until
        As `panel_of` takes them.
    """
    if frames.panels is not None:
        return frames.panels
    if frames.parts is None:
        return (panel_of(configuration, frames, until),)
    return Panels(configuration, frames, until)


def whole_panel(panels: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """Return the rows of all panels; of one the panel itself, which a user's module knows again."""
    every = list(panels)
    return every[0] if len(every) == 1 else pl.concat(every)


def panel_of(configuration: Configuration, frames: Frames, until: dt.date | None = None) -> pl.DataFrame:
    """Return the strategy's panel: see `build_panel`, and `target_weights` for the columns of one with members.

    Parameters
    ----------
    until
        The last session that the strategy's code may see; None: all of them.
    """
    panel = _whole_panel(configuration, frames)
    return panel if until is None else panel.filter(pl.col("session") <= until)


def _bars_seen(frames: Frames) -> pl.DataFrame:
    """The bars with the columns that the panel has: all but for rules of the house, which name what they read."""
    strategy = frames.strategy
    if strategy.is_target_weight or isinstance(strategy.module, PluginModule):
        return frames.bars
    seen = {*BAR_COLUMNS, "adj_open"} | strategy.columns
    return frames.bars.select(name for name in frames.bars.columns if name in seen)


def _whole_panel(configuration: Configuration, frames: Frames) -> pl.DataFrame:
    strategy = frames.strategy
    panel = build_panel(
        _bars_seen(frames),
        frames.indicators,
        frames.universe,
        symbols=strategy.symbols,
        benchmarks=configuration.benchmarks,
        daily=frames.daily,
        scores=frames.predictions if strategy.model else None,
    )
    if not strategy.members:
        return panel
    with_weights = with_members(panel, strategy.members, frames.target_weights)
    return with_regimes(with_weights, frames.regimes, strategy.benchmark, configuration.regimes.number)
