"""Fills at the open after a past close, and that no decision of that close has seen the session they are in."""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import replace
from typing import cast

import numpy as np
import polars as pl

from trading_assets.backtests.backtest import PreparedBacktest
from trading_assets.backtests.engine.dtypes import RecordArray
from trading_assets.backtests.engine.simulate import Simulation, simulate
from trading_assets.backtests.results.run_tables import Result
from trading_assets.backtests.tables import DECISIONS, EQUITY, FILLS, FULL
from trading_assets.robustness.look_ahead.point_in_time import MarketSnapshot, with_noise_after
from trading_assets.warehouse import Table

#: `backtests.decisions`, `fills` and `equity` of a run.
Tables = dict[Table, pl.DataFrame]

#: Fields of a simulation with a value a session.
_BY_SESSION = ("equity", "cash", "gross_exposure", "positions")


#: Columns of the bars that the engine runs on.
COLUMNS = (
    *("symbol", "asset_class", "session", "open", "high", "low", "close", "volume"),
    *("split_ratio", "cash_dividend", "forward_factor", "adj_close", "flags"),
)


def session_after(days: pl.Series, cut: dt.date) -> dt.date | None:
    """Return the first session with a bar after a cut; None after the last."""
    return cast(dt.date | None, days.filter(days > cut).min())


def with_next_session(then: MarketSnapshot, whole: MarketSnapshot, cut: dt.date, seed: int) -> MarketSnapshot:
    """Return what was on record at the close of `cut`, and the bars of the next session: all but their open is noise.

    Parameters
    ----------
    then
        What was on record, see `known_at`; of the bars perhaps not all columns.
    whole
        Tables as they stand; bars sorted by symbol and session.
    cut, seed
        See `with_noise_after`.
    """
    following = session_after(whole.days, cut)
    if following is None:
        return then
    until = pl.col("session") <= following
    bars = pl.concat(each.filter(session=following) for each in whole.bars_in_parts())
    coming = replace(whole, bars=bars, parts=None)
    return replace(
        then.continued(with_noise_after(coming, cut, seed).bars),
        quarantine=whole.quarantine.filter(until),
        sessions=whole.sessions.filter(until),
    )


def run_until(
    traded: Callable[[], PreparedBacktest], hidden: Callable[[], PreparedBacktest], cut: dt.date
) -> tuple[Tables, Tables]:
    """Run a strategy on the bars of the session after a cut, and without them.

    Parameters
    ----------
    traded, hidden
        Prepare the same strategy with the true open of the next session, and with nothing that is true of it: one after
        the other, for each has a market of its own.
    cut
        Last session that both have as it was.

    Returns
    -------
    tuple of Tables
        Rows of both runs; the first twice where the engine recorded the same up to the cut.
    """
    prepared = traded()
    last, run = _row(prepared, cut), _simulated(prepared)
    result = _tables(prepared, run)
    del prepared
    prepared = hidden()
    unseen = _simulated(prepared)
    return result, result if same_until(last, run, unseen) else _tables(prepared, unseen)


def run_whole(prepared: PreparedBacktest) -> Tables:
    """Run a strategy over all sessions of its market."""
    return _tables(prepared, _simulated(prepared))


def same_until(last: int, one: Simulation, other: Simulation) -> bool:
    """Return whether two runs recorded the same decisions, fills and values up to a row of the market, to the bit.

    Parameters
    ----------
    last
        The row.
    one, other
        Runs from the same session on, of the same symbols.
    """
    stop = last + 1 - one.first_session
    values = all(getattr(one, name)[:stop].tobytes() == getattr(other, name)[:stop].tobytes() for name in _BY_SESSION)
    pairs = ((one.decisions, other.decisions), (one.fills, other.fills))
    return values and all(_same(_until(first, last), _until(second, last)) for first, second in pairs)


def _row(prepared: PreparedBacktest, cut: dt.date) -> int:
    return bisect_right(prepared.axes.sessions, cut) - 1


def _simulated(prepared: PreparedBacktest) -> Simulation:
    return simulate(prepared.market, prepared.signals, prepared.run_parameters, prepared.settings)


def _until(records: RecordArray, last: int) -> RecordArray:
    kept: RecordArray = records[records["session"] <= last]
    return kept


def _same(one: RecordArray, other: RecordArray) -> bool:
    columns = [[np.ascontiguousarray(rows[name]).tobytes() for name in one.dtype.names or ()] for rows in (one, other)]
    return columns[0] == columns[1]


def _tables(prepared: PreparedBacktest, run: Simulation) -> Tables:
    result = Result(
        run,
        prepared.market,
        prepared.run_parameters,
        prepared.settings,
        prepared.names,
        risk_free=prepared.risk_free,
        strategy=prepared.name,
        split=FULL,
    )
    return {DECISIONS: result.decisions, FILLS: result.fills, EQUITY: result.equity}
