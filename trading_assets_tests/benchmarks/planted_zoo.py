"""Which family of the zoo finds an edge that is not linear, when its break is seen, and who is champion when.

Run by `make planted`, which writes a picture and two tables into docs/planted-zoo.md. Everything goes through the
package's own functions, in memory: features, walk forward, succession of the champion, and the sums of losses whose
alarms a person answers, who takes the champion back on the day that the alarm is known.
"""

from __future__ import annotations

import datetime as dt
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from sklearn.metrics import roc_auc_score

from trading_assets.config import Configuration
from trading_assets.features.daily import daily_features
from trading_assets.models.champions import Succession, succession_of
from trading_assets.models.fits import FittedModels
from trading_assets.models.live_quality import loss_drift, losses_of_sessions
from trading_assets.models.paired_test import paired_test
from trading_assets.models.run import out_of_sample_scores, samples_and_folds
from trading_assets.models.samples import Samples
from trading_assets.models.splits import Fold
from trading_assets.models.training import learner_of
from trading_assets.protocol.decisions import HandDecision
from trading_assets_tests.backtests.frames import frames_of, loaded
from trading_assets_tests.benchmarks.zoo_market import BENCHMARK, CHAMPION, PARTS, YEAR

#: What models are told: the two columns that tell the next session together, and ten that tell nothing they do not.
TOLD = ("overnight_return", "volume_ratio_20")
FEATURES = (
    *TOLD,
    *("intraday_return", "return_5", "return_20", "rsi_14", "zscore_20", "bar_range", "volatility_20"),
    *("atr_14_to_close", "volume_trend_5_60", "efficiency_ratio_20"),
)
#: Spans that are told apart: what was known before the year was watched, and the parts of it.
SPANS = ("before the year", "edge", "break", "return")

#: Sessions that the person looks at before a model trades again, and who that is.
QUARTER, BY = 63, "on duty"
#: What is said of a refit that changed nothing.
KEEP = "train, keep"


@dataclass(frozen=True)
class Scored:
    """What a model scored out of sample, and what came of it.

    Attributes
    ----------
    rows
        symbol, session, label_end, label, relative_return, score, naive (share of label 1 among what trained).
    seconds
        Processor seconds of all of its folds.
    """

    name: str
    rows: pl.DataFrame
    seconds: float

    def losses(self) -> pl.DataFrame:
        """Return session, known_on and mean log loss of each session."""
        return losses_of_sessions(self.rows)


@dataclass(frozen=True)
class World:
    """A market, and a walk forward of each model of a configuration on it."""

    configuration: Configuration
    scored: Mapping[str, Scored]
    samples: Samples
    folds: Sequence[Fold]


@dataclass(frozen=True)
class Lived:
    """The year as it was lived.

    Attributes
    ----------
    succession
        Who was champion when, and why.
    alarms
        model, known_on: the first day of each alarm of each candidate.
    by_hand
        What the person decided.
    """

    succession: Succession
    alarms: pl.DataFrame
    by_hand: Sequence[HandDecision]


def scored_world(settings: Mapping[str, Any], bars: pl.DataFrame) -> World:
    """Score every model of a configuration on a market, fold by fold.

    Parameters
    ----------
    settings
        As `zoo` has them.
    bars
        As `market` has them.
    """
    with tempfile.TemporaryDirectory() as folder:
        configuration = loaded(Path(folder), **settings)
    features = daily_features(bars, {"equity": BENCHMARK}).select("symbol", "session", *FEATURES)
    universe = frames_of(bars).universe
    scored: dict[str, Scored] = {}
    of_champion: tuple[Samples, Sequence[Fold]] | None = None
    for name, model in configuration.models.items():
        began = time.process_time()
        samples, folds = samples_and_folds(model, bars=bars, features=features, universe=universe, benchmark=BENCHMARK)
        said = out_of_sample_scores(samples, folds, FittedModels(learner_of(configuration, name), {}))
        seconds = time.process_time() - began
        keys = samples.keys.with_columns(relative_return=pl.Series(samples.relative_return).fill_nan(None))
        rows = keys.join(said.select("symbol", "session", "fold", "score"), on=["symbol", "session"])
        shares = pl.DataFrame([(fold.number, _share(samples, fold)) for fold in folds], ["fold", "naive"], orient="row")
        rows = rows.drop_nulls("label").join(shares, on="fold", how="left", maintain_order="left")
        scored[name] = Scored(name, rows, seconds)
        if name == configuration.champions[CHAMPION].candidates[0]:
            of_champion = samples, folds
    if of_champion is None:
        raise ValueError(f"{CHAMPION} has no candidate among the models")
    return World(configuration, scored, *of_champion)


