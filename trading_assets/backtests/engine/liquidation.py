"""How much of a position can be sold in one session."""

from __future__ import annotations

from trading_assets.backtests.engine.jit import compiled
from trading_assets.backtests.engine.portfolio_state import floor_to_lot


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
