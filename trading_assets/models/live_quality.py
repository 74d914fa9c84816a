"""How scores fare from the holdout on, once their labels are over, against what earlier folds promised.

Two questions: is a window's quality what the folds before had (`quality_by_window`), and when did the losses begin to
be larger than chance makes them (`loss_drift`).
"""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
from numpy.typing import NDArray

from trading_assets.models.evaluation import score_metrics
from trading_assets.models.page_sums import alarm_threshold, page_sums
from trading_assets.models.promotion import losses_by_session
from trading_assets.models.tables import LIVE_QUALITY

Floats = NDArray[np.float64]

#: Sessions of a window.
WINDOW_SESSIONS = 63
#: Fewer sessions promise nothing.
LEAST_SESSIONS = 60


def quality_by_window(scored: pl.DataFrame, promised: pl.DataFrame) -> pl.DataFrame:
    """Return the metrics of each window of `WINDOW_SESSIONS` sessions, of each version that scored in it.

    Parameters
    ----------
    scored
        version, session, score, label, relative_return: scores from the holdout on whose labels are over.
    promised
        Rows of `models.metrics` of folds before the holdout: fold, metric, value.

    Returns
    -------
    pl.DataFrame
        version, window (from 0), start, end, sessions, rows, metric, value, promised (mean over the folds), spread
        (standard deviation over the folds; null with fewer than two).
    """
    sessions = scored["session"].unique().sort()
    places = pl.DataFrame({"session": sessions, "window": np.arange(sessions.len()) // WINDOW_SESSIONS})
    own = promised.drop_nulls("value").group_by("metric").agg(promised=pl.mean("value"), spread=pl.std("value"))
    found = []
    for (version, window), rows in (
        scored.join(places, on="session").sort("session", "symbol").group_by("version", "window", maintain_order=True)
    ):
        arrays = (rows[name].cast(pl.Float64).to_numpy() for name in ("score", "label", "relative_return"))
        of_window = {
            "version": version,
            "window": window,
            "start": rows["session"].min(),
            "end": rows["session"].max(),
            "sessions": rows["session"].n_unique(),
            "rows": rows.height,
        }
        found += [{**of_window, "metric": name, "value": value} for name, value in score_metrics(*arrays).items()]
    names = ("version", "window", "start", "end", "sessions", "rows", "metric", "value")
    types = {name: LIVE_QUALITY.columns[name].dtype for name in names}
    return pl.DataFrame(found, schema=types).join(own, on="metric", how="left", maintain_order="left")


def losses_of_sessions(scored: pl.DataFrame) -> pl.DataFrame:
    """Return the mean log loss of each session and when it was known: session, known_on, loss; by `known_on`.

    Parameters
    ----------
    scored
        symbol, session, label_end, score, label of scores whose labels are over.
    """
    losses = losses_by_session(scored, dt.date.max)
    known = scored.group_by("session").agg(known_on=pl.max("label_end")).sort("session")
    loss = pl.Series([losses[day].loss for day in known["session"]], dtype=pl.Float64)
    return known.with_columns(loss=loss).sort("known_on", "session")


def loss_drift(before: Floats, since: Floats, *, horizon: int, seed: int) -> tuple[Floats, float | None]:
    """Return how far losses have added up beyond what earlier ones were, by session, and what is an alarm.

    Page's one-sided cumulative sum, from which Hinkley's test is made: S = max(0, S + (loss - mean) / deviation -
    tolerated), with mean and deviation of the losses before. Losses of neighbouring sessions share the sessions of
    their labels, and the mean before is itself estimated: so an alarm is what few of the years reach that
    are drawn from the losses before, in blocks, each against a mean that is drawn likewise.

    Parameters
    ----------
    before, since
        (sessions,) losses before the holdout and from it on, each in order of time.
    horizon
        Sessions of a label.
    seed
        Of the draws.

    Returns
    -------
    (sessions,) sums, known when the loss is; and the threshold, None where there are fewer than `LEAST_SESSIONS` losses
    before, or all are the same.

    Source: Page, Continuous inspection schemes, Biometrika 41 (1954); Politis and Romano, A circular block-resampling
    procedure for stationary data (1992).

    Examples
    --------
    Losses as before add up to nothing much, larger ones to more and more.

    >>> usual = np.tile([0.68, 0.70, 0.69, 0.71], 60)
    >>> sums, threshold = loss_drift(usual, np.full(40, 0.72), horizon=1, seed=0)
    >>> bool(sums[0] < threshold < sums[-1])
    True
    """
    if len(before) < LEAST_SESSIONS or not np.ptp(before) > 0:
        return np.zeros(len(since)), None
    sums = page_sums(((since - before.mean()) / before.std(ddof=1))[None, :])[0]
    threshold = alarm_threshold(before, horizon=horizon, seed=seed)
    return sums, threshold
