"""The folder of a simulated year: a synthetic market with splits, a strategy with a verdict, and an open account.

All bars of the year are delivered, and features made, before the year begins; an evening sees what it has by its close
(`strategies.evaluation.inputs.read_frames` with a last session), which is how the look-ahead audit cuts, too.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

from trading_assets.market_data import calendars
from trading_assets.trading.opening import open_account
from trading_assets_tests.robustness import pipeline

STRATEGY = "known"
#: The first session after the holdout.
FIRST, OPENED = dt.date(2017, 7, 3), dt.datetime(2017, 7, 1, 9, 0)
SYMBOLS = tuple(3 * letter for letter in "ABCDEFGHIJKLMNOP")
_SETTINGS: dict[str, Any] = {
    "name": "paper",
    "market_data": [
        {
            "source": "synthetic",
            "asset_class": "equity",
            "symbols": list(SYMBOLS),
            "splits": 0.5,
            "trend": 0.4,
            "trend_sessions": 30,
        }
    ],
    "strategies": {STRATEGY: pipeline.SETTINGS["strategies"][STRATEGY]},
    "robustness": {
        **pipeline.SETTINGS["robustness"],
        "grids": {STRATEGY: pipeline.SETTINGS["robustness"]["grids"][STRATEGY]},
    },
}


def sessions(count: int) -> list[dt.date]:
    """Return the first sessions of the year."""
    days = calendars.sessions("XNYS", FIRST, FIRST + dt.timedelta(days=2 * count + 30))
    return list(days.to_list()[:count])


def made_in(folder: Path, count: int) -> pipeline.Experiment:
    """Return the experiment of a folder with the bars of a year of so many sessions, and an account open before them.

    What is there already is left as it is.
    """
    folder.mkdir(parents=True, exist_ok=True)
    experiment, done = pipeline.Experiment(folder), folder / ".made"
    if done.exists():
        return experiment
    experiment.write(**_SETTINGS, as_of=str(sessions(count)[-1]))
    assert experiment.run().success
    open_account(
        experiment.warehouse,
        experiment.configuration,
        STRATEGY,
        session=FIRST,
        capital=None,
        mode="paper",
        by="ops",
        now=OPENED,
    )
    done.touch()
    return experiment
