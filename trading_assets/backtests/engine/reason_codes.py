"""What compiled code calls the reasons of decisions and the numbers behind them: their places among the names."""

from __future__ import annotations

from trading_assets.backtests.engine.arrays import EXIT_REASONS, HOLDS, LIMITS, REJECTIONS
from trading_assets.backtests.engine.dtypes import NUMBERS

DELISTED = EXIT_REASONS.index("delisted")
DATA_MISSING = EXIT_REASONS.index("data_missing")
DRAWDOWN_HALT = EXIT_REASONS.index("drawdown_halt")
CLOSING = EXIT_REASONS.index("closing")
HARD_STOP = EXIT_REASONS.index("hard_stop")
RULE = EXIT_REASONS.index("rule")
MAX_HOLD = EXIT_REASONS.index("max_hold")
REBALANCE = EXIT_REASONS.index("rebalance")

HALTED = REJECTIONS.index("halted")
DAILY_LOSS_LIMIT = REJECTIONS.index("daily_loss_limit")
VAR_LIMIT = REJECTIONS.index("var_limit")
HEALTH = REJECTIONS.index("health")
ELIGIBILITY = REJECTIONS.index("eligibility")
INVALID_STOP = REJECTIONS.index("invalid_stop")
CORRELATION_LIMIT = REJECTIONS.index("correlation_limit")
SLOTS = REJECTIONS.index("slots")
ZERO_SIZE = REJECTIONS.index("zero_size")
NO_LIQUIDITY = REJECTIONS.index("no_liquidity")
CAPACITY = REJECTIONS.index("capacity")
INSUFFICIENT_CASH = REJECTIONS.index("insufficient_cash")
NO_FILL = REJECTIONS.index("no_fill")
PAIR_LEG = REJECTIONS.index("pair_leg")
NO_BORROW = REJECTIONS.index("no_borrow")
ENTRIES_CLOSED = REJECTIONS.index("closing")

STOP_RAISED = HOLDS.index("stop_raised")
FROZEN = HOLDS.index("frozen")

BY_POSITION = LIMITS.index("max_position")
BY_SYMBOL = LIMITS.index("max_symbol")
BY_SECTOR = LIMITS.index("max_sector")
BY_GROSS = LIMITS.index("max_gross")
BY_CAPACITY = LIMITS.index("capacity")
BY_CASH = LIMITS.index("cash")
BY_VALUE_AT_RISK = LIMITS.index("var_limit")
BY_REGIME_TURNOVER = LIMITS.index("max_regime_turnover")

SCORE = NUMBERS.index("score")
RANKS = NUMBERS.index("strength_rank")  # the other two ranks follow
QUANTITY = NUMBERS.index("quantity")
NOTIONAL = NUMBERS.index("notional")
MULTIPLIER = NUMBERS.index("risk_multiplier")
PORTFOLIO = NUMBERS.index("portfolio_correlation")
CORRELATION = NUMBERS.index("candidate_correlation")
EQUITY = NUMBERS.index("equity")
CASH = NUMBERS.index("cash")
GROSS_ROOM = NUMBERS.index("gross_room")
SECTOR_ROOM = NUMBERS.index("sector_room")
VALUE_AT_RISK = NUMBERS.index("value_at_risk")
ADV = NUMBERS.index("adv")
CAPACITY_LIMIT = NUMBERS.index("capacity_limit")
STOP_DISTANCE = NUMBERS.index("stop_distance")
STOP_PRICE = NUMBERS.index("stop_price")
TARGET_WEIGHT = NUMBERS.index("target_weight")
GRANTED_WEIGHT = NUMBERS.index("granted_weight")
