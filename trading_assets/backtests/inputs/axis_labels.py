"""What the engine numbers, by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from trading_assets.backtests.engine.arrays import EXIT_REASONS, Integers
from trading_assets.backtests.inputs.market_axes import MarketAxes
from trading_assets.strategies.interface.rules import Rules, Side


@dataclass(frozen=True)
class AxisLabels:
    """Sessions, symbols and reasons of one strategy.

    Attributes
    ----------
    triggers, exits
        Reasons to enter and to leave, by number.
    pairs
        Ids of pairs by number of the group; empty for a strategy without pairs.
    model
        Name of the model whose score the strategy looks at.
    side
        Side of the positions that an order-based strategy opens.
    """

    axes: MarketAxes
    triggers: Sequence[str]
    exits: Sequence[str]
    pairs: Sequence[str] = ()
    model: str | None = None
    side: Side = "long"

    @classmethod
    def of_rules(cls, axes: MarketAxes, rules: Rules) -> AxisLabels:
        """Of an order-based strategy."""
        exits = [rules.exit_reason if name == "rule" else name for name in EXIT_REASONS]
        return cls(axes, [trigger.name for trigger in rules.triggers], exits, model=rules.model, side=rules.side)


def named(names: Sequence[object], numbers: Integers, dtype: pl.DataType | type[pl.DataType] = pl.String) -> pl.Series:
    """Return names by number; -1 has none.

    Parameters
    ----------
    names
        Name of each number from 0 on.
    numbers
        (rows,) from -1 on.
    dtype
        Type of the names.

    Returns
    -------
    (rows,), null where the number is -1.

    Examples
    --------
    >>> named(["stop", "time"], np.array([1, -1, 0])).to_list()
    ['time', None, 'stop']
    """
    return pl.Series([*names, None], dtype=dtype).gather(np.where(numbers < 0, len(names), numbers))
