"""Paper positions: what a strategy would hold if nothing but its own rules mattered.

No ranks, cash, costs, capacity or correlation limit: what is left is the strategy's opinion, for another to weigh.
"""

from __future__ import annotations

import bisect
import datetime as dt
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from trading_assets.config.strategies import OrderParameters
from trading_assets.strategies.interface.rules import ExitRule, Rules, exit_flags
from trading_assets.strategies.interface.target_weights import SCHEMA

DATA_MISSING, HARD_STOP, MAX_HOLD, REBALANCE = "data_missing", "hard_stop", "max_hold", "rebalance"

_EPOCH = dt.date(1970, 1, 1)

#: Room for a weight below this is rounding.
_NO_ROOM = 1e-12


def paper_positions(
    rules: Rules,
    parameters: OrderParameters,
    parts: Iterable[tuple[pl.DataFrame, pl.DataFrame]],
    *,
    max_gross: float,
    delisting_sessions: int,
) -> pl.DataFrame:
    """Return weights of an order-based strategy, by the session at whose close each is decided.

    A symbol is entered at the first `enter` signal while out, with the weight of that signal. It is left when the
    close is below close of the entry - `stop_atr` x ATR (adjusted prices, the ATR of the entry; raised as the exit
    rule says; of a short position above close + as much), at the exit signal, after `max_hold` bars, or when the
    symbol has had no bar for `delisting_sessions` sessions of its asset class; if several hold, the first of these is
    the reason. It can be entered again at the next session. The weights, without their signs, add up to at most
    `max_gross`: entries of a session are made in the order of symbols after its exits; the one that does not fit is
    cut, and left out if nothing fits.

    There is no opinion about a symbol without bars, whereas a position that is really held stays frozen until it can
    be sold. Paper returns are over a symbol's own bars: they have the move to its next bar, if one comes.

    Parameters
    ----------
    parts
        Of some symbols at a time the panel, see `build_panel`, and the `enter` rows of `strategies.signals`; a null
        weight is no entry.

    Returns
    -------
    polars.DataFrame
        session, symbol, pair_id (null), target_weight, reason: a row wherever a weight changes.
    """
    bars, wanted, sessions = _looked_at(rules, parts)
    book = _Book(bars, rules, parameters, delisting_sessions)
    found: list[tuple[dt.date, str, None, float, str]] = []
    for day in sessions:
        left = book.leave((day - _EPOCH).days)
        found += [(day, symbol, None, 0.0, reason) for symbol, reason in left.items()]
        room = max_gross - book.gross
        for row, symbol, reason, weight in wanted.of_day(day):
            if abs(room) <= _NO_ROOM:
                break
            if symbol not in book.held and symbol not in left:
                granted = math.copysign(min(abs(weight), room), weight)
                if abs(granted) > _NO_ROOM:
                    book.enter(row, symbol, granted)
                    found.append((day, symbol, None, granted, reason))
                    room = max_gross - book.gross
    return pl.DataFrame(found, schema=SCHEMA, orient="row")


