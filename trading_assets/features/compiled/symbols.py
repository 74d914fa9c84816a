"""Compute expressions over each symbol's own bars, its weeks, and the sessions that it shares with its benchmark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from trading_assets.features.compiled.blocks import (
    Floats,
    Integers,
    blocks_of,
    bounds_of,
    columns_of,
    days_of,
    finite,
    in_threads,
    numbers,
)
from trading_assets.features.compiled.expression import Expression
from trading_assets.features.compiled.program import Step, program_of, run
from trading_assets.features.compiled.windows import shift

PRICES = ("open", "high", "low", "close")
_NOBODY = -1


@dataclass(frozen=True)
class Expressions:
    """What is computed, by name of the column, at each scope of `Feature`.

    Attributes
    ----------
    symbol, week, market, row
        Expressions over a symbol's bars, its weekly closes, the sessions shared with its benchmark, and the columns
        of a row.
    of_benchmark
        Columns of the symbol scope that expressions over rows know of the benchmark, as ``benchmark_<column>``.
    """

    symbol: Mapping[str, Expression]
    week: Mapping[str, Expression]
    market: Mapping[str, Expression]
    row: Mapping[str, Expression]
    of_benchmark: Sequence[str]

    @property
    def names(self) -> list[str]:
        """Names of all columns."""
        return [*self.symbol, *self.week, *self.market, *self.row]


@dataclass(frozen=True)
class _Bars:
    """Bars of all symbols as arrays, (rows,), symbol behind symbol, each in order of its sessions."""

    bounds: Integers
    days: NDArray[np.int64]
    prices: Mapping[str, Floats]
    dollars: Floats
    usable: NDArray[np.bool_]
    #: Rows of the benchmarks, one behind the other.
    of_benchmarks: NDArray[np.int64]
    #: Place among them of the benchmark's bar at the same session; -1: there is none.
    benchmark: NDArray[np.int64]

    def columns(self, first: int, last: int) -> dict[str, Floats]:
        """Columns of the symbols from one to before another: prices are over a symbol's first close."""
        rows = slice(self.bounds[first], self.bounds[last])
        starts = self.bounds[first:last]
        unit = np.repeat(self.prices["close"][starts], np.diff(self.bounds[first : last + 1]))
        columns = {name: self.prices[name][rows] / unit for name in PRICES}
        return columns | {"dollar_volume": self.dollars[rows], "session": self.days[rows].astype(np.float64)}


def of_symbols(
    bars: pl.DataFrame,
    benchmarks: Mapping[Any, str],
    expressions: Expressions,
    *,
    usable: pl.Series,
    kept: pl.Series | None = None,
) -> dict[str, Floats]:
    """Compute expressions at each row.

    Parameters
    ----------
    bars
        symbol, asset_class, session, adj_open, adj_high, adj_low, adj_close and dollar_volume, by symbol and session.
    benchmarks
        Asset class -> symbol of its benchmark.
    expressions
        What is computed.
    usable
        Whether others may see a bar at its own session.
    kept
        Whether a row is among those returned; None: all are.

    Returns
    -------
    dict of numpy.ndarray
        By name, (kept rows,); NaN where undefined. The same for any number of threads.
    """
    arrays = _arrays(bars, benchmarks, usable.to_numpy())
    rows, places = _places(bars, kept)
    found = dict(zip(expressions.names, columns_of(len(expressions.names), int(places[-1])), strict=True))
    of_benchmark = _of_benchmarks(arrays, expressions)
    programs = [
        program_of(each) for each in (expressions.symbol, expressions.week, expressions.market, expressions.row)
    ]
    within = set(expressions.of_benchmark) | {name for each in expressions.row.values() for name in each.root_names()}

    def compute(block: tuple[int, int]) -> None:
        first, last = int(arrays.bounds[block[0]]), int(arrays.bounds[block[1]])
        chosen = None if rows is None else rows[first:last]
        seen: dict[str, Floats] = {}

        def write(name: str, values: Floats) -> None:
            known = finite(values)
            found[name][places[first] : places[last]] = known if chosen is None else known[chosen]
            if name in within:
                seen[name] = known.copy()

        _Block(arrays, block, of_benchmark, seen).compute(programs, write)

    in_threads(compute, list(blocks_of(arrays.bounds)))
    return found


