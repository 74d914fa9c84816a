"""Steps that took much longer than they used to, at the same size."""

from __future__ import annotations

from typing import NamedTuple

import polars as pl

#: Earlier steps that one is compared with, at least and at most: the newest of a similar size.
FEWEST, MOST = 5, 30
#: Sizes are similar up to this ratio of rows written.
SIMILAR = 1.5


class Slowness(NamedTuple):
    """What makes a step slow: this many times the usual time, and this many seconds more than it."""

    ratio: float = 2.0
    seconds: float = 5.0


def slowdowns(metrics: pl.DataFrame, run_id: str, limits: Slowness) -> pl.DataFrame:
    """Return the steps of a run that were slow: against the median of earlier ones of a similar size.

    A step is compared with those of other runs that ended as it did and wrote about as many rows: where the data grow,
    the time may. With fewer than `FEWEST` of them nothing is said.

    Parameters
    ----------
    metrics
        Rows of `monitoring.run_metrics`.
    run_id, limits
        The run, and what is slow.

    Returns
    -------
    polars.DataFrame
        step, seconds, usual (the median), ratio, earlier (how many it is of); the slowest ratio first.
    """
    own = metrics.filter(pl.col("run_id") == run_id, pl.col("outcome").is_in(["done", "unchanged"]))
    others = metrics.filter(pl.col("run_id") != run_id).select(
        "step", "outcome", before=pl.col("started_at"), usual=pl.col("seconds"), size=pl.col("rows")
    )
    rows, size = pl.col("rows").fill_null(0) + 1, pl.col("size").fill_null(0) + 1
    usual = (
        own.join(others, on=["step", "outcome"])
        .filter(pl.col("before") < pl.col("started_at"), rows <= size * SIMILAR, size <= rows * SIMILAR)
        .sort("before", descending=True)
        .group_by("step", "started_at", "seconds")
        .agg(pl.col("usual").head(MOST).median(), earlier=pl.col("usual").head(MOST).len())
        .filter(pl.col("earlier") >= FEWEST)
    )
    slow = (pl.col("seconds") > pl.col("usual") * limits.ratio) & (pl.col("seconds") > pl.col("usual") + limits.seconds)
    return (
        usual.filter(slow)
        .with_columns(ratio=pl.col("seconds") / pl.col("usual"))
        .sort("ratio", "step", descending=[True, False])
        .select("step", "seconds", "usual", "ratio", "earlier")
    )
