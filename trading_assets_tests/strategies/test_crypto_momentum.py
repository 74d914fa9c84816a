"""Breakouts of coins, on rows made by hand."""

from __future__ import annotations

from trading_assets.strategies import crypto_momentum
from trading_assets_tests.strategies.test_strategies import at, row


def test_crypto_needs_a_close_above_ma_200_without_exception() -> None:
    assert at(crypto_momentum, row(101.0))["eligible"]
    assert not at(crypto_momentum, row(101.0, ma_200=102.0))["eligible"]
    assert not at(crypto_momentum, row(101.0, ma_200=None))["eligible"]
