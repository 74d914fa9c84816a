"""Who is champion: a candidate takes over where its losses are lower than chance makes those of equals.

Losses are compared session by session, where both models have scored the same symbols: five that are easy to tell
would beat five hundred.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from trading_assets.config.canonical import digest
from trading_assets.config.models import WalkForward
from trading_assets.models.families.odds import log_losses
from trading_assets.models.paired_test import LEVEL, PairedTest, paired_test

CHAMPION, CHALLENGER = "champion", "challenger"
#: What a candidate is whose scores are kept and not traded.
SHADOW = "shadow"
#: Mean log loss a session: a gain below this moves no decision, however surely it is one.
MINIMUM_EFFECT = 1e-4
#: Of a digest of the symbols of a session.
_DIGITS = 12
#: Of the scores of a session, one in so many is among the best.
_FIFTH = 5


@dataclass(frozen=True)
class SessionLoss:
    """Mean log loss of the scores of a session, and a digest of the symbols that were scored."""

    loss: float
    symbols: str


@dataclass(frozen=True)
class Record:
    """What a model is judged by.

    Attributes
    ----------
    target
        What it predicts; log losses on different targets cannot be compared.
    horizon
        Sessions of a label.
    procedure
        Digest of settings, seed and code of a user's own: what is fitted anew as data come in.
    losses
        Of its out-of-sample scores by session, of sessions whose labels are over before the holdout.
    returns
        What its best scores earned by session, see `returns_by_session`; empty where nobody asks.
    """

    target: str
    horizon: int
    procedure: str
    losses: Mapping[dt.date, SessionLoss]
    returns: Mapping[dt.date, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Decision:
    """What became of a candidate, why, and the test; None where there was nothing to test."""

    decision: str
    reason: str
    test: PairedTest | None = None


def decide(
    candidate: Record, champion: Record | None, *, level: float = LEVEL, minimum_effect: float = MINIMUM_EFFECT
) -> Decision:
    """Decide between a candidate and the champion by the sessions on which both have scored the same symbols.

    A candidate of the champion's procedure is the champion, fitted on later data: it takes over. Any other has to be
    better in a paired test of sessions (see `paired_test`), by the minimum effect at least. What its best scores earned
    promotes nobody, and can only veto: where both records have returns, and the champion's are higher beyond chance.

    Parameters
    ----------
    candidate
        Who asks.
    champion
        Who is there; None: nobody.
    level
        Rate at which an equal candidate may pass.
    minimum_effect
        Least gain in mean log loss a session.

    Examples
    --------
    >>> decide(Record("returns", 5, "trees", {}), None).decision
    'champion'
    """
    if champion is None:
        return Decision(CHAMPION, "no champion yet")
    if candidate.target != champion.target:
        return Decision(
            CHALLENGER, f"predicts {candidate.target}, the champion {champion.target}: they cannot be compared"
        )
    if candidate.procedure == champion.procedure:
        return Decision(CHAMPION, "the champion's own procedure, fitted anew")
    own, others = _paired(candidate, champion)
    if not own.size:
        return Decision(CHALLENGER, "has scored the champion's symbols on no session that both have measured")
    if np.ptp(others - own) == 0.0:
        return Decision(CHALLENGER, f"differs from the champion by the same on each of {own.size} sessions")
    test = paired_test(own, others, candidate.horizon, level)
    if test is None:
        return Decision(CHALLENGER, f"{own.size} sessions in common with the champion are too few to test")
    side = "lower" if test.difference >= 0 else "higher"
    figures = (
        f"log loss {side} by {abs(test.difference):.6f} a session on {test.sessions} sessions, "
        f"t {test.statistic:.2f} of {test.critical:.2f} needed; "
        f"{test.detectable():.6f} would be found four times out of five, "
        f"{minimum_effect:g} in {test.power(minimum_effect):.0%} of cases"
    )
    if not test.is_better:
        return Decision(CHALLENGER, f"not better than chance makes of equals: {figures}", test)
    if test.difference < minimum_effect:
        return Decision(CHALLENGER, f"better by less than {minimum_effect:g}, which matters to nobody: {figures}", test)
    veto = _return_lost(candidate, champion)
    if veto is not None:
        return Decision(CHALLENGER, f"better by its losses, vetoed by what its best scores earned: {veto}", test)
    return Decision(CHAMPION, f"better than the champion: {figures}", test)


def _return_lost(candidate: Record, champion: Record) -> str | None:
    """How much less a candidate's best scores earned, in words; None if that is not beyond chance."""
    days = sorted(candidate.returns.keys() & champion.returns)
    own, others = (np.array([each.returns[day] for day in days]) for each in (candidate, champion))
    test = paired_test(-others, -own, candidate.horizon) if days else None
    if test is None or not test.is_better:
        return None
    return f"{test.difference:.4%} less over {candidate.horizon} sessions, t {test.statistic:.2f} on {test.sessions}"


