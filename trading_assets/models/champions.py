"""Who was champion when: candidates compete refit by refit, each time by what was known then.

A champion is a name under which strategies read the scores of one of several models. At each refit (the first session
of a fold) every other candidate is tested against the champion of that time, on out-of-sample scores of earlier folds
whose labels were over before. Who wins is traded from then to the next refit. So a backtest trades who was champion
then, and the choice among models is part of the procedure that is judged: it is never made on the sessions that it is
judged on.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from trading_assets.config import Configuration
from trading_assets.models.paired_test import LEVEL
from trading_assets.models.promotion import (
    CHALLENGER,
    CHAMPION,
    SHADOW,
    Decision,
    Record,
    decide,
    losses_by_session,
    returns_by_session,
    target_in_words,
)
from trading_assets.models.samples import Samples
from trading_assets.models.splits import Fold
from trading_assets.models.tables import CHAMPIONS
from trading_assets.protocol.decisions import HandDecision

#: Part of every registration that reads a champion: raise it when a decision changes meaning.
CHAMPION_VERSION = 1
_CONFIGURATION, _TEST = "configuration", "test"


@dataclass(frozen=True)
class Contender:
    """A candidate and what it is judged by.

    Attributes
    ----------
    name, target, horizon
        Name of the model, what it predicts, and sessions of its label.
    rows
        symbol, session, score, label, label_end, relative_return of its out-of-sample scores.
    """

    name: str
    target: str
    horizon: int
    rows: pl.DataFrame


@dataclass(frozen=True)
class Reign:
    """Who is champion from a session on, and whether a person's word keeps it so."""

    start: dt.date
    champion: str
    is_pinned: bool = False