def _share(samples: Samples, fold: Fold) -> float:
    """Share of label 1 among what could train a fold."""
    known = samples.before(fold) & samples.over_by(fold.train_end)
    return float(np.nanmean(samples.label[known]))


def lived(world: World) -> Lived:
    """Live through the year: tests at each refit, and a person who answers alarms of who is champion.

    Once for each alarm, on the day on which it is known: what was champion before takes over, or, where that is in
    alarm as well, the first candidate that is not. The tests go on by sessions from that day on, the rest of the break
    among them; so the person looks at each refit at the last `QUARTER` sessions alone, and lets who was taken back
    trade again once it is better on these than who is champion.
    """
    candidates = list(world.configuration.champions[CHAMPION].candidates)
    spells = {name: _alarms(world, name) for name in candidates}
    starts = {(day, name) for name, days in spells.items() for day in _first_days(days)}
    refits = {fold.test_start for fold in world.folds if fold.test_start >= YEAR}
    by_hand, taken_back = list[HandDecision](), None
    found = succeeded(world, by_hand)
    for day in sorted({*refits, *(day for day, _ in starts)}):
        now, word = found.at(day), None
        if now is not None and (day, now) in starts:
            quiet = [each for each in candidates if day not in spells[each]]
            before = [reign.champion for reign in found.reigns if reign.start <= day and reign.champion != now]
            word = _taken_back(day, now, before, quiet)
            taken_back = now if word else taken_back
        elif now is not None and taken_back not in (None, now):
            word = _let_back(world, day, str(taken_back), now)
            taken_back = None if word else taken_back
        if word is not None:
            by_hand.append(word)
            found = succeeded(world, by_hand)
    rows = [(name, day) for day, name in sorted(starts)]
    return Lived(found, pl.DataFrame(rows, schema={"model": pl.String, "known_on": pl.Date}, orient="row"), by_hand)


def _taken_back(day: dt.date, now: str, before: Sequence[str], quiet: Sequence[str]) -> HandDecision | None:
    """Decide who trades in place of a champion in alarm, of those that are not; None where all are."""
    why = f"the losses of {now} are in alarm"
    if before and before[-1] in quiet:
        return HandDecision(CHAMPION, "rollback", before[-1], False, day, BY, why)
    return HandDecision(CHAMPION, "promote", quiet[0], False, day, BY, why) if quiet else None


def _let_back(world: World, day: dt.date, name: str, now: str) -> HandDecision | None:
    """Decide whether a model trades again, by the last sessions whose labels were over before a day."""
    own, champion = (
        world.scored[each].losses().filter(pl.col("known_on") < day).tail(QUARTER)["loss"].to_numpy()
        for each in (name, now)
    )
    test = paired_test(own, champion, world.configuration.models[name].horizon)
    if test is None or not test.is_better:
        return None
    why = f"lower by {test.difference:.4f} on the last {test.sessions} sessions, t {test.statistic:.2f}"
    return HandDecision(CHAMPION, "promote", name, False, day, BY, why)


def succeeded(world: World, by_hand: Sequence[HandDecision]) -> Succession:
    """Return who was champion when, by the product's own test and what a person decided."""
    candidates = world.configuration.champions[CHAMPION].candidates
    scores = {name: world.scored[name].rows.select("symbol", "session", "score") for name in candidates}
    return succession_of(world.configuration, CHAMPION, world.samples, world.folds, scores, by_hand)


def _alarms(world: World, name: str) -> pl.Series:
    """Days of the year on which a model is in alarm, as `models.loss_drift` has them."""
    rows = world.scored[name].rows
    before = losses_of_sessions(rows.filter(pl.col("label_end") < YEAR))
    since = losses_of_sessions(rows.filter(pl.col("session") >= YEAR))
    horizon = world.configuration.models[name].horizon
    sums, threshold = loss_drift(
        before["loss"].to_numpy(), since["loss"].to_numpy(), horizon=horizon, seed=world.configuration.seed
    )
    is_alarm = np.zeros(len(sums), dtype=bool) if threshold is None else sums > threshold
    return since.with_columns(alarm=pl.Series(is_alarm)).select("known_on", "alarm").filter("alarm")["known_on"]


