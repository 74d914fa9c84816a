"""The records of a run: what a position, an order, a decision, a fill and a trade are made of.

Prices and quantities are in the units of their session (splits are followed). Sessions and symbols are rows and
columns of the market's arrays. A position has a slot: an order-based strategy has one a symbol, a target-weight
strategy one a leg (`arrays.Targets`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

RecordArray = NDArray[Any]

#: An open position; quantity is negative for a short one.
POSITION = np.dtype(
    [
        ("symbol", np.int64),
        ("pair_index", np.int64),  # pair, -1: none
        ("round_trip", np.int64),  # number of the trade that this becomes
        ("side", np.int64),  # LONG, SHORT: also where a reverse split has left nothing
        ("quantity", np.float64),
        ("entry_price", np.float64),  # mean of the entry fills by quantity
        ("exit_price", np.float64),  # mean of the exit fills by quantity
        ("exit_quantity", np.float64),  # left already
        ("stop", np.float64),
        ("initial_stop", np.float64),
        ("dividends", np.float64),  # cash a unit since the entry, by which the stop was lowered
        ("atr", np.float64),  # of the entry's decision session
        ("mark", np.float64),  # last close, the fill price before the first; not yet a gain that no later bar confirms
        ("confirmed", np.float64),  # mark without what no later bar has confirmed: the drawdown breaker waits for it
        ("doubt", np.int64),  # session of the bar that waits for the next one to confirm it; -1: none
        ("doubt_close", np.float64),
        ("unexplained_moves", np.int64),  # extreme moves without a corporate action that later bars confirmed
        ("best_mark", np.float64),  # highest since the entry, lowest of a short
        ("risk", np.float64),  # 1 R in money
        ("basis", np.float64),  # notional of the entry fills
        ("exit_notional", np.float64),
        ("flow", np.float64),  # cash in minus cash out so far
        ("entry_fee", np.float64),
        ("exit_fee", np.float64),
        ("borrow_cost", np.float64),
        ("entry_slippage_bps", np.float64),  # mean by notional
        ("exit_slippage_bps", np.float64),
        ("slippage_cost", np.float64),  # paid, rounding to the tick included
        ("entry_session", np.int64),
        ("decision_session", np.int64),
        ("trigger", np.int64),
        ("hold_sessions", np.int64),
        ("entry_decision", np.int64),  # index of the decision, -1: not on record
        ("exit_decision", np.int64),
        ("exit_reason", np.int64),  # of the pending exit; -1: none
        ("exit_decided", np.int64),
        ("exit_wait", np.int64),  # expected sessions to let pass
    ],
    align=True,
)

#: An order that has not filled: an entry, or a change to a target weight.
ORDER = np.dtype(
    [
        ("symbol", np.int64),
        ("pair_index", np.int64),
        ("quantity", np.float64),
        ("weight", np.float64),  # target, signed; sized at the fill
        ("distance", np.float64),  # of the stop from the fill
        ("atr", np.float64),
        ("close", np.float64),  # at the decision
        ("decision_session", np.int64),
        ("trigger", np.int64),
        ("wait", np.int64),
        ("decision", np.int64),  # index of the decision, -1: not on record
    ],
    align=True,
)

#: What is left of a change of regime, by slot of a position.
SPREAD = np.dtype(
    [
        ("left", np.int64),  # sessions that may still grow it; 0: nothing is left
        ("weight", np.float64),  # that the strategy wants
        ("reason", np.int64),
        ("eligible", np.int64),
    ],
    align=True,
)

ACCOUNT = np.dtype(
    [
        ("closed", np.int64),  # last session whose books are closed: the run goes on after it; -1: none
        ("cash", np.float64),
        ("equity", np.float64),  # at the last close
        ("confirmed", np.float64),  # equity without losses that no later bar has confirmed
        ("confirmed_return", np.float64),  # its change in the last session
        ("doubts", np.int64),  # positions whose last bar no later one has confirmed
        ("reference", np.float64),  # peak that the drawdown breaker measures from
        ("old_peak", np.float64),  # to be regained before full risk
        ("halted", np.int64),  # session on which the breaker fired; -1: trading
        ("ruined", np.int64),
        ("reduced", np.int64),
        ("simulated", np.int64),  # session whose scenarios the value at risk has; -1: none yet
        ("held", np.int64),
        ("queued", np.int64),
        ("volatilities", np.int64),  # values seen by the baseline
        ("round_trips", np.int64),  # begun
        ("decisions", np.int64),
        ("fills", np.int64),
        ("trades", np.int64),
        ("sum_r", np.float64),
        ("gross_profit", np.float64),
        ("gross_loss", np.float64),
        ("turnover", np.float64),
        ("exposed", np.int64),
    ],
    align=True,
)

#: From flat to flat. Prices are means over the fills, in units of the exit; `quantity` is what was left in all.
TRADE = np.dtype(
    [
        ("symbol", np.int64),
        ("pair_index", np.int64),
        ("round_trip", np.int64),
        ("side", np.int64),  # LONG, SHORT
        ("entry_session", np.int64),
        ("exit_session", np.int64),
        ("decision_session", np.int64),
        ("trigger", np.int64),
        ("exit_reason", np.int64),
        ("entry_decision", np.int64),
        ("exit_decision", np.int64),
        ("entry_price", np.float64),
        ("exit_price", np.float64),
        ("quantity", np.float64),
        ("stop_price", np.float64),
        ("pnl", np.float64),
        ("return", np.float64),
        ("r_multiple", np.float64),
        ("hold_sessions", np.int64),
        ("unexplained_moves", np.int64),
        ("entry_fee", np.float64),
        ("exit_fee", np.float64),
        ("borrow_cost", np.float64),
        ("entry_slippage_bps", np.float64),
        ("exit_slippage_bps", np.float64),
        ("slippage_cost", np.float64),
    ],
    align=True,
)

#: A change of a position. `raw_price` is the open (the low in a crash, the value of a delisting).
FILL = np.dtype(
    [
        ("session", np.int64),
        ("symbol", np.int64),
        ("pair_index", np.int64),
        ("round_trip", np.int64),
        ("decision", np.int64),  # index of the one that ordered it
        ("side", np.int64),  # BUY, SELL
        ("effect", np.int64),  # OPENS, CLOSES
        ("reason", np.int64),  # trigger of what opens, of EXIT_REASONS of what closes
        ("asked", np.float64),  # the quantity, had cash paid for all of it
        ("quantity", np.float64),
        ("raw_price", np.float64),
        ("price", np.float64),
        ("fee", np.float64),
        ("slippage_bps", np.float64),
        ("mean_slippage_bps", np.float64),
    ],
    align=True,
)

#: Numbers behind a decision, in the order of `DECISION["numbers"]`; NaN where one plays no part.
NUMBERS = (
    "score",
    "strength_rank",
    "relative_strength_rank",
    "diversification_rank",
    "quantity",
    "notional",
    "risk_multiplier",
    "portfolio_correlation",
    "candidate_correlation",
    "equity",
    "cash",  # free for this order
    "gross_room",  # notional left under the gross cap
    "sector_room",
    "value_at_risk",  # of what is held and ordered, this order included
    "adv",
    "capacity_limit",  # largest notional of one order
    "stop_distance",
    "stop_price",  # of a position at its exit, or raised to
    "target_weight",  # asked for
    "granted_weight",  # after multiplier and caps
)

#: Its whole numbers are short: a run writes hundreds of thousands of decisions, and what that takes is memory. They
#: fill their places without a gap: the bytes of one would hold anything.
DECISION = np.dtype(
    [
        ("session", np.int32),
        ("at_close", np.int16),  # 0: at the open, when an order was due
        ("decision", np.int16),  # of arrays.DECISIONS
        ("symbol", np.int32),
        ("pair_index", np.int32),
        ("reason", np.int32),  # trigger, or of EXIT_REASONS, REJECTIONS, HOLDS
        ("label", np.int32),  # trigger, -1: none
        ("order", np.int32),  # index of the decision that gave the order this is about; -1: no order
        ("limit", np.int32),  # of arrays.LIMITS: the one that took most of it; -1: none
        ("numbers", np.float64, (len(NUMBERS),)),
    ],
    align=True,
)

ENTER, EXIT, REJECT, HOLD = 0, 1, 2, 3
BUY, SELL = 0, 1
LONG, SHORT = 0, 1
OPENS, CLOSES = 0, 1
