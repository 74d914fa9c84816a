"""From decision and fill records to rows of `backtests.decisions`, `orders` and `fills`, joined by readable ids.

An id names what it is of, in the order strategy, split, session, symbol; where that names several, a number from 2
follows in the order of the events. None depends on what comes later, so a longer run has the ids of a shorter one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl

from trading_assets.backtests.engine import Simulation
from trading_assets.backtests.market import DECISIONS, HOLDS, REJECTIONS, Integers
from trading_assets.backtests.names import Names, named
from trading_assets.backtests.state import ENTER, EXIT, HOLD, REJECT, Table

#: Columns of `backtests.decisions` with the numbers behind a decision, as the record has them.
NUMBERS = (
    "score",
    "strength_rank",
    "relative_strength_rank",
    "diversification_rank",
    "quantity",
    "notional",
    "risk_multiplier",
    "volatility_multiplier",
    "portfolio_correlation",
    "candidate_correlation",
    "equity",
    "cash",
    "gross_room",
    "sector_room",
    "adv",
    "capacity_limit",
    "target_weight",
    "granted_weight",
)
SIDES = ("buy", "sell")


@dataclass(frozen=True)
class Journal:
    """Rows of the three tables, and the ids by record.

    Attributes
    ----------
    trade_ids
        By number of the round trip.
    order_ids
        By number of the decision that gave the order; null where it gave none.
    """

    decisions: pl.DataFrame
    orders: pl.DataFrame
    fills: pl.DataFrame
    trade_ids: pl.Series
    order_ids: pl.Series


def journal_of(simulation: Simulation, names: Names, *, strategy: str, split: str) -> Journal:
    """Name what the engine numbers, and join it by ids."""
    run = f"{strategy}-{split}"
    decisions, fills = simulation.decisions, simulation.fills
    order_ids, orders = _orders(simulation, names, run)
    trade_ids = _trade_ids(fills, names, run)
    rows = _decisions(decisions, names, run)
    of_order = np.where(decisions["order"] < 0, len(order_ids), decisions["order"])
    rows = rows.with_columns(order_id=pl.concat([order_ids, pl.Series([None], dtype=pl.String)]).gather(of_order))
    return Journal(rows, orders, _fills(fills, names, order_ids, trade_ids), trade_ids, order_ids)
