"""How much of a position can be sold in one session."""

from __future__ import annotations

from trading_assets.backtests.engine.dtypes import SELL
from trading_assets.backtests.engine.jit import compiled
from trading_assets.backtests.engine.portfolio_state import floor_to_lot
from trading_assets.backtests.engine.reason_codes import CLOSING, DRAWDOWN_HALT
from trading_assets.backtests.engine.settings import Settings


@compiled
def is_in_slices(reason: int) -> bool:
    """Return whether an exit for a reason (of `EXIT_REASONS`) leaves a slice a session: a halt's, and a closing's."""
    return reason in (DRAWDOWN_HALT, CLOSING)


@compiled
def is_beyond_limit(reason: int, price: float, mark: float, side: int, settings: Settings) -> bool:
    """Return whether a slice of a closing would trade at a price that is too far from the mark of the evening before.

    Nobody is in a hurry then: it waits for another open. What a stop, missing data or a halt leaves takes any price.

    Parameters
    ----------
    reason
        Of `EXIT_REASONS`.
    price, mark
        Price with its slippage, and the mark, in units of the session.
    side
        `SELL`, or `BUY` for a short position.
    settings
        Settings with the limit.
    """
    if reason != CLOSING:
        return False
    if side == SELL:
        return price < mark * (1.0 - settings.closing_limit)
    return price > mark * (1.0 + settings.closing_limit)


@compiled
def slice_quantity(quantity: float, price: float, adv: float, capacity: float, lot: float) -> float:
    """Return the quantity of the next slice of a liquidation, in whole lots: at most `capacity` x `adv` of notional.

    Parameters
    ----------
    quantity
        Left of the position, positive.
    price
        Mark of the evening before.
    adv
        `adv_20` in quote currency of the session that decided to leave. Without one nothing is known of the market's
        depth: all at once.
    capacity
        Largest order as a fraction of `adv`. A slice is one lot at least, so that a liquidation ends.
    """
    if not (adv > 0.0 and price > 0.0):
        return quantity
    return min(quantity, max(floor_to_lot(capacity * adv / price, lot), lot))
