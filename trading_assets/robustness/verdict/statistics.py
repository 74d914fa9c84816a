"""Rows that exist only once a holdout was looked at, and what the verdict reads from them.

They share tables with rows of train and validation. Whoever writes one part of a strategy's rows puts it beside the
other part as it stands and replaces both in one transaction, so the assets can run again in any order. A rerun of
`backtests/<strategy>` writes train and validation only: the holdout rows of the backtest that it replaces are gone
with it, and the verdict refuses to be made until the holdout was evaluated again, which is the same look.
"""

from __future__ import annotations

import polars as pl

from trading_assets.config.stress_scenarios import (
    BASE,
    UNEXPLAINED_DELISTINGS,
    WITHOUT_UNEXPLAINED_GAINS,
    slippage_scenario,
)
from trading_assets.config.verdict import ALPHA
from trading_assets.robustness.look_ahead.audit import violations
from trading_assets.robustness.resampling.random_runs import PERMUTATION
from trading_assets.robustness.resampling.resample import BOOTSTRAP, LEAST_COUNTED_P, sharpe_quantile_name, statistic_of
from trading_assets.robustness.stress.run import POSITIONS_MET, value_of
from trading_assets.robustness.verdict.criteria import (
    BEAR_MONTHS,
    BETS,
    ENDINGS_EXPECTANCY,
    ENDINGS_MET,
    ENDINGS_SHARPE,
    ERROR_RATE,
    PBO,
    PBO_LOSS,
    UNEXPLAINED_MOVES,
    WITHOUT_GAINS,
    bootstrap_statistic,
)

_BASE_METRICS = (
    "trades",
    "sessions",
    "sharpe",
    "calmar",
    "expectancy_r",
    "expectancy_r_without_best",
    "profit_factor",
    "correlation",
    "daily_loss_99",
)


class HoldoutMissingError(Exception):
    """A strategy is registered, but its holdout was not evaluated with this configuration and backtest."""

    def __init__(self, strategy: str, cause: str) -> None:
        asset = f"robustness/holdout/{strategy}"
        super().__init__(
            f"the holdout of {strategy} has to be evaluated before its verdict: {cause}\n"
            f"  expected: rows of a run of {asset} under this configuration, after backtests/{strategy}\n"
            f"  what to do: materialise {asset}; if nothing that is registered changed it is the same look"
        )


class EvidenceMissingError(Exception):
    """What the trials on record say of a registered strategy, or its audit, is not of this configuration."""

    def __init__(self, strategy: str, asset: str, cause: str = "it did not run under this configuration") -> None:
        before = f"robustness/sensitivity/{strategy}, then " if asset == "overfitting" else ""
        super().__init__(
            f"there is no verdict on {strategy}: robustness/{asset}: {cause}\n"
            f"  expected: rows of a run of robustness/{asset}/{strategy}\n"
            f"  what to do: materialise {before}robustness/{asset}/{strategy}"
        )


def statistics_of(
    stress: pl.DataFrame,
    resampling: pl.DataFrame,
    overfitting: pl.DataFrame,
    *,
    look_ahead: pl.DataFrame,
    bets: float | None = None,
    alpha: float = ALPHA,
) -> dict[str, float | None]:
    """Return what the verdict judges.

    The choice among the trials was made on train + validation, so that is what the statistics on it are of. With
    one trial there was no choice and nothing to cross-validate: `pbo` is then absent.

    Parameters
    ----------
    stress, resampling
        Holdout rows of one strategy.
    overfitting, look_ahead
        Rows of the strategy in `robustness.overfitting` and `robustness.look_ahead`.
    bets
        Bets of the holdout, see `count_bets`; None: unknown, which is too little evidence.
    alpha
        Error rate of its tests, the one that the holdout was resampled at.

    Raises
    ------
    LookupError
        A scenario or a statistic is missing, as the quantile is if the holdout was resampled at another `alpha`.
    """
    two, three = slippage_scenario(2.0), slippage_scenario(3.0)
    chosen = dict(overfitting.select("statistic", "value").iter_rows())
    several = overfitting.filter(statistic="pbo")["trials"][0] > 1
    cross_validated = {name: chosen[name] for name in (PBO, PBO_LOSS)} if several else {}
    return {
        **{metric: value_of(stress, BASE, metric) for metric in _BASE_METRICS},
        "drawdown": _depth(value_of(stress, BASE, "max_drawdown")),
        "slippage_2x_expectancy_r": value_of(stress, two, "expectancy_r"),
        "slippage_2x_sharpe": value_of(stress, two, "sharpe"),
        "slippage_3x_calmar": value_of(stress, three, "calmar"),
        BEAR_MONTHS: value_of(stress, "bear_months", "expectancy_r"),
        "bear_months_drawdown": _depth(value_of(stress, "bear_months", "max_drawdown")),
        BETS: bets,
        ERROR_RATE: alpha,
        bootstrap_statistic(alpha): statistic_of(resampling, BOOTSTRAP, sharpe_quantile_name(alpha)),
        "permutation_percentile": _permutation_percentile(resampling, alpha),
        "dsr": chosen["dsr"],
        "look_ahead_violations": float(violations(look_ahead)),
        **cross_validated,
        **_of_endings(stress),
        **_without_unexplained_gains(stress),
    }


def _permutation_percentile(resampling: pl.DataFrame, alpha: float) -> float | None:
    """Percentile among the random runs: counted, or below what counting can tell by their normal distribution."""
    if alpha >= LEAST_COUNTED_P:
        return statistic_of(resampling, PERMUTATION, "percentile")
    p = statistic_of(resampling, PERMUTATION, "p_normal")
    return None if p is None else 100.0 * (1.0 - p)


def _of_endings(stress: pl.DataFrame) -> dict[str, float | None]:
    return {
        ENDINGS_MET: value_of(stress, UNEXPLAINED_DELISTINGS, POSITIONS_MET),
        ENDINGS_SHARPE: value_of(stress, UNEXPLAINED_DELISTINGS, "sharpe"),
        ENDINGS_EXPECTANCY: value_of(stress, UNEXPLAINED_DELISTINGS, "expectancy_r"),
    }


def _without_unexplained_gains(stress: pl.DataFrame) -> dict[str, float | None]:
    """How many extreme moves positions crossed, and the metrics without what was gained there; where there was one."""
    if stress.filter(scenario=WITHOUT_UNEXPLAINED_GAINS).is_empty():
        return {UNEXPLAINED_MOVES: 0.0}
    less = {metric: value_of(stress, WITHOUT_UNEXPLAINED_GAINS, metric) for metric in _BASE_METRICS}
    less["drawdown"] = _depth(value_of(stress, WITHOUT_UNEXPLAINED_GAINS, "max_drawdown"))
    return {
        UNEXPLAINED_MOVES: value_of(stress, BASE, UNEXPLAINED_MOVES),
        **{f"{WITHOUT_GAINS}{metric}": value for metric, value in less.items()},
    }


def _depth(drawdown: float | None) -> float | None:
    return None if drawdown is None else abs(drawdown)
