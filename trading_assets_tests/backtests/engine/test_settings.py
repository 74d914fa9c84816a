from __future__ import annotations

from trading_assets.backtests.engine.settings import CRASH_SLIPPAGE, settings_of
from trading_assets.config.accounts import Accounts
from trading_assets.config.sections import Costs, Risk


def test_numbers_are_those_of_the_sections() -> None:
    risk, costs = Risk(max_position=0.2, max_symbol=0.1), Costs(noise="off")
    found = settings_of(risk, costs, 9)
    assert (found.max_position, found.max_symbol) == (0.1, 0.1), "the tighter cap holds for a position"
    assert (found.noise, found.seed, found.crash_slippage) == (False, 9, CRASH_SLIPPAGE)
    assert (found.volatility_low, found.volatility_high) == costs.volatility_clip
    assert (found.closing_limit, settings_of(risk, costs, 9, Accounts(closing_limit=0.2)).closing_limit) == (0.05, 0.2)
    assert found.risk_per_trade == risk.risk_per_trade
    assert settings_of(Risk(max_position=0.1, max_symbol=0.2), costs, 9).max_position == 0.1
