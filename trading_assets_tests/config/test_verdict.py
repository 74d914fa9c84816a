"""The thresholds of the verdict are those of the trading rules, section 7."""

from __future__ import annotations

from trading_assets.config.verdict import VerdictThresholds


def test_rejection_is_never_looser_than_go() -> None:
    """A go needs more than what escapes a rejection: 20 % against 15 % drawdown, 0.75 against 1.0 Sharpe, ..."""
    limits = VerdictThresholds()
    assert (limits.reject_drawdown, limits.go_drawdown) == (0.20, 0.15)
    assert (limits.reject_sharpe, limits.go_sharpe) == (0.75, 1.0)
    assert (limits.reject_calmar, limits.go_calmar) == (1.0, 1.5)
    assert (limits.min_bets, limits.go_bets, limits.min_sessions) == (30, 50, 250)
    assert (limits.reject_dsr, limits.reject_permutation) == (0.95, 95.0)
    assert (limits.reject_pbo, limits.reject_pbo_loss) == (0.5, 0.05)
