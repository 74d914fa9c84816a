"""What is promised of champions and of the default family, measured; writes a table into docs/models.md.

Run by `make promises`: how often one of two equal models is promoted, how often a better one is found, and what
XGBoost takes within this package beside XGBoost called directly on the same rows.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import xgboost

from trading_assets.config.models import Model
from trading_assets.models.families.interface import TrainingSet
from trading_assets.models.promotion import CHAMPION, decide
from trading_assets.models.threads import one_thread
from trading_assets.models.training import Learner
from trading_assets_tests.benchmarks.table import REPOSITORY, replaced
from trading_assets_tests.models.test_promotion import noise, of_champion, record

PAGE = REPOSITORY / "docs" / "models.md"
MARKS = ("<!-- promises: written by `make promises` -->", "<!-- /promises -->")
PAIRS, SESSIONS, BETTER = 1_000, 750, 0.24
ROWS, FEATURES, RUNS = 300_000, 48, 7


def promoted(pairs: int = PAIRS, better: float = 0.0) -> int:
    """Return how many of some pairs of models end with a new champion; losses of 750 sessions, labels of five.

    Parameters
    ----------
    pairs
        How many are drawn.
    better
        By how many deviations of a session's difference the new one is better.
    """
    gain = better * 0.01 * math.sqrt(2)  # of two losses with a deviation of 0.01 each
    drawn = ((noise(2 * seed) - gain, noise(2 * seed + 1)) for seed in range(pairs))
    return sum(decide(record(own), of_champion(other)).decision == CHAMPION for own, other in drawn)


def better_by_the_mean(pairs: int = PAIRS) -> int:
    """Return how many of the equal pairs would end with a new champion if the lower mean won."""
    return sum(bool(noise(2 * seed).mean() < noise(2 * seed + 1).mean()) for seed in range(pairs))


def in_turns(works: Mapping[str, Callable[[], object]], runs: int = RUNS) -> dict[str, list[float]]:
    """Return processor seconds of each of some works, run in turns, after one of each that counts for nothing."""
    seconds: dict[str, list[float]] = {name: [] for name in works}
    for number in range(runs + 1):
        for name, work in works.items():
            began = time.process_time()
            work()
            if number:
                seconds[name].append(time.process_time() - began)
    return seconds


def xgboost_beside_itself(rows: int = ROWS, runs: int = RUNS) -> float:
    """Return the seconds of a fit by this package over those of XGBoost called directly, median of pairs of runs."""
    rng = np.random.default_rng(0)
    features = rng.standard_normal((rows, FEATURES), dtype=np.float32)
    label = (features[:, 0] + rng.standard_normal(rows) > 0).astype(np.float32)
    days = np.sort(rng.integers(0, 1_000, rows)).astype(np.int32)
    known = TrainingSet(features, label, np.ones(rows, np.float32), days, days + 6)
    settings = Model()
    parameters = {
        "objective": "binary:logistic",
        "tree_method": "hist",
        "device": "cpu",
        "max_bin": settings.bins,
        "max_depth": settings.depth,
        "learning_rate": settings.learning_rate,
        "min_child_weight": settings.min_child_weight,
        "seed": 3,
        "nthread": 1,
    }

    def direct() -> bytes:
        data = xgboost.QuantileDMatrix(features, label, weight=known.weight, max_bin=settings.bins, nthread=1)
        return bytes(xgboost.train(parameters, data, num_boost_round=settings.trees).save_raw("ubj"))

    def by_package() -> bytes:
        return Learner(settings, 3).fit(known).save()

    if direct() != by_package():
        raise ValueError("both were to learn the same trees")
    with one_thread("xgboost"):
        seconds = in_turns({"package": by_package, "direct": direct}, runs)
    return statistics.median(one / other for one, other in zip(seconds["package"], seconds["direct"], strict=True))


def measured() -> dict[str, Any]:
    """Return all numbers by name."""
    return {
        "equal": promoted() / PAIRS,
        "by the mean": better_by_the_mean() / PAIRS,
        "better": promoted(better=BETTER) / PAIRS,
        "xgboost": xgboost_beside_itself(),
    }


def markdown(found: Mapping[str, Any]) -> str:
    """Return the table of the page."""
    lines = [
        "| | goal | measured |",
        "|---|---|---|",
        f"| {PAIRS:,} pairs of equal models, {SESSIONS} sessions, labels of five: the champion is replaced | <= 4 % "
        f"| {found['equal']:.1%} |",
        f"| the same, had the lower mean won | | {found['by the mean']:.1%} |",
        f"| {PAIRS:,} models better by {BETTER} deviations of the daily difference: the champion is replaced | >= 80 % "
        f"| {found['better']:.1%} |",
        f"| XGBoost of {ROWS:,} rows, {FEATURES} features: seconds of a fit here / called directly, the same trees "
        f"| <= 1.10 | {found['xgboost']:.2f} |",
    ]
    return "\n".join(lines)


def main() -> None:
    """Measure, print, and write the table."""
    table = markdown(measured())
    print(table)
    PAGE.write_text(replaced(PAGE.read_text(encoding="utf-8"), *MARKS, table), encoding="utf-8")


if __name__ == "__main__":
    main()
