"""How well a score orders what follows it: information coefficient, quantiles, turnover, decay; and entries by trigger.

Definitions are those of Alphalens: a score of a close, returns from that close on, statistics of a session first.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
import polars as pl

from trading_assets.analytics.forward_returns import HORIZONS
from trading_assets.backtests.engine.arrays import Floats

#: Symbols of a session from which on it has so many quantiles.
QUANTILES = ((20, 10), (10, 5), (6, 3), (2, 2))
#: Sessions from which on a mean over sessions is told.
LEAST_SESSIONS = 20

Row = tuple[str, str, int, str, float | None]


def newey_west_error(values: Floats, lags: int) -> float | None:
    """Return the standard error of the mean of a series that overlaps itself.

    Newey and West (1987) with Bartlett weights, as a regression on a constant has it.

    Parameters
    ----------
    values
        (observations,), without holes.
    lags
        Autocovariances that are allowed for: a return over h sessions overlaps the h - 1 next ones.

    Returns
    -------
    float or None
        None with fewer than two observations.
    """
    count = values.size
    if count < 2:
        return None
    left = values - values.mean()
    total = float(left @ left)
    for lag in range(1, min(lags, count - 1) + 1):
        total += 2.0 * (1.0 - lag / (lags + 1.0)) * float(left[lag:] @ left[:-lag])
    return math.sqrt(max(total, 0.0)) / count


def quantile_count(scores: pl.DataFrame) -> int:
    """Return in how many quantiles a session is parted, by the median number of symbols with a score."""
    size = scores.group_by("session").len()["len"].median()
    return next((count for least, count in QUANTILES if isinstance(size, float) and size >= least), 1)


def with_quantiles(scores: pl.DataFrame, count: int) -> pl.DataFrame:
    """Return scores with their `quantile` in the session, 1 the lowest: edges belong to the one below.

    Parameters
    ----------
    scores
        session, symbol, score.
    count
        Quantiles.
    """
    edges = [pl.col("score").quantile(k / count, "linear").over("session") for k in range(1, count)]
    above = pl.sum_horizontal((pl.col("score") > edge).cast(pl.Int64) for edge in edges) if edges else pl.lit(0)
    return scores.with_columns(quantile=above + 1)


def information_coefficients(scores: pl.DataFrame, horizons: Sequence[int] = HORIZONS) -> pl.DataFrame:
    """Return the rank correlation (Spearman) of score and return of each session.

    Parameters
    ----------
    scores
        session, symbol, score, and ``after_<h>`` of each horizon.
    horizons
        Bars after the close.

    Returns
    -------
    polars.DataFrame
        session, horizon, ic; sessions in which either is the same for all symbols have no row.
    """
    found = []
    for h in horizons:
        rows = scores.select("session", "score", made=f"after_{h}").drop_nulls()
        ranked = rows.with_columns(pl.col("score", "made").rank().over("session"))
        by_session = ranked.group_by("session").agg(ic=pl.corr("score", "made"), symbols=pl.len())
        found.append(by_session.with_columns(horizon=pl.lit(h)).filter(pl.col("symbols") > 1))
    return (
        pl.concat(found)
        .select("session", "horizon", pl.col("ic").fill_nan(None))
        .drop_nulls("ic")
        .sort("horizon", "session")
    )


def of_coefficients(coefficients: pl.DataFrame, subject: str, name: str) -> list[Row]:
    """Return rows of a decay: mean, deviation and t of the coefficients by horizon, its errors allow for the overlap.

    Parameters
    ----------
    coefficients
        Rows of `information_coefficients`.
    subject, name
        What they are of, as in the table.
    """
    found: list[Row] = []
    ordered = coefficients.sort("horizon", "session")
    numbers_of_horizon, all_values = ordered["horizon"].to_numpy(), ordered["ic"].to_numpy()
    for horizon in np.unique(numbers_of_horizon).tolist():
        values = all_values[numbers_of_horizon == horizon]
        if values.size < LEAST_SESSIONS:
            continue
        error = newey_west_error(values, horizon - 1)
        mean = float(values.mean())
        numbers = {
            "ic": mean,
            "ic_deviation": float(values.std(ddof=1)),
            "ic_t": mean / error if error else None,
            "sessions": float(values.size),
        }
        found += [(subject, name, horizon, statistic, value) for statistic, value in numbers.items()]
    return found


def of_quantiles(scores: pl.DataFrame, horizons: Sequence[int] = HORIZONS) -> list[Row]:
    """Return the mean return of each quantile beyond that of its session, and the share of it that is new each session.

    Parameters
    ----------
    scores
        session, symbol, score, quantile, and ``after_<h>`` of each horizon.
    horizons
        Bars after the close.
    """
    found: list[Row] = []
    for h in horizons:
        rows = scores.select("session", "quantile", made=f"after_{h}").drop_nulls()
        beyond = rows.with_columns(pl.col("made") - pl.col("made").mean().over("session"))
        of_row, values = beyond["quantile"].to_numpy(), beyond["made"].to_numpy()
        for quantile in np.unique(of_row).tolist():  # sums of groups have no fixed order in Polars
            own = values[of_row == quantile]
            found.append(("quantile", str(quantile), h, "excess_return", float(own.mean())))
            found.append(("quantile", str(quantile), h, "count", float(own.size)))
    return found + [("quantile", str(name), 1, "turnover", value) for name, value in turnover(scores).items()]


def turnover(scores: pl.DataFrame) -> dict[int, float]:
    """Return the share of a quantile that was not in it on the session before, as a mean over sessions.

    Parameters
    ----------
    scores
        session, symbol, quantile.
    """
    days = scores.select("session").unique().sort("session").with_row_index("day")
    own = scores.select("session", "symbol", "quantile").join(days, on="session").drop("session")
    before = own.with_columns(pl.col("day") + 1, was_in=pl.lit(True))
    rows = own.join(before, on=["day", "symbol", "quantile"], how="left")
    first = rows.group_by("quantile").agg(first=pl.col("day").min())
    shares = (
        rows.join(first, on="quantile")
        .filter(pl.col("day") > pl.col("first"))
        .group_by("quantile", "day")
        .agg(share=pl.col("was_in").is_null().mean())
    )
    ordered = shares.sort("quantile", "day")
    of_row, values = ordered["quantile"].to_numpy(), ordered["share"].to_numpy()
    return {quantile: float(values[of_row == quantile].mean()) for quantile in np.unique(of_row).tolist()}


def of_ranks(scores: pl.DataFrame) -> list[Row]:
    """Return breadth, rank autocorrelation from session to session, and the half-life that follows from it.

    breadth: mean number of symbols with a score. half_life: sessions after which the autocorrelation r is a half,
    log(1/2) / log(r); null unless r is between 0 and 1.

    Parameters
    ----------
    scores
        session, symbol, score.
    """
    days = scores.select("session").unique().sort("session").with_row_index("day")
    ranked = scores.with_columns(rank=pl.col("score").rank().over("session")).join(days, on="session")
    ranked = ranked.select("day", "symbol", "rank")
    pairs = ranked.join(ranked.with_columns(pl.col("day") + 1, before="rank").drop("rank"), on=["day", "symbol"])
    by_day = pairs.group_by("day").agg(r=pl.corr("rank", "before"), count=pl.len()).sort("day")
    values = by_day.filter(pl.col("count") > 1)["r"].fill_nan(None).drop_nulls()
    r = float(values.to_numpy().mean()) if values.len() else None
    half_life = math.log(0.5) / math.log(r) if r is not None and 0.0 < r < 1.0 else None
    breadth = scores.height / days.height if days.height else None
    numbers = {"breadth": breadth, "rank_autocorrelation": r, "half_life": half_life}
    return [("score", "all", 0, statistic, value) for statistic, value in numbers.items()]


def of_entries(entries: pl.DataFrame, market: pl.DataFrame, horizons: Sequence[int] = HORIZONS) -> list[Row]:
    """Return what followed the entries that a strategy asked for, by trigger: mean return, that beyond the mean symbol,
    the share of those that rose, and their number.

    Parameters
    ----------
    entries
        session, symbol, trigger.
    market
        session, symbol, and ``after_<h>`` of each horizon, of all that the strategy may trade.
    horizons
        Bars after the close.
    """
    columns = [f"after_{h}" for h in horizons]
    compared = market.sort("session", "symbol").with_columns(
        pl.col(columns).mean().over("session").name.suffix("_mean")
    )
    rows = entries.join(compared, on=["session", "symbol"], how="inner")
    found: list[Row] = []
    for (trigger,), own in rows.sort("trigger", "session", "symbol").group_by("trigger", maintain_order=True):
        for h, column in zip(horizons, columns, strict=True):
            known = own.select(made=column, beyond=pl.col(column) - pl.col(f"{column}_mean")).drop_nulls().to_numpy()
            if not known.shape[0]:
                continue
            made, beyond = known[:, 0], known[:, 1]
            numbers = {
                "mean_return": float(made.mean()),
                "excess_return": float(beyond.mean()),
                "hit_rate": float(np.mean(made > 0)),
                "count": float(made.size),
            }
            found += [("trigger", str(trigger), h, statistic, value) for statistic, value in numbers.items()]
    return found


def quality_of(scores: pl.DataFrame, regimes: pl.DataFrame, horizons: Sequence[int] = HORIZONS) -> list[Row]:
    """Return all that is told of a score: decay, quantiles, ranks, and the coefficient by regime.

    Parameters
    ----------
    scores
        session, symbol, score, and ``after_<h>`` of each horizon.
    regimes
        session, regime: the likeliest at that close. May be empty.
    horizons
        Bars after the close.
    """
    if scores.is_empty():
        return []
    coefficients = information_coefficients(scores, horizons)
    found: list[Row] = of_coefficients(coefficients, "score", "all") + of_ranks(scores)
    parted = with_quantiles(scores, quantile_count(scores))
    if parted["quantile"].n_unique() > 1:
        found += of_quantiles(parted, horizons)
    for (regime,), own in _by_regime(coefficients, regimes):
        found += of_coefficients(own, "regime", str(regime))
    return found


def _by_regime(coefficients: pl.DataFrame, regimes: pl.DataFrame) -> Iterable[tuple[tuple[object, ...], pl.DataFrame]]:
    known = coefficients.join(regimes, on="session", how="inner").sort("regime", "horizon", "session")
    return known.group_by("regime", maintain_order=True)
