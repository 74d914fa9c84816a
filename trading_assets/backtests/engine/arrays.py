"""The arrays that the engine runs on: what the market did, and what a strategy makes of it.

Axis 0 is sessions in order (the union of the calendars of the symbols), axis 1 is symbols in ascending order.
Arrays are C-contiguous and writable (the engine is compiled for these); a missing float is NaN.
Row *t* of `Market` holds what is known at the close of *t*,
except `open`, `fillable`, `tradable`, `split_ratio`, `cash_dividend`, `weekend` and `stressed`, known at its open.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Integers = NDArray[np.int64]


class Market(NamedTuple):
    """Prices and trading conditions, (sessions, symbols) unless said otherwise.

    Attributes
    ----------
    open, close, high, low
        Raw, as traded, of every received bar, flagged or taken back later. NaN where there is none.
    split_ratio, cash_dividend
        Corporate actions at their ex-session; 1 and 0 elsewhere.
    expected
        The session is on the symbol's calendar, from its first bar to its recorded delisting (or the end).
    present
        A bar that signals may use (not missing, not an extreme move, which only the next bar confirms).
    refuted
        A bar that the next one took back (a spike). Decisions read it from that next bar on.
    fillable
        An order can fill at this open.
    tradable
        The open of a bar that trades, however far from the close before: an exit that is due takes its loss there.
    atr
        `atr_14` as a raw price distance (divided by the forward factor).
    adv
        `adv_20`, quote currency; the last one that is known.
    volatility_ratio
        atr_14 over the mean of atr_14 over 60 sessions, not clipped; NaN counts as 1.
    volatility
        Sample deviation of the last 20 returns of usable bars, a fraction; the last one that is known.
    returns
        Adjusted close-to-close return between consecutive expected sessions; NaN where either is missing.
    delisted
        (symbols,) index of the recorded delisting session, or -1.
    delisting_value, delisting_return
        (symbols,) what a unit was worth then, or its return from the last mark; NaN where nothing is on record.
    ending_loss
        (symbols,) fraction of its worth that a long position loses besides when it is delisted: 0 but in a scenario.
    day
        (sessions,) days since 1970-01-01.
    weekend
        (sessions,) Saturday or Sunday.
    stressed
        The symbol's benchmark fell below the stress return over the window ending the session before.
    symbol_key
        (symbols,) 64-bit key of the symbol's name, for the slippage draw.
    fee_bps, slippage_bps, weekend_multiplier, tick, tick_below_one, lot
        (symbols,) The tick of prices below 1 is at most that of others.
    sector
        (symbols,) number of the sector, -1 where it is not known.
    benchmark_returns
        (benchmarks, sessions) adjusted close to close, since the benchmark's session before; 0 where it has none.
    benchmark
        (symbols,) row of the benchmark, -1 without one.
    borrow_bps, borrowable
        What a short position pays a year, and whether one may grow, by what is in force at the close; one row where
        nothing changes (`borrow_row`).
    crash
        (sessions,) of a flash-crash scenario: slippage is multiplied and every position is stopped out at
        the low, a short one at the high. Empty: no such session.
    """

    open: Floats
    high: Floats
    low: Floats
    close: Floats
    split_ratio: Floats
    cash_dividend: Floats
    expected: Flags
    present: Flags
    refuted: Flags
    fillable: Flags
    tradable: Flags
    atr: Floats
    adv: Floats
    volatility_ratio: Floats
    volatility: Floats
    returns: Floats
    delisted: Integers
    delisting_value: Floats
    delisting_return: Floats
    ending_loss: Floats
    day: Integers
    weekend: Flags
    stressed: Flags
    symbol_key: NDArray[np.uint64]
    fee_bps: Floats
    slippage_bps: Floats
    weekend_multiplier: Floats
    tick: Floats
    tick_below_one: Floats
    lot: Floats
    sector: Integers
    benchmark_returns: Floats
    benchmark: Integers
    borrow_bps: Floats
    borrowable: Flags
    crash: Flags = np.zeros(0, np.bool_)


class Candidates(NamedTuple):
    """Symbols worth a look, by session: row `first[t]` to `first[t + 1]` are those of session *t*, by symbol.

    Attributes
    ----------
    first
        (sessions + 1,)
    symbol
        (candidates,) column of the market arrays.
    eligible
        (candidates,)
    strength, rank
        (triggers, candidates); NaN where undefined: such a trigger does not fire.
    relative_strength
        (candidates,) NaN ranks lowest.
    """

    first: Integers
    symbol: Integers
    eligible: Flags
    strength: Floats
    rank: Floats
    relative_strength: Floats


class Signals(NamedTuple):
    """What a strategy makes of the market.

    `exits` is (exit signals, sessions, symbols), in the order of `Rules.exits`.
    """

    candidates: Candidates
    exits: Flags


class Targets(NamedTuple):
    """What a target-weight strategy wants: rows `first[t]` to `first[t + 1]` are decided at the close of *t*.

    A slot is a position of its own: a symbol, or a leg of a pair. A row holds until the next one of its slot.
    The rows of a session are by group, then symbol; a slot has one of them at most.

    Attributes
    ----------
    first
        (sessions + 1,)
    position_index
        (rows,)
    weight
        (rows,) signed fraction of equity; 0 closes.
    eligible
        (rows,) the symbol is a member of the universe: a position may grow.
    reason
        (rows,) number in `EXIT_REASONS` followed by the strategy's own names.
    symbol, pair_index
        (slots,) column of the market arrays; number of the pair, -1 for none. The two legs of a pair are
        neighbours.
    of_regime
        (rows,) the row follows a change of regime: it moves its position within `max_regime_turnover` a session. Empty:
        no row does.
    """

    first: Integers
    position_index: Integers
    weight: Floats
    eligible: Flags
    reason: Integers
    symbol: Integers
    pair_index: Integers
    of_regime: Flags = np.zeros(0, np.bool_)


MAX_TRIGGERS = 4

#: One parameter set of the engine; an array of these is one call.
RUN_PARAMETERS = np.dtype(
    [
        ("threshold", np.float64, (MAX_TRIGGERS,)),
        ("side", np.int64),  # LONG, SHORT: of all entries of an order-based strategy
        ("stop_atr", np.float64),
        ("raised_stop_atr", np.float64),
        ("exit_signal", np.int64),  # row of Signals.exits, -1 for none
        ("raise_signal", np.int64),  # -1 for none
        ("max_hold", np.int64),  # 0 for none
        ("capacity", np.float64),
        ("scaling", np.int64),  # SCALING_*
        ("rank_weights", np.float64, (3,)),
        ("fee_multiplier", np.float64),
        ("slippage_multiplier", np.float64),
        ("borrow_multiplier", np.float64),
        ("delay", np.int64),  # expected sessions by which an order comes late; 0 fills at the next open
        ("first_session", np.int64),  # first decision at the close of this session
        ("last_session", np.int64),  # inclusive; what is pending then stays pending
        # 1 + the session from whose close on everything is left and nothing is entered; 0: there is none
        ("closing", np.int64),
    ],
    align=True,
)
SCALING_OFF, SCALING_CONTINUOUS, SCALING_REGIME = 0, 1, 2

DECISIONS = ("enter", "exit", "reject", "hold")
#: Reasons, in the tables by these names. Exits are in order of priority.
EXIT_REASONS = (
    "delisted",
    "data_missing",
    "drawdown_halt",
    "closing",  # a person, or a revoked verdict, has ended the account
    "hard_stop",
    "rule",
    "max_hold",
    "reformation",
    "rebalance",
)
REJECTIONS = (
    "halted",  # drawdown breaker or total loss
    "daily_loss_limit",
    "var_limit",
    "health",
    "eligibility",
    "invalid_stop",
    "correlation_limit",
    "slots",
    "zero_size",
    "no_liquidity",
    "capacity",
    "insufficient_cash",
    "no_fill",  # the next session brought no open to fill at
    "pair_leg",  # the other leg was rejected
    "no_borrow",  # it cannot be sold short
    "closing",  # the account is being left
)
#: Limits that make an order smaller than what was asked for.
LIMITS = (
    "max_position",
    "max_symbol",
    "max_sector",
    "max_gross",
    "capacity",
    "cash",
    "var_limit",
    "max_regime_turnover",
)
HOLDS = (
    "already_held",
    "stop_raised",
    "frozen",  # no bar for long, and no record why: the position keeps its last mark until one comes
)
