"""The sections of a configuration: their defaults, and what is changed alone."""

from __future__ import annotations

from pathlib import Path

from trading_assets.config.strategies import OrderParameters
from trading_assets_tests.config.test_loading import MINIMAL, load


def test_defaults_are_the_trading_rules(tmp_path: Path) -> None:
    configuration = load(tmp_path, MINIMAL)
    assert configuration.risk.risk_per_trade == 0.0075
    assert configuration.costs.crypto.fee_bps == 8
    parameters = configuration.strategies["momentum"].parameters
    assert isinstance(parameters, OrderParameters)
    assert parameters.stop_atr == 2.5
    assert configuration.market_data[0].calendar == "XNYS"


def test_one_cost_can_be_changed_alone(tmp_path: Path) -> None:
    configuration = load(tmp_path, MINIMAL + "costs: {crypto: {fee_bps: 20}}\n")
    assert configuration.costs.crypto.fee_bps == 20
    assert configuration.costs.crypto.slippage_bps == 10
