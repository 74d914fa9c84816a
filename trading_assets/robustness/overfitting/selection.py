"""What the choice among the trials on record explains of a strategy's result on train + validation."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from trading_assets.backtests.trial_registry import latest, returns_of_trials
from trading_assets.robustness.overfitting import sharpe_inference as bias
from trading_assets.robustness.overfitting.cscv import Overfitting, overfitting
from trading_assets.robustness.tables import LOGITS, OVERFITTING

#: Bins of the logits' histogram, symmetric about 0.
BIN_EDGES = np.linspace(-6.0, 6.0, 25)


class TrialMissingError(Exception):
    """The trial of the chosen parameters is not on record."""


@dataclass(frozen=True)
class Selection:
    """Rows of `robustness.overfitting` and `robustness.overfitting_logits` of one strategy."""

    statistics: pl.DataFrame
    logits: pl.DataFrame


def selection(
    strategy: str, trials: pl.DataFrame, chosen: str, *, periods: float, blocks: int, config_hash: str
) -> Selection:
    """Selection-bias statistics of the chosen trial.

    Parameters
    ----------
    trials
        Rows of `robustness.trials` that the choice was made among, see `behind`.
    chosen
        The trial of the parameters that the strategy runs with.
    periods
        Sessions a year.
    blocks
        Of the cross-validation, an even number.

    Raises
    ------
    TrialMissingError
        `chosen` is not among the trials.
    """
    row = trials.filter(trial=chosen)
    if row.is_empty():
        raise TrialMissingError(
            f"trial {chosen} of {strategy} is not in robustness.trials\n"
            f"  what to do: materialise robustness/sensitivity/{strategy}"
        )
    span = row.select("start", "end", "data_hash", "sessions")
    beside = trials.join(span, on=span.columns, how="semi").filter(pl.col("returns").is_not_null()).sort("trial")
    every, different = returns_of_trials(beside), latest(trials)
    found = overfitting(every, blocks)
    values = statistics(
        returns_of_trials(row)[0],
        every,
        sharpes=different["sharpe"].drop_nulls().to_numpy() / math.sqrt(periods),
        raw_trials=different.height,
        periods=periods,
    )
    values |= {
        "pbo": None if found is None else found.probability,
        "pbo_loss": None if found is None else found.probability_of_loss,
    }
    return Selection(
        rows(strategy, values, beside.height, int(values["trials"] or 0), config_hash), _logits(strategy, found)
    )


def statistics(
    returns: NDArray[np.float64],
    beside: NDArray[np.float64],
    *,
    sharpes: NDArray[np.float64],
    raw_trials: int,
    periods: float,
) -> dict[str, float | None]:
    """Everything but the cross-validation.

    trials
        Different parameter sets on record, and each again for other conditions that it was tried under.
    effective_trials
        Clusters of those of this span, and each other one.
    sharpe, expected_maximum_sharpe
        A year: the chosen trial's, and what the best of `trials` without skill would show.
    psr
        Probability that the true Sharpe ratio is above 0, as if this were the only trial.
    dsr, dsr_effective
        The same against the expected maximum of the raw and of the effective number of trials.
    min_track_record
        Sessions until `psr` is 0.95.
    haircut_sharpe
        A year, after a Bonferroni haircut for the raw number of trials.

    Parameters
    ----------
    returns
        Daily returns of the chosen trial.
    beside
        (trials, sessions): all trials of this span, the chosen one included.
    sharpes
        Of a session, one a parameter set on record; undefined ones left out.
    """
    others = raw_trials - len(beside)
    effective = max(bias.effective_trials(beside) + max(others, 0), 1)
    variance = float(np.var(sharpes, ddof=1)) if sharpes.size > 1 else 0.0
    counts: dict[str, float | None] = {"trials": float(raw_trials), "effective_trials": float(effective)}
    found = bias.moments(returns)
    if found is None:
        names = "sharpe expected_maximum_sharpe psr dsr dsr_effective min_track_record haircut_sharpe"
        return counts | dict.fromkeys(names.split())
    sharpe, skewness, kurtosis = found
    sessions, year = returns.size, math.sqrt(periods)

    def deflated(trials: float) -> float | None:
        return bias.deflated_sharpe(sharpe, sessions, skewness, kurtosis, variance=variance, trials=trials)

    return counts | {
        "sharpe": sharpe * year,
        "expected_maximum_sharpe": bias.deflated_benchmark(variance, raw_trials) * year,
        "psr": bias.probabilistic_sharpe(sharpe, 0.0, sessions, skewness, kurtosis),
        "dsr": deflated(raw_trials),
        "dsr_effective": deflated(effective),
        "min_track_record": bias.minimum_track_record(sharpe, 0.0, skewness, kurtosis),
        "haircut_sharpe": bias.haircut_sharpe(sharpe, sessions, raw_trials) * year,
    }


def rows(strategy: str, values: Mapping[str, float | None], beside: int, trials: int, config_hash: str) -> pl.DataFrame:
    """Rows of `robustness.overfitting`; the cross-validation takes the `beside` trials of one span into account."""
    lines = [
        (strategy, name, value, beside if name.startswith("pbo") else trials, config_hash)
        for name, value in values.items()
    ]
    return pl.DataFrame(lines, schema=OVERFITTING.empty().schema, orient="row")


def _logits(strategy: str, found: Overfitting | None) -> pl.DataFrame:
    if found is None:
        return LOGITS.empty()
    counts, edges = np.histogram(np.clip(found.logits, BIN_EDGES[0], BIN_EDGES[-1]), BIN_EDGES)
    return pl.DataFrame(
        {"strategy": strategy, "low": edges[:-1], "high": edges[1:], "combinations": counts},
        schema=LOGITS.empty().schema,
    )
