"""What the choice among the trials on record explains of a strategy's result on train + validation."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from trading_assets.backtests.trial_registry import latest, returns_of_trials
from trading_assets.robustness.overfitting import sharpe_inference as bias
from trading_assets.robustness.overfitting.cscv import Overfitting, overfitting
from trading_assets.robustness.overfitting.sharpe_inference import without_twins
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
    strategy: str,
    trials: pl.DataFrame,
    chosen: str,
    *,
    periods: float,
    blocks: int,
    config_hash: str,
    alike: pl.DataFrame | None = None,
    types: int = 1,
) -> Selection:
    """Return the selection-bias statistics of the chosen trial.

    Parameters
    ----------
    trials
        Rows of `robustness.trials` that the choice was made among, see `behind`, with `benchmark_returns`; without any
        of the latter `pbo_loss` is undefined.
    chosen
        The trial of the parameters that the strategy runs with.
    periods
        Sessions a year.
    blocks
        Blocks of the cross-validation, an even number.
    alike
        Trials of other types whose returns are like those of this one, see `types_alike`: a copy under another name is
        no new idea, so they count as its own; None for none.
    types
        Different types on record on these symbols and sessions, this one included.

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
    groups = without_twins(every)
    matched = _benchmarks_of(beside)
    # Twins would share the best place, and half of them end below the median by nothing but rounding.
    found = overfitting(_means_of(every, groups), blocks, None if matched is None else _means_of(matched, groups))
    own = distinct_sharpes(different) / math.sqrt(periods)
    others = np.empty(0) if alike is None else distinct_sharpes(latest(alike)) / math.sqrt(periods)
    pooled = np.concatenate([own, others])
    values = statistics(
        returns_of_trials(row)[0],
        every,
        sharpes=own if _spread(own) >= _spread(pooled) else pooled,
        distinct_trials=pooled.size,
        raw_trials=different.height + (0 if alike is None else latest(alike).height),
        types=types,
        periods=periods,
    )
    values |= {
        "pbo": None if found is None else found.probability,
        "pbo_loss": None if found is None or matched is None else found.probability_of_loss,
    }
    return Selection(
        rows(strategy, values, len(groups), int(values["trials"] or 0), config_hash), _logits(strategy, found)
    )


def distinct_sharpes(trials: pl.DataFrame) -> NDArray[np.float64]:
    """Return the annual Sharpe ratio of each different trial: twins count once, by their mean.

    Trials of another span or state of the data cannot be compared, and those without returns neither: each is one.

    Parameters
    ----------
    trials
        One row a parameter set, see `latest`.

    Returns
    -------
    (trials,); NaN where it is not defined, as for those that never traded.
    """
    unknown = trials.filter(pl.col("returns").is_null())
    found = unknown["sharpe"].cast(pl.Float64).fill_null(math.nan).to_list()
    known = trials.filter(pl.col("returns").is_not_null()).sort("trial")
    for _, group in known.group_by("start", "end", "data_hash", "sessions", maintain_order=True):
        sharpes = group["sharpe"].cast(pl.Float64).fill_null(math.nan).to_numpy()
        found += [float(sharpes[rows].mean()) for rows in without_twins(returns_of_trials(group))]
    return np.array(found, dtype=np.float64)


def _benchmarks_of(trials: pl.DataFrame) -> NDArray[np.float64] | None:
    """Returns (trials, sessions) of what each trial is measured against.

    A trial whose exposure is not on record, as that of a backtest without a sweep, is measured against the one that
    asks for most of those of the others. None where no exposure is on record.
    """
    there = (trials["benchmark_returns"].list.len() == trials["sessions"]).fill_null(value=False).to_numpy()
    if not there.any():
        return None
    known = np.array(trials["benchmark_returns"].filter(there).to_list(), dtype=np.float64)
    found = np.empty((trials.height, known.shape[1]))
    found[there] = known
    found[~there] = known[known.sum(axis=1).argmax()]
    return found


def _means_of(values: NDArray[np.float64], groups: Sequence[Sequence[int]]) -> NDArray[np.float64]:
    """Return the mean row of each group of rows."""
    return np.array([values[group].mean(axis=0) for group in groups]).reshape(len(groups), values.shape[1])


def _spread(sharpes: NDArray[np.float64]) -> float:
    """Variance of the Sharpe ratios that are defined; 0 for fewer than two."""
    defined = sharpes[~np.isnan(sharpes)]
    return float(np.var(defined, ddof=1)) if defined.size > 1 else 0.0


def statistics(
    returns: NDArray[np.float64],
    beside: NDArray[np.float64],
    *,
    sharpes: NDArray[np.float64],
    distinct_trials: int,
    raw_trials: int,
    types: int,
    periods: float,
) -> dict[str, float | None]:
    """Return all selection-bias statistics but those of the cross-validation.

    trials, distinct_trials
        Different parameter sets on record, and each again for other conditions that it was tried under; without twins.
    effective_trials
        Clusters of those of this span, and each other one.
    types
        Effective number of types on record.
    sharpe, expected_maximum_sharpe
        A year: the chosen trial's, and what the best of `distinct_trials` without skill would show.
    psr
        Probability that the true Sharpe ratio is above 0, as if this were the only trial.
    dsr, dsr_effective
        The same against the expected maximum of the distinct and of the effective number of trials, for all `types`.
    min_track_record
        Sessions until `psr` is 0.95.
    haircut_sharpe
        A year, after a Bonferroni haircut for the raw number of trials.

    Parameters
    ----------
    returns
        Daily excess returns of the chosen trial.
    beside
        (trials, sessions): all trials of this span, the chosen one included.
    sharpes
        Sharpe ratios of a session whose spread is that of trials without skill.
    """
    others = raw_trials - len(beside)
    effective = max(bias.effective_trials(beside) + max(others, 0), 1)
    spread = _spread(sharpes)
    counts: dict[str, float | None] = {
        "trials": float(raw_trials),
        "distinct_trials": float(distinct_trials),
        "effective_trials": float(effective),
        "types": float(types),
    }
    found, variance = bias.moments(returns), bias.long_run_variance(returns)
    if found is None or variance is None:
        names = "sharpe expected_maximum_sharpe psr dsr dsr_effective min_track_record haircut_sharpe"
        return counts | dict.fromkeys(names.split())
    sharpe = found[0]
    sessions, year = returns.size, math.sqrt(periods)

    def deflated(trials: int) -> float | None:
        benchmark = bias.deflated_benchmark(spread, trials)
        return bias.deflated_sharpe(sharpe, sessions, variance, benchmark=benchmark, types=types)

    return counts | {
        "sharpe": sharpe * year,
        "expected_maximum_sharpe": bias.deflated_benchmark(spread, distinct_trials) * year,
        "psr": bias.probabilistic_sharpe(sharpe, 0.0, sessions, variance),
        "dsr": deflated(distinct_trials),
        "dsr_effective": deflated(effective),
        "min_track_record": bias.minimum_track_record(sharpe, 0.0, variance),
        "haircut_sharpe": bias.haircut_sharpe(sharpe, sessions, raw_trials) * year,
    }


def rows(strategy: str, values: Mapping[str, float | None], beside: int, trials: int, config_hash: str) -> pl.DataFrame:
    """Return rows of `robustness.overfitting`.

    Parameters
    ----------
    strategy, config_hash
        Name of the strategy, and the hash of the settings that its trials depend on.
    values
        Statistics by name; None: undefined.
    beside
        Number of different trials of one span that the cross-validation is of.
    trials
        Number of trials that all other statistics are of.
    """
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
