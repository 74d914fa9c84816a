"""Daily breakouts of stocks whose weekly trend is up (trading rules, section 3.3)."""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from trading_assets.strategies import equity_momentum
from trading_assets.strategies.interface.rules import Rules

#: Stable name of this strategy on record, wherever this file moves to.
IDENTITY = "multi_timeframe"

#: The weekly close against its means, in features.daily: of the last completed week, so the gate of a Wednesday
#: is that of the Friday before.
WEEKLY = ("weekly_close_to_ma_13", "weekly_close_to_ma_26")

GRID = equity_momentum.GRID


class Parameters(equity_momentum.Parameters):
    """Those of `equity_momentum`: the weeks only gate its entries."""


def rules(parameters: Parameters) -> Rules:
    """Return the rules of `equity_momentum`, entered only after a week that closed above both of its means.

    Examples
    --------
    >>> [trigger.name for trigger in rules(Parameters()).triggers]
    ['fast', 'slow']
    >>> sorted(set(WEEKLY) & set(rules(Parameters()).eligible.meta.root_names()))
    ['weekly_close_to_ma_13', 'weekly_close_to_ma_26']
    """
    daily = equity_momentum.rules(parameters)
    gate = pl.all_horizontal(pl.col(column) > 0 for column in WEEKLY)
    return replace(daily, eligible=daily.eligible & gate)
