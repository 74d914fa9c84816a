"""River's online learners beside the product's own, on the streams of `online_learning`.

Run by `make online`; writes the numbers to docs/online.json and a table into docs/online.md. River learns row by row,
of each session once its labels are over, and scores the sessions after: it knows what all others know.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from river import compose, drift, linear_model, optim, preprocessing

from trading_assets.models.threads import one_thread
from trading_assets_tests.benchmarks.online_learning import (
    AFTER,
    BEFORE,
    CASES,
    LAG,
    NUMBERS,
    PAGE,
    SETTINGS,
    PlantedMarket,
    by_online,
    by_share,
    change,
    losses_of,
    planted,
)
from trading_assets_tests.benchmarks.table import replaced

Floats = NDArray[np.float64]

MARKS = ("<!-- river: written by `make online` -->", "<!-- /river -->")
#: As many as the other learners are measured on.
SEEDS, SEEDS_OF_TURNS = 15, 10


def _logistic(optimizer: Any) -> Any:
    return compose.Pipeline(preprocessing.StandardScaler(), linear_model.LogisticRegression(optimizer=optimizer))


#: Makers of learners of River: as it ships, with Adam, and restarted by DDM, which seldom happens: see `restarts`.
LEARNERS: Mapping[str, Callable[[], Any]] = {
    "River, as shipped": lambda: _logistic(optim.SGD(0.01)),
    "River, Adam": lambda: _logistic(optim.Adam(0.01)),
    "River, restarted by DDM": lambda: drift.DriftRetrainingClassifier(
        model=_logistic(optim.SGD(0.01)), drift_detector=drift.binary.DDM()
    ),
}
NAMES = ("naive", *LEARNERS, "online", "truth")


def by_river(market: PlantedMarket, make: Callable[[], Any]) -> Floats:
    """Return the scores of a learner of River; 0.5 before it has learnt from the first year.

    Parameters
    ----------
    market
        What it lives through.
    make
        Makes the learner.
    """
    model, score = make(), np.full(market.label.shape, 0.5)
    first = SETTINGS.initial_sessions + LAG
    rows = [[dict(enumerate(row)) for row in session] for session in market.features.tolist()]
    for session in range(market.sessions):
        over = session - LAG - 1  # labels of this session were over before the one that is scored
        if over >= 0:
            for row, label in zip(rows[over], market.label[over] > 0, strict=True):
                model.learn_one(row, bool(label))
        if session >= first:
            score[session] = [model.predict_proba_one(row).get(True, 0.5) for row in rows[session]]
    return score


def restarts_of(market: PlantedMarket) -> list[int]:
    """Return the sessions whose labels made DDM begin the regression anew.

    Parameters
    ----------
    market
        What it lives through.
    """
    detector, found = drift.binary.DDM(), list[int]()
    model = drift.DriftRetrainingClassifier(model=_logistic(optim.SGD(0.01)), drift_detector=detector)
    for session in range(market.sessions - LAG - 1):
        for row, label in zip(market.features[session].tolist(), market.label[session] > 0, strict=True):
            model.learn_one(dict(enumerate(row)), bool(label))
            found += [session] if detector.drift_detected else []
    return found


def _market(case: str, seed: int) -> tuple[PlantedMarket, int]:
    """The market of a case, and the first of its sessions that count."""
    draw, shared = CASES[case]
    if draw is change:
        return planted(seed, [0] * BEFORE + [1] * AFTER, shared), BEFORE
    market = planted(seed, [turn % 2 for turn in range(10) for _ in range(126)], shared)
    return market, SETTINGS.initial_sessions + LAG


def restarts(case: str) -> int:
    """Return how often DDM began anew on the sessions of a case that count, over all of its seeds."""
    markets = [_market(case, seed) for seed in _seeds(case)]
    return sum(session >= first for market, first in markets for session in restarts_of(market))


def _seeds(case: str) -> range:
    return range(SEEDS if CASES[case][0] is change else SEEDS_OF_TURNS)


def measured(case: str, seed: int) -> dict[str, float]:
    """Return the mean log loss of each of `NAMES` on the sessions of a case that count.

    Parameters
    ----------
    case, seed
        A name of `CASES`, and the seed of its market.
    """
    market, first = _market(case, seed)
    scores = {name: by_river(market, make) for name, make in LEARNERS.items()}
    scores |= {"naive": by_share(market), "online": by_online(market)[0], "truth": market.chance}
    return {name: float(losses_of(market, scores[name])[first:].mean()) for name in NAMES}


def summarised(case: str, losses: Sequence[Mapping[str, float]]) -> dict[str, Any]:
    """Return the medians of a case over its seeds, and in how many of them the online model is better.

    Parameters
    ----------
    case, losses
        Name of the case, and a line of `measured` for each seed.
    """
    return {
        "case": case,
        "seeds": len(losses),
        "losses": {name: float(np.median([each[name] for each in losses])) for name in NAMES},
        "better_than": {name: sum(each["online"] < each[name] for each in losses) for name in LEARNERS},
    }


def markdown(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the table of the page."""
    lines = [
        f"| mean log loss, median over seeds | seeds | {' | '.join(NAMES)} | `online` is better than | "
        "restarts by DDM, all seeds |",
        f"|---|---|{'---|' * (len(NAMES) + 2)}",
    ]
    for row in rows:
        found = " | ".join(f"{row['losses'][name]:.4f}" for name in NAMES)
        better = ", ".join(str(row["better_than"][name]) for name in LEARNERS)
        lines.append(f"| {row['case']} | {row['seeds']} | {found} | {better} of {row['seeds']} | {row['restarts']} |")
    return "\n".join(lines)


def stored() -> list[dict[str, Any]]:
    """Return the numbers of the last measurement."""
    rows: list[dict[str, Any]] = json.loads(NUMBERS.read_text(encoding="utf-8"))["river"]
    return rows


def main() -> None:
    """Measure, and write numbers and table."""
    rows = []
    with one_thread("sklearn.linear_model"):
        for case in CASES:
            found = summarised(case, [measured(case, seed) for seed in _seeds(case)])
            rows.append(found | {"restarts": restarts(case)})
            print(markdown(rows[-1:]), flush=True)
    kept = json.loads(NUMBERS.read_text(encoding="utf-8")) if NUMBERS.exists() else {}
    NUMBERS.write_text(json.dumps(kept | {"river": rows}, indent=2) + "\n", encoding="utf-8")
    PAGE.write_text(replaced(PAGE.read_text(encoding="utf-8"), *MARKS, markdown(rows)), encoding="utf-8")


if __name__ == "__main__":
    main()
