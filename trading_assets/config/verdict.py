"""Thresholds of the verdict."""

from __future__ import annotations

from trading_assets.config.sections import Fraction, Section

#: Error rate of the tests of one batch: strategies that are looked at together share it.
ALPHA = 0.05


#: Thresholds of which a higher one lets more pass; of the others a lower one does.
LOOSER_IF_HIGHER = frozenset(
    {
        "reject_drawdown",
        "reject_pbo",
        "reject_pbo_loss",
        "go_drawdown",
        "secondary_correlation",
        "secondary_daily_loss",
        "stress_bear_drawdown",
    }
)


class VerdictThresholds(Section):
    """Thresholds of the verdict's criteria (trading rules, section 7)."""

    min_bets: int = 30
    min_sessions: int = 250
    reject_drawdown: Fraction = 0.20
    reject_sharpe: float = 0.75
    reject_calmar: float = 1.0
    reject_best_trades: int = 3
    reject_bootstrap_sharpe: float = 0.4
    reject_permutation: float = 95.0
    reject_dsr: Fraction = 0.95
    reject_pbo: Fraction = 0.5
    reject_pbo_loss: Fraction = 0.05
    go_sharpe: float = 1.0
    go_drawdown: Fraction = 0.15
    go_calmar: float = 1.5
    go_bets: int = 50
    secondary_expectancy: float = 0.3
    secondary_profit_factor: float = 1.4
    secondary_correlation: float = 0.80
    secondary_daily_loss: Fraction = 0.05
    secondary_needed: int = 3
    stress_sharpe_2x: float = 0.75
    stress_calmar_3x: float = 1.0
    stress_bear_drawdown: Fraction = 0.20
    stress_needed: int = 2
