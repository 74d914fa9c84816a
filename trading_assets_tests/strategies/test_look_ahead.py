"""No shipped strategy knows what follows: cut or changed bars after a session leave all rows up to it as they are."""

from __future__ import annotations

import datetime as dt
import pkgutil

import numpy as np
import polars as pl
import pytest

import trading_assets.strategies
from trading_assets.config.strategies import BUILT_IN, strategy_module
from trading_assets_tests.backtests.frames import FIRST
from trading_assets_tests.strategies.panels import complete, decided, market, settings

STRATEGIES = {
    "equity_momentum": settings("equity_momentum"),
    "crypto_momentum": settings("crypto_momentum"),
    "mean_reversion": settings("mean_reversion", entry_z=-1.5),
    "multi_timeframe": settings("multi_timeframe"),
    "ml": settings("ml"),
    "factor": settings("factor"),
    "pairs": settings("pairs", formation_sessions=100, reformation_sessions=40, max_p_value=0.5, entry_z=1.0),
    "ensemble": settings("ensemble", members=["equity_momentum", "factor", "pairs"]),
}
CUTS = (FIRST + dt.timedelta(days=440), FIRST + dt.timedelta(days=499))


def test_every_shipped_strategy_is_among_them() -> None:
    """A module of the package with `Parameters` is a strategy."""
    modules = {each.name for each in pkgutil.iter_modules(trading_assets.strategies.__path__)}
    shipped = set()
    for name in modules:
        try:
            shipped.add(strategy_module(name).__name__.removeprefix(f"{BUILT_IN}."))
        except LookupError:
            continue
    assert shipped == {each.type for each in STRATEGIES.values()}


@pytest.mark.parametrize("name", STRATEGIES)
@pytest.mark.parametrize("cut", CUTS)
def test_prefix_invariance(name: str, cut: dt.date) -> None:
    whole = decided(STRATEGIES, name, market())
    bars = market().bars
    later = pl.col("session") > cut
    noise = pl.Series(np.random.default_rng(0).uniform(0.8, 1.25, bars.height))
    prices = [f"{kind}{name}" for kind in ("", "adj_") for name in ("open", "high", "low", "close")]
    noisy = bars.with_columns(
        pl.when(later).then(pl.col(price) * noise).otherwise(price).alias(price) for price in prices
    )
    for changed in (bars.filter(~later), noisy):
        found = decided(STRATEGIES, name, complete(changed))
        for table in ("signals", "target_weights"):
            before, after = (getattr(each, table).filter(~later) for each in (whole, found))
            assert before.height > 2, table
            assert before.equals(after), table
    assert not whole.signals.filter(later).is_empty()
