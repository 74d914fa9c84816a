"""The books of a broker at the marks of the account, session by session: what the account would be at the broker.

Only what the fills leave otherwise counts: other units, and other cash. Both are marked by the same closes, and the
difference is put on the equity of the account. So borrowing and dividends are those of the account; dividends
of the units that differ are added.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from trading_assets.trading.broker_books import AT_NO_OPEN, Books, ratios_at, trades_of
from trading_assets.trading.divergence.betting import Floats


@dataclass(frozen=True)
class LiveCurve:
    """Equity of the account and of the broker's books, (sessions,), both from the same capital on."""

    sessions: Sequence[dt.date]
    paper: Floats
    live: Floats
    capital: float

    @property
    def live_returns(self) -> Floats:
        """Return of the broker's books, (sessions,)."""
        before = self._before(self.live)
        return np.asarray(np.divide(self.live, before, out=np.ones_like(self.live), where=before > 0.0) - 1.0)

    @property
    def differences(self) -> Floats:
        """What the broker's books made more than the account, as a share of its equity before, (sessions,).

        Not the difference of two returns: after a gap both make the same dollars of other equity, and the difference
        would be a bet on what the account earns.
        """
        gaps, before = self.live - self.paper, self._before(self.paper)
        change = np.diff(gaps, prepend=0.0)
        return np.asarray(np.divide(change, before, out=np.zeros_like(change), where=before > 0.0))

    def _before(self, curve: Floats) -> Floats:
        return np.concatenate([[self.capital], curve[:-1]]) if curve.size else curve


def live_curve(
    equity: pl.DataFrame, capital: float, broker_fills: pl.DataFrame, engine_fills: pl.DataFrame, bars: pl.DataFrame
) -> LiveCurve:
    """Return the curve of the broker's books beside that of the account.

    Parameters
    ----------
    equity, capital
        session, equity of the account by session, ascending, and what it began with.
    broker_fills, engine_fills
        Rows of `trading.fills`, with pair_id, and of `trading.engine_fills` of the account that were sent. What a stage
        of the rollout withholds is in neither: it counts as the account has it. Fills of a broker in a symbol without
        a bar by then are left out: nothing says what the units are worth.
    bars
        symbol, session, close, split_ratio, cash_dividend of what was filled, since the opening.
    """
    sessions = equity["session"].to_list()
    told, booked, of_day = (_by_session(frame) for frame in (broker_fills, engine_fills, bars))
    broker, engine, marks, dividends, gaps = Books(), Books(), dict[str, float](), 0.0, list[float]()
    unknown = set[str]()
    for session in sessions:
        day, fills = of_day.get(session, bars.clear()), booked.get(session, engine_fills.clear())
        for symbol, paid in day.select("symbol", "cash_dividend").iter_rows():
            if paid:
                dividends += paid * _gap(broker, engine).get(symbol, 0.0)
        ratios = ratios_at(day.filter(pl.col("split_ratio") != 1.0), session)
        marks = {symbol: mark / ratios.get(symbol, 1.0) for symbol, mark in marks.items()}
        marks |= dict(day.drop_nulls("close").select("symbol", "close").iter_rows())
        ended = trades_of(fills.filter(reason=AT_NO_OPEN))
        heard = told.get(session, broker_fills.clear())
        unknown = (unknown | ({*heard["symbol"]} - {*marks, *engine.of_symbols()})) - {*fills["symbol"]}
        broker = broker.after(ratios, trades_of(heard.filter(~pl.col("symbol").is_in(sorted(unknown)))), ended)
        engine = engine.after(ratios, trades_of(fills))
        held = sum(units * marks.get(symbol, 0.0) for symbol, units in sorted(_gap(broker, engine).items()))
        gaps.append(broker.cash - engine.cash + dividends + held)
    paper = equity["equity"].to_numpy().astype(np.float64)
    live = paper + np.array(gaps, np.float64)
    return LiveCurve(sessions, paper, live, capital)


def _gap(broker: Books, engine: Books) -> Mapping[str, float]:
    """Units that a broker has more than the engine, by symbol, where there are any."""
    found = defaultdict(float, broker.of_symbols())
    for symbol, units in engine.of_symbols().items():
        found[symbol] -= units
    return {symbol: units for symbol, units in found.items() if abs(units) > 1e-9}


def _by_session(frame: pl.DataFrame) -> dict[dt.date, pl.DataFrame]:
    """Rows by session, in an order that does not depend on how they were read."""
    ordered = frame.sort([name for name in frame.columns if name in _IN_ORDER], maintain_order=True)
    return {day: rows for (day,), rows in ordered.group_by("session", maintain_order=True)}


_IN_ORDER = ("session", "symbol", "broker_fill_id", "fill_id")
