"""A proposal for the slippage of the model, by what fills of a broker paid. Nothing applies it but a person.

Applied by itself it would be a backtest that learns from the year that it is judged by: another configuration is
another trial, and another plan.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import polars as pl

from trading_assets.config.sections import Costs
from trading_assets.trading.divergence.betting import Floats

#: Least number of fills, and of sessions that they are of, for a proposal.
LEAST_FILLS, LEAST_SESSIONS = 30, 10
_RESAMPLES = 1000
_SCHEMA: dict[str, type[pl.DataType]] = {
    "key": pl.String,
    "fills": pl.Int64,
    "sessions": pl.Int64,
    "paid_bps": pl.Float64,
    "modelled_bps": pl.Float64,
    "before": pl.Float64,
    "after": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "error_before": pl.Float64,
    "error_after": pl.Float64,
    "advice": pl.String,
}


def slippage_proposal(
    slippage: pl.DataFrame, asset_classes: Mapping[str, str], costs: Costs, seed: int
) -> pl.DataFrame:
    """Return a row for each asset class that was filled: its slippage in the configuration, and what fills say.

    The factors of the model (volatility, size, weekend, stress) stay; its base is multiplied by what was paid over
    what was modelled, never below 0. Parts of the model that the base does not scale, as rounding to the tick, are in
    both.

    Parameters
    ----------
    slippage
        Rows of `trading.slippage` of one account.
    asset_classes
        Asset class of each symbol.
    costs, seed
        Costs of the configuration, and the seed of the resamples.

    Returns
    -------
    polars.DataFrame
        key of the configuration; fills and sessions; paid_bps, modelled_bps (means); before; after with low and high
        (90 % of resamples of whole sessions); error_before, error_after (root mean square of what a fill pays beyond
        the model, in basis points; after by a base that is fitted on the other sessions); advice. From after to
        error_after null where there are fewer fills than `LEAST_FILLS`, or sessions than `LEAST_SESSIONS`.
    """
    named = pl.col("symbol").replace_strict(asset_classes, default=None, return_dtype=pl.String)
    rows = []
    for (kind,), fills in sorted(
        slippage.with_columns(kind=named).drop_nulls("kind").group_by("kind"), key=lambda each: str(each[0][0])
    ):
        section = costs.equity if kind == "equity" else costs.crypto
        rows.append(_row(f"costs.{kind}.slippage_bps", section.slippage_bps, fills, seed))
    return pl.DataFrame(rows, schema=_SCHEMA)


def _row(key: str, before: float, fills: pl.DataFrame, seed: int) -> dict[str, object]:
    ordered = fills.sort("session", "client_order_id")
    paid, modelled = ordered["paid_bps"].to_numpy(), ordered["modelled_bps"].to_numpy()
    _, day = np.unique(ordered["session"].to_physical().to_numpy(), return_inverse=True)
    days = int(day.max()) + 1
    row: dict[str, object] = {
        "key": key,
        "fills": paid.size,
        "sessions": days,
        "paid_bps": math.fsum(paid) / paid.size,
        "modelled_bps": math.fsum(modelled) / paid.size,
        "before": before,
    }
    if paid.size < LEAST_FILLS or days < LEAST_SESSIONS or not math.fsum(modelled) > 0.0:
        return row | {"advice": f"none: it takes {LEAST_FILLS} fills of {LEAST_SESSIONS} sessions"}
    of_days = np.array([[math.fsum(each[day == number]) for number in range(days)] for each in (paid, modelled)])
    drawn = np.random.default_rng(seed).integers(0, days, (_RESAMPLES, days))
    low, high = np.quantile(_ratio(*of_days[:, drawn].sum(axis=2)), [0.05, 0.95])
    ratio = float(_ratio(*of_days.sum(axis=1)))
    others = _ratio(*(of_days.sum(axis=1, keepdims=True) - of_days))[day]
    is_change = not low <= 1.0 <= high
    return row | {
        "after": before * ratio,
        "low": before * float(low),
        "high": before * float(high),
        "error_before": _root_mean_square(paid - modelled),
        "error_after": _root_mean_square(paid - others * modelled),
        "advice": "change, by a new registration" if is_change else "none: what there is explains it",
    }


def _ratio(paid: Floats, modelled: Floats) -> Floats:
    return np.asarray(np.maximum(np.divide(paid, modelled, out=np.ones_like(paid), where=modelled > 0.0), 0.0))


def _root_mean_square(values: Floats) -> float:
    return math.sqrt(math.fsum(values * values) / values.size)