def over_bars(
    bars: pl.DataFrame, expressions: Mapping[str, Expression], *, kept: pl.Series | None = None
) -> dict[str, Floats]:
    """Compute expressions over the bars of each symbol as they are.

    Parameters
    ----------
    bars
        symbol and the columns that the expressions name, by symbol and session.
    expressions
        By name of the column.
    kept
        Whether a row is among those returned; None: all are.

    Returns
    -------
    dict of numpy.ndarray
        By name, (kept rows,); NaN where undefined.
    """
    bounds = bounds_of(bars["symbol"])
    rows, places = _places(bars, kept)
    found = dict(zip(expressions, columns_of(len(expressions), int(places[-1])), strict=True))
    roots = {name for each in expressions.values() for name in each.root_names()}
    columns = {name: numbers(bars[name]) for name in roots}
    program = program_of(expressions)

    def compute(block: tuple[int, int]) -> None:
        first, last = int(bounds[block[0]]), int(bounds[block[1]])

        def write(name: str, values: Floats) -> None:
            known = finite(values)
            found[name][places[first] : places[last]] = known if rows is None else known[rows[first:last]]

        own = {name: values[first:last] for name, values in columns.items()}
        run(program, own, bounds[block[0] : block[1] + 1] - first, write)

    in_threads(compute, list(blocks_of(bounds)))
    return found


def _places(bars: pl.DataFrame, kept: pl.Series | None) -> tuple[NDArray[np.bool_] | None, NDArray[np.int64]]:
    """Which rows are kept, None for all, and the place among them of each row and of the one behind the last."""
    if kept is None or kept.all():
        return None, np.arange(bars.height + 1)
    rows = kept.to_numpy()
    return rows, np.concatenate([[0], np.cumsum(rows)])


class _Block:
    """Some symbols, with what is known of their benchmarks."""

    def __init__(
        self, bars: _Bars, block: tuple[int, int], of_benchmark: Mapping[str, Floats], seen: Mapping[str, Floats]
    ) -> None:
        self._bars, self._seen, self._of_benchmark = bars, seen, of_benchmark
        self._rows = slice(bars.bounds[block[0]], bars.bounds[block[1]])
        self._bounds = bars.bounds[block[0] : block[1] + 1] - bars.bounds[block[0]]
        self._columns = bars.columns(*block)
        self._benchmark = bars.benchmark[self._rows]

    def compute(self, programs: Sequence[tuple[Step, ...]], write: Any) -> None:
        symbol, week, market, row = programs
        run(symbol, self._columns, self._bounds, write)
        if week:
            self._weeks(week, write)
        if market:
            self._market(market, write)
        if row:
            run(row, {**self._columns, **self._seen, **self._benchmark_columns()}, self._bounds, write)

    def _weeks(self, program: tuple[Step, ...], write: Any) -> None:
        """Values of a week, Monday to Sunday, at the rows of the next: it is complete when that has a bar."""
        weeks = (self._bars.days[self._rows] + 3) // 7
        begins = np.ones(weeks.size, dtype=bool)
        np.not_equal(weeks[1:], weeks[:-1], out=begins[1:])
        begins[self._bounds[:-1]] = True
        week = np.cumsum(begins) - 1
        last = np.append(np.flatnonzero(begins)[1:], weeks.size) - 1
        bounds = np.append(week[self._bounds[:-1]], week[-1] + 1)
        before = np.empty(last.size)

        def of_week(name: str, values: Floats) -> None:
            shift(before, bounds, finite(values), 1)
            write(name, before[week])

        run(program, {"weekly_close": self._columns["close"][last]}, bounds, of_week)

    def _market(self, program: tuple[Step, ...], write: Any) -> None:
        shared = np.flatnonzero(self._benchmark != _NOBODY)
        of_benchmark = self._benchmark[shared]
        visible = self._bars.usable[self._bars.of_benchmarks[of_benchmark]]
        everywhere = shared.size == self._benchmark.size and bool(visible.all())
        bounds = np.searchsorted(shared, self._bounds)
        columns = {
            "close": self._columns["close"][shared],
            "benchmark_close": self._of_benchmark["close"][of_benchmark],
        }

        def of_shared(name: str, values: Floats) -> None:
            if everywhere:
                write(name, values)
                return
            found = np.full(self._benchmark.size, np.nan)
            found[shared[visible]] = values[visible]
            write(name, found)

        run(program, columns, bounds, of_shared)

    def _benchmark_columns(self) -> dict[str, Floats]:
        known = self._benchmark != _NOBODY
        known[known] = self._bars.usable[self._bars.of_benchmarks[self._benchmark[known]]]
        found = {}
        for name, values in self._of_benchmark.items():
            found[f"benchmark_{name}"] = np.full(known.size, np.nan)
            found[f"benchmark_{name}"][known] = values[self._benchmark[known]]
        return found


