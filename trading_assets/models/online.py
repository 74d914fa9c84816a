"""An online model within its fold: it learns from each label that is over, and scores only sessions after it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from trading_assets.config.models import OnlineModel
from trading_assets.models.evaluation_tables import types_of_folds
from trading_assets.models.families.interface import Fitted
from trading_assets.models.online_tables import KEEP, ONLINE_UPDATES, REFUSE, ROLLBACK, UPDATE
from trading_assets.models.samples import Days, RowNumbers, Samples, day
from trading_assets.models.splits import Fold
from trading_assets.models.threads import one_thread
from trading_assets.models.training import Learner

if TYPE_CHECKING:
    from trading_assets.models.families.online_state import Decision

_EPOCH = dt.date(1970, 1, 1)
_IN_WORDS = {
    UPDATE: "the buffer's loss is no worse than tolerated",
    REFUSE: "the buffer's loss would be worse than tolerated",
    ROLLBACK: "live losses are in alarm, and an earlier checkpoint is better on the buffer",
    KEEP: "live losses are in alarm, and no earlier checkpoint is better on the buffer",
}


def rows_to_learn(samples: Samples, fold: Fold, scorable: NDArray[np.bool_]) -> RowNumbers:
    """Return the rows that a fold may ever learn from: those whose label is over before its last session.

    Parameters
    ----------
    samples, fold
        Rows that a model learns from, and the fold.
    scorable
        (rows,) whether a row has a value of any feature.
    """
    known = (samples.session >= day(fold.train_start)) & (samples.label_end < day(fold.test_end))
    return np.flatnonzero(known & scorable & ~np.isnan(samples.label))


def followed(
    model: Fitted, samples: Samples, fold: Fold, scorable: NDArray[np.bool_], learner: Learner
) -> tuple[Fitted, pl.DataFrame | None]:
    """Return a model as it has learnt on by the end of its fold, and its decisions; any other model as it is.

    Parameters
    ----------
    model
        What was fitted on the labels that were over by the fold's `train_end`.
    samples, fold, scorable
        As `rows_to_learn` takes them.
    learner
        What has fitted the model.

    Returns
    -------
    tuple
        The model, each of whose scores is by the weights in force at its session; and rows of `models.online_updates`
        that decide a session of the fold, without name and version of the model; None of a model that does not learn
        on.
    """
    settings = learner.settings
    if not isinstance(settings, OnlineModel):
        return model, None
    from trading_assets.models.families.label_stream import LabelStream
    from trading_assets.models.families.online import Online
    from trading_assets.models.families.online_state import go_on

    if not isinstance(model, Online):  # a constant: nothing told two rows apart
        return model, None
    rows = rows_to_learn(samples, fold, scorable)
    stream = LabelStream.of(samples.features[rows], samples.label[rows], samples.session[rows], samples.label_end[rows])
    state = model.state
    decisions: list[Decision] = []
    with one_thread():
        for later, decision in go_on(state, stream, settings, learner.seed):
            state = later
            decisions += [] if decision is None else [decision]
    return Online(state), update_rows(decisions, samples, fold, settings.tolerance)


def learning_on(
    model: Fitted, samples: Samples, train: RowNumbers, test: RowNumbers, learner: Learner
) -> tuple[Fitted, Days]:
    """Return a model as it learns on through tested rows, and the day that each of these counts as; others as they are.

    Where tested rows lie between or before those that train, as in cross-validation, they count as the days right after
    these: a label that was over before a score has a part in it, whatever day it was, and no other label of the test.

    Parameters
    ----------
    model
        What was fitted on `train`.
    samples, train, test
        Rows that a model learns from, and the numbers of those that train and that are tested, all with a label.
    learner
        What has fitted the model.

    Returns
    -------
    tuple
        The model, each of whose scores is by the weights in force at its day; and (tested rows,) these days.
    """
    from trading_assets.models.families.label_stream import LabelStream
    from trading_assets.models.families.online import Online
    from trading_assets.models.families.online_state import go_on

    settings, session = learner.settings, samples.session[test]
    if not (isinstance(settings, OnlineModel) and isinstance(model, Online)) or not test.size:
        return model, session
    later = max(0, int(samples.label_end[train].max()) + 1 - int(session.min()))
    rows, moved = np.concatenate([train, test]), np.repeat([0, later], [train.size, test.size]).astype(np.int32)
    stream = LabelStream.of(
        samples.features[rows], samples.label[rows], samples.session[rows] + moved, samples.label_end[rows] + moved
    )
    state = model.state
    with one_thread():
        for after, _ in go_on(state, stream, settings, learner.seed):
            state = after
    return Online(state), session + np.int32(later)


def update_rows(decisions: Sequence[Decision], samples: Samples, fold: Fold, tolerance: float) -> pl.DataFrame:
    """Return rows of `models.online_updates` of the decisions that decide a session of a fold.

    Parameters
    ----------
    decisions
        In order of time.
    samples, fold
        Rows with the sessions that there are, and the fold.
    tolerance
        Rise of the buffer's loss above which an update is refused.
    """
    sessions = np.unique(samples.session)
    sessions = sessions[sessions <= day(fold.test_end)]
    lines = list[dict[str, Any]]()
    for each in decisions:
        place = int(np.searchsorted(sessions, each.known_on, side="right"))
        if place == len(sessions) or sessions[place] < day(fold.test_start):
            continue
        values = {name: None if value != value else value for name, value in asdict(each).items()}
        dates = {"known_on": _date(each.known_on), "session": _date(int(sessions[place]))}
        lines.append(
            {**values, **dates, "fold": fold.number, "tolerance": tolerance, "reason": _IN_WORDS[each.decision]}
        )
    types = types_of_folds(ONLINE_UPDATES)
    return pl.DataFrame([{name: line[name] for name in types} for line in lines], schema=types)


def _date(days: int) -> dt.date:
    return _EPOCH + dt.timedelta(days=days)
