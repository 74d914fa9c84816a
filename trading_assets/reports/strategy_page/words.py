"""Criteria and metrics in words that a person reads without a glossary."""

from __future__ import annotations

from trading_assets.backtests.results.metrics import METRICS
from trading_assets.reports.html_table import Format, number, percent
from trading_assets.robustness.verdict.criteria import AT_BEST

#: Criterion -> what it is, and how its numbers are written. R is the profit in units of what was at risk at the entry.
CRITERIA: dict[str, tuple[str, Format]] = {
    "bets": ("independent bets in the holdout", number),
    "sessions": ("sessions of the holdout", number),
    "drawdown": ("deepest fall from a peak", percent),
    "sharpe": ("Sharpe ratio", number),
    "calmar": ("return a year over the deepest fall (Calmar ratio)", number),
    "expectancy_r_without_best": ("mean profit of a trade without the best ones, R", number),
    "slippage_2x_expectancy_r": ("mean profit of a trade at twice the slippage, R", number),
    "bootstrap_sharpe": ("Sharpe ratio at the low end of what chance could have made of these days", number),
    "permutation_percentile": ("random decisions that did worse, of 100", number),
    "dsr": ("probability that there is skill, after all that was tried (deflated Sharpe ratio)", percent),
    "pbo": ("probability that the parameters were picked by luck (of backtest overfitting)", percent),
    "look_ahead_violations": ("uses of what only the future knew", number),
    "unexplained_delistings_sharpe": ("Sharpe ratio if each unexplained ending was the worst", number),
    "unexplained_delistings_expectancy_r": (
        "mean profit of a trade if each unexplained ending was the worst, R",
        number,
    ),
    "expectancy_r": ("mean profit of a trade, R", number),
    "profit_factor": ("profits over losses", number),
    "correlation": ("correlation to the benchmark", number),
    "daily_loss_99": ("loss on the worst session of a hundred", percent),
    "slippage_2x_sharpe": ("Sharpe ratio at twice the slippage", number),
    "slippage_3x_calmar": ("Calmar ratio at three times the slippage", number),
    "bear_months_expectancy_r": ("mean profit of a trade in the benchmark's bad months, R", number),
}
#: Kind of a criterion -> what follows from it.
KINDS = {
    "evidence": "enough to judge",
    "rejection": "must hold",
    "primary": "needed for a go",
    "secondary": "most of these for a go",
    "stress": "under stress, most of these for a go",
    "cap": "no go with it",
}
#: Metric -> how it is called on a page, where its name with spaces says too little.
METRIC_WORDS = {
    "sharpe": "Sharpe ratio",
    "sortino": "Sortino ratio",
    "calmar": "Calmar ratio",
    "annual_return": "return a year",
    "periods_per_year": "sessions a year",
    "max_drawdown": "deepest fall",
    "max_drawdown_marked": "deepest fall, with marks that later bars refuted",
    "max_drawdown_sessions": "sessions until that peak was regained",
    "daily_loss_99": "loss on the worst session of a hundred",
    "var_95": "loss on the worst session of twenty",
    "cvar_95": "mean loss of the worst twentieth of sessions",
    "recovery_factor": "return over the deepest fall",
    "exposure": "mean exposure",
    "expectancy_r": "mean profit of a trade, R",
    "expectancy_r_without_best": "the same without the best trades",
    "average_hold": "mean sessions held",
    "median_hold": "median sessions held",
    "longest_losing_run": "losing trades in a row, at most",
    "turnover_cost": "costs a year",
    "cost_bps": "costs, bp of what is traded",
    "break_even_bps": "costs that would take all profit, bp",
    "minimum_detectable_sharpe": "least Sharpe ratio that so many sessions can show",
}
#: Metrics that are shown at once; all others are folded.
MAIN_METRICS = (
    "total_return",
    "annual_return",
    "volatility",
    "sharpe",
    "sortino",
    "max_drawdown",
    "calmar",
    "trades",
    "win_rate",
    "profit_factor",
    "expectancy_r",
    "exposure",
    "correlation",
    "alpha",
)


def criterion_words(name: str) -> str:
    """Return what a criterion is, in words."""
    if name.startswith(AT_BEST):
        return "at best conditional"
    return CRITERIA[name][0] if name in CRITERIA else name.replace("_", " ")


def criterion_format(name: str) -> Format:
    """Return how the numbers of a criterion are written."""
    return CRITERIA[name][1] if name in CRITERIA else number


def metric_words(name: str) -> str:
    """Return how a metric is called."""
    return METRIC_WORDS.get(name, name.replace("_", " "))


def metric_meaning(name: str) -> str:
    """Return the definition of a metric, in short."""
    return METRICS.get(name, "")