def signals_of_targets(strategy: str, targets: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of `strategies.signals` of a target-weight strategy, from those of `target_weights.checked`.

    `enter` where a weight becomes other than 0 (reason: the row's; `rebalance` if the same side was held before),
    `exit` where it becomes 0. A row that repeats the weight before it is no signal.
    """
    before = pl.col("target_weight").shift(1, fill_value=0.0).over("symbol", "pair_id", order_by="session")
    weight, same_side = pl.col("target_weight"), pl.col("target_weight").sign() == pl.col("before").sign()
    return (
        targets.with_columns(before=before)
        .filter(weight != pl.col("before"))
        .with_columns(
            strategy=pl.lit(strategy),
            action=pl.when(weight == 0).then(pl.lit("exit")).otherwise(pl.lit("enter")),
            reason=pl.when(same_side).then(pl.lit(REBALANCE)).otherwise("reason"),
            score=pl.lit(None, pl.Float64),
        )
        .drop("before")
        .sort("session", "symbol", "pair_id")
    )


class _Bars(NamedTuple):
    """Columns of the panel, by row; rows of a symbol follow each other in session order. Days are since 1970-01-01."""

    day: NDArray[np.int32]
    symbol: NDArray[np.uint32]  # number of the symbol
    close: NDArray[np.float64]
    atr: NDArray[np.float64]  # 0 where it is not known
    leave: NDArray[np.bool_]
    lift: NDArray[np.bool_]
    calendar: Sequence[Sequence[int]]  # days of its asset class, by number of the symbol


@dataclass
class _Position:
    entry: int  # row of the panel
    row: int  # of its last bar so far
    weight: float
    stop: float


@dataclass
class _Book:
    """Who is held at which weight."""

    bars: _Bars
    rules: Rules
    parameters: OrderParameters
    delisting_sessions: int
    held: dict[str, _Position] = field(default_factory=dict)
    sizes: dict[str, float] = field(default_factory=dict)  # weights of what is held, without their signs

    @property
    def gross(self) -> float:
        return math.fsum(self.sizes.values())  # whatever the order: the same sum

    def enter(self, row: int, symbol: str, weight: float) -> None:
        self.held[symbol] = _Position(row, row, weight, self._away_from(row, self.parameters.stop_atr))
        self.sizes[symbol] = abs(weight)

    def leave(self, day: int) -> dict[str, str]:
        """Move every position to the close of `day`; those that are left, and why."""
        reasons = {symbol: self._reason(self.held[symbol], day) for symbol in sorted(self.held)}
        left = {symbol: reason for symbol, reason in reasons.items() if reason is not None}
        for symbol in left:
            del self.held[symbol], self.sizes[symbol]
        return left

    def _reason(self, position: _Position, day: int) -> str | None:
        bars, row, following = self.bars, position.row, position.row + 1
        if following == bars.day.size or bars.symbol[following] != bars.symbol[row] or bars.day[following] != day:
            return DATA_MISSING if self._missed(position, day) >= self.delisting_sessions else None
        position.row = following
        if bars.lift[following] and self.rules.exit is not None:
            raised = self._away_from(position.entry, self.rules.exit.raised_stop_atr)
            position.stop = max(position.stop, raised) if self.rules.sign > 0 else min(position.stop, raised)
        if self.rules.sign * (bars.close[following] - position.stop) < 0:
            return HARD_STOP
        if bars.leave[following]:
            return self.rules.exit_reason
        is_over = self.parameters.max_hold is not None and position.row - position.entry >= self.parameters.max_hold
        return MAX_HOLD if is_over else None

    def _missed(self, position: _Position, day: int) -> int:
        own = self.bars.calendar[self.bars.symbol[position.row]]
        return bisect.bisect_right(own, day) - bisect.bisect_right(own, int(self.bars.day[position.row]))

    def _away_from(self, row: int, atrs: float) -> float:
        """As many ATR on the losing side of a close."""
        return float(self.bars.close[row] - self.rules.sign * atrs * self.bars.atr[row])


def _looked_at(rules: Rules, parts: Iterable[tuple[pl.DataFrame, pl.DataFrame]]) -> tuple[_Bars, _Entries, pl.Series]:
    """Return of all parts what positions need to know, the entries, and the sessions of any bar."""
    bars: list[_Bars] = []
    entries: list[pl.DataFrame] = []
    days: list[pl.DataFrame] = []
    classes: list[pl.Series] = []
    rows = 0
    for panel, enter in parts:
        bars.append(_bars_of(rules, panel, sum(each.len() for each in classes)))
        own = panel.select("session", "symbol").with_row_index("row", offset=rows)
        entries.append(enter.drop_nulls("target_weight").join(own, on=["session", "symbol"]))
        days.append(panel.select("asset_class", "session").unique())
        classes.append(panel["asset_class"].filter(panel["symbol"].rle_id().is_first_distinct()))
        rows += panel.height
    of_class = pl.concat(days).group_by("asset_class").agg(pl.col("session").unique().sort().to_physical())
    calendar = dict(of_class.iter_rows())
    together = {name: np.concatenate([getattr(each, name) for each in bars]) for name in _Bars._fields[:-1]}
    every = _Bars(**together, calendar=[calendar[name] for each in classes for name in each])
    return every, _Entries.of(pl.concat(entries)), pl.concat(days)["session"].unique().sort()


def _bars_of(rules: Rules, panel: pl.DataFrame, first: int) -> _Bars:
    """Return the columns of a panel whose first symbol has a number; without calendars."""
    rule = rules.exit or ExitRule("")
    exits = exit_flags(rules, panel)

    def flags(name: str | None) -> NDArray[np.bool_]:
        return exits[name].to_numpy() if name in exits.columns else np.zeros(panel.height, dtype=np.bool_)

    return _Bars(
        day=panel["session"].to_physical().to_numpy(),
        symbol=panel["symbol"].rle_id().to_numpy() + np.uint32(first),
        close=panel["adj_close"].to_numpy(),
        atr=panel["atr_14"].fill_null(0.0).to_numpy(),
        leave=flags(rule.signal),
        lift=flags(rule.raise_stop_on),
        calendar=(),
    )


@dataclass(frozen=True)
class _Entries:
    """Entries by session, then symbol, and their rows of the panel."""

    rows: NDArray[np.int64]
    entries: pl.DataFrame
    first: dict[dt.date, tuple[int, int]]  # of a session: its first entry, and how many it has

    @classmethod
    def of(cls, entries: pl.DataFrame) -> _Entries:
        found = entries.sort("session", "symbol")
        runs = found["session"].rle().struct.unnest()
        starts = runs["len"].cum_sum() - runs["len"]
        first = {day: (start, count) for day, start, count in zip(runs["value"], starts, runs["len"], strict=True)}
        return cls(found["row"].cast(pl.Int64).to_numpy(), found.select("symbol", "reason", "target_weight"), first)

    def of_day(self, day: dt.date) -> list[tuple[int, str, str, float]]:
        if day not in self.first:
            return []
        start, count = self.first[day]
        rows = self.rows[start : start + count].tolist()
        return [(row, *entry) for row, entry in zip(rows, self.entries.slice(start, count).rows(), strict=True)]
