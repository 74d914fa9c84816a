"""How fast an online model learns after a change, and what it keeps of regimes that come back: beside other learners.

Run by `make online`: it draws the markets, scores each session by what was known
before it, and writes the numbers to docs/online.json
and the tables of docs/online.md.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from trading_assets.config.models import OnlineModel
from trading_assets.models.families.label_stream import LabelStream
from trading_assets.models.families.online import Online
from trading_assets.models.families.online_state import first_state, go_on
from trading_assets.models.online_tables import DECISIONS
from trading_assets.models.threads import one_thread
from trading_assets_tests.benchmarks.table import replaced

Floats = NDArray[np.float64]

DOCS = Path(__file__).parents[2] / "docs"
PAGE, NUMBERS = DOCS / "online.md", DOCS / "online.json"
MARKS = ("<!-- online: written by `make online` -->", "<!-- /online -->")
SYMBOLS, FEATURES, BEFORE = 20, 6, 504
#: Sessions after the change that count, and from a score to the session at whose open its label is over.
AFTER, LAG = 30, 2
#: Length of the coefficients: log loss of who knows them is about 0.61.
SIZE = 0.8
SETTINGS = OnlineModel(type="online", horizon=1)
NAMES = ("naive", "frozen", "everything", "window of 60", "window of 20", "partial_fit", "online")
#: Who learns anew from scratch each session: the better of them is what full retraining can have.
RETRAINED = ("everything", "window of 60", "window of 20")


@dataclass(frozen=True)
class PlantedMarket:
    """Scores that could be known and what came of them.

    Attributes
    ----------
    features, label
        (sessions, symbols, features) and (sessions, symbols).
    chance
        (sessions, symbols) true probability of label 1.
    """

    features: Floats
    label: Floats
    chance: Floats

    @property
    def sessions(self) -> int:
        """How many there are."""
        return len(self.label)

    def rows(self, first: int, stop: int) -> tuple[Floats, Floats]:
        """Return features and labels of some sessions."""
        return self.features[first:stop].reshape(-1, FEATURES), self.label[first:stop].ravel()


def planted(seed: int, regimes: Sequence[int], shared: float) -> PlantedMarket:
    """Draw a market whose labels follow from features by coefficients of each regime.

    Parameters
    ----------
    seed
        Of the draws.
    regimes
        Number of the regime of each session.
    shared
        Part of the length of the coefficients that all regimes have in common.
    """
    random = np.random.default_rng(seed)
    common, *own = (_unit(random.standard_normal(FEATURES)) for _ in range(max(regimes) + 2))
    coefficients = SIZE * np.array([_unit(shared * common + (1 - shared**2) ** 0.5 * each) for each in own])
    features = random.standard_normal((len(regimes), SYMBOLS, FEATURES))
    chance = expit(np.einsum("tsf,tf->ts", features, coefficients[np.asarray(regimes)]))
    return PlantedMarket(features, (random.random(chance.shape) < chance).astype(np.float64), chance)


def _unit(vector: Floats) -> Floats:
    return np.asarray(vector / np.linalg.norm(vector))


def losses_of(market: PlantedMarket, score: Floats) -> Floats:
    """Return the (sessions,) mean log loss of (sessions, symbols) scores."""
    score = np.clip(score, 1e-12, 1 - 1e-12)
    return np.asarray(-np.where(market.label > 0, np.log(score), np.log1p(-score)).mean(axis=1))


def by_online(market: PlantedMarket, settings: OnlineModel = SETTINGS) -> tuple[Floats, dict[str, int]]:
    """Return the scores of the product's own model, and how often it decided what."""
    session = np.repeat(np.arange(market.sessions, dtype=np.int32), SYMBOLS)
    features = market.features.reshape(-1, FEATURES).astype(np.float32)
    known = session < market.sessions - LAG
    label = market.label.ravel().astype(np.float32)[known]
    stream = LabelStream.of(features[known], label, session[known], (session + LAG)[known].astype(np.int32))
    state, decisions = first_state(stream, settings), dict.fromkeys(DECISIONS, 0)
    for later, decision in go_on(state, stream, settings, seed=7):
        state = later
        if decision is not None:
            decisions[decision.decision] += 1
    return Online(state).score_by_session(features, session).reshape(market.label.shape), decisions


def by_retraining(
    market: PlantedMarket, window: int | None, first: int, every: int = 1, last: int | None = None
) -> Floats:
    """Return the scores of scikit-learn's logistic regression, fitted anew on what is known; 0.5 before.

    Parameters
    ----------
    window
        Sessions that it learns from; None: all.
    first
        First session that is scored.
    every
        Sessions from one fit to the next.
    last
        Session after which it learns nothing; None: it goes on.
    """
    from sklearn.linear_model import LogisticRegression

    score = np.full(market.label.shape, 0.5)
    model = LogisticRegression(C=1 / (SETTINGS.penalty * (SETTINGS.horizon + 1)), solver="newton-cholesky")
    for session in range(first, market.sessions):
        known = session - LAG  # labels of sessions before this one were over before the session
        is_due = (session - first) % every == 0 and (last is None or session <= last)
        if is_due:
            model.fit(*market.rows(0 if window is None else known - window, known))
        score[session] = model.predict_proba(market.features[session])[:, 1]
    return score


