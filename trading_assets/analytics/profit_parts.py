"""What each round trip earned and paid in each session, from its fills and the bars: a second book beside the engine's.

Nothing here reads the equity of a run. That the parts add up to it is a check, and no construction.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from trading_assets.backtests.engine.arrays import Floats, Integers, Market
from trading_assets.backtests.engine.portfolio_state import floor_to_lot
from trading_assets.backtests.inputs.market_axes import MarketAxes

#: Moves of what was held through the session, of what was bought or sold short from its fill to the close, and of what
#: was left from the close before to its fill.
HOLDING, ENTRY_TIMING, EXIT_TIMING = "holding", "entry_timing", "exit_timing"
DIVIDENDS, COMMISSION, SLIPPAGE, BORROW = "dividends", "commission", "slippage", "borrow"
PARTS = (HOLDING, ENTRY_TIMING, EXIT_TIMING, DIVIDENDS, COMMISSION, SLIPPAGE, BORROW)
_SCHEMA = {"trade_id": pl.String, "session": pl.Date, "part": pl.String, "profit": pl.Float64}


class _Fills(NamedTuple):
    """Fills of one round trip in the order in which they were made."""

    rows: Integers  # sessions
    bought: Floats  # quantity, negative where sold
    raw_price: Floats
    price: Floats
    fee: Floats


class _Path(NamedTuple):
    """A position at each of its sessions, the first with the entry's: arrays of one length."""

    before: Floats  # signed quantity at the open, splits of the session followed
    after: Floats  # at the close
    unsplit: Floats  # at the close before, not split yet
    paid_out: Floats  # fractions of a lot that a split left, signed quantity


def profit_parts(fills: pl.DataFrame, market: Market, axes: MarketAxes) -> pl.DataFrame:
    """Return what each round trip made of each session, by part; what is 0 has no row.

    Parameters
    ----------
    fills
        Rows of `backtests.fills` of one run.
    market, axes
        Bars of the symbols that were filled, and their sessions: at least those of the run, the last its last.

    Returns
    -------
    polars.DataFrame
        trade_id, session, part (of `PARTS`), profit (quote currency), by trade and part in session order.
    """
    found: list[tuple[int, int, Integers, Floats]] = []
    trades: list[str] = []
    rows, columns = _placed(fills, axes)
    order = np.lexsort((np.arange(rows.size), rows))
    of_trade: dict[str, list[int]] = {}
    for place in order.tolist():
        of_trade.setdefault(fills["trade_id"][place], []).append(place)
    signed = fills["quantity"].to_numpy() * np.where((fills["side"] == "buy").to_numpy(), 1.0, -1.0)
    numbers = [fills[name].to_numpy() for name in ("raw_price", "price", "fee")]
    for trade_id, places in of_trade.items():
        own = np.array(places)
        made = _parts_of(_Fills(rows[own], signed[own], *(each[own] for each in numbers)), int(columns[own[0]]), market)
        first = int(rows[own[0]])
        for number, part in enumerate(PARTS):
            kept = np.flatnonzero(made[part])
            if kept.size:
                found.append((len(trades), number, first + kept, made[part][kept]))
        trades.append(trade_id)
    if not found:
        return pl.DataFrame(schema=_SCHEMA)
    sizes = [each[2].size for each in found]
    return pl.DataFrame(
        {
            "trade_id": pl.Series(trades, dtype=pl.String).gather(np.repeat([each[0] for each in found], sizes)),
            "session": pl.Series(axes.sessions, dtype=pl.Date).gather(np.concatenate([each[2] for each in found])),
            "part": pl.Series(PARTS).gather(np.repeat([each[1] for each in found], sizes)),
            "profit": np.concatenate([each[3] for each in found]),
        }
    )


def _placed(fills: pl.DataFrame, axes: MarketAxes) -> tuple[Integers, Integers]:
    on_axes, rows, columns = axes.places(fills)
    if not on_axes.all():
        raise ValueError(f"fills of {fills.filter(~pl.Series(on_axes))['symbol'][0]} are not on the axes of the market")
    return rows, columns


