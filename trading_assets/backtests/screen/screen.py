"""A screen over independent columns: every symbol and parameter set with cash of its own.

It answers "is this rule worth a portfolio run?" for millions of columns a second, and nothing more. A column
puts all its cash into one symbol, always finds a counterparty and pays a flat fee and slippage: there is no
shared cash, no ranking, no liquidity, no risk limit, no corporate action and no cost model. A verdict never
comes from here; it comes from `backtests.engine`. Prices are the caller's: adjusted ones, where there are events.

Timing: a signal is known at the close of session *t* and fills at the open of *t* + 1, long only, with all cash
(fractions of a share). The stop is a fraction below the raw open of the entry, in force from the session after it:
an open at or below it fills at that open, else a low at or below it fills at the stop. A column does one thing a
session: a stop that is touched takes the place of an exit due at that open (the worse of the two prices) and
of an entry due then; entry and exit on one session make no entry. What is open at the end is marked, not closed.
These are vectorbt's rules for signals one session late with `price=open`, `stop_entry_price="price"`,
`stop_exit_price="stopmarket"` and `upon_long_conflict="exit"`, and tests hold the two to each other.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from trading_assets.backtests.engine.arrays import Flags, Floats, Integers
from trading_assets.backtests.engine.dtypes import RecordArray
from trading_assets.backtests.screen.kernel import (
    Prices,
    Terms,
    fill_curves,
    list_round_trips,
    mark_crosses,
    screen_columns_of_crosses,
    screen_columns_of_signals,
)
from trading_assets.parallel.processors import processors

__all__ = [
    "CROSS",
    "ROUND_TRIP",
    "Columns",
    "Prices",
    "Terms",
    "cross_signals",
    "equity_curves",
    "round_trips",
    "screen_crosses",
    "screen_signals",
]

#: A parameter set: sessions of the fast and the slow mean, and the stop as a fraction below the entry (0: none).
CROSS = np.dtype([("fast", np.int64), ("slow", np.int64), ("stop", np.float64)], align=True)

#: A closed round trip of a column; sessions are rows, prices include slippage, `pnl` is after fees.
ROUND_TRIP = np.dtype(
    [
        ("column", np.int64),
        ("entry_session", np.int64),
        ("exit_session", np.int64),
        ("quantity", np.float64),
        ("entry_price", np.float64),
        ("exit_price", np.float64),
        ("pnl", np.float64),
        ("stopped", np.bool_),
    ],
    align=True,
)

#: Symbols that a thread takes at a time: a cache line of a row.
_BLOCK = 8


@dataclass(frozen=True)
class Columns:
    """What is left of each column; (sets, symbols), or (symbols,) of one set of signals.

    Attributes
    ----------
    final_equity
        Quote currency, an open position at its last close.
    total_return, max_drawdown, sharpe
        As `metrics.total_return`, `metrics.max_drawdown` and `metrics.sharpe` of the column's curve of sessions;
        Sharpe a year, NaN where the curve does not move.
    trades
        Closed round trips.
    """

    final_equity: Floats
    total_return: Floats
    max_drawdown: Floats
    sharpe: Floats
    trades: Integers


def screen_crosses(
    prices: Prices, sets: RecordArray, terms: Terms, *, periods_per_year: float = 252, threads: int | None = None
) -> Columns:
    """Screen every symbol with every set of a cross of two means: in when the fast one crosses above, out below.

    Each window's mean of closes is computed once a symbol; no array has the size of sets x sessions.

    Parameters
    ----------
    prices, terms
        Adjusted open, low and close (sessions, symbols); cash of a column, fees and slippage.
    sets
        (sets,) of `CROSS`.
    periods_per_year
        Sessions a year, for Sharpe.
    threads
        Default: one a processor. The result does not depend on it.

    Raises
    ------
    ValueError
        Prices, terms or a set are not what they are said to be; the message names the row.
    """
    _check_prices(prices)
    _check_terms(terms)
    _check_sets(sets, prices.open.shape[0])
    windows = np.unique(np.concatenate([sets["fast"], sets["slow"]]))
    fast, slow = np.searchsorted(windows, sets["fast"]), np.searchsorted(windows, sets["slow"])
    found = _columns((sets.size, prices.open.shape[1]))

    def work(first: int, last: int) -> None:
        screen_columns_of_crosses(prices, sets, windows, fast, slow, terms, periods_per_year, first, last, *found)

    _in_blocks(work, prices.open.shape[1], threads)
    return _with_returns(found, terms)


def screen_signals(
    prices: Prices,
    entries: Flags,
    exits: Flags,
    stop: float,
    terms: Terms,
    *,
    periods_per_year: float = 252,
    threads: int | None = None,
) -> Columns:
    """Screen every symbol with one set of signals, (sessions, symbols), true at the close that decides.

    Parameters
    ----------
    prices, terms
        As `screen_crosses` takes them.
    entries, exits
        (sessions, symbols), acted on at the next open.
    stop
        Fraction below the entry, 0 for none. Other parameters and errors as those of `screen_crosses`.
    """
    _check_signals(prices, entries, exits, stop, terms)
    found = _columns((1, prices.open.shape[1]))

    def work(first: int, last: int) -> None:
        screen_columns_of_signals(prices, entries, exits, stop, terms, periods_per_year, first, last, *found)

    _in_blocks(work, prices.open.shape[1], threads)
    return _with_returns(tuple(each[0] for each in found), terms)


def cross_signals(close: Floats, fast: int, slow: int) -> tuple[Flags, Flags]:
    """Return the entries and exits of one set of `screen_crosses`, (sessions, symbols).

    True on the session whose close makes the fast mean cross above (entry) or below (exit) the slow one; both
    means are of full windows on that session and the one before.

    Parameters
    ----------
    close
        (sessions, symbols), adjusted.
    fast, slow
        Sessions of the two means.
    """
    entries, exits = np.zeros(close.shape, np.bool_), np.zeros(close.shape, np.bool_)
    mark_crosses(close, fast, slow, entries, exits)
    return entries, exits


def equity_curves(prices: Prices, entries: Flags, exits: Flags, stop: float, terms: Terms) -> Floats:
    """Return the equity at every close, (sessions, symbols), of what `screen_signals` summarises.

    Parameters
    ----------
    prices, entries, exits, stop, terms
        As `screen_signals` takes them.
    """
    _check_signals(prices, entries, exits, stop, terms)
    equity = np.empty(prices.open.shape)
    fill_curves(prices, entries, exits, stop, terms, equity)
    return equity


def round_trips(prices: Prices, entries: Flags, exits: Flags, stop: float, terms: Terms) -> RecordArray:
    """Return the closed round trips (`ROUND_TRIP`) of what `screen_signals` summarises, by column, then session.

    Parameters
    ----------
    prices, entries, exits, stop, terms
        As `screen_signals` takes them.
    """
    _check_signals(prices, entries, exits, stop, terms)
    trips = np.empty(int(entries.sum()), ROUND_TRIP)
    return trips[: list_round_trips(prices, entries, exits, stop, terms, trips)].copy()


def _columns(shape: tuple[int, int]) -> tuple[Floats, Floats, Floats, Integers]:
    return np.empty(shape), np.empty(shape), np.empty(shape), np.empty(shape, np.int64)


def _with_returns(found: tuple[Any, ...], terms: Terms) -> Columns:
    final, drawdown, sharpe, trades = found
    return Columns(final, final / terms.cash - 1.0, drawdown, sharpe, trades)


def _in_blocks(work: Callable[[int, int], None], symbols: int, threads: int | None) -> None:
    """Blocks of columns on a pool of threads; each writes only its own columns."""
    blocks = [(first, min(first + _BLOCK, symbols)) for first in range(0, symbols, _BLOCK)]
    with ThreadPoolExecutor(threads or processors()) as pool:
        for done in [pool.submit(work, *block) for block in blocks]:
            done.result()


def _check_prices(prices: Prices) -> None:
    shape = prices.open.shape
    if len(shape) != 2 or any(each.shape != shape or each.dtype != np.float64 for each in prices):
        raise ValueError(f"prices: three float arrays (sessions, symbols) expected, got {[p.shape for p in prices]}")
    good = np.isfinite(prices.close) & (prices.low > 0) & (prices.low <= np.minimum(prices.open, prices.close))
    good &= np.isfinite(prices.open)
    if not good.all():
        session, symbol = np.argwhere(~good)[0]
        raise ValueError(
            f"prices[{session}, {symbol}]: finite, positive, low at most open and close expected, got "
            + ", ".join(f"{name} {each[session, symbol]}" for name, each in prices._asdict().items())
        )


def _check_terms(terms: Terms) -> None:
    if not (0 < terms.cash < np.inf and 0 <= terms.fee_bps < 1e4 and 0 <= terms.slippage_bps < 1e4):
        raise ValueError(f"{terms}: cash above 0, fee and slippage of 0 to 10,000 bp expected")


def _check_signals(prices: Prices, entries: Flags, exits: Flags, stop: float, terms: Terms) -> None:
    _check_prices(prices)
    _check_terms(terms)
    for name, each in (("entries", entries), ("exits", exits)):
        if each.shape != prices.open.shape or each.dtype != np.bool_:
            raise ValueError(f"{name}: booleans {prices.open.shape} expected, got {each.dtype} {each.shape}")
    if not 0 <= stop < 1:
        raise ValueError(f"stop: a fraction from 0 to below 1 expected, got {stop}")


def _check_sets(sets: RecordArray, sessions: int) -> None:
    if sets.dtype != CROSS or sets.ndim != 1 or not sets.size:
        raise ValueError(f"sets: at least one of {CROSS} in one dimension expected, got {sets.dtype} {sets.shape}")
    for row, (fast, slow, stop) in enumerate(sets.tolist()):
        if not (1 <= fast < slow <= sessions and 0 <= stop < 1):
            raise ValueError(
                f"sets[{row}]: fast below slow, slow at most {sessions} sessions, stop from 0 to below 1 expected, "
                f"got fast {fast}, slow {slow}, stop {stop}"
            )