def _arrays(bars: pl.DataFrame, benchmarks: Mapping[Any, str], usable: NDArray[np.bool_]) -> _Bars:
    bounds = bounds_of(bars["symbol"])
    days = days_of(bars["session"])
    return _Bars(
        bounds,
        days,
        {name: numbers(bars[f"adj_{name}"]) for name in PRICES},
        numbers(bars["dollar_volume"]),
        usable,
        *_benchmark_rows(bars, bounds, days, benchmarks),
    )


def _benchmark_rows(
    bars: pl.DataFrame, bounds: Integers, days: NDArray[np.int64], benchmarks: Mapping[Any, str]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows of the benchmarks, and at each row the place among them of the benchmark's bar at its session."""
    found = np.full(bars.height, _NOBODY)
    place = {symbol: number for number, symbol in enumerate(bars["symbol"].gather(bounds[:-1]))}
    symbols = {each: place[each] for each in place if each in benchmarks.values()}
    if not symbols:
        return np.empty(0, np.int64), found
    rows_of = {each: np.arange(bounds[number], bounds[number + 1]) for each, number in symbols.items()}
    starts = dict(zip(rows_of, np.cumsum([0, *map(len, rows_of.values())]), strict=False))
    runs = bounds_of(bars["asset_class"])
    classes = bars["asset_class"].gather(runs[:-1]).to_list()
    earliest, latest = int(days.min()), int(days.max())
    for asset_class, symbol in benchmarks.items():
        if symbol not in symbols:
            continue
        at_day = np.full(latest - earliest + 1, _NOBODY)
        at_day[days[rows_of[symbol]] - earliest] = starts[symbol] + np.arange(len(rows_of[symbol]))
        for run_, name in enumerate(classes):
            if name == asset_class:
                rows = slice(runs[run_], runs[run_ + 1])
                found[rows] = at_day[days[rows] - earliest]
    return np.concatenate(list(rows_of.values())), found


def _of_benchmarks(bars: _Bars, expressions: Expressions) -> dict[str, Floats]:
    """Closes of the benchmarks, and the columns that others see of them, in the order of their rows."""
    found = {name: np.full(bars.of_benchmarks.size, np.nan) for name in ("close", *expressions.of_benchmark)}
    program = program_of({name: expressions.symbol[name] for name in expressions.of_benchmark})
    start = 0
    for symbol in map(int, np.flatnonzero(np.isin(bars.bounds[:-1], bars.of_benchmarks))):
        columns = bars.columns(symbol, symbol + 1)
        rows = slice(start, start + columns["close"].size)
        start = rows.stop
        found["close"][rows] = columns["close"]

        def write(name: str, values: Floats, rows: slice = rows) -> None:
            found[name][rows] = finite(values)

        run(program, columns, np.array([0, columns["close"].size]), write)
    return found