def _first_days(days: pl.Series) -> list[dt.date]:
    """Return the first day of each spell of alarms: no alarm was known for a week before."""
    ordered = days.unique().sort().to_list()
    return [day for place, day in enumerate(ordered) if place == 0 or (day - ordered[place - 1]).days > 7]


def spans(rows: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Return the rows of each span of `SPANS`."""
    (_, _), (_, broken), (_, again) = PARTS
    starts = [dt.date.min, YEAR, broken, again, dt.date.max]
    session = pl.col("session")
    return {
        name: rows.filter(session >= starts[place], session < starts[place + 1]) for place, name in enumerate(SPANS)
    }


def found_by(scored: Scored, horizon: int) -> dict[str, float]:
    """Return what a model found: of each span its AUC and its gain in log loss over the share of label 1.

    And, of the span before the year, the statistic of the paired test and what it has to reach (`t`, `critical`).
    """
    found: dict[str, float] = {}
    for span, rows in spans(scored.rows).items():
        if rows.is_empty():
            continue
        found[f"{span}: auc"] = float(roc_auc_score(rows["label"].to_numpy(), rows["score"].to_numpy()))
        gains = _losses(rows, "naive") - _losses(rows, "score")
        found[f"{span}: gain"] = float(gains.mean())
        if span == SPANS[0] and (test := paired_test(np.zeros(len(gains)), gains, horizon)) is not None:
            found |= {"t": test.statistic, "critical": test.critical}
    return found


def _losses(rows: pl.DataFrame, score: str) -> np.ndarray:
    """(sessions,) mean log loss of a column of scores."""
    said = rows.with_columns(score=pl.col(score))
    return losses_of_sessions(said).sort("session")["loss"].to_numpy()


def figures(world: World, year: Lived) -> pl.DataFrame:
    """Return a row for each model: what it found, its first alarm, the sessions that it was champion, and its seconds.

    Returns
    -------
    polars.DataFrame
        model, competes, found (whether the gain before the year is beyond chance), auc and gain of each span,
        `t`, `critical`, seen (first alarm after the break; null: none), sessions (of the year, as champion), seconds.
    """
    (_, _), (_, broken), _ = PARTS
    days = world.samples.keys["session"].unique().sort()
    champions = [year.succession.at(day) for day in days.filter(days >= YEAR)]
    lines = []
    for name, scored in world.scored.items():
        own = found_by(scored, world.configuration.models[name].horizon)
        seen = year.alarms.filter(pl.col("model") == name, pl.col("known_on") > broken)["known_on"].min()
        lines.append(
            {
                "model": name,
                "competes": name in world.configuration.champions[CHAMPION].candidates,
                "found": own.get("t", 0.0) > own.get("critical", float("inf")),
                **own,
                "seen": seen,
                "sessions": champions.count(name),
                "seconds": scored.seconds,
            }
        )
    return pl.DataFrame(lines, schema_overrides={"seen": pl.Date}).sort(f"{SPANS[0]}: gain", descending=True)


def events(world: World, year: Lived) -> list[tuple[dt.date, str, str, str]]:
    """Return what was decided: day, what (`train`, `keep`, `promote`, `roll back`, `alarm`), of whom, why; in order.

    Refits that kept the champion before the year are left out.
    """
    found: list[tuple[dt.date, str, str, str]] = []
    for day, cause, name, decision, champion, reason in year.succession.rows.select(
        "session", "cause", "candidate", "decision", "champion", "reason"
    ).iter_rows():
        if decision != "champion":
            continue
        if cause == "test" and name == champion:
            if day >= YEAR:
                found.append((day, KEEP, name, reason))
        elif cause == "test":
            found.append((day, "train, promote", name, reason))
        elif cause == "configuration":
            found.append((day, "train, begin with", name, reason))
        else:
            said = "roll back to" if cause == "rollback" else "promote by word"
            found.append((day, said, name, reason))
    for name, day in year.alarms.iter_rows():
        whose = "of the champion" if year.succession.at(day) == name else "of a shadow"
        found.append((day, "alarm", name, whose))
    return sorted(found, key=lambda each: (each[0], each[1] != "alarm", each[2]))
