"""What `screen` compiles: all in one file, by whose date its machine code on disk is kept or renewed."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trading_assets.backtests.engine.arrays import Flags, Floats, Integers
from trading_assets.backtests.engine.dtypes import RecordArray
from trading_assets.backtests.engine.jit import allocating, cached

#: Means closer than this fraction are equal: the rounding of a rolling sum makes no cross.
_EQUAL = 1e-12
#: A deviation of returns below this fraction of their size is the rounding of a constant.
_NO_SPREAD = 1e-7
_EVERY_BYTE = np.uint64(0x0101010101010101)


class Prices(NamedTuple):
    """Bars of every symbol, (sessions, symbols), finite and positive, low at most open and close."""

    open: Floats
    low: Floats
    close: Floats


class Terms(NamedTuple):
    """What a column starts with and pays: cash in quote currency, fee and slippage a side in bp of the price."""

    cash: float = 100_000.0
    fee_bps: float = 0.0
    slippage_bps: float = 0.0


class _Bars(NamedTuple):
    """One symbol, contiguous; sums of its close-to-close returns and of their squares from the first session on."""

    open: Floats
    low: Floats
    close: Floats
    sums: Floats
    squares: Floats


class _Fills(NamedTuple):
    """A round trip: rows, prices with slippage, quantity, cash after it. Open at the end: exit is the last row + 1."""

    entry: int
    exit: int
    entry_price: float
    exit_price: float
    quantity: float
    cash: float
    stopped: bool


# --- many columns -------------------------------------------------------------------------------------


@cached
def screen_columns_of_crosses(
    prices: Prices,
    sets: RecordArray,
    windows: Integers,
    fast: Integers,
    slow: Integers,
    terms: Terms,
    periods: float,
    first: int,
    last: int,
    final: Floats,
    drawdown: Floats,
    sharpe: Floats,
    trades: Integers,
) -> None:
    """Screen the columns `first` to `last` of every set."""
    sessions = prices.open.shape[0]
    means = np.empty((windows.size, sessions))
    side = np.empty(-(-sessions // 8) * 8, np.int8)
    ups, downs = np.empty(sessions, np.int64), np.empty(sessions, np.int64)
    counts = (0, 0)
    for i in range(first, last):
        bars = _bars_of(prices, i)
        for k in range(windows.size):
            _rolling_mean(bars.close, windows[k], means[k])
        for p in range(sets.size):
            if p == 0 or fast[p] != fast[p - 1] or slow[p] != slow[p - 1]:
                counts = _crosses(means[fast[p]], means[slow[p]], sets[p]["slow"], side, ups, downs)
            final[p, i], drawdown[p, i], sharpe[p, i], trades[p, i] = _summary(
                bars, ups[: counts[0]], downs[: counts[1]], sets[p]["stop"], terms, periods
            )


@cached
def screen_columns_of_signals(
    prices: Prices,
    entries: Flags,
    exits: Flags,
    stop: float,
    terms: Terms,
    periods: float,
    first: int,
    last: int,
    final: Floats,
    drawdown: Floats,
    sharpe: Floats,
    trades: Integers,
) -> None:
    """Screen the columns `first` to `last`."""
    for i in range(first, last):
        ups, downs = np.flatnonzero(entries[:, i]), np.flatnonzero(exits[:, i])
        final[0, i], drawdown[0, i], sharpe[0, i], trades[0, i] = _summary(
            _bars_of(prices, i), ups, downs, stop, terms, periods
        )


@cached
def mark_crosses(close: Floats, fast: int, slow: int, entries: Flags, exits: Flags) -> None:
    """Set the flags of the sessions on which two means of the closes cross."""
    sessions = close.shape[0]
    quick, calm = np.empty(sessions), np.empty(sessions)
    side = np.empty(-(-sessions // 8) * 8, np.int8)
    ups, downs = np.empty(sessions, np.int64), np.empty(sessions, np.int64)
    for i in range(close.shape[1]):
        own = close[:, i].copy()
        _rolling_mean(own, fast, quick)
        _rolling_mean(own, slow, calm)
        up, down = _crosses(quick, calm, slow, side, ups, downs)
        for t in ups[:up]:
            entries[t, i] = True
        for t in downs[:down]:
            exits[t, i] = True


@cached
def fill_curves(prices: Prices, entries: Flags, exits: Flags, stop: float, terms: Terms, equity: Floats) -> None:
    """Fill `equity`, (sessions, symbols)."""
    for i in range(prices.open.shape[1]):
        bars, at = _bars_of(prices, i), np.zeros(3, np.int64)
        ups, downs = np.flatnonzero(entries[:, i]), np.flatnonzero(exits[:, i])
        equity[:, i] = terms.cash
        trip = _next_round_trip(bars, ups, downs, at, stop, terms.cash, terms)
        while trip.entry >= 0:
            for t in range(trip.entry, trip.exit):
                equity[t, i] = trip.quantity * bars.close[t]
            equity[trip.exit :, i] = trip.cash
            trip = _next_round_trip(bars, ups, downs, at, stop, trip.cash, terms)


@cached
def list_round_trips(
    prices: Prices, entries: Flags, exits: Flags, stop: float, terms: Terms, trips: RecordArray
) -> int:
    """Fill `trips`, which has room for one an entry signal, with the closed round trips; how many."""
    sessions, count = prices.open.shape[0], 0
    for i in range(prices.open.shape[1]):
        bars, at = _bars_of(prices, i), np.zeros(3, np.int64)
        ups, downs = np.flatnonzero(entries[:, i]), np.flatnonzero(exits[:, i])
        before = terms.cash
        trip = _next_round_trip(bars, ups, downs, at, stop, before, terms)
        while trip.entry >= 0 and trip.exit < sessions:
            row = trips[count]
            row["column"], row["entry_session"], row["exit_session"] = i, trip.entry, trip.exit
            row["quantity"], row["entry_price"], row["exit_price"] = trip.quantity, trip.entry_price, trip.exit_price
            row["pnl"], row["stopped"] = trip.cash - before, trip.stopped
            count += 1
            before = trip.cash
            trip = _next_round_trip(bars, ups, downs, at, stop, before, terms)
    return count


# --- one column ---------------------------------------------------------------------------------------


@allocating
def _bars_of(prices: Prices, column: int) -> _Bars:
    sessions = prices.open.shape[0]
    close = prices.close[:, column].copy()
    sums, squares = np.zeros(sessions), np.zeros(sessions)
    for t in range(1, sessions):
        change = close[t] / close[t - 1] - 1.0
        sums[t] = sums[t - 1] + change
        squares[t] = squares[t - 1] + change * change
    return _Bars(prices.open[:, column].copy(), prices.low[:, column].copy(), close, sums, squares)


@allocating
def _rolling_mean(values: Floats, window: int, means: Floats) -> None:
    """Mean of the last `window` values, NaN until there are as many; the sum is compensated (Knuth's TwoSum)."""
    total, lost = 0.0, 0.0
    for t in range(values.size):
        for change in (values[t], -values[t - window] if t >= window else 0.0):
            raised = total + change
            part = raised - total
            lost += (total - (raised - part)) + (change - part)
            total = raised
        means[t] = (total + lost) / window if t >= window - 1 else np.nan


@allocating
def _crosses(
    fast: Floats, slow: Floats, full: int, side: NDArray[np.int8], ups: Integers, downs: Integers
) -> tuple[int, int]:
    """Sessions on which `fast` comes to be above, and below, `slow`; how many. Both are full from `full` - 1 on.

    `side` is room for one value a session, in whole words: where nothing changes, eight are passed at a time.
    """
    sessions = fast.size
    # slices from 0 on, which the compiler turns into vector instructions
    quick, calm, compared = fast[full - 1 :], slow[full - 1 :], side[full - 1 : sessions]
    for t in range(quick.size):
        above, below = quick[t] > calm[t] * (1.0 + _EQUAL), quick[t] < calm[t] * (1.0 - _EQUAL)
        compared[t] = np.int8(above) - np.int8(below)
    now = side[full - 1]
    side[: full - 1] = now
    side[sessions:] = side[sessions - 1]
    up, down = 0, 0
    words = side.view(np.uint64)
    for place in range((full - 1) // 8, words.size):
        if words[place] == np.uint64(now & 0xFF) * _EVERY_BYTE:
            continue
        for t in range(8 * place, 8 * place + 8):
            if side[t] != now:
                now = side[t]
                if now > 0:
                    ups[up] = t
                    up += 1
                elif now < 0:
                    downs[down] = t
                    down += 1
    return up, down


@allocating
def _next_round_trip(
    bars: _Bars, ups: Integers, downs: Integers, at: Integers, stop: float, cash: float, terms: Terms
) -> _Fills:
    """The next round trip from `at` on, which moves: (place in `ups`, in `downs`, first session that may decide).

    An `entry` of -1: there is none.
    """
    sessions, fee, slippage = bars.open.size, terms.fee_bps / 1e4, terms.slippage_bps / 1e4
    up, down = at[0], at[1]
    decided = sessions
    while up < ups.size:
        session = ups[up]
        up += 1
        while down < downs.size and downs[down] < session:
            down += 1
        if session >= at[2] and not (down < downs.size and downs[down] == session):
            decided = session
            break
    entry = decided + 1
    if entry >= sessions:
        return _Fills(-1, -1, 0.0, 0.0, 0.0, cash, False)
    price = bars.open[entry] * (1.0 + slippage)
    quantity = cash / (1.0 + fee) / price
    level = bars.open[entry] * (1.0 - stop) if stop > 0.0 else 0.0
    leave = downs[down] + 1 if down < downs.size else sessions
    left, stopped = entry + 1, False
    while left < sessions and left <= leave:
        if bars.low[left] <= level:
            stopped = True
            break
        left += 1
    left = min(left, leave, sessions)
    at[0], at[1], at[2] = up, down, left
    if left == sessions:
        return _Fills(entry, left, price, 0.0, quantity, 0.0, False)
    sold = (min(bars.open[left], level) if stopped else bars.open[left]) * (1.0 - slippage)
    return _Fills(entry, left, price, sold, quantity, quantity * sold * (1.0 - fee), stopped)


@allocating
def _summary(
    bars: _Bars, ups: Integers, downs: Integers, stop: float, terms: Terms, periods: float
) -> tuple[float, float, float, int]:
    """Final equity, deepest drawdown, Sharpe and closed round trips of one column."""
    sessions, at = bars.open.size, np.zeros(3, np.int64)
    equity = peak = terms.cash
    depth, total, squares, trades = 0.0, 0.0, 0.0, 0
    trip = _next_round_trip(bars, ups, downs, at, stop, equity, terms)
    while trip.entry >= 0:
        quantity, last = trip.quantity, trip.exit - 1
        # in units of the position, so that a bar is compared as it is
        top, floor = peak / quantity, peak / quantity * (1.0 + depth)
        for close in bars.close[trip.entry : trip.exit]:
            if close > top:
                top, floor = close, close * (1.0 + depth)
            elif close < floor:
                depth, floor = close / top - 1.0, close
        peak = top * quantity
        change = quantity * bars.close[trip.entry] / equity - 1.0
        total += change + (bars.sums[last] - bars.sums[trip.entry])
        squares += change * change + (bars.squares[last] - bars.squares[trip.entry])
        equity = quantity * bars.close[last]
        if trip.exit < sessions:
            change = trip.cash / equity - 1.0
            total += change
            squares += change * change
            equity = trip.cash
            peak = max(peak, equity)
            depth = min(depth, equity / peak - 1.0)
            trades += 1
        trip = _next_round_trip(bars, ups, downs, at, stop, equity, terms)
    mean = total / sessions
    variance = (squares - sessions * mean * mean) / (sessions - 1) if sessions > 1 else 0.0
    spread = variance > _NO_SPREAD * _NO_SPREAD * squares / sessions
    sharpe = mean / np.sqrt(variance) * np.sqrt(periods) if spread else np.nan
    return equity, depth, sharpe, trades
