"""Drift of features: is what comes in now still like what the models learned from?

An alarm is decided by effect sizes, not by p-values: daily features are autocorrelated, so a window of 63 sessions
holds far fewer independent values than rows, and a Kolmogorov-Smirnov test rejects most of the time without any
drift. For the same reason an effect size alone alarms too often. So each statistic must exceed both a fixed level
and what is usual between a window of the same length and the rest of the reference (its 95th percentile over
windows that overlap by half: subsampling, Politis, Romano and Wolf 1999), which contains the
autocorrelation, the correlation between symbols and the bias of small samples.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from trading_assets.config.sections import Monitoring
from trading_assets.monitoring.ordered_samples import area_between, gap_to_the_rest, rank_distinct, ranks_of_windows
from trading_assets.monitoring.spans import Group, Spans, spans_of
from trading_assets.monitoring.tables import DRIFT
from trading_assets.parallel.processors import processors

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

BINS = 10
ROWS_PER_BIN = 20  # an index over emptier bins is mostly noise
USUAL_QUANTILE = 0.95
#: Features whose values are held together.
COLUMNS_AT_A_TIME = 4


class Usual(NamedTuple):
    """What both statistics usually reach between windows of a reference and the rest of it; None without any."""

    psi: float | None
    ks: float | None


#: By asset class, feature and sessions of a window: of a reference as it is.
UsualValues = Mapping[tuple[str, str, int], Usual]


def drift_table(
    features: pl.DataFrame,
    columns: Sequence[str],
    reference: tuple[dt.date, dt.date],
    settings: Monitoring,
    known_usual: UsualValues | None = None,
) -> pl.DataFrame:
    """Compare the newest sessions with the reference, feature by feature.

    Parameters
    ----------
    features
        asset_class, symbol, session and `columns`. The symbols of a class are pooled.
    columns
        Features to compare. Leave out those of the calendar: a quarter never looks like all seasons.
    reference
        First and last date of the training span. The newest window lies after it.
    settings
        Length of the window in sessions (shorter if fewer have come since the reference) and alarm levels.
    known_usual
        What was found of the same reference before, which takes most of the time to find.

    Returns
    -------
    polars.DataFrame
        Rows of `monitoring.drift` by asset class and feature; none for a class without sessions in both spans.
    """
    return drift_of(features, features.select, columns, reference, settings, known_usual)


def drift_of(
    keys: pl.DataFrame,
    values_of: Callable[[Sequence[str]], pl.DataFrame],
    columns: Sequence[str],
    reference: tuple[dt.date, dt.date],
    settings: Monitoring,
    known_usual: UsualValues | None = None,
) -> pl.DataFrame:
    """Return `drift_table` of features of which a few at a time are held.

    Parameters
    ----------
    keys
        asset_class and session of each row; without a class a row counts for nothing.
    values_of
        From names of some columns to their values in the same rows.
    columns, reference, settings, known_usual
        As `drift_table` takes them.
    """
    start, end = reference
    ordered = (
        keys.select("asset_class", "session")
        .with_row_index("row")
        .filter(pl.col("session") >= start, pl.col("asset_class").is_not_null())
        .sort("asset_class", "session", maintain_order=True)  # no statistic asks for the order of symbols
    )
    groups = []
    for group in ordered.partition_by("asset_class", maintain_order=True):
        session = group["session"]
        before = int((session <= end).sum())
        if before in (0, group.height):
            continue
        spans = spans_of(session.rle_id().to_numpy(), before, settings.window_sessions)
        known = {
            "asset_class": group["asset_class"][0],
            "reference_start": session[0],
            "reference_end": session[before - 1],
            "window_start": session[spans.newest.start],
            "window_end": session[-1],
            "window_sessions": spans.sessions,
        }
        groups.append(Group(known, spans, group["row"]))
    del ordered
    names, found, usual_of = sorted(columns), list[dict[str, object]](), known_usual or {}
    at_a_time = COLUMNS_AT_A_TIME if not usual_of else 4 * COLUMNS_AT_A_TIME  # ranks take several times their values
    for first in range(0, len(names) if groups else 0, at_a_time):
        values = values_of(names[first : first + at_a_time])

        def row_of(group: Group, column: pl.Series) -> dict[str, object]:
            usual = usual_of.get((group.known["asset_class"], column.name, group.spans.sessions))
            found = _compare(*group.values(column, in_order=usual is None), group.spans, settings, usual)
            return {**group.known, "feature": column.name, **found}

        with ThreadPoolExecutor(processors()) as pool:  # NumPy sorts and searches without the interpreter's lock
            found += pool.map(row_of, *zip(*itertools.product(groups, values.get_columns()), strict=True))
    table = pl.DataFrame(found, schema=DRIFT.empty().schema)
    return table.sort("asset_class", "feature")


def usual_values(drift: pl.DataFrame) -> UsualValues:
    """Return what is usual of the reference by an earlier `drift_table`, as far as it was measured."""
    measured = drift.filter(pl.col("psi").is_not_null(), pl.col("window_sessions").is_not_null())
    columns = ("asset_class", "feature", "window_sessions", "psi_usual", "ks_usual")
    return {
        (asset_class, feature, sessions): Usual(of_psi, of_ks)
        for asset_class, feature, sessions, of_psi, of_ks in measured.select(columns).iter_rows()
    }


def is_drift_event(drift: pl.DataFrame, alarm_share: float) -> bool:
    """Return whether more than `alarm_share` of the features that could be measured are in alarm."""
    measured = drift.filter(pl.col("psi").is_not_null())
    return measured.height > 0 and int(measured["alarm"].sum()) > alarm_share * measured.height


def psi(reference: Floats, window: Floats) -> float:
    """Return the population stability index of a window against a reference.

    Sum over bins of (q - p) ln(q / p), with p and q the shares of reference and window in ten quantile bins of the
    reference (fewer if the window has fewer than 20 values a bin; a value that fills a whole bin gets a bin of its
    own; half a count is added to each bin, so that an empty one is not infinite). Unit normals that differ by a shift d
    have about d squared. Without drift its mean is about (bins - 1)(1 / n + 1 / m), for independent values.

    Source: Siddiqi, Credit Risk Scorecards (2006); Yurdakul and Naranjo, Journal of Risk Model Validation 14 (2020).

    Examples
    --------
    A window of 40 values has two bins: 51 and 49 values of the reference lie in them, 30 and 10 of the window. With
    half a count more each, p is 51.5 / 101 and 49.5 / 101, q is 30.5 / 41 and 10.5 / 41.

    >>> reference = np.arange(100.0)
    >>> psi(reference, reference)
    0.0
    >>> round(psi(reference, np.repeat([10.0, 90.0], [30, 10])), 4)
    0.2403
    """
    whole, points = np.sort(reference), np.sort(window)
    edges = _edges(whole, len(points))
    return _index(_histogram(whole, edges), _histogram(points, edges))


def ks_statistic(reference: Floats, window: Floats) -> float:
    """Return the Kolmogorov-Smirnov statistic: the largest distance of two empirical distributions, 0 to 1.

    Examples
    --------
    Up to 0.5 lie two values of four of the window, and none of the reference.

    >>> float(ks_statistic(np.array([1.0, 2.0, 3.0]), np.array([0.0, 0.5, 1.0, 9.0])))
    0.5
    """
    points = np.sort(window)
    return _gap(_below(np.sort(reference), points), len(reference), _below(points, points), len(window))


def scaled_wasserstein(reference: Floats, window: Floats) -> float | None:
    """Return the Wasserstein distance in standard deviations of the reference; None if it has none.

    The area between the two empirical distributions (Vallender, Theory of Probability and Its Applications 18, 1974).

    Examples
    --------
    A shift by 2 of values whose sample deviation is 2.

    >>> round(scaled_wasserstein(np.array([0.0, 2.0, 4.0]), np.array([2.0, 4.0, 6.0])), 4)
    1.0
    """
    return _scaled_area(np.sort(reference), np.sort(window))


def _compare(
    reference: Floats, newest: Floats, spans: Spans, settings: Monitoring, usual: Usual | None
) -> dict[str, object]:
    newest = np.sort(_finite(newest))
    known = np.flatnonzero(np.isfinite(reference))
    sizes: dict[str, object] = {"reference_rows": len(known), "window_rows": len(newest)}
    if min(len(known), len(newest)) < 2 * ROWS_PER_BIN:
        return {**sizes, "alarm": False}
    if usual is None:
        ranked = _ranked(reference, known, spans)
        ordered, usual = ranked.ordered, _usual(ranked)
    else:
        ordered = np.sort(reference[known])
    edges = _edges(ordered, len(newest))
    index = _index(_histogram(ordered, edges), _histogram(newest, edges))
    distance = _gap(_below(ordered, newest), len(known), _below(newest, newest), len(newest))
    return {
        **sizes,
        "psi": index,
        "psi_usual": usual.psi,
        "ks": distance,
        "ks_usual": usual.ks,
        "wasserstein": _scaled_area(ordered, newest),
        "alarm": index > max(settings.psi_alarm, usual.psi or 0) and distance > max(settings.ks_alarm, usual.ks or 0),
    }


@dataclass(frozen=True)
class _Ranked:
    """The reference in order, sorted once for all windows of it.

    Attributes
    ----------
    ordered
        Its finite values, ascending.
    starts
        Where each distinct value begins among them; then their number.
    windows
        Of each window the ranks of its finite values, ascending; 0 the lowest distinct value of the reference.
    """

    ordered: Floats
    starts: Counts
    windows: list[NDArray[np.int32]]


def _ranked(values: Floats, known: Counts, spans: Spans) -> _Ranked:
    order = np.argsort(values) if len(known) == len(values) else known[np.argsort(values[known])]
    rank, starts = np.empty(len(values), np.int32), np.empty(len(order) + 1, np.int64)
    distinct = rank_distinct(values, order, rank, starts)
    ranks = np.empty(sum(each.stop - each.start for each in spans.windows), np.int32)
    begins = np.cumsum([0, *(each.stop - each.start for each in spans.windows)])[:-1]
    counts = ranks_of_windows(order, rank, *spans.windows_of_rows, begins, ranks)
    parts = [ranks[begin : begin + count] for begin, count in zip(begins, counts, strict=True)]
    return _Ranked(values[order], starts[: distinct + 1], parts)


def _usual(reference: _Ranked) -> Usual:
    """What both statistics reach between a window of the reference and the rest of it.

    The rest is never built: its counts are those of the whole less those of the window. Neither is a window's value
    looked up in the whole: its rank there says how many are below it.
    """
    whole, starts = reference.ordered, reference.starts
    indices, distances = [], []
    for ranks in reference.windows:
        if not 2 * ROWS_PER_BIN <= len(ranks) < len(whole):
            continue
        distances.append(gap_to_the_rest(ranks, starts, len(whole)))
        up_to = np.searchsorted(whole, _edges(whole, len(ranks)), side="right")
        counts = np.diff(np.searchsorted(ranks, np.searchsorted(starts, up_to)), prepend=0, append=len(ranks))
        indices.append(_index(np.diff(up_to, prepend=0, append=len(whole)) - counts, counts))
    if not indices:
        return Usual(None, None)
    return Usual(float(np.quantile(indices, USUAL_QUANTILE)), float(np.quantile(distances, USUAL_QUANTILE)))


def _scaled_area(reference: Floats, window: Floats) -> float | None:
    """Return `scaled_wasserstein` of two ordered samples."""
    spread = float(np.std(reference, ddof=1)) if np.ptp(reference) > 0 else 0.0
    if not spread > 0:
        return None
    return float(area_between(reference, window)) / spread


def _edges(sorted_reference: Floats, window_rows: int) -> Floats:
    """Upper edges (inclusive) of all bins but the last."""
    bins = min(BINS, max(window_rows // ROWS_PER_BIN, 2))
    quantiles = sorted_reference[np.arange(1, bins) * len(sorted_reference) // bins]
    edges, repeats = np.unique(quantiles, return_counts=True)
    alone = np.isin(edges, [sorted_reference[0], sorted_reference[-1]]) | (repeats > 1)
    return np.unique(np.concatenate([edges, np.nextafter(edges[alone], -np.inf)]))


def _histogram(sorted_values: Floats, edges: Floats) -> Counts:
    return np.diff(np.searchsorted(sorted_values, edges, side="right"), prepend=0, append=len(sorted_values))


def _index(reference: Counts, window: Counts) -> float:
    p, q = ((counts + 0.5) / (counts.sum() + 0.5 * len(counts)) for counts in (reference, window))
    return float(np.sum((q - p) * np.log(q / p)))


def _below(sorted_values: Floats, points: Floats) -> Counts:
    """How many values are below, and at or below, each point: (2, points)."""
    return np.stack([np.searchsorted(sorted_values, points, side) for side in ("left", "right")])


def _gap(reference: Counts, reference_rows: int, window: Counts, window_rows: int) -> float:
    # The window's function is constant between its own points, so the largest distance lies at one, on either side.
    return float(np.max(np.abs(reference * window_rows - window * reference_rows)) / (reference_rows * window_rows))


def _finite(values: Floats) -> Floats:
    return values[np.isfinite(values)]
