"""What a run remembers between sessions, and the records that it leaves."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trading_assets.backtests.compiled import compiled
from trading_assets.backtests.market import Flags, Floats, Integers
from trading_assets.backtests.settings import Settings

Table = NDArray[Any]

#: A position; prices and quantity in the units of the session (splits are followed).
POSITION = np.dtype(
    [
        ("quantity", np.float64),
        ("entry_price", np.float64),
        ("stop", np.float64),
        ("initial_stop", np.float64),
        ("atr", np.float64),  # of the entry's decision session
        ("mark", np.float64),  # last usable close, the fill price before the first
        ("risk", np.float64),  # initial stop distance x quantity: 1 R in money
        ("basis", np.float64),  # fill notional
        ("flow", np.float64),  # cash in minus cash out so far
        ("entry_fee", np.float64),
        ("entry_slippage_bps", np.float64),
        ("entry_session", np.int64),
        ("decision_session", np.int64),
        ("trigger", np.int64),
        ("hold_sessions", np.int64),
        ("exit_reason", np.int64),  # of the pending exit; -1: none
        ("exit_decided", np.int64),
        ("exit_wait", np.int64),  # expected sessions to let pass
    ],
    align=True,
)

#: An entry order that has not filled.
ORDER = np.dtype(
    [
        ("quantity", np.float64),
        ("distance", np.float64),  # of the stop from the fill
        ("atr", np.float64),
        ("close", np.float64),  # at the decision
        ("decision_session", np.int64),
        ("trigger", np.int64),
        ("wait", np.int64),
    ],
    align=True,
)

ACCOUNT = np.dtype(
    [
        ("cash", np.float64),
        ("equity", np.float64),  # at the last close
        ("reference", np.float64),  # peak that the drawdown breaker measures from
        ("old_peak", np.float64),  # to be regained before full risk
        ("halted", np.int64),  # session on which the breaker fired; -1: trading
        ("ruined", np.int64),
        ("reduced", np.int64),
        ("held", np.int64),
        ("queued", np.int64),
        ("volatilities", np.int64),  # values seen by the baseline
        ("decisions", np.int64),
        ("trades", np.int64),
        ("sum_r", np.float64),
        ("gross_profit", np.float64),
        ("gross_loss", np.float64),
        ("turnover", np.float64),
        ("exposed", np.int64),
    ],
    align=True,
)

TRADE = np.dtype(
    [
        ("symbol", np.int64),
        ("entry_session", np.int64),
        ("exit_session", np.int64),
        ("decision_session", np.int64),
        ("trigger", np.int64),
        ("exit_reason", np.int64),
        ("entry_price", np.float64),
        ("exit_price", np.float64),
        ("quantity", np.float64),
        ("stop_price", np.float64),
        ("pnl", np.float64),
        ("return", np.float64),
        ("r_multiple", np.float64),
        ("hold_sessions", np.int64),
        ("entry_fee", np.float64),
        ("exit_fee", np.float64),
        ("entry_slippage_bps", np.float64),
        ("exit_slippage_bps", np.float64),
    ],
    align=True,
)

DECISION = np.dtype(
    [
        ("session", np.int64),
        ("at_close", np.int64),  # 0: at the open, when an order was due
        ("symbol", np.int64),
        ("decision", np.int64),  # of market.DECISIONS
        ("reason", np.int64),  # trigger, or of EXIT_REASONS, REJECTIONS, HOLDS
        ("label", np.int64),  # trigger, -1: none
        ("score", np.float64),
        ("quantity", np.float64),
        ("notional", np.float64),
        ("risk_multiplier", np.float64),
    ],
    align=True,
)

ENTER, EXIT, REJECT, HOLD = 0, 1, 2, 3


class Health(NamedTuple):
    """Data health, (sessions, symbols): consecutive missing sessions, and whether entries are barred."""

    missing: NDArray[np.int32]
    unhealthy: Flags


class State(NamedTuple):
    """A run in progress. `held` is in symbol order, `queue` in the order of the decisions."""

    account: Table  # (1,)
    positions: Table  # (symbols,)
    orders: Table  # (symbols,)
    busy: Flags  # (symbols,) held or ordered
    held: Integers
    queue: Integers
    returns: Floats  # (sessions of the run,)
    sorted_returns: Floats
    volatilities: Floats  # ring of those of the baseline
    sorted_volatilities: Floats
    units: Floats  # (positions + 1, correlation window) standardised returns; last row: a candidate's
    unit_valid: Flags
    row: Integers  # (symbols,) candidates of the session that passed the tests so far
    label: Integers
    measures: Floats  # (3, symbols) what they are ranked by
    score: Floats
    order: Integers


class Records(NamedTuple):
    """What a run leaves, by session and by event; empty arrays are not written (sweeps)."""

    trades: Table
    decisions: Table
    cash: Floats
    gross_exposure: Floats
    positions: Integers


def new_state(symbols: int, sessions: int, settings: Settings) -> State:
    """A flat account at the starting equity."""
    account = np.zeros(1, ACCOUNT)
    for field in ("cash", "equity", "reference", "old_peak"):
        account[field] = settings.starting_equity
    account["halted"] = -1
    return State(
        account=account,
        positions=np.zeros(symbols, POSITION),
        orders=np.zeros(symbols, ORDER),
        busy=np.zeros(symbols, np.bool_),
        held=np.zeros(settings.max_positions, np.int64),
        queue=np.zeros(settings.max_positions, np.int64),
        returns=np.zeros(sessions),
        sorted_returns=np.zeros(settings.var_window),
        volatilities=np.zeros(settings.volatility_baseline),
        sorted_volatilities=np.zeros(settings.volatility_baseline),
        units=np.zeros((settings.max_positions + 1, settings.correlation_window)),
        unit_valid=np.zeros(settings.max_positions + 1, np.bool_),
        row=np.zeros(symbols, np.int64),
        label=np.zeros(symbols, np.int64),
        measures=np.zeros((3, symbols)),
        score=np.zeros(symbols),
        order=np.zeros(symbols, np.int64),
    )


def new_records(candidates: int, sessions: int) -> Records:
    """Room for all that `candidates` can lead to.

    A candidate leads to one decision at its close, at most one at its open, and at most three of its exit
    (decided, overridden by a delisting, stopped out in a crash).
    """
    return Records(
        trades=np.empty(candidates, TRADE),
        decisions=np.empty(5 * candidates, DECISION),
        cash=np.empty(sessions),
        gross_exposure=np.empty(sessions),
        positions=np.empty(sessions, np.int64),
    )


@compiled
def floor_to_lot(quantity: float, lot: float) -> float:
    """Whole lots in `quantity`; a billionth of a lot below a whole one counts as whole."""
    return math.floor(quantity / lot + 1e-9) * lot


@compiled
def record(
    t: int,
    at_close: int,
    i: int,
    decision: int,
    reason: int,
    label: int,
    numbers: tuple[float, float, float, float],
    accounts: Table,
    decisions: Table,
) -> None:
    """Write down a decision; `numbers` are score, quantity, notional and risk multiplier."""
    if decisions.size == 0:
        return
    account = accounts[0]
    entry = decisions[account["decisions"]]
    account["decisions"] += 1
    entry["session"] = t
    entry["at_close"] = at_close
    entry["symbol"] = i
    entry["decision"] = decision
    entry["reason"] = reason
    entry["label"] = label
    entry["score"], entry["quantity"], entry["notional"], entry["risk_multiplier"] = numbers