@dataclass(frozen=True)
class Succession:
    """Who was champion when, and why: `rows` are those of `models.champions` without the name of the champion."""

    reigns: tuple[Reign, ...]
    rows: pl.DataFrame

    def at(self, session: dt.date) -> str | None:
        """Return who was champion at a session; None before the first."""
        return next((each.champion for each in reversed(self.reigns) if each.start <= session), None)

    def traded(self, scores: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
        """Return of each session the rows of who was champion then.

        Parameters
        ----------
        scores
            Rows with a session, by candidate; all of the same columns.
        """
        parts = [next(iter(scores.values())).clear()]
        for place, reign in enumerate(self.reigns):
            following = self.reigns[place + 1].start if place + 1 < len(self.reigns) else dt.date.max
            session = pl.col("session")
            parts.append(scores[reign.champion].filter(session >= reign.start, session < following))
        return pl.concat(parts)


class _Evidence:
    """Losses and returns of a contender's scores by session, as far as labels were over before a day."""

    def __init__(self, contender: Contender) -> None:
        self.contender = contender
        last = pl.col("label_end").max().over("session")
        self._rows = contender.rows.drop_nulls(["label", "label_end"]).with_columns(last.alias("all_over"))
        self._losses = losses_by_session(self._rows, dt.date.max)
        self._returns = returns_by_session(self._rows, dt.date.max)
        self._over: dict[dt.date, dt.date] = dict(self._rows.select("session", "all_over").unique().iter_rows())

    def before(self, day: dt.date, since: dt.date) -> Record:
        """What is known before a day, of scores of a session or later."""
        whole = {session for session, over in self._over.items() if over < day}
        # Of some sessions a label or two are over: those count as they would have then.
        parts = self._rows.filter(pl.col("all_over") >= day)
        losses = {each: self._losses[each] for each in self._losses if each in whole} | losses_by_session(parts, day)
        returns = {each: self._returns[each] for each in self._returns if each in whole}
        returns |= returns_by_session(parts, day)
        own = self.contender
        return Record(own.target, own.horizon, own.name, _from(losses, since), _from(returns, since))

    def last_label_end(self, day: dt.date, since: dt.date) -> dt.date | None:
        """The latest end of a label that counts."""
        counted = self._rows.filter(pl.col("label_end") < day, pl.col("session") >= since)["label_end"].max()
        return counted if isinstance(counted, dt.date) else None


def _from(values: Mapping[dt.date, Any], since: dt.date) -> dict[dt.date, Any]:
    return {day: value for day, value in values.items() if day >= since}


@dataclass(frozen=True)
class _State:
    """Who is champion, and since when evidence counts: a person's word is not overruled by what was known then."""

    champion: str | None = None
    is_pinned: bool = False
    since: dt.date = dt.date.min


def succession(
    contenders: Sequence[Contender],
    refits: Sequence[dt.date],
    sessions: Sequence[dt.date],
    by_hand: Sequence[HandDecision] = (),
    minimum_effect: float = 1e-4,
) -> Succession:
    """Decide who is champion when, in order of time, each time by what was known then.

    Parameters
    ----------
    contenders
        The candidates, the first of whom is champion until another one is better.
    refits
        First session of each fold, ascending.
    sessions
        All sessions that there are, ascending: a decision by hand acts from the first after its day.
    by_hand
        Decisions by hand, oldest first; of several that act from the same session the last.
    minimum_effect
        Least gain in mean log loss a session that replaces a champion.
    """
    evidence = [_Evidence(each) for each in contenders]
    names = [each.name for each in contenders]
    words = {
        session: each
        for each in by_hand
        if each.candidate in names and (session := _first_after(each.day, sessions)) is not None
    }
    state, reigns, rows = _State(), list[Reign](), list[dict[str, Any]]()
    for day in sorted({*refits, *words}):
        if day in refits:
            after, lines = _at_refit(state, evidence, day, minimum_effect)
            rows += [_row(day, state, after, line) for line in lines]
            state = after
        if day in words:
            word = words[day]
            after = _State(word.candidate, word.pinned, day)
            said = Decision("", word.as_reason())
            rows += [_row(day, state, after, _Line(name, word.action, said)) for name in names]
            state = after
        reign = Reign(day, state.champion or names[0], state.is_pinned)
        if not reigns or replace(reigns[-1], start=day) != reign:
            reigns.append(reign)
    schema = CHAMPIONS.empty().drop("model").schema
    return Succession(tuple(reigns), pl.DataFrame(rows, schema=schema))


def succession_of(
    configuration: Configuration,
    name: str,
    samples: Samples,
    folds: Sequence[Fold],
    scores: Mapping[str, pl.DataFrame],
    by_hand: Sequence[HandDecision],
) -> Succession:
    """Return who was champion when, by labels and scores as far as they are given.

    Parameters
    ----------
    configuration, name
        Configuration, and the name of the champion.
    samples, folds
        Labels of the candidates, and their folds: all have the same.
    scores
        symbol, session, score by candidate.
    by_hand
        Decisions by hand on this champion, oldest first.
    """
    champion = configuration.champions[name]
    labels = samples.keys.with_columns(relative_return=pl.Series(samples.relative_return).fill_nan(None))
    contenders = []
    for candidate in champion.candidates:
        settings = configuration.models[candidate]
        rows = labels.join(scores[candidate].select("symbol", "session", "score"), on=["symbol", "session"])
        target = target_in_words(settings, configuration.benchmarks.get(settings.universe, "zero"))
        contenders.append(Contender(candidate, target, settings.horizon, rows))
    sessions = samples.keys["session"].unique().sort().to_list()
    return succession(contenders, [each.test_start for each in folds], sessions, by_hand, champion.minimum_effect)


def _first_after(day: dt.date, sessions: Sequence[dt.date]) -> dt.date | None:
    place = bisect_right(sessions, day)
    return sessions[place] if place < len(sessions) else None


@dataclass(frozen=True)
class _Line:
    """What is said of a candidate."""

    candidate: str
    cause: str
    decided: Decision
    last_label_end: dt.date | None = None
    power: float | None = None


def _at_refit(
    state: _State, evidence: Sequence[_Evidence], day: dt.date, minimum_effect: float
) -> tuple[_State, list[_Line]]:
    """Test each other candidate against the champion; they share the level, and of those that pass the best wins."""
    names = [each.contender.name for each in evidence]
    if state.champion is None:
        said = ["the first of the candidates", *["not the first of the candidates"] * (len(names) - 1)]
        lines = [_Line(name, _CONFIGURATION, Decision("", why)) for name, why in zip(names, said, strict=True)]
        return replace(state, champion=names[0]), lines
    records = {each.contender.name: each.before(day, state.since) for each in evidence}
    champion = records[state.champion]
    level = LEVEL / max(len(names) - 1, 1)
    found = {
        name: decide(record, champion, level=level, minimum_effect=minimum_effect)
        for name, record in records.items()
        if name != state.champion
    }
    better = {name: each.test.difference for name, each in found.items() if each.decision == CHAMPION and each.test}
    best = max(better, key=better.__getitem__, default=None)
    winner = state.champion if best is None or state.is_pinned else best
    lines = list[_Line]()
    for each in evidence:
        name = each.contender.name
        decided = found.get(name, Decision(CHALLENGER, _of_the_champion(state, winner)))
        if name != winner and decided.decision == CHAMPION:
            why = f"{state.champion} is pinned" if state.is_pinned else f"{winner} is better by more"
            decided = replace(decided, reason=f"{why}; {decided.reason}")
        power = decided.test.power(minimum_effect) if decided.test else None
        lines.append(_Line(name, _TEST, decided, each.last_label_end(day, state.since), power))
    return replace(state, champion=winner), lines


def _of_the_champion(state: _State, winner: str) -> str:
    if winner != state.champion:
        return f"{winner} takes over"
    return "stays champion: it is pinned" if state.is_pinned else "stays champion: no candidate was better"


def _row(day: dt.date, before: _State, after: _State, line: _Line) -> dict[str, Any]:
    test = line.decided.test
    return {
        "session": day,
        "cause": line.cause,
        "candidate": line.candidate,
        "decision": CHAMPION if line.candidate == after.champion else SHADOW,
        "champion": before.champion,
        "is_pinned": after.is_pinned,
        "last_label_end": line.last_label_end,
        **(test.figures() if test else {}),
        "power": line.power,
        "reason": line.decided.reason,
    }


def score_asset(configuration: Configuration, model: str) -> str:
    """Return the key of the asset whose scores are read under a name: of a model, or of a champion."""
    return f"models/champion/{model}" if model in configuration.champions else f"models/{model}"
