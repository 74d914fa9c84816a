"""Pairs of cointegrated prices: buy the cheap leg, sell the dear one, wait (trading rules, section 3.3).

Gatev, Goetzmann and Rouwenhorst, Review of Financial Studies 19 (2006); Vidyamurthy, Pairs Trading (2004) for pairs
found by cointegration.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import Field, model_validator

from trading_assets.config.sections import Fraction, NonNegative, Positive
from trading_assets.config.strategies import TargetWeightParameters, Window
from trading_assets.strategies.cointegration import Formation, form_pairs
from trading_assets.strategies.interface.target_weights import SCHEMA

#: Stable name of this strategy on record, wherever this file moves to.
IDENTITY = "pairs"

#: Rows are changes: a position stays until the next row of its own.
holds_what_is_not_named = True

Move = Literal["diverged", "converged", "spread_stop"]
DIVERGED: Move = "diverged"
CONVERGED: Move = "converged"
SPREAD_STOP: Move = "spread_stop"
REFORMATION = "reformation"

#: Columns of the two legs, the lower one first: a pair keeps its identity whichever leg is y.
Legs = tuple[int, int]


class Parameters(TargetWeightParameters):
    """Formation of pairs, thresholds on the spread, and sizes."""

    capacity: float = Field(default=0.005, gt=0, le=1)
    formation_sessions: Window = Field(default=252, ge=40, description="sessions that pairs are formed on")
    reformation_sessions: int = Field(default=63, ge=1, description="sessions until pairs are formed anew")
    candidates: int = Field(default=50, ge=1, description="most correlated pairs that are tested")
    max_p_value: float = Field(default=0.05, gt=0, le=1, description="of the Engle-Granger test")
    entry_z: Positive = Field(default=2.0, description="enter above this many deviations of the spread")
    exit_z: NonNegative = Field(default=0.5, description="leave below this many")
    stop_z: Positive = Field(default=4.0, description="give the pair up above this many")
    pair_gross: Fraction = Field(default=0.10, gt=0, description="both legs of a pair, as a fraction of equity")
    max_gross: Fraction = Field(default=1.0, gt=0, description="all legs; takes the place of risk.max_gross")

    @model_validator(mode="after")
    def _in_order(self) -> Parameters:
        if not self.exit_z < self.entry_z < self.stop_z:
            raise ValueError("expected exit_z < entry_z < stop_z")
        if self.pair_gross > self.max_gross:
            raise ValueError("pair_gross is larger than max_gross: no pair could be taken")
        return self


GRID: Mapping[str, Sequence[float | str]] = {
    "entry_z": (1.5, 2.0, 2.5),
    "exit_z": (0.25, 0.5, 0.75),
    "stop_z": (3.0, 4.0, 5.0),
}


def target_weights(parameters: Parameters, panel: pl.DataFrame) -> pl.DataFrame:
    """Return the legs of the pairs that are held, set once at entry.

    Pairs are formed within an asset class, whose sessions are those of its rows. Every `reformation_sessions`
    sessions, first after `formation_sessions`, the window of the `formation_sessions` sessions before is looked at:
    symbols with a bar at each of them and a member of the universe at the last, see `form_pairs`. The spread of log
    adjusted closes, its mean and deviation are frozen until the next formation, and the formation's own session is
    the first that they are applied to.

    At a session on which both legs have a bar: a pair beyond `stop_z` is closed (`spread_stop`) and barred until the
    next formation, also when it was not held; one back within `exit_z` of the mean, or past it, is closed
    (`converged`); one beyond `entry_z` is entered (`diverged`) if both legs are members of the universe, but not at
    the session that closed it. At most `max_gross` / `pair_gross` pairs are held: the widest spreads come first,
    equals in the order of symbols.

    Legs are equal in risk by beta: weights of y and x as 1 to -beta, `pair_gross` in absolute sum, drifting with
    prices until the exit. A pair that is formed again keeps its position, and the new spread says when it ends; one
    that is not is closed (`reformation`), each leg at its next bar from that session on.
    """
    classes = panel.sort("asset_class", "symbol", "session").partition_by("asset_class", maintain_order=True)
    rows = [row for own in classes for row in _Desk(parameters, _prices(own)).run()]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row").sort("session", "pair_id", "symbol")


def move(z: float, side: int, parameters: Parameters) -> Move | None:
    """Return what a pair does at a session; None for nothing.

    Parameters
    ----------
    parameters
        `entry_z`, `exit_z` and `stop_z` are read.
    z
        Deviations of the spread from its mean; finite.
    side
        1: long the spread, -1: short, 0: out.

    Examples
    --------
    >>> own = Parameters(entry_z=2.0, exit_z=0.5, stop_z=4.0)
    >>> move(2.5, side=0, parameters=own), move(0.4, side=-1, parameters=own), move(-4.5, side=1, parameters=own)
    ('diverged', 'converged', 'spread_stop')
    >>> move(1.0, side=-1, parameters=own) is None
    True
    """
    if abs(z) > parameters.stop_z:
        return SPREAD_STOP
    if side == 0:
        return DIVERGED if abs(z) > parameters.entry_z else None
    # A long spread was entered below the mean: at -exit_z it has come back, above it has gone past.
    return CONVERGED if side * z > -parameters.exit_z else None


@dataclass(frozen=True)
class _Prices:
    """Rows of one asset class as matrices, (sessions, symbols)."""

    sessions: list[dt.date]
    symbols: list[str]
    log_price: NDArray[np.float64]  # NaN without a bar
    member: NDArray[np.bool_]

    def complete(self, start: int, end: int) -> NDArray[np.int64]:
        """Symbols with every bar of a window, members at its end."""
        window = self.log_price[start:end]
        return np.flatnonzero(np.isfinite(window).all(axis=0) & self.member[end - 1])

    def has_bar(self, session: int, symbol: int) -> bool:
        return bool(np.isfinite(self.log_price[session, symbol]))


@dataclass
class _Desk:
    """Who is held, and which rows that took. Long leg first in `held`."""

    parameters: Parameters
    prices: _Prices
    held: dict[Legs, Legs] = field(default_factory=dict)
    barred: set[Legs] = field(default_factory=set)
    leaving: set[tuple[Legs, int]] = field(default_factory=set)  # legs of dropped pairs that wait for a bar
    rows: list[tuple[dt.date, str, str, float, str]] = field(default_factory=list)

    def run(self) -> list[tuple[dt.date, str, str, float, str]]:
        own, sessions = self.parameters, len(self.prices.sessions)
        for start in range(own.formation_sessions, sessions, own.reformation_sessions):
            formed = _form(self.prices, start, own)
            self._drop_all_but({_legs(y, x) for y, x in zip(formed.y.tolist(), formed.x.tolist(), strict=True)})
            end = min(start + own.reformation_sessions, sessions)
            z = formed.spread_z(self.prices.log_price[start:end])
            for session in range(start, end):
                self._finish_leaving(session)
                self._trade(session, formed, z[session - start].tolist())
        return self.rows

    def _drop_all_but(self, formed: set[Legs]) -> None:
        self.barred.clear()
        for legs in sorted(set(self.held) - formed):
            del self.held[legs]
            self.leaving |= {(legs, leg) for leg in legs}

    def _finish_leaving(self, session: int) -> None:
        for legs, leg in sorted(self.leaving):
            if self.prices.has_bar(session, leg):
                self._add(session, legs, {leg: 0.0}, REFORMATION)
                self.leaving.remove((legs, leg))

    def _trade(self, session: int, formed: Formation, z: list[float]) -> None:
        entries: list[tuple[float, Legs, int]] = []
        for number, value in enumerate(z):
            if not math.isfinite(value):
                continue
            y, x = int(formed.y[number]), int(formed.x[number])
            legs = _legs(y, x)
            side = (1 if self.held[legs][0] == y else -1) if legs in self.held else 0
            reason = move(value, side, self.parameters)
            if reason == SPREAD_STOP:
                self.barred.add(legs)
            if side != 0 and reason is not None:
                del self.held[legs]
                self._add(session, legs, dict.fromkeys(legs, 0.0), reason)
            elif reason == DIVERGED and self._may_enter(session, legs):
                entries.append((-abs(value), legs, number))
        room = math.floor(self.parameters.max_gross / self.parameters.pair_gross + 1e-9) - len(self.held)
        for _, legs, number in sorted(entries)[: max(room, 0)]:
            self._enter(session, legs, formed, number, long_spread=z[number] < 0)

    def _may_enter(self, session: int, legs: Legs) -> bool:
        waits = any((legs, leg) in self.leaving for leg in legs)
        return legs not in self.barred and not waits and bool(self.prices.member[session, list(legs)].all())

    def _enter(self, session: int, legs: Legs, formed: Formation, number: int, *, long_spread: bool) -> None:
        y, x, beta = int(formed.y[number]), int(formed.x[number]), float(formed.beta[number])
        unit = self.parameters.pair_gross / (1 + beta)
        sign = 1 if long_spread else -1
        self.held[legs] = (y, x) if long_spread else (x, y)
        self._add(session, legs, {y: sign * unit, x: -sign * unit * beta}, DIVERGED)

    def _add(self, session: int, legs: Legs, weights: Mapping[int, float], reason: str) -> None:
        names = self.prices.symbols
        pair = "~".join(names[leg] for leg in legs)
        self.rows += [
            (self.prices.sessions[session], names[leg], pair, weight, reason) for leg, weight in weights.items()
        ]


def _legs(y: int, x: int) -> Legs:
    return (min(y, x), max(y, x))


def _form(prices: _Prices, end: int, parameters: Parameters) -> Formation:
    start = end - parameters.formation_sessions
    columns = prices.complete(start, end)
    window = np.ascontiguousarray(prices.log_price[start:end, columns])
    formed = form_pairs(window, parameters.candidates, parameters.max_p_value)
    return Formation(
        y=columns[formed.y],
        x=columns[formed.x],
        beta=formed.beta,
        mean=formed.mean,
        deviation=formed.deviation,
        p_value=formed.p_value,
    )


def _prices(panel: pl.DataFrame) -> _Prices:
    sessions = panel["session"].unique().sort()
    symbols = panel["symbol"].unique().sort()
    at = (sessions.search_sorted(panel["session"]).to_numpy(), symbols.search_sorted(panel["symbol"]).to_numpy())
    shape = (len(sessions), len(symbols))
    log_price, member = np.full(shape, np.nan), np.zeros(shape, dtype=np.bool_)
    log_price[at] = panel["adj_close"].log().to_numpy()
    member[at] = panel["in_universe"].to_numpy()
    return _Prices(sessions.to_list(), symbols.to_list(), log_price, member)
