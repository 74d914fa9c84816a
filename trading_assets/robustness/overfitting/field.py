"""The field that a result stands in: every trial on record, of all types, on the sessions that its returns are of.

A trial's row has its returns in order, but not their sessions: these are the sessions of its symbols' calendars. Where
that is another number of sessions than it has returns, nobody knows which of them are of which session, and the trial
counts as one of which no returns are known.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import polars as pl
from numpy.typing import NDArray

from trading_assets.backtests.trial_registry import behind
from trading_assets.robustness.overfitting.sharpe_inference import cluster_labels
from trading_assets.strategies.evaluation.identity import identity_of_type, recorded_type

Floats = NDArray[np.float64]

#: Two types with fewer common sessions cannot be compared: they are two.
LEAST_COMMON_SESSIONS = 60


@dataclass(frozen=True)
class Calendars:
    """Which sessions a trial's symbols have.

    Attributes
    ----------
    of_symbols
        Calendar by symbol.
    sessions
        Sessions by calendar, ascending.
    """

    of_symbols: Mapping[str, str]
    sessions: Mapping[str, Sequence[dt.date]]


@dataclass(frozen=True)
class Field:
    """Trials whose returns have dates, on the union of their sessions.

    Attributes
    ----------
    trials
        Rows of `robustness.trials` in the order of the columns of `returns`.
    sessions
        Ascending.
    returns
        (sessions, trials); NaN where a trial has none.
    undated
        Rows of trials whose returns are unknown, or of unknown sessions.
    """

    trials: pl.DataFrame
    sessions: Sequence[dt.date]
    returns: Floats
    undated: pl.DataFrame


def calendars_of(instruments: pl.DataFrame, sessions: pl.DataFrame) -> Calendars:
    """Return the calendars of rows of `market_data.instruments` and `market_data.sessions`."""
    days = sessions.sort("session").group_by("calendar").agg("session")
    return Calendars(
        of_symbols=dict(instruments.select("symbol", "calendar").iter_rows()),
        sessions={str(calendar): list(dates) for calendar, dates in days.iter_rows()},
    )


def field_of(trials: pl.DataFrame, calendars: Calendars) -> Field:
    """Put every trial on record once on the union of all sessions.

    Parameters
    ----------
    trials
        Rows of `robustness.trials`; a trial that has several names counts once.
    """
    once = trials.sort("evaluated_at", "trial", "strategy").unique("trial", keep="first", maintain_order=True)
    once = once.sort("trial")

    @cache
    def days_of(names: frozenset[str], start: dt.date, end: dt.date) -> list[dt.date]:
        every = {day for name in names for day in calendars.sessions.get(name, ())}
        return sorted(day for day in every if start <= day <= end)

    dated: list[list[dt.date]] = []
    known = []
    for row in once.select("symbols", "start", "end", "sessions", "returns").iter_rows(named=True):
        names = frozenset(calendars.of_symbols.get(symbol, "") for symbol in row["symbols"] or ())
        days = days_of(names, row["start"], row["end"]) if names and row["returns"] is not None else []
        known.append(bool(days) and len(days) == len(row["returns"]))
        if known[-1]:
            dated.append(days)
    mask = pl.Series(known, dtype=pl.Boolean)
    inside = once.filter(mask)
    sessions = sorted({day for days in dated for day in days})
    place = {day: row for row, day in enumerate(sessions)}
    returns = np.full((len(sessions), len(dated)), np.nan)
    for column, (days, values) in enumerate(zip(dated, inside["returns"], strict=True)):
        returns[[place[day] for day in days], column] = values.to_numpy()
    return Field(inside, sessions, returns, once.filter(~mask))


def types_alike(
    field: Field, own_type: str, symbols: Sequence[str], start: dt.date, end: dt.date
) -> tuple[int, list[str]]:
    """Count the different types on record on some symbols and sessions, and name those that are like one of them.

    A type is represented by the mean return of its trials, session by session; types whose means correlate more than
    one half are one idea (clusters as in `effective_trials`). A type of which no returns are known, or too few on the
    same sessions, is one of its own.

    Parameters
    ----------
    own_type
        Identity of the strategy that the question is about; it counts, whatever is on record.
    symbols, start, end
        What it may trade, and the span of its trials.

    Returns
    -------
    int
        Effective number of types, 1 or more.
    list of str
        Recorded types in the cluster of `own_type`, itself among them, ascending.
    """
    own = recorded_type(own_type)
    shared = pl.col("symbols").list.set_intersection(pl.lit(list(symbols), dtype=pl.List(pl.String))).list.len() > 0
    meets = (pl.col("start") <= end) & (pl.col("end") >= start)
    beside = (pl.col("symbols").is_null() | shared) & meets
    inside = field.trials.with_row_index("column").filter(beside)
    columns: dict[str, list[int]] = {}
    for column, each in inside.select("column", "type").iter_rows():
        columns.setdefault(recorded_type(each) if each else "", []).append(column)
    columns.pop("", None)
    days = np.array([start <= day <= end for day in field.sessions], dtype=np.bool_)
    names = sorted(columns)
    of_span = field.returns[days]
    means = [_mean(of_span[:, columns[name]]) for name in names]
    labels = dict(zip(names, cluster_labels(_correlations(means)), strict=True))
    # An older row names no type: all of a name are taken for one, and those of a type that is known are of that one.
    unknown = {
        recorded_type(each) if each else f"strategy {strategy}"
        for each, strategy in field.undated.filter(beside).select("type", "strategy").iter_rows()
    }
    alike = sorted({own, *(name for name in names if labels[name] == labels.get(own))})
    others = unknown - set(names) - {own}
    return len(set(labels.values())) + len(others) + (own not in labels), alike


def trials_of_types(trials: pl.DataFrame, strategy: str, types: Sequence[str], symbols: Sequence[str]) -> pl.DataFrame:
    """Return the trials behind each of some types, as `behind` has them, each once.

    Parameters
    ----------
    types
        As `types_alike` names them.
    """
    found = [behind(trials, strategy, identity_of_type(each), symbols) for each in types]
    return pl.concat([trials.clear(), *found]).unique("trial", keep="first", maintain_order=True)


def _mean(returns: Floats) -> Floats:
    """Mean over the trials that have a return of the session; NaN where none has."""
    there = ~np.isnan(returns)
    counts = there.sum(axis=1)
    sums = np.where(there, returns, 0.0).sum(axis=1)
    return np.asarray(np.divide(sums, counts, out=np.full(len(returns), np.nan), where=counts > 0))


def _correlations(series: Sequence[Floats]) -> Floats:
    """Correlation of each two rows on their common sessions; 0 where they are few or one does not vary."""
    found = np.eye(len(series))
    for i in range(len(series)):
        for j in range(i):
            common = ~np.isnan(series[i]) & ~np.isnan(series[j])
            one, other = series[i][common], series[j][common]
            if common.sum() >= LEAST_COMMON_SESSIONS and one.std() > 0 and other.std() > 0:
                found[i, j] = found[j, i] = np.corrcoef(one, other)[0, 1]
    return found
