"""What the engine numbers, by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from trading_assets.backtests.market import EXIT_REASONS, Integers
from trading_assets.backtests.market_build import Grid
from trading_assets.strategies.rules import Rules


@dataclass(frozen=True)
class Names:
    """Sessions, symbols and reasons of one strategy."""

    grid: Grid
    rules: Rules

    def sessions(self, rows: Integers) -> pl.Series:
        """Dates by row of the market; -1 has none."""
        return named(self.grid.sessions, rows, pl.Date())

    def symbols(self, columns: Integers) -> pl.Series:
        """Symbols by column of the market."""
        return named(self.grid.symbols, columns)

    def triggers(self, numbers: Integers) -> pl.Series:
        """Triggers by number."""
        return named([trigger.name for trigger in self.rules.triggers], numbers)

    def exits(self, numbers: Integers) -> pl.Series:
        """Exit reasons by number, the strategy's own by the name that it gives it."""
        return named([self.rules.exit_reason if name == "rule" else name for name in EXIT_REASONS], numbers)


def named(names: Sequence[object], numbers: Integers, dtype: pl.DataType | type[pl.DataType] = pl.String) -> pl.Series:
    """Names by number; -1 has none."""
    return pl.Series([*names, None], dtype=dtype).gather(np.where(numbers < 0, len(names), numbers))
