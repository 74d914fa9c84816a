"""Verdicts without a look at the holdout: it is locked, or the data do not reach its end."""

from __future__ import annotations

import datetime as dt

from trading_assets.config.verdict import VerdictThresholds
from trading_assets.robustness.verdict.criteria import BETS, Judgement, judged_criterion


def unregistered(strategy: str, thresholds: VerdictThresholds, history: str = "") -> Judgement:
    """Return the verdict on a strategy whose holdout is locked: its evidence is nothing.

    Parameters
    ----------
    strategy, thresholds
        Name of the strategy, and the criteria of the configuration.
    history
        Sentence on earlier versions of the product, for the end; empty for none.
    """
    return _without_evidence(strategy, thresholds, "It is not registered, so its holdout was not looked at.", history)


def waiting(strategy: str, thresholds: VerdictThresholds, until: dt.date, history: str = "") -> Judgement:
    """Return the verdict on a registered strategy whose holdout ends after the data do.

    Parameters
    ----------
    strategy, thresholds
        Name of the strategy, and the criteria of the configuration.
    until
        Last session of the holdout.
    history
        Sentence on earlier versions of the product, for the end; empty for none.
    """
    cause = f"Its holdout lasts until {until}, which the data do not reach: it is not looked at before."
    return _without_evidence(strategy, thresholds, cause, history)


def _without_evidence(strategy: str, thresholds: VerdictThresholds, cause: str, history: str) -> Judgement:
    table = tuple(
        judged_criterion("evidence", name, "at least", least, None, note="the holdout was not looked at")
        for name, least in ((BETS, thresholds.min_bets), ("sessions", thresholds.min_sessions))
    )
    words = f"{strategy}: insufficient evidence. {cause}"
    return Judgement(strategy, "insufficient_evidence", table, " ".join(filter(None, (words, history))))
