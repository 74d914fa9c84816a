"""What a model learns to predict, and how much each label counts."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from trading_assets.features.history import in_order


def forward_labels(bars: pl.DataFrame, benchmark: pl.DataFrame | None, horizon: int) -> pl.DataFrame:
    """Label each bar with the sign of what its symbol earns over the benchmark, open to open.

    A decision at the close of session *t* fills at the open of t+1 and leaves `horizon` sessions later, so the
    label of *t* is 1 if open[t+1+h] / open[t+1] - 1, less the benchmark's return between the opens of the same two
    sessions, is above zero, else 0. Steps are the symbol's own bars; prices are adjusted. It is known only at
    `label_end`: training on it any earlier is look-ahead.

    Parameters
    ----------
    bars
        symbol, session, adj_open.
    benchmark
        symbol, session, adj_open of one symbol; None measures against zero. The return is null where it lacks a
        bar at either session.
    horizon
        *h*, sessions between the two opens.

    Returns
    -------
    One row a bar, by symbol and session: symbol, session, position (row number, 0-based, Int64), label_end (session
    of open[t+1+h]), relative_return (a fraction), label (Int8). Null where undefined, and where the symbol is
    the benchmark itself (its relative return is zero by construction).

    Examples
    --------
    Decided at the first close, bought at 10 and sold at 12 two sessions later: 20 %. Of the others nothing is known.

    >>> days = pl.Series(["2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05"]).str.to_date()
    >>> bars = pl.DataFrame({"symbol": ["A"] * 4, "session": days, "adj_open": [9.0, 10.0, 11.0, 12.0]})
    >>> forward_labels(bars, None, horizon=2).select(pl.col("relative_return").round(4), "label").rows()
    [(0.2, 1), (None, None), (None, None), (None, None)]
    """
    own = pl.col("adj_open")
    frame = (
        in_order(bars.select("symbol", "session", "adj_open"))
        .with_row_index("position")
        .with_columns(
            pl.col("position").cast(pl.Int64),
            pl.col("session").shift(-1).over("symbol").alias("entry"),
            pl.col("session").shift(-1 - horizon).over("symbol").alias("label_end"),
            (own.shift(-1 - horizon) / own.shift(-1) - 1).over("symbol").alias("own_return"),
        )
    )
    if benchmark is None:
        relative = frame.with_columns(pl.col("own_return").alias("relative_return"))
    else:
        opens = benchmark.select("session", "adj_open")
        is_benchmark = pl.col("symbol").is_in(benchmark["symbol"].unique().to_list())
        relative = frame
        for at, name in (("entry", "open_in"), ("label_end", "open_out")):
            named = opens.rename({"adj_open": name})
            relative = relative.join(named, left_on=at, right_on="session", how="left", maintain_order="left")
        relative = relative.with_columns(
            pl.when(~is_benchmark)
            .then(pl.col("own_return") - (pl.col("open_out") / pl.col("open_in") - 1))
            .alias("relative_return")
        )
    return relative.select(
        "symbol",
        "session",
        "position",
        "label_end",
        "relative_return",
        (pl.col("relative_return") > 0).cast(pl.Int8).alias("label"),
    )


def cross_sectional_ranks(labels: pl.DataFrame, sessions: pl.Series, horizon: int) -> pl.DataFrame:
    """Add the rank of each forward return among those of its session, and say who is in the better half.

    Ranked are the labels that end on the session that the calendar says, so that a rank is known then: that of a symbol
    with a hole, which ends later, would change the ranks of others when it comes.

    Parameters
    ----------
    labels
        Rows of `forward_labels`, of which all are candidates of one cross-section a session.
    sessions
        Sessions of all bars of the universe.
    horizon
        Of the labels.

    Returns
    -------
    polars.DataFrame
        The same rows with `rank` (0 the worst to 1 the best, each in the middle of its place; null where not ranked),
        and `label`, 1 above the middle; null likewise.
    """
    calendar = sessions.unique().sort()
    ends = pl.DataFrame({"session": calendar, "regular_end": calendar.shift(-1 - horizon)})
    frame = labels.join(ends, on="session", how="left", maintain_order="left")
    known = pl.when(pl.col("label_end") == pl.col("regular_end")).then(pl.col("relative_return"))
    place = known.rank("average").over("session") - 0.5
    count = known.count().over("session")
    ranks = frame.with_columns(pl.when(count > 1).then(place / count).alias("rank")).drop("regular_end")
    return ranks.with_columns((pl.col("rank") > 0.5).cast(pl.Int8).alias("label"))


def average_uniqueness(first: NDArray[np.int64], span: int | NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the weights of overlapping labels: the mean over a label's sessions of 1 / labels alive there.

    A label of horizon *h* is alive on the h + 1 sessions from its first to its last open, so the inner labels of
    an unbroken run weigh 1 / (h + 1), and the weights sum to about the number of independent labels. Concurrency
    counts labels of the same symbol only. Source: Lopez de Prado, Advances in Financial Machine Learning, 4.4.

    Parameters
    ----------
    first
        (labels,) row number of each label's first session in the frame of all bars, by symbol and session; a
        label's `span` sessions are consecutive rows of its symbol.
    span
        Sessions of a label: h + 1, or (labels,) of each.

    Returns
    -------
    (labels,) weights above 0, at most 1.

    Examples
    --------
    Two labels of two sessions share the middle one of three: (1 + 1 / 2) / 2. The third label is alone.

    >>> average_uniqueness(np.array([0, 1, 5]), span=2)
    array([0.75, 0.75, 1.  ])
    """
    if first.size == 0:
        return np.empty(0)
    origin = first.min()
    longest = int(np.max(span))
    change = np.zeros(int(first.max() - origin) + longest + 1, dtype=np.int64)
    np.add.at(change, first - origin, 1)
    np.add.at(change, first - origin + span, -1)
    alive = np.cumsum(change)
    share = 1.0 / np.maximum(alive, 1)
    total = np.zeros(first.size)
    for step in range(longest):  # not a difference of cumulative sums: a weight must not depend on rows before it
        if isinstance(span, int):
            total += share[first - origin + step]
        else:
            alive_still = np.flatnonzero(span > step)
            total[alive_still] += share[first[alive_still] - origin + step]
    return total / span