def _paired(candidate: Record, champion: Record) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Losses of both, by session, of sessions on which they have scored the same symbols."""
    both = [(candidate.losses[day], champion.losses[day]) for day in sorted(candidate.losses.keys() & champion.losses)]
    same = [(own.loss, other.loss) for own, other in both if own.symbols == other.symbols]
    own, others = np.array(same, dtype=np.float64).reshape(-1, 2).T
    return own, others


def losses_by_session(predictions: pl.DataFrame, before: dt.date) -> dict[dt.date, SessionLoss]:
    """Return the mean log loss of scores by session, of labels that are known before a day.

    Parameters
    ----------
    predictions
        Rows of `models.predictions` of one model.
    before
        First day of the holdout.
    """
    known = predictions.filter(pl.col("label").is_not_null(), pl.col("label_end") < before).sort("session", "symbol")
    label, score = known["label"].to_numpy(), known["score"].to_numpy()
    means = _means_by_session(known, log_losses(score, label))
    symbols = known.group_by("session", maintain_order=True).agg("symbol")["symbol"]
    return {
        day: SessionLoss(mean, digest(names)[:_DIGITS])
        for (day, mean), names in zip(means.items(), symbols.to_list(), strict=True)
    }


def returns_by_session(predictions: pl.DataFrame, before: dt.date) -> dict[dt.date, float]:
    """Return what the best fifth of the scores of each session earned over the benchmark, a fraction; equal weights.

    It is the plainest strategy there is: no stop, no cost, no threshold. Of equal scores the first by name counts.

    Parameters
    ----------
    predictions
        symbol, session, score, label_end, relative_return of one model.
    before
        Labels that end on or after it are not known.
    """
    known = predictions.filter(pl.col("relative_return").is_not_null(), pl.col("label_end") < before)
    known = known.sort("session", "score", "symbol", descending=[False, True, False])
    place = pl.int_range(pl.len()).over("session")
    best = known.filter(place < (pl.len().over("session") + _FIFTH - 1) // _FIFTH)
    return _means_by_session(best, best["relative_return"].to_numpy())


def _means_by_session(rows: pl.DataFrame, values: NDArray[np.float64]) -> dict[dt.date, float]:
    """Means of values by session, of rows in order of sessions: added up in one order, to the bit."""
    if rows.is_empty():
        return {}
    runs = rows["session"].rle().struct.unnest()
    starts = np.cumsum([0, *runs["len"].to_list()[:-1]])
    means = np.add.reduceat(values, starts) / runs["len"].to_numpy()
    return dict(zip(runs["value"].to_list(), means.tolist(), strict=True))


def target_in_words(settings: WalkForward, benchmark: str) -> str:
    """Say what a model predicts: log losses on different targets cannot be compared.

    Sign and size are one target: the size is learnt, and the score is the probability of the sign.
    """
    what = f"{settings.universe} over {settings.horizon} sessions"
    if settings.label == "rank":
        return f"better half of {what}"
    if settings.label == "triple_barrier":
        barriers = settings.barriers
        of = "" if settings.primary is None else f"for {settings.primary} at its entries, "
        return f"{barriers.upper:g} up before {barriers.lower:g} down in {barriers.unit}, {of}{what}"
    return f"{what} against {benchmark}"
