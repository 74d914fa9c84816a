"""Arrays of a market are the same bytes, however many symbols they are filled with at a time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from trading_assets.backtests.inputs.market_axes import build_axes
from trading_assets.backtests.inputs.market_grids import MarketTables, grids_of
from trading_assets_tests.backtests.frames import SYMBOLS, frames

TABLES = frames(120)
#: One symbol has holes, one an extreme move.
BARS = TABLES.bars.filter((pl.col("symbol") != SYMBOLS[1]) | (pl.col("session").dt.day() % 7 != 0)).with_columns(
    flags=pl.when((pl.col("symbol") == SYMBOLS[2]) & (pl.col("session") == dt.date(2001, 3, 1)))
    .then(pl.lit(["extreme_move"]))
    .otherwise("flags")
)
AXES = build_axes([*SYMBOLS], TABLES.instruments, TABLES.sessions, TABLES.last_session)
EXPECTED = np.ones((len(AXES.sessions), len(AXES.symbols)), dtype=np.bool_)


def tables_of(symbols: Sequence[str]) -> MarketTables:
    own = pl.col("symbol").is_in(list(symbols))
    return MarketTables(symbols, BARS.filter(own), TABLES.quarantine, TABLES.indicators.filter(own))


@settings(max_examples=15)
@given(st.lists(st.integers(0, 3), min_size=len(SYMBOLS), max_size=len(SYMBOLS)))
def test_any_parts_make_the_same_arrays(part_of_symbol: list[int]) -> None:
    whole = grids_of(AXES, [tables_of(SYMBOLS)], EXPECTED, 0.5)
    named = [[s for s, own in zip(SYMBOLS, part_of_symbol, strict=True) if own == part] for part in range(4)]
    parts = grids_of(AXES, [tables_of(symbols) for symbols in named], EXPECTED, 0.5)
    assert {name: each.tobytes() for name, each in whole.items()} == {
        name: each.tobytes() for name, each in parts.items()
    }


def test_a_symbol_without_rows_has_no_prices_and_no_actions() -> None:
    found = grids_of(AXES, [tables_of(SYMBOLS[:1])], EXPECTED, 0.5)
    assert np.isnan(found["close"][:, 1:]).all() and not np.isnan(found["close"][:, 0]).any()
    assert (found["split_ratio"][:, 1:] == 1).all() and not found["present"][:, 1:].any()
