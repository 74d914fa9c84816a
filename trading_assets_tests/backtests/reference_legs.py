"""What the target-weight twin holds and has ordered, by slot."""

from __future__ import annotations

from dataclasses import dataclass

from trading_assets.backtests.engine.arrays import EXIT_REASONS
from trading_assets_tests.backtests.reference_marking import Marked

HALT = EXIT_REASONS.index("drawdown_halt")
CLOSING = EXIT_REASONS.index("closing")


@dataclass(kw_only=True)
class Leg(Marked):
    """An open position of a slot."""

    position_index: int
    symbol: int
    pair_index: int
    round_trip: int
    entered: int
    decided: int
    trigger: int
    side: int
    quantity: float = 0.0
    entry_price: float = 0.0
    risk: float = 0.0
    basis: float = 0.0
    cash_flow: float = 0.0
    entry_fee: float = 0.0
    exit_fee: float = 0.0
    entry_bps: float = 0.0
    exit_bps: float = 0.0
    lost: float = 0.0  # to slippage and rounding
    borrow: float = 0.0
    left: float = 0.0
    left_at: float = 0.0
    left_notional: float = 0.0
    held_sessions: int = 0


@dataclass
class Target:
    position_index: int
    weight: float
    reason: int
    atr: float
    decided: int
    wait: int
    decision: int

    @property
    def forced(self) -> bool:
        return self.weight == 0 and self.reason <= CLOSING
