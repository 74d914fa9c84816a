"""Faults planted in synthetic bars at known places, for tests of what finds them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

PRICES = ("open", "high", "low", "close")
#: Bars of a symbol between two faults, so that each is a fault of its own.
_APART = 8
#: Sessions of the longer faults.
UNIT_SPELL, REUSE_HOLE = 10, 370
_EARLIEST, _SPREAD = 100, 500  # sessions after which those that last begin
_FRIDAY = 5

Draw = Callable[[str, int], NDArray[np.float64]]


class _Bar(NamedTuple):
    """What a fault of one bar does to it: factors of its values, or values in their place."""

    times: Mapping[str, float] = {}
    put: Mapping[str, float | None] = {}


_OF_ONE_BAR: dict[str, _Bar] = {
    "null_price": _Bar(put={"open": None}),
    "non_positive_price": _Bar(put={"low": 0.0}),
    "ohlc_violation": _Bar(times={"close": 1.5}),
    "negative_volume": _Bar(times={"volume": -1.0}),
    "zero_volume": _Bar(put={"volume": 0.0}),
    "spike": _Bar(times=dict.fromkeys(PRICES, 4.7)),
    "half_adjusted": _Bar(times=dict.fromkeys(PRICES, 2 / 3)),
}
#: Every fault, and what its rate counts.
KINDS: dict[str, str] = {
    **dict.fromkeys(_OF_ONE_BAR, "bar"),
    "missing_one_day": "bar",
    "missing_two_days": "bar",
    "stale_price": "bar",
    "duplicate_exact": "bar",
    "duplicate_conflict": "bar",
    "not_a_session": "bar",
    "unit_change": "bar",
    "stale_day": "session",
    "identical_series": "symbol",
    "ticker_reuse": "symbol",
}


def planted(
    bars: pl.DataFrame, rates: Mapping[str, float], draw: Draw, market_draw: Draw, leader: pl.DataFrame | None
) -> pl.DataFrame:
    """Return bars of one symbol with faults, and `fault`, the name of the one that a bar has.

    Parameters
    ----------
    bars
        All sessions of the symbol from the first on: open, high, low, close, volume, adj_close; sorted.
    rates
        Fault -> rate, of bars, sessions or symbols (`KINDS`).
    draw
        (fault, length) -> uniform numbers of the symbol for that fault.
    market_draw
        The same for all symbols.
    leader
        Bars of the symbol that an `identical_series` copies; None for that symbol itself.

    Notes
    -----
    Faults of a bar are at least 8 bars apart. Bars that a fault takes away are rows with null prices and the fault's
    name, for a list of what was planted; who hands the bars on leaves them out.
    """
    if bars.is_empty():
        return bars.with_columns(fault=pl.lit(None, pl.String))
    rows = bars.with_columns(fault=pl.lit(None, pl.String), _number=pl.int_range(pl.len()))
    places = _places(bars.height, rates, draw)
    for fault, change in _OF_ONE_BAR.items():
        rows = _with_bars(rows, places.get(fault, []), fault, change)
    rows = _without(rows, "missing_one_day", places.get("missing_one_day", []), 1)
    rows = _without(rows, "missing_two_days", places.get("missing_two_days", []), 2)
    for at in places.get("stale_price", []):
        close = rows["close"][at]
        rows = _put(rows, range(at + 1, min(at + 5, bars.height)), "stale_price", dict.fromkeys(PRICES, close))
    for at in places.get("unit_change", []):
        spell = range(at, min(at + UNIT_SPELL, bars.height))
        rows = _with_bars(rows, spell, "unit_change", _Bar(times=dict.fromkeys(PRICES, 100.0)))
    if "stale_day" in rates:
        hits = np.flatnonzero(market_draw("stale_day", bars.height) < rates["stale_day"])
        for at in hits[hits > 0].tolist():
            rows = _put(rows, [at], "stale_day", {name: rows[name][at - 1] for name in PRICES})
    first = _EARLIEST + int(draw("since", 1)[0] * _SPREAD)
    if leader is not None and draw("identical_series", 1)[0] < rates.get("identical_series", 0.0):
        copied = leader.with_columns(fault=pl.lit("identical_series"), _number=pl.int_range(pl.len()))
        rows = pl.concat(
            [rows[:first], copied.select(rows.columns)[first:].with_columns(symbol=pl.lit(bars["symbol"][0]))]
        )
    elif leader is not None and draw("ticker_reuse", 1)[0] < rates.get("ticker_reuse", 0.0):
        rows = _without(rows, "hole", [first], REUSE_HOLE)
        others = range(first + REUSE_HOLE, bars.height)
        rows = _with_bars(rows, others, "ticker_reuse", _Bar(times=dict.fromkeys(PRICES, 3.0)))
    exact = rows[places.get("duplicate_exact", [])]
    conflict = rows[places.get("duplicate_conflict", [])]
    friday = rows[places.get("not_a_session", [])].filter(pl.col("session").dt.weekday() == _FRIDAY)
    extra = [
        exact.with_columns(fault=pl.lit("duplicate_exact")),
        conflict.with_columns(pl.col("volume") + 1.0, fault=pl.lit("duplicate_conflict")),
        friday.with_columns(pl.col("session").dt.offset_by("1d"), fault=pl.lit("not_a_session")),
    ]
    return pl.concat([rows, *extra]).drop("_number")


def _places(length: int, rates: Mapping[str, float], draw: Draw) -> dict[str, list[int]]:
    """Sessions of the faults of a bar, at least `_APART` apart, by fault."""
    hits = [
        (int(at), fault)
        for fault, counted in KINDS.items()
        if counted == "bar" and rates.get(fault, 0.0) > 0
        for at in np.flatnonzero(draw(fault, length) < rates[fault])
    ]
    chosen: dict[str, list[int]] = {}
    free = 1
    for at, fault in sorted(hits):
        if at >= free:
            chosen.setdefault(fault, []).append(at)
            free = at + _APART + (UNIT_SPELL if fault == "unit_change" else 0)
    return chosen


def _with_bars(rows: pl.DataFrame, at: list[int] | range, fault: str, change: _Bar) -> pl.DataFrame:
    if not len(at):
        return rows
    hit = pl.col("_number").is_in(list(at))
    values = {name: pl.col(name) * factor for name, factor in change.times.items()}
    values |= {name: pl.lit(value, pl.Float64) for name, value in change.put.items()}
    return rows.with_columns(
        *[pl.when(hit).then(value).otherwise(name).alias(name) for name, value in values.items()],
        fault=pl.when(hit).then(pl.lit(fault)).otherwise("fault"),
    )


def _put(rows: pl.DataFrame, at: list[int] | range, fault: str, values: Mapping[str, float]) -> pl.DataFrame:
    return _with_bars(rows, at, fault, _Bar(put=values))


def _without(rows: pl.DataFrame, fault: str, at: list[int], sessions: int) -> pl.DataFrame:
    gone = [place + offset for place in at for offset in range(sessions)]
    return _with_bars(rows, gone, fault, _Bar(put=dict.fromkeys((*PRICES, "volume"), None)))


#: Faults whose rows are no bars.
TAKEN_AWAY = ("missing_one_day", "missing_two_days", "hole")
