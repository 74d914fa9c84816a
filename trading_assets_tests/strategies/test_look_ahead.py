"""No shipped strategy knows what follows: cut or changed bars after a session leave all rows up to it as they are."""

from __future__ import annotations

import datetime as dt
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import trading_assets.strategies
from trading_assets.strategies.evaluation.inputs import Frames
from trading_assets_tests.backtests.frames import FIRST
from trading_assets_tests.strategies.panels import complete, decided, market, settings

STRATEGIES = {
    "equity_momentum": settings("equity_momentum"),
    "crypto_momentum": settings("crypto_momentum"),
    "mean_reversion": settings("mean_reversion", entry_z=-1.5),
    "multi_timeframe": settings("multi_timeframe"),
    "ml": settings("ml"),
    "meta_labels": settings("meta_labels", model="of_entries", entry_score=0.3),
    "factor": settings("factor"),
    "pairs": settings("pairs", formation_sessions=100, reformation_sessions=40, max_p_value=0.5, entry_z=1.0),
    "ensemble": settings("ensemble", members=["equity_momentum", "factor", "pairs"]),
    "bandit": settings("bandit", members=["equity_momentum", "factor", "pairs"]),
}
CUTS = (FIRST + dt.timedelta(days=440), FIRST + dt.timedelta(days=499))


@cache
def changed(cut: dt.date, how: str) -> Frames:
    """The market without the bars after a session, or with other prices on them."""
    bars, later = market().bars, pl.col("session") > cut
    if how == "cut":
        return complete(bars.filter(~later))
    noise = pl.Series(np.random.default_rng(0).uniform(0.8, 1.25, bars.height))
    prices = [f"{kind}{name}" for kind in ("", "adj_") for name in ("open", "high", "low", "close")]
    return complete(
        bars.with_columns(pl.when(later).then(pl.col(price) * noise).otherwise(price).alias(price) for price in prices)
    )


def test_every_shipped_strategy_is_among_them() -> None:
    """A module of the package that defines `Parameters` is a strategy."""
    modules = Path(trading_assets.strategies.__path__[0]).glob("*.py")
    shipped = {path.stem for path in modules if "\nclass Parameters(" in path.read_text(encoding="utf-8")}
    assert shipped == {each.type for each in STRATEGIES.values()}


@pytest.mark.parametrize("name", STRATEGIES)
@pytest.mark.parametrize("cut", CUTS)
def test_prefix_invariance(name: str, cut: dt.date) -> None:
    whole, later = decided(STRATEGIES, name, market()), pl.col("session") > cut
    for how in ("cut", "noise"):
        found = decided(STRATEGIES, name, changed(cut, how))
        for table in ("signals", "target_weights"):
            before, after = (getattr(each, table).filter(~later) for each in (whole, found))
            assert before.height > 2, table
            assert before.equals(after), table
    assert not whole.signals.filter(later).is_empty()
