"""Why River's detector hardly ever restarts its regression: when detectors of drift see a change that was planted.

Run by `make online`; writes the numbers to docs/online.json and a table into docs/online.md. Every detector is given
the errors of the same regression, row by row: once of one that learns on through the change, as the one that is
measured does, and once of one that stays as it was before.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from river import compose, drift, linear_model, optim, preprocessing

from trading_assets_tests.benchmarks.online_learning import BEFORE, CASES, NUMBERS, PAGE, SYMBOLS, change, planted
from trading_assets_tests.benchmarks.table import replaced

Errors = NDArray[np.int8]

MARKS = ("<!-- detectors: written by `make online` -->", "<!-- /detectors -->")
SEEDS = 15
#: Sessions that a detector has to see a change, and those of them that the other learners are measured on.
WATCHED, MEASURED = 150, 30
DETECTORS: Mapping[str, Callable[[], Any]] = {
    "DDM": drift.binary.DDM,
    "ADWIN": drift.ADWIN,
    "Page-Hinkley": drift.PageHinkley,
    "HDDM-W": drift.binary.HDDMW,
}
ONE_CHANGE = [case for case, (draw, _) in CASES.items() if draw is change]


def errors_of(seed: int, shared: float, *, learns_on: bool) -> Errors:
    """Return (rows,) 1 where the regression was wrong, `BEFORE` sessions before a change and `WATCHED` after it.

    Parameters
    ----------
    seed, shared
        As `planted` takes them.
    learns_on
        Whether it learns from what comes after the change.
    """
    market = planted(seed, [0] * BEFORE + [1] * WATCHED, shared)
    model = compose.Pipeline(preprocessing.StandardScaler(), linear_model.LogisticRegression(optim.SGD(0.01)))
    wrong = np.zeros(market.label.shape, dtype=np.int8)
    for session, rows in enumerate(market.features.tolist()):
        for symbol, values in enumerate(rows):
            row, label = dict(enumerate(values)), bool(market.label[session, symbol])
            wrong[session, symbol] = bool(model.predict_one(row)) != label
            if learns_on or session < BEFORE:
                model.learn_one(row, label)
    return wrong.ravel()


def alarms(make: Callable[[], Any], errors: Errors) -> list[int]:
    """Return the rows at which a detector fires."""
    detector, found = make(), list[int]()
    for row, wrong in enumerate(errors.tolist()):
        detector.update(wrong)
        found += [row] if detector.drift_detected else []
    return found


def measured(case: str, *, learns_on: bool) -> dict[str, Any]:
    """Return what detectors see of a change: error rates, and of each detector delays in sessions and false alarms.

    Parameters
    ----------
    case, learns_on
        A name of `ONE_CHANGE`, and whether the regression learns on through it.
    """
    first = BEFORE * SYMBOLS
    streams = [errors_of(seed, CASES[case][1], learns_on=learns_on) for seed in range(SEEDS)]
    spans = {"before": slice(first - first // 4, first), "after": slice(first, first + MEASURED * SYMBOLS)}
    seen: dict[str, Any] = {}
    for name, make in DETECTORS.items():
        found = [alarms(make, each) for each in streams]
        after = [next((row for row in rows if row >= first), None) for rows in found]
        seen[name] = {
            "delays": [None if row is None else (row - first) // SYMBOLS for row in after],
            "false": sum(row < first for rows in found for row in rows),
        }
    rates = {name: float(np.mean([each[span].mean() for each in streams])) for name, span in spans.items()}
    return {"case": case, "learns_on": learns_on, "errors": rates, "seen": seen}


def markdown(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the table of the page."""
    lines = [
        f"| seen within {MEASURED} sessions, within {WATCHED} (false alarms before) | the regression "
        f"| wrong before, after | {' | '.join(DETECTORS)} |",
        f"|---|---|---|{'---|' * len(DETECTORS)}",
    ]
    for row in rows:
        cells = []
        for name in DETECTORS:
            delays, false = row["seen"][name]["delays"], row["seen"][name]["false"]
            soon = sum(each is not None and each < MEASURED for each in delays)
            cells.append(f"{soon}, {sum(each is not None for each in delays)} of {len(delays)} ({false})")
        wrong = f"{row['errors']['before']:.1%}, {row['errors']['after']:.1%}"
        how = "learns on" if row["learns_on"] else "stays as it was"
        lines.append(f"| {row['case']} | {how} | {wrong} | {' | '.join(cells)} |")
    return "\n".join(lines)


def stored() -> list[dict[str, Any]]:
    """Return the numbers of the last measurement."""
    rows: list[dict[str, Any]] = json.loads(NUMBERS.read_text(encoding="utf-8"))["detectors"]
    return rows


def main() -> None:
    """Measure, and write numbers and table."""
    rows = [measured(case, learns_on=learns_on) for case in ONE_CHANGE for learns_on in (False, True)]
    kept = json.loads(NUMBERS.read_text(encoding="utf-8")) if NUMBERS.exists() else {}
    NUMBERS.write_text(json.dumps(kept | {"detectors": rows}, indent=2) + "\n", encoding="utf-8")
    PAGE.write_text(replaced(PAGE.read_text(encoding="utf-8"), *MARKS, markdown(rows)), encoding="utf-8")
    print(markdown(rows))


if __name__ == "__main__":
    main()
