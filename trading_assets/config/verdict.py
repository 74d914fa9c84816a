"""Thresholds of the verdict."""

from __future__ import annotations

from pydantic import Field

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

    min_bets: int = Field(default=30, description="fewer bets in the holdout: insufficient data")
    min_sessions: int = Field(default=250, description="fewer sessions in the holdout: insufficient data")
    reject_drawdown: Fraction = Field(default=0.20, description="largest drawdown of the holdout that is no rejection")
    reject_sharpe: float = Field(default=0.75, description="least Sharpe ratio of the holdout")
    reject_calmar: float = Field(default=1.0, description="least Calmar ratio of the holdout")
    reject_best_trades: int = Field(
        default=3, description="best trades without which the holdout must still earn something"
    )
    reject_bootstrap_sharpe: float = Field(
        default=0.4, description="least Sharpe ratio at the batch's percentile of the bootstrap"
    )
    reject_permutation: float = Field(
        default=95.0, description="least percentile among portfolio runs whose decisions were drawn"
    )
    reject_dsr: Fraction = Field(default=0.95, description="least deflated Sharpe ratio, a probability")
    reject_pbo: Fraction = Field(default=0.5, description="largest probability of backtest overfitting")
    reject_pbo_loss: Fraction = Field(
        default=0.05, description="largest probability that the chosen parameters lose to the baseline out of sample"
    )
    go_sharpe: float = Field(default=1.0, description="least Sharpe ratio of the holdout for a go")
    go_drawdown: Fraction = Field(default=0.15, description="largest drawdown of the holdout for a go")
    go_calmar: float = Field(default=1.5, description="least Calmar ratio of the holdout for a go")
    go_bets: int = Field(default=50, description="fewest bets in the holdout for a go")
    secondary_expectancy: float = Field(default=0.3, description="least expectancy a trade, in R")
    secondary_profit_factor: float = Field(default=1.4, description="least profit factor")
    secondary_correlation: float = Field(default=0.80, description="largest correlation with the benchmark")
    secondary_daily_loss: Fraction = Field(default=0.05, description="largest loss of a session, a fraction of equity")
    secondary_needed: int = Field(default=3, description="secondary criteria that must pass")
    stress_sharpe_2x: float = Field(default=0.75, description="least Sharpe ratio at twice the slippage")
    stress_calmar_3x: float = Field(default=1.0, description="least Calmar ratio at three times the slippage")
    stress_bear_drawdown: Fraction = Field(default=0.20, description="largest drawdown in bear months")
    stress_needed: int = Field(default=2, description="stress criteria that must pass")