def by_partial_fit(market: PlantedMarket) -> Floats:
    """Return the scores of scikit-learn's stochastic gradient descent, a session at a time."""
    from sklearn.linear_model import SGDClassifier

    model = SGDClassifier(loss="log_loss", learning_rate="constant", eta0=0.02, alpha=1e-4, random_state=7)
    first = SETTINGS.initial_sessions
    for session in range(first):
        model.partial_fit(*market.rows(session, session + 1), classes=[0.0, 1.0])
    score = np.full(market.label.shape, 0.5)
    for session in range(first + LAG, market.sessions):
        if session > first + LAG:
            model.partial_fit(*market.rows(session - LAG - 1, session - LAG))
        score[session] = model.predict_proba(market.features[session])[:, 1]
    return score


def by_share(market: PlantedMarket) -> Floats:
    """Return the share of label 1 among all that is known: the naive forecast."""
    share = np.cumsum(market.label.mean(axis=1)) / np.arange(1, market.sessions + 1)
    score = np.full(market.label.shape, 0.5)
    score[LAG + 1 :] = share[: -LAG - 1, None]
    return score


def learners(first: int, every: int) -> Mapping[str, Callable[[PlantedMarket], Floats]]:
    """Return who is compared with the online model: each makes scores of a market from a session on.

    Parameters
    ----------
    first
        First session that counts.
    every
        Sessions between two fits of those that learn anew from all that there is.
    """
    start = SETTINGS.initial_sessions + LAG
    return {
        "naive": by_share,
        "frozen": lambda market: by_retraining(market, None, start, last=start),
        "everything": lambda market: by_retraining(market, None, first, every),
        "window of 60": lambda market: by_retraining(market, 60, first),
        "window of 20": lambda market: by_retraining(market, 20, first),
        "partial_fit": by_partial_fit,
    }


def change(seed: int, shared: float) -> dict[str, Any]:
    """Mean log loss of each learner over `AFTER` sessions after one change."""
    market = planted(seed, [0] * BEFORE + [1] * AFTER, shared)
    online, decisions = by_online(market)
    scores = {name: score(market) for name, score in learners(BEFORE, 1).items()} | {"online": online}
    return _row(market, scores, slice(BEFORE, None), decisions)


def recurring(seed: int, shared: float) -> dict[str, Any]:
    """The same over two regimes that take turns of half a year, eight turns after the first year."""
    market = planted(seed, [turn % 2 for turn in range(10) for _ in range(126)], shared)
    online, decisions = by_online(market)
    first = SETTINGS.initial_sessions + LAG
    scores = {name: score(market) for name, score in learners(first, 5).items()} | {"online": online}
    return _row(market, scores, slice(first, None), decisions)


def _row(
    market: PlantedMarket, scores: Mapping[str, Floats], sessions: slice, decisions: Mapping[str, int]
) -> dict[str, Any]:
    found = {name: float(losses_of(market, scores[name])[sessions].mean()) for name in NAMES}
    return {"losses": found | {"truth": float(losses_of(market, market.chance)[sessions].mean())}, **decisions}


CASES: Mapping[str, tuple[Callable[[int, float], dict[str, Any]], float]] = {
    "one change, to the unrelated": (change, 0.0),
    "one change, to the half related": (change, 0.5**0.5),
    "one change, to the largely related": (change, 0.9**0.5),
    "two regimes in turns, unrelated": (recurring, 0.0),
    "two regimes in turns, half related": (recurring, 0.5**0.5),
}
SEEDS, SEEDS_OF_TURNS = 15, 10


def measured() -> Iterator[dict[str, Any]]:
    """Yield a line for each case and seed."""
    with one_thread("sklearn.linear_model"):
        for case, (draw, shared) in CASES.items():
            for seed in range(SEEDS if draw is change else SEEDS_OF_TURNS):
                yield {"case": case, "seed": seed, **draw(seed, shared)}


def false_labels(seeds: Sequence[int], false: int = 10) -> dict[str, Any]:
    """Return the median log loss of the 48 sessions after labels of some sessions came as their opposite.

    Parameters
    ----------
    seeds
        Of the markets, whose regime never changes.
    false
        Sessions with false labels, from session 440 on.

    Returns
    -------
    dict
        By the shipped settings, by a gate that lets everything pass (and so no rollback), and had labels been true.
    """
    losses: dict[str, list[float]] = {"online": [], "no gate": [], "true labels": []}
    for seed in seeds:
        market = planted(seed, [0] * 500, 0.0)
        label = market.label.copy()
        label[440 : 440 + false] = 1 - label[440 : 440 + false]
        spoilt = replace(market, label=label)
        open_gate = SETTINGS.model_copy(update={"tolerance": 9.0})
        scores = (by_online(spoilt)[0], by_online(spoilt, open_gate)[0], by_online(market)[0])
        for each, score in zip(losses.values(), scores, strict=True):
            each.append(float(losses_of(market, score)[442:490].mean()))
    return {"seeds": len(seeds), "false": false, **{name: float(np.median(each)) for name, each in losses.items()}}