def _parts_of(fills: _Fills, i: int, market: Market) -> dict[str, Floats]:
    """Each of `PARTS`, a value a session from that of the first fill on."""
    first = int(fills.rows[0])
    path = _path(fills, i, market)
    sessions = slice(first, first + path.after.size)
    marks = _marks(first, path.after.size, fills.price[0], path.after[0] < 0 or fills.bought[0] < 0, i, market)
    ratio, dividend = market.split_ratio[sessions, i], market.cash_dividend[sessions, i]
    previous = np.concatenate([marks[:1], marks[:-1] / ratio[1:]])  # in units of the session
    direction = np.sign(fills.bought[0])
    opened = np.zeros(path.after.size)
    closed, entry, left, slippage, fee = (np.zeros(path.after.size) for _ in range(5))
    at = fills.rows - first
    is_opening = np.sign(fills.bought) == direction
    np.add.at(opened, at[is_opening], fills.bought[is_opening])
    np.add.at(entry, at[is_opening], fills.bought[is_opening] * fills.raw_price[is_opening])
    np.add.at(closed, at[~is_opening], -fills.bought[~is_opening])
    np.add.at(left, at[~is_opening], -fills.bought[~is_opening] * fills.raw_price[~is_opening])
    np.add.at(slippage, at, -fills.bought * (fills.price - fills.raw_price))
    np.add.at(fee, at, -fills.fee)
    opens = np.where(np.isnan(market.open[sessions, i]), previous, market.open[sessions, i])
    return {
        HOLDING: (path.before - closed) * (marks - previous) + path.paid_out * (opens - previous),
        ENTRY_TIMING: opened * marks - entry,
        EXIT_TIMING: left - closed * previous,
        DIVIDENDS: dividend * path.unsplit,
        COMMISSION: fee,
        SLIPPAGE: slippage,
        BORROW: _borrow(first, path, marks, i, market),
    }


def _path(fills: _Fills, i: int, market: Market) -> _Path:
    """The position from its first fill to its last, or to the end of the market if something is left."""
    first, last = int(fills.rows[0]), market.close.shape[0] - 1
    splits = first + 1 + np.flatnonzero(market.split_ratio[first + 1 :, i] != 1.0)
    at_fill: dict[int, float] = {}
    for row, bought in zip(fills.rows.tolist(), fills.bought.tolist(), strict=True):
        at_fill[row] = at_fill.get(row, 0.0) + bought
    quantity = np.zeros(last + 1 - first)
    before, paid_out = quantity.copy(), quantity.copy()
    held, since, final = 0.0, first, int(fills.rows[-1])
    for row in sorted({*at_fill, *splits.tolist()}):
        quantity[since - first : row - first] = held
        before[since + 1 - first : row - first] = held
        since = row
        if market.split_ratio[row, i] != 1.0 and row > first and held != 0.0:
            exact = abs(held) * market.split_ratio[row, i]
            whole = floor_to_lot(exact, market.lot[i])
            sign = -1.0 if held < 0.0 else 1.0
            paid_out[row - first] = sign * max(0.0, exact - whole)
            held = sign * whole
        before[row - first] = held
        held += at_fill.get(row, 0.0)
        if row == final and abs(held) < 0.5 * market.lot[i]:
            held = 0.0
            break
    is_over = held == 0.0 and since == final
    end = since if is_over else last
    quantity[since - first :], before[since + 1 - first :] = held, held
    length = end + 1 - first
    unsplit = np.concatenate([np.zeros(1), quantity[: length - 1]])
    return _Path(before[:length], quantity[:length], unsplit, paid_out[:length])


def _marks(first: int, length: int, price: float, is_short: bool, i: int, market: Market) -> Floats:
    """What the position is marked at, a close at a time: `backtests.engine.marking` says by which rules."""
    rows = slice(first, first + length)
    close, present = market.close[rows, i], market.present[rows, i]
    received = market.expected[rows, i] & ~np.isnan(close)
    if present[0] and not (received & ~present).any():
        known = np.maximum.accumulate(np.where(present, np.arange(length), 0))
        factor = np.cumprod(market.split_ratio[rows, i])
        return close[known] * factor[known] / factor if (factor != factor[0]).any() else close[known]
    return _marks_in_doubt(rows, price, is_short, received, i, market)


def _marks_in_doubt(
    rows: slice, price: float, is_short: bool, received: NDArray[np.bool_], i: int, market: Market
) -> Floats:
    """As `_marks`, where bars came that only a later one confirms."""
    marks = np.empty(received.size)
    mark = confirmed = price
    doubt, doubt_close = -1, np.nan
    for place, t in enumerate(range(rows.start, rows.stop)):
        ratio = market.split_ratio[t, i]
        if place and ratio != 1.0:
            mark, confirmed, doubt_close = mark / ratio, confirmed / ratio, doubt_close / ratio
        close = market.close[t, i]
        if market.present[t, i]:
            mark = confirmed = close
            doubt = -1
        elif received[place]:
            if doubt >= 0 and not market.refuted[doubt, i]:
                confirmed = doubt_close
            is_loss = close > confirmed if is_short else close < confirmed
            mark = close if is_loss else confirmed
            doubt, doubt_close = t, close
        marks[place] = mark
    return marks


def _borrow(first: int, path: _Path, marks: Floats, i: int, market: Market) -> Floats:
    """Paid for the calendar days since the session before, on its quantity at its mark and rate."""
    cost = np.zeros(path.after.size)
    if not (path.after < 0).any():
        return cost
    rows = np.arange(first, first + path.after.size - 1)
    rates = market.borrow_bps[rows if market.borrow_bps.shape[0] > 1 else np.zeros(rows.size, np.int64), i]
    days = market.day[rows + 1] - market.day[rows]
    cost[1:] = np.minimum(path.after[:-1], 0.0) * marks[:-1] * rates / 1e4 / 365.0 * days
    return cost
