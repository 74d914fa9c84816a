"""Who is champion: a candidate takes over where its losses are lower than chance makes those of equals."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from trading_assets.models.paired_test import PairedTest, paired_test

CHAMPION, CHALLENGER = "champion", "challenger"
#: Mean log loss a session: a gain below this moves no decision, however surely it is one.
MINIMUM_EFFECT = 1e-4
_EPSILON = float(np.finfo(np.float64).eps)


@dataclass(frozen=True)
class Record:
    """What a model is judged by.

    Attributes
    ----------
    target
        What it predicts; log losses on different targets cannot be compared.
    losses
        Mean log loss of its out-of-sample scores by session, of sessions whose labels are over before the holdout.
    """

    target: str
    losses: Mapping[dt.date, float]


@dataclass(frozen=True)
class Decision:
    """What became of a candidate, why, and the test; None where there was nothing to test."""

    decision: str
    reason: str
    test: PairedTest | None = None


def decide(candidate: Record, champion: Record | None) -> Decision:
    """Decide between a candidate and the champion by the sessions that both have scored.

    A candidate whose losses are the champion's is the same procedure fitted on later data: it takes over. Any other has
    to be better in a paired test of sessions (see `paired_test`), by `MINIMUM_EFFECT` at least.

    Parameters
    ----------
    candidate
        Who asks.
    champion
        Who is there; None: nobody.

    Examples
    --------
    >>> days = [dt.date(2024, 1, day) for day in range(1, 32)]
    >>> decide(Record("returns", dict.fromkeys(days, 0.69)), None).decision
    'champion'
    """
    if champion is None:
        return Decision(CHAMPION, "no champion yet")
    if candidate.target != champion.target:
        return Decision(
            CHALLENGER, f"predicts {candidate.target}, the champion {champion.target}: they cannot be compared"
        )
    shared = sorted(candidate.losses.keys() & champion.losses.keys())
    if not shared:
        return Decision(CHALLENGER, "has no measured session in common with the champion")
    own, others = (np.array([each.losses[day] for day in shared]) for each in (candidate, champion))
    if np.array_equal(own, others):
        return Decision(
            CHAMPION, f"the losses of the champion on {len(shared)} sessions: the same procedure, fitted anew"
        )
    test = paired_test(own, others)
    if test is None:
        return Decision(
            CHALLENGER, f"{len(shared)} sessions in common with the champion are too few to tell them apart"
        )
    figures = (
        f"log loss lower by {test.difference:.6f} a session on {test.sessions} sessions, t {test.statistic:.2f} of "
        f"{test.critical:.2f} needed; {test.detectable():.6f} would be found four times out of five"
    )
    if not test.is_better:
        return Decision(CHALLENGER, f"not better than chance makes of equals: {figures}", test)
    if test.difference < MINIMUM_EFFECT:
        return Decision(CHALLENGER, f"better by less than {MINIMUM_EFFECT:g}, which matters to nobody: {figures}", test)
    return Decision(CHAMPION, f"better than the champion: {figures}", test)


def losses_by_session(predictions: pl.DataFrame, before: dt.date) -> dict[dt.date, float]:
    """Return the mean log loss of scores by session, of labels that are known before a day.

    Parameters
    ----------
    predictions
        Rows of `models.predictions` of one model.
    before
        First day of the holdout.
    """
    known = predictions.filter(pl.col("label").is_not_null(), pl.col("label_end") < before)
    given = pl.when(pl.col("label") == 1).then("score").otherwise(1.0 - pl.col("score"))
    loss = -given.clip(_EPSILON, 1.0 - _EPSILON).log()
    by_session = known.sort("session", "symbol").group_by("session", maintain_order=True).agg(loss.mean())
    return dict(by_session.iter_rows())