def summarised(lines: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return of each case the medians over its seeds, in the order of `CASES`.

    `share` is the median over seeds of the online model's gain over the naive forecast, as a share of the gain of the
    best of those that learn anew from scratch; `of_everything` of the one that learns from all that there is; `worse`
    is how much larger the online model's log loss is than that of the best, a fraction.
    """
    found = []
    for case in CASES:
        losses = [line["losses"] for line in lines if line["case"] == case]
        best = [min(each[name] for name in RETRAINED) for each in losses]
        gain = [each["naive"] - each["online"] for each in losses]
        share = [own / (each["naive"] - top) for own, each, top in zip(gain, losses, best, strict=True)]
        row = {
            "case": case,
            "seeds": len(losses),
            "losses": {name: float(np.median([each[name] for each in losses])) for name in (*NAMES, "truth")},
            "share": float(np.median(share)),
            "gain": float(np.median(gain)),
            "gain_of_everything": float(np.median([each["naive"] - each["everything"] for each in losses])),
            "worse": float(np.median([each["online"] / top - 1 for each, top in zip(losses, best, strict=True)])),
            "better_than": {
                name: sum(each["online"] < each[name] for each in losses) for name in NAMES if name != "online"
            },
            "decisions": {
                name: sum(line[name] for line in lines if line["case"] == case) / len(losses) for name in DECISIONS
            },
        }
        found.append(row)
    return found


def markdown(rows: Sequence[Mapping[str, Any]], spoilt: Mapping[str, Any]) -> str:
    """Return the tables of the page: of all cases, and of false labels."""
    names = (*NAMES, "truth")
    lines = [f"| mean log loss, median over seeds | seeds | {' | '.join(names)} |", f"|---|---|{'---|' * len(names)}"]
    for row in rows:
        lines.append(_line(row["case"], row["seeds"], *(f"{row['losses'][name]:.4f}" for name in names)))
    goal = "gain over naive, part of the best retraining's (goal: 80 %)"
    lines += ["", f"| | gain over naive | of `everything` | {goal} | loss above the best retraining's (< 5 %) |"]
    lines += ["|---|---|---|---|---|"]
    for row in rows:
        numbers = (
            f"{row['gain']:.4f}",
            f"{row['gain_of_everything']:.4f}",
            f"{row['share']:.0%}",
            f"{row['worse']:.1%}",
        )
        lines.append(_line(row["case"], *numbers))
    others = [name for name in NAMES if name != "online"]
    lines += ["", f"| seeds in which `online` is better than | {' | '.join(others)} |", f"|---|{'---|' * len(others)}"]
    for row in rows:
        lines.append(_line(row["case"], *(f"{row['better_than'][name]} of {row['seeds']}" for name in others)))
    lines += ["", f"| decisions, mean of a seed | {' | '.join(DECISIONS)} |", f"|---|{'---|' * len(DECISIONS)}"]
    for row in rows:
        lines.append(_line(row["case"], *(f"{row['decisions'][name]:.1f}" for name in DECISIONS)))
    said = f"{spoilt['false']} sessions of false labels, 48 sessions from when they are known ({spoilt['seeds']} seeds)"
    of_these = ("online", "no gate", "true labels")
    lines += ["", f"| mean log loss | {' | '.join(of_these)} |", f"|---|{'---|' * len(of_these)}"]
    lines.append(_line(said, *(f"{spoilt[name]:.4f}" for name in of_these)))
    return "\n".join(lines)


def _line(*cells: object) -> str:
    return f"| {' | '.join(str(each) for each in cells)} |"


def stored() -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return the numbers of the last measurement, see `summarised` and `false_labels`."""
    found = json.loads(NUMBERS.read_text(encoding="utf-8"))
    return found["learning"], found["false labels"]


def main() -> None:
    """Measure, and write numbers and tables."""
    rows = summarised(list(measured()))
    with one_thread("sklearn.linear_model"):
        spoilt = false_labels(range(100, 100 + SEEDS))
    kept = json.loads(NUMBERS.read_text(encoding="utf-8")) if NUMBERS.exists() else {}
    NUMBERS.write_text(json.dumps(kept | {"learning": rows, "false labels": spoilt}, indent=2) + "\n", encoding="utf-8")
    PAGE.write_text(replaced(PAGE.read_text(encoding="utf-8"), *MARKS, markdown(rows, spoilt)), encoding="utf-8")


if __name__ == "__main__":
    main()
