"""Spans of the validation protocol, and walk-forward folds that cannot leak. Both count dates, never rows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from trading_assets.config.models import WalkForward
from trading_assets.config.sections import Interval, Splits
from trading_assets.models.tables import SPLITS

_NAMES = ("train", "validation", "holdout")


class SplitsError(ValueError):
    """Splits that the data cannot carry; `str()` is the message for people."""


@dataclass(frozen=True)
class Fold:
    """A walk-forward fold; all dates are sessions, inclusive.

    `train_end` is the last session that anything trained on may have seen: a row trains only if its label is over by
    then. It lies `embargo_sessions` + 1 sessions before `test_start`.
    """

    number: int
    train_start: dt.date
    train_end: dt.date
    test_start: dt.date
    test_end: dt.date


def resolve_splits(settings: Splits, sessions: Sequence[dt.date], previous: pl.DataFrame) -> pl.DataFrame:
    """Turn the configured splits into dates.

    Dates are taken as given. Proportions cover the sessions after the warm-up; the holdout gets what rounding leaves,
    and a split of proportion 0 has no row. Once resolved they are kept while proportions and warm-up stay
    the same, so that more data never moves a boundary.

    Parameters
    ----------
    settings
        The section `splits`.
    sessions
        Distinct sessions with a bar of a traded symbol, ascending.
    previous
        The table as it stands; empty the first time.

    Returns
    -------
    Rows of `models.splits`, in order of time.

    Raises
    ------
    SplitsError
        Proportions, and fewer sessions after the warm-up than splits.
    """
    parts = {name: getattr(settings, name) for name in _NAMES}
    if isinstance(settings.train, Interval):
        return _frame([(name, part.start, part.end, None) for name, part in parts.items()], settings.warm_up_sessions)
    wanted = {name: part for name, part in parts.items() if part > 0}
    kept = previous.filter(pl.col("warm_up_sessions") == settings.warm_up_sessions)
    if dict(kept.select("split", "proportion").iter_rows()) == wanted:
        return kept.sort("start")
    usable = sessions[settings.warm_up_sessions :]
    if len(usable) < len(wanted):
        raise SplitsError(
            f"too few sessions to split\n  key: splits\n  found: {len(sessions)} sessions, of which "
            f"{settings.warm_up_sessions} are warm-up\n  expected: at least {len(wanted)} more than the warm-up\n"
            "  do: load more history, or lower splits.warm_up_sessions"
        )
    rows, first, share = [], 0, 0.0
    for index, (name, proportion) in enumerate(wanted.items()):
        share += proportion
        remaining = len(wanted) - index - 1
        stop = min(max(round(share * len(usable)), first + 1), len(usable) - remaining)
        rows.append((name, usable[first], usable[stop - 1], proportion))
        first = stop
    return _frame(rows, settings.warm_up_sessions)


def spans_of(splits: pl.DataFrame) -> dict[str, Interval]:
    """Return each split of `models.splits`, by name and in order of time; both dates inclusive."""
    return {row["split"]: Interval(start=row["start"], end=row["end"]) for row in splits.sort("start").to_dicts()}


def development(spans: Mapping[str, Interval]) -> Interval:
    """From the first date of train to the last of validation: all that may be looked at freely."""
    return Interval(start=spans["train"].start, end=spans.get("validation", spans["train"]).end)


def warm_up(splits: pl.DataFrame, sessions: Sequence[dt.date]) -> int:
    """Return sessions of the data that precede the train split."""
    start = splits.filter(pl.col("split") == "train")["start"].min()
    return sum(session < start for session in sessions) if isinstance(start, dt.date) else len(sessions)


def holdout_start(splits: pl.DataFrame) -> dt.date:
    """Return the first date of the holdout; the end of time without one."""
    start = splits.filter(pl.col("split") == "holdout")["start"].min()
    return start if isinstance(start, dt.date) else dt.date.max


def walk_forward(sessions: Sequence[dt.date], settings: WalkForward) -> list[Fold]:
    """Return folds anchored at the first session: later sessions lengthen the last fold or add one, and no more.

    The first test fold starts after `train_sessions`; each has `test_sessions`, the last what there is. Training
    starts at the first session (`expanding`), or `train_sessions` before the test fold.

    Parameters
    ----------
    sessions
        Distinct sessions of the model's universe, ascending. Dates, not rows: on rows of a panel a gap of five is
        five symbols, not five days.
    """
    folds = []
    for number, start in enumerate(range(settings.train_sessions, len(sessions), settings.test_sessions)):
        stop = min(start + settings.test_sessions, len(sessions))
        folds.append(
            Fold(
                number=number,
                train_start=sessions[0 if settings.expanding else start - settings.train_sessions],
                train_end=sessions[max(start - settings.embargo_sessions - 1, 0)],
                test_start=sessions[start],
                test_end=sessions[stop - 1],
            )
        )
    return folds


def _frame(rows: list[tuple[str, dt.date, dt.date, float | None]], warm_up_sessions: int) -> pl.DataFrame:
    frame = pl.DataFrame(rows, schema=["split", "start", "end", "proportion"], orient="row")
    return SPLITS.conform(frame.with_columns(pl.lit(warm_up_sessions).alias("warm_up_sessions")))
