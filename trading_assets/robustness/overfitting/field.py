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
#: A deviation below this is rounding.
_NO_SPREAD = 1e-12


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

    Trials that correlate more than one half are one idea (clusters as in `effective_trials`, first within each type,
    then of the clusters' mean returns across types). Types most of whose trials are of one idea are one; a type is like
    another if they share any. The mean of all trials of a type would not do: those that are long and those that are
    short average out. A type of which no returns are known, or too few on the same sessions, is one of its own.

    Parameters
    ----------
    field
        Every trial on record, see `field_of`.
    own_type
        Identity of the strategy that the question is about; it counts, whatever is on record.
    symbols, start, end
        What it may trade, and the span of its trials.

    Returns
    -------
    int
        Effective number of types, 1 or more.
    list of str
        Recorded types that share an idea with `own_type`, itself among them, ascending.
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
    ideas = ideas_of({name: of_span[:, columns[name]] for name in names})
    # An older row names no type: all of a name are taken for one, and those of a type that is known are of that one.
    unknown = {
        recorded_type(each) if each else f"strategy {strategy}"
        for each, strategy in field.undated.filter(beside).select("type", "strategy").iter_rows()
    }
    alike = sorted({own, *(name for name in names if ideas[name].keys() & ideas.get(own, {}).keys())})
    others = unknown - set(names) - {own}
    return len(_main_ideas(ideas)) + len(others) + (own not in ideas), alike


def ideas_of(returns: Mapping[str, Floats]) -> dict[str, dict[int, int]]:
    """Return how many trials each type has of each idea.

    Parameters
    ----------
    returns
        (sessions, trials) by type, on the same sessions; NaN where a trial has none. Trials that never vary are left
        out, unless a type has no other ones.

    Examples
    --------
    Two types whose trials do the same share an idea; a third one has its own.

    >>> one = np.tile([0.01, -0.01, 0.02, -0.02], 20)[:, np.newaxis]
    >>> other = np.repeat([0.01, -0.01], 40)[:, np.newaxis]
    >>> ideas_of({"a": one, "b": 2 * one, "c": other})
    {'a': {1: 1}, 'b': {1: 1}, 'c': {2: 1}}
    """
    means, owners = [], []
    for name, every in returns.items():
        varies = np.nanstd(np.where(np.isnan(every).all(axis=0), 0.0, every), axis=0) > _NO_SPREAD
        trials = every[:, varies] if varies.any() else every[:, :1]
        labels = np.array(cluster_labels(_correlations(trials)))
        for label in np.unique(labels):
            means.append(_mean(trials[:, labels == label]))
            owners.append((name, int((labels == label).sum())))
    found: dict[str, dict[int, int]] = {name: {} for name in returns}
    labels_of = cluster_labels(_correlations(np.column_stack(means))) if means else []
    for (name, count), label in zip(owners, labels_of, strict=True):
        found[name][label] = found[name].get(label, 0) + count
    return found


def _main_ideas(ideas: Mapping[str, Mapping[int, int]]) -> set[int]:
    """The idea of most trials of each type; of equals the one that all types together have more trials of."""
    together: dict[int, int] = {}
    for of_type in ideas.values():
        for label, count in of_type.items():
            together[label] = together.get(label, 0) + count
    return {max(each, key=lambda label: (each[label], together[label], -label)) for each in ideas.values()}


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


def _correlations(returns: Floats) -> Floats:
    """Correlation of each two columns on their common rows; 0 where they are few or one does not vary."""
    there = (~np.isnan(returns)).astype(np.float64)
    # About the mean of each column: what is left is small, and so is the rounding of the sums.
    values = np.where(there > 0, returns - _mean(returns.T), 0.0)
    n = np.maximum(there.T @ there, 1.0)
    sums, squares = values.T @ there, (values**2).T @ there
    covariance = values.T @ values / n - sums * sums.T / n**2
    variance = squares / n - (sums / n) ** 2
    known = (there.T @ there >= LEAST_COMMON_SESSIONS) & (np.minimum(variance, variance.T) > _NO_SPREAD**2)
    product = np.where(known, variance * variance.T, 1.0)
    found = np.where(known, np.clip(covariance / np.sqrt(product), -1.0, 1.0), 0.0)
    np.fill_diagonal(found, 1.0)
    return np.asarray(found)
