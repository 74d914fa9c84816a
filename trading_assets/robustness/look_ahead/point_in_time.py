"""What was on record at a past close, and the same with noise after it: the inputs of the look-ahead audit."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import polars as pl

from trading_assets.config import Configuration
from trading_assets.features.alternative import Publications
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
from trading_assets.models.splits import development, spans_of
from trading_assets.models.tables import SPLITS
from trading_assets.robustness.look_ahead.what_is_read import follows_by_symbol
from trading_assets.strategies.evaluation.market_rows import (
    ChangedRows,
    MarketRows,
    RowParts,
    days_of,
    read_rows,
    rows_between,
)
from trading_assets.warehouse import Warehouse

#: Deviations of the noise: of a price from one session to another, within one, and of the logarithm of a volume.
BETWEEN, WITHIN, VOLUME = 0.3, 0.1, 1.0


@dataclass(frozen=True)
class MarketSnapshot:
    """Tables of the stage `market_data`, from which everything later follows.

    Attributes
    ----------
    parts
        Bars of some symbols at a time, of which then those of the benchmarks alone are in `bars`; None: all are there.
    benchmarks
        Symbols of these.
    publications
        What was published beside prices; None without alternative data.
    """

    bars: pl.DataFrame
    quarantine: pl.DataFrame
    sessions: pl.DataFrame
    instruments: pl.DataFrame
    universe: pl.DataFrame
    borrow_rates: pl.DataFrame = field(default_factory=BORROW_RATES.empty)
    risk_free: pl.DataFrame = field(default_factory=RISK_FREE.empty)
    parts: RowParts | None = None
    benchmarks: Sequence[str] = ()
    publications: Publications | None = None

    def bars_in_parts(self) -> Iterator[pl.DataFrame]:
        """Yield all bars, by symbol and session: of some symbols at a time, or all at once."""
        yield from [self.bars] if self.parts is None else (rows.bars for rows in self.parts)

    @property
    def days(self) -> pl.Series:
        """Sessions with a bar, ascending."""
        return days_of([self.bars]) if self.parts is None else self.parts.days

    def with_bars(self, change: Callable[[pl.DataFrame], pl.DataFrame]) -> MarketSnapshot:
        """Return the same tables with what a function makes of the bars of any symbols, and of those of any session."""
        parts = self.parts
        if parts is not None:
            parts = ChangedRows(parts, _Changing(change), change(parts.days.to_frame())["session"])
        return replace(self, bars=change(self.bars), parts=parts)

    def continued(self, later: pl.DataFrame) -> MarketSnapshot:
        """Return the same tables with later bars, by symbol and session, behind those of their symbols."""
        if self.parts is None:
            return replace(self, bars=continued(self.bars, later))
        own = later.filter(pl.col("symbol").is_in(list(self.benchmarks)))
        days = days_of([self.parts.days.to_frame(), later])
        return replace(self, bars=continued(self.bars, own), parts=ChangedRows(self.parts, _Continuing(later), days))


@dataclass(frozen=True)
class _Changing:
    """Puts what a function makes of the bars in their place."""

    change: Callable[[pl.DataFrame], pl.DataFrame]

    def __call__(self, rows: MarketRows) -> MarketRows:
        return rows._replace(bars=self.change(rows.bars))


@dataclass(frozen=True)
class _Continuing:
    """Puts later bars behind those of the same symbols."""

    later: pl.DataFrame

    def __call__(self, rows: MarketRows) -> MarketRows:
        own = rows_between(self.later, rows.symbols[0], rows.symbols[-1])
        return rows._replace(bars=continued(rows.bars, own))


#: Of an instrument, known once it is delisted.
_OF_DELISTINGS = ("delisting_value", "delisting_unit", "delisting_reason")


def market_snapshot(warehouse: Warehouse, configuration: Configuration, strategy: str) -> MarketSnapshot:
    """Return the tables as they stand; for a strategy that is not registered as they stood before its holdout.

    Parameters
    ----------
    warehouse, configuration
        Where the tables are, and the configuration whose registrations open the holdout.
    strategy
        Name of the strategy that looks at them.
    """
    if strategy not in configuration.registration:
        return development_snapshot(warehouse, configuration, strategy)
    return _up_to(warehouse, configuration, strategy, dt.date.max)


def development_snapshot(warehouse: Warehouse, configuration: Configuration, strategy: str) -> MarketSnapshot:
    """Return the tables as they stood at the end of validation: no bar of the holdout is in them.

    Parameters
    ----------
    warehouse, configuration, strategy
        As `market_snapshot` takes them.
    """
    end = development(spans_of(warehouse.read(SPLITS))).end
    return known_at(_up_to(warehouse, configuration, strategy, end), end)


def _up_to(warehouse: Warehouse, configuration: Configuration, strategy: str, last: dt.date) -> MarketSnapshot:
    """The tables as they stand without later sessions, so that nothing depends on these."""
    known: dict[str, Any] = {"where": "session <= ?", "parameters": [last]}
    benchmarks = [*configuration.benchmarks.values()]
    in_parts = follows_by_symbol(configuration, strategy)
    with warehouse.held_open() as held:
        if in_parts:
            held.depend_on(BARS, columns=(), **known)
            parts = read_rows(held.aside(), BARS, **known)
            bars = pl.concat(rows.bars.filter(pl.col("symbol").is_in(benchmarks)) for rows in parts)
        else:
            parts, bars = None, held.read(BARS, **known)
        instruments = held.read(INSTRUMENTS, capped=("last_session", last))
        published = None
        if configuration.alternative_data:
            published = Publications.of(held.read_or_empty(PUBLICATIONS, **known), instruments)
        return MarketSnapshot(
            parts=parts,
            benchmarks=benchmarks if in_parts else (),
            publications=published,
            bars=bars,
            quarantine=held.read(QUARANTINE, **known),
            sessions=held.read(SESSIONS, **known),
            instruments=instruments,
            universe=held.read(UNIVERSE),
            borrow_rates=held.read_or_empty(BORROW_RATES, where="session IS NULL OR session <= ?", parameters=[last]),
            risk_free=held.read_or_empty(RISK_FREE, **known),
        )


def known_at(whole: MarketSnapshot, cut: dt.date) -> MarketSnapshot:
    """Return what was on record at the close of `cut`: no later bar, listing, delisting, publication, or leaver."""
    until = pl.col("session") <= cut

    def once_known(column: str) -> pl.Expr:
        return pl.when(pl.col(column) <= cut).then(pl.col(column)).alias(column)

    return replace(
        whole.with_bars(partial(_until, cut)),
        quarantine=whole.quarantine.filter(until),
        sessions=whole.sessions.filter(until),
        instruments=whole.instruments.with_columns(
            once_known("first_session"),
            once_known("delisted"),
            *(pl.when(pl.col("delisted") <= cut).then(name).alias(name) for name in _OF_DELISTINGS),
            pl.min_horizontal("last_session", pl.lit(cut)),
        ),
        universe=whole.universe.filter(pl.col("start") <= cut).with_columns(once_known("end")),
        borrow_rates=whole.borrow_rates.filter(pl.col("session").is_null() | until),
        risk_free=whole.risk_free.filter(until),
        publications=None if whole.publications is None else whole.publications.until(cut),
    )


def _until(cut: dt.date, bars: pl.DataFrame) -> pl.DataFrame:
    return bars.filter(pl.col("session") <= cut)


def continued(bars: pl.DataFrame, later: pl.DataFrame) -> pl.DataFrame:
    """Put later bars behind those of their symbols.

    Parameters
    ----------
    bars
        Rows by symbol and session.
    later
        The same columns and others, by symbol and session; none of a symbol is before its last one in `bars`.
    """
    if later.is_empty():
        return bars
    runs = [frame["symbol"].rle().struct.unnest() for frame in (bars, later)]
    number = {symbol: place for place, symbol in enumerate(sorted({*runs[0]["value"], *runs[1]["value"]}))}
    numbers = [np.repeat([number[name] for name in each["value"]], each["len"].to_numpy()) for each in runs]
    together = pl.concat([bars, later.select(bars.columns)], rechunk=True)
    return together[np.argsort(np.concatenate(numbers).astype(np.int32), kind="stable")]


def with_noise_after(whole: MarketSnapshot, cut: dt.date, seed: int) -> MarketSnapshot:
    """Replace every bar after `cut` by noise, but for the open of each symbol's next one.

    That open is the price at which what was decided by the close of `cut` fills. Whether a symbol has a bar, and its
    splits and dividends, stay; so do the flags that quality rules gave.

    Parameters
    ----------
    whole
        Tables as they stand; bars sorted by symbol and session.
    cut
        Last session that stays as it is.
    seed
        Noise is drawn by seed and cut.
    """
    bars = whole.bars
    later = (bars["session"] > cut).to_numpy()
    noise = _Noise(np.random.Generator(np.random.PCG64([seed, cut.toordinal()])), later)
    upcoming = later & (bars["symbol"].ne_missing(bars["symbol"].shift(1)).to_numpy() | ~np.roll(later, 1))
    opens = np.where(upcoming, 1.0, noise.factor(BETWEEN)) * bars["open"].to_numpy()
    closes = noise.factor(WITHIN) * opens
    ends = np.maximum(opens, closes), np.minimum(opens, closes)
    prices = {
        "open": opens,
        "high": ends[0] * np.maximum(noise.factor(WITHIN), 1.0),
        "low": ends[1] * np.minimum(noise.factor(WITHIN), 1.0),
        "close": closes,
    }
    volume = bars["volume"].to_numpy() * noise.factor(VOLUME)
    changed = {name: pl.Series(np.where(later, values, bars[name].to_numpy())) for name, values in prices.items()}
    factor = bars["forward_factor"]
    adjusted = {f"adj_{name}": changed[name] * factor for name in prices}
    altered = bars.with_columns(
        **changed,
        **{name: pl.when(pl.Series(later)).then(values).otherwise(name) for name, values in adjusted.items()},
        volume=pl.Series(np.where(later, volume, bars["volume"].to_numpy())),
        dollar_volume=pl.when(pl.Series(later)).then(changed["close"] * pl.Series(volume)).otherwise("dollar_volume"),
    )
    return replace(whole, bars=altered)


@dataclass(frozen=True)
class _Noise:
    generator: np.random.Generator
    rows: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]

    def factor(self, deviation: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        """Lognormal factors of the rows that are replaced; 1 elsewhere."""
        drawn = np.ones(self.rows.size)
        drawn[self.rows] = np.exp(deviation * self.generator.standard_normal(int(self.rows.sum())))
        return drawn
