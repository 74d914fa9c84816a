"""What the holdout of a strategy promised: the least mean of its returns that chance explains, as they are bet on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import polars as pl
from numpy.typing import NDArray

from trading_assets.asset_factories.table_asset import Step
from trading_assets.backtests.results.settled_curve import settled
from trading_assets.backtests.tables import EQUITY, METRICS
from trading_assets.protocol import Protocol, Record
from trading_assets.robustness.evidence import hashes_of_rows, last_evidence
from trading_assets.robustness.overfitting.sharpe_inference import prewhitened_variance
from trading_assets.robustness.resampling.stationary_bootstrap import stationary_indices
from trading_assets.robustness.tables import HOLDOUT
from trading_assets.strategies.evaluation.failure import strategy_of
from trading_assets.trading.divergence.betting import Floats, cut
from trading_assets.warehouse import Rows

#: Share of what resampled returns of the holdout would have made that is below what it promises.
_BELOW = 0.05


@dataclass(frozen=True)
class Promise:
    """A promise of a holdout; None where nothing is known.

    Attributes
    ----------
    mean
        5th percentile, by its bootstrap, of the mean of what is bet on: returns over the scale, cut.
    scale
        Root mean square of its returns.
    periods
        Sessions a year.

    Both are of its sessions in which something was held, without interest.
    """

    mean: float | None
    scale: float | None
    periods: int


class PromiseEditedError(Exception):
    """Rows that the promise is read from are not those that are on record; `str()` says what to do."""


def read_promise(step: Step) -> Promise:
    """Return what the holdout of the strategy of a step promised.

    Raises
    ------
    PromiseEditedError
        Its rows are not those that are on record: an alarm could be put off by an edit.
    """
    name, records = strategy_of(step), Protocol.of(step.configuration).read()
    _assert_on_record(step, records, name)
    own, of_holdout, settings = Rows("strategy", name), pl.col("split") == HOLDOUT, step.configuration.robustness
    metrics = step.work.read_or_empty(METRICS, rows=own).filter(of_holdout, metric="periods_per_year")
    periods = int(next(iter(metrics["value"]), None) or 252)
    curve = settled(step.work.read_or_empty(EQUITY, rows=own).filter(of_holdout).sort("session"))
    generator = np.random.Generator(np.random.PCG64([step.configuration.seed, *b"promise"]))
    drawn = {"block": settings.block_sessions, "resamples": settings.resamples}
    found = curve["daily_return"].fill_null(0.0).to_numpy()[sessions_held(curve)]
    return promise_of(found, periods, **drawn, generator=generator)


def sessions_held(equity: pl.DataFrame) -> NDArray[np.bool_]:
    """Return whether something was held in each session: at its close or the one before, or in between.

    Parameters
    ----------
    equity
        positions, daily_return by session, ascending.
    """
    is_open, has_moved = pl.col("positions") > 0, pl.col("daily_return").fill_null(0.0) != 0.0
    found = equity.select(is_open | is_open.shift(1, fill_value=False) | has_moved).to_series()
    return np.asarray(found.to_numpy(), np.bool_)


def promise_of(returns: Floats, periods: int, *, block: int, resamples: int, generator: np.random.Generator) -> Promise:
    """Return what returns promise: the lower of the bootstrap's quantile and the normal one by the long-run variance.

    As of the Sharpe ratio (`resample.sharpe_quantile`): a few dozen blocks alone look too sure.

    Parameters
    ----------
    returns
        (sessions,) of the sessions in which something was held.
    periods
        Sessions a year.
    block, resamples
        Mean length of a block of the bootstrap, and number of resamples.
    generator
        Source of the randomness.
    """
    scale = math.sqrt(float(np.mean(returns**2))) if returns.size else 0.0
    if returns.size < 3 or not math.isfinite(scale) or scale == 0.0:
        return Promise(None, None, periods)
    bet_on = cut(returns / scale)
    means = bet_on[stationary_indices(bet_on.size, resamples, block, generator)].mean(axis=1)
    mean = float(bet_on.mean())
    error = math.sqrt(max(prewhitened_variance(bet_on - mean), 0.0) / bet_on.size)
    low = min(float(np.quantile(means, _BELOW)), mean + error * NormalDist().inv_cdf(_BELOW))
    return Promise(low, scale, periods)


def _assert_on_record(step: Step, records: Sequence[Record], name: str) -> None:
    last, now = last_evidence(records, (step.configuration.name, name), "holdout"), hashes_of_rows(step, "holdout")
    said = {} if last is None else last.payload["rows"]
    changed = [table.name for table in (EQUITY, METRICS) if said.get(table.name) != now.get(table.name)]
    if changed:
        raise PromiseEditedError(
            f"rows of {changed[0]} of the holdout of {name} are not those on record\n"
            "  expected: what robustness/holdout wrote, which the account is held to\n"
            f"  what to do: trading-assets run --recompute --select {name}"
        )
