"""Risk and cost settings as the engine takes them: plain numbers."""

from __future__ import annotations

from typing import NamedTuple

from trading_assets.config.accounts import Accounts
from trading_assets.config.sections import Costs, Risk

#: Slippage of a flash-crash session (trading rules, section 7).
CRASH_SLIPPAGE = 5.0
#: Probability of a loss beyond the value at risk (trading rules, section 4).
VAR_TAIL = 0.05
#: In a scenario, a symbol without a return moves by this multiple of its benchmark.
STAND_IN_BETA = 1.5
_NO_ACCOUNTS = Accounts()


class Settings(NamedTuple):
    """Numbers of the sections `risk` and `costs`, and the limit of a closing, which is in no plan.

    `max_position` is the tighter cap of a position and a symbol; `max_symbol` alone caps a target weight.
    """

    starting_equity: float
    risk_per_trade: float
    max_position: float
    max_symbol: float
    max_sector: float
    max_gross: float
    max_positions: int
    reject_beyond_capacity: bool
    volatility_window: int
    volatility_baseline: int
    volatility_minimum: int
    volatility_floor: float
    correlation_window: int
    correlation_positions: int
    correlation_portfolio: float
    correlation_candidate: float
    var_limit: float
    var_window: int
    daily_loss_limit: float
    drawdown_limit: float
    halt_sessions: int
    restart_risk: float
    max_regime_turnover: float
    closing_limit: float
    health_clean_sessions: int
    missing_sessions_exit: int
    delisting_sessions: int
    noise: bool
    noise_deviation: float
    stress_noise_deviation: float
    stress_multiplier: float
    volatility_low: float
    volatility_high: float
    size_low: float
    size_high: float
    crash_slippage: float
    impact: float
    seed: int


def settings_of(risk: Risk, costs: Costs, seed: int, accounts: Accounts = _NO_ACCOUNTS) -> Settings:
    """Return the numbers that a simulation needs besides its market and its run parameters.

    Parameters
    ----------
    risk, costs
        Sections of the configuration.
    seed
        Slippage is drawn by seed, symbol, session and side.
    accounts
        Section with the limit within which an account is left; no backtest is.
    """
    same = {name: getattr(risk, name) for name in Settings._fields if hasattr(risk, name)}
    return Settings(
        **same | {"max_position": min(risk.max_position, risk.max_symbol)},
        closing_limit=accounts.closing_limit,
        reject_beyond_capacity=risk.beyond_capacity == "reject",
        noise=costs.noise == "drawn",
        noise_deviation=costs.noise_deviation,
        stress_noise_deviation=costs.stress_noise_deviation,
        stress_multiplier=costs.stress_multiplier,
        volatility_low=costs.volatility_clip[0],
        volatility_high=costs.volatility_clip[1],
        size_low=costs.size_clip[0],
        size_high=costs.size_clip[1],
        crash_slippage=CRASH_SLIPPAGE,
        impact=costs.impact,
        seed=seed,
    )
