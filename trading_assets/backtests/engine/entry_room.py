"""What the caps on gross exposure, sectors and cash still leave to an entry (trading rules, section 4)."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from trading_assets.backtests.engine.arrays import Market
from trading_assets.backtests.engine.dtypes import LONG
from trading_assets.backtests.engine.jit import inlined
from trading_assets.backtests.engine.marking import gross_of_positions
from trading_assets.backtests.engine.portfolio_state import State
from trading_assets.backtests.engine.settings import Settings
from trading_assets.backtests.engine.transaction_costs import fee_rate


class Room(NamedTuple):
    """What an entry may still take, quote currency: under the gross and the sector cap, and of free cash."""

    gross: float
    sector: float
    cash: float


@inlined
def room_of(i: int, market: Market, run_parameters: Any, settings: Settings, state: State) -> Room:
    """Room for symbol `i` beside what is held (at marks) and ordered (at the closes of the decisions).

    A purchase takes its value and its fee off the cash. A short sale takes its fee: its proceeds are set aside, as much
    as the shares are worth now.
    """
    account, sector = state.account[0], market.sector[i]
    buys = 1.0 if run_parameters["side"] == LONG else 0.0
    reserved, in_sector = 0.0, 0.0
    for place in range(account["queued"]):
        other = state.queue[place]
        notional = state.orders[other]["quantity"] * state.orders[other]["close"]
        reserved += notional * (buys + fee_rate(market.fee_bps[other], run_parameters))
        in_sector += notional if market.sector[other] == sector else 0.0
    for place in range(account["held"]):
        other = state.held[place]
        value = abs(state.positions[other]["quantity"]) * state.positions[other]["mark"]
        in_sector += value if market.sector[other] == sector else 0.0
        reserved += (1.0 - buys) * value
    return Room(
        gross=_gross_room(settings, state),
        sector=settings.max_sector * account["equity"] - in_sector if sector >= 0 else math.inf,
        cash=max(0.0, account["cash"] - reserved),
    )


@inlined
def is_spent(settings: Settings, state: State) -> bool:
    """Return whether positions and orders are as many, or as large, as they may be: each entry would be rejected."""
    account = state.account[0]
    is_full = account["held"] + account["queued"] >= settings.max_positions
    return is_full or _gross_room(settings, state) <= 0.0


@inlined
def _gross_room(settings: Settings, state: State) -> float:
    """What the gross cap leaves beside what is held (at marks) and ordered (at the closes of the decisions)."""
    queued = 0.0
    for place in range(state.account[0]["queued"]):
        order = state.orders[state.queue[place]]
        queued += order["quantity"] * order["close"]
    return settings.max_gross * state.account[0]["equity"] - (gross_of_positions(state) + queued)  # type: ignore[no-any-return]
