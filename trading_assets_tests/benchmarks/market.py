"""The market of the benchmarks: the package's synthetic equities, seeded, and `equity_momentum` on it.

Candidates are those of the real rules on correlated walks with regimes, fat tails and clustering volatility:
about one bar in ten is a breakout of some kind.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from trading_assets.backtests.backtest import PreparedBacktest
from trading_assets.backtests.engine.arrays import Candidates, Market, Signals
from trading_assets.config.sources import SyntheticSource
from trading_assets.market_data import calendars
from trading_assets.market_data.sources.synthetic import ANCHOR, generate
from trading_assets.market_data.tables import BARS
from trading_assets_tests.backtests.frames import BENCHMARK, frames_of, loaded, prepare_strategy
from trading_assets_tests.narrow import as_signals

SEED = 7
#: Sessions before the first of a growth shape: indicators are full, positions are held.
WARM_UP = 250
#: Symbols whose tables are built at a time.
_BLOCK = 250


def symbol_bars(symbols: int, count: int, first: int = 0, *, seed: int = SEED, **market: Any) -> pl.DataFrame:
    """Rows of `market_data.bars` of the symbols `first` to `first + symbols` and of the market's leader, the benchmark.

    A symbol's bars depend on neither the others nor the number of sessions. `market` are numbers of the source.
    """
    days = calendars.sessions("XNYS", ANCHOR, ANCHOR.replace(year=ANCHOR.year + count // 250 + 1))
    names = [BENCHMARK, *(f"S{number:04d}" for number in range(first, first + symbols))]
    source = SyntheticSource(source="synthetic", asset_class="equity", calendar="XNYS", symbols=names, **market)
    received = generate(source, ANCHOR, days[count - 1], seed)
    leader = pl.col("symbol") == BENCHMARK
    return BARS.conform(
        received.with_columns(
            asset_class=pl.when(leader).then(pl.lit("index")).otherwise("asset_class"),
            split_ratio=pl.lit(1.0),
            cash_dividend=pl.lit(0.0),
            forward_factor=pl.lit(1.0),
            dollar_volume=pl.col("close") * pl.col("volume"),
            flags=pl.lit([], dtype=pl.List(pl.String)),
            **{f"adj_{name}": pl.col(name) for name in ("open", "high", "low", "close")},
        )
    )


def prepare_market(symbols: int, count: int, first: int = 0) -> PreparedBacktest:
    """`equity_momentum` with its defaults on the market, through the package's own pipeline."""
    with tempfile.TemporaryDirectory() as folder:
        configuration = loaded(Path(folder), strategies={"momentum": {"type": "equity_momentum"}})
    return prepare_strategy(configuration, "momentum", frames_of(symbol_bars(symbols, count, first)))


def large(symbols: int, count: int) -> PreparedBacktest:
    """As `prepare_market`, block by block because the tables of 25 million bars would not fit; without its panel."""
    blocks = []
    for first in range(0, symbols, _BLOCK):
        block = prepare_market(min(_BLOCK, symbols - first), count, first)
        blocks.append(replace(block, panels=()))
    market = Market(*(_beside(field, [getattr(each.market, field) for each in blocks]) for field in Market._fields))
    candidates = _merged(
        [as_signals(each.signals).candidates for each in blocks], [each.market.close.shape[1] for each in blocks]
    )
    exits = np.concatenate([as_signals(each.signals).exits for each in blocks], axis=2)
    return replace(blocks[0], market=market, signals=Signals(candidates, exits))


def part(
    prepared: PreparedBacktest, symbols: int, sessions: int, *, first_symbol: int = 0, first_session: int = WARM_UP
) -> PreparedBacktest:
    """Some neighbouring symbols and sessions; by default the first ones after the warm-up."""
    rows = slice(first_session, first_session + sessions)
    columns = slice(first_symbol, first_symbol + symbols)
    market = Market(*(_part(name, each, rows, columns) for name, each in prepared.market._asdict().items()))
    old = as_signals(prepared.signals).candidates
    t = np.repeat(np.arange(old.first.size - 1), np.diff(old.first))
    kept = (t >= rows.start) & (t < rows.stop) & (old.symbol >= columns.start) & (old.symbol < columns.stop)
    parts_of: Any = old[2:]
    candidates = Candidates(
        np.searchsorted(t[kept], np.arange(rows.start, rows.stop + 1)).astype(np.int64),
        old.symbol[kept] - first_symbol,
        *[np.ascontiguousarray(each[..., kept]) for each in parts_of],
    )
    run_parameters = prepared.run_parameters.copy()
    run_parameters["last_session"] = sessions - 1
    exits = np.ascontiguousarray(as_signals(prepared.signals).exits[:, rows, columns])
    return replace(prepared, market=market, signals=Signals(candidates, exits), run_parameters=run_parameters)


def parts(prepared: PreparedBacktest, symbols: int, sessions: int, count: int) -> Iterator[PreparedBacktest]:
    """At most `count` parts that share no bar, spread over all symbols and all sessions after the warm-up."""
    wide = prepared.market.close.shape[1] // symbols
    places = [(k % wide * symbols, WARM_UP + k // wide * sessions) for k in range(_parts(prepared, symbols, sessions))]
    for k in np.linspace(0, len(places) - 1, min(count, len(places))).round().astype(int):
        yield part(prepared, symbols, sessions, first_symbol=places[k][0], first_session=places[k][1])


def _parts(prepared: PreparedBacktest, symbols: int, sessions: int) -> int:
    length, width = prepared.market.close.shape
    return int((width // symbols) * ((length - WARM_UP) // sessions))


def shapes() -> Iterator[tuple[int, int]]:
    """Symbols and sessions of the growth table: 50 to 5,000 symbols, 1 to 20 years."""
    return ((symbols, 252 * years) for symbols in (50, 500, 5000) for years in (1, 5, 20))


#: Fields of the market by session, not by symbol; those by symbol alone are one-dimensional too.
_BY_SESSION = ("day", "weekend", "crash", "benchmark_returns")


def _beside(field: str, arrays: list[np.ndarray]) -> np.ndarray:
    return arrays[0] if field in _BY_SESSION else np.concatenate(arrays, axis=-1)


def _part(field: str, array: np.ndarray, rows: slice, columns: slice) -> np.ndarray:
    if field in _BY_SESSION:
        return np.ascontiguousarray(array[..., rows])
    if array.ndim == 2 and array.shape[0] == 1:  # one row for all sessions
        return np.ascontiguousarray(array[:, columns])
    return np.ascontiguousarray(array[columns] if array.ndim == 1 else array[rows, columns])


def _merged(parts: list[Candidates], widths: list[int]) -> Candidates:
    """Candidates of markets side by side, by session, then symbol."""
    sessions = parts[0].first.size - 1
    t = np.concatenate([np.repeat(np.arange(sessions), np.diff(each.first)) for each in parts])
    order = np.argsort(t, kind="stable")
    offsets = np.concatenate([[0], np.cumsum(widths)[:-1]])
    symbol = np.concatenate([each.symbol + offset for each, offset in zip(parts, offsets, strict=True)])
    rest = zip(*(each[2:] for each in parts), strict=True)
    return Candidates(
        np.searchsorted(t[order], np.arange(sessions + 1)).astype(np.int64),
        symbol[order],
        *(np.ascontiguousarray(np.concatenate(each, axis=-1)[..., order]) for each in rest),
    )
