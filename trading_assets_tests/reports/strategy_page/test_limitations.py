"""The section that says how a result could be wrong."""

from __future__ import annotations

import json

from trading_assets.backtests.tables import DEVELOPMENT
from trading_assets.config import Configuration
from trading_assets.robustness.tables import EVERY_STRATEGY, OVERFITTING, RESAMPLING
from trading_assets.warehouse import Rows, Warehouse
from trading_assets_tests.reports.pages import NAME, equity, fill, frame, verdict
from trading_assets_tests.reports.strategy_page.test_page import page_of


def test_how_it_could_be_wrong_comes_first_and_says_what_is_unknown(
    configuration: Configuration, warehouse: Warehouse
) -> None:
    fill(warehouse, equity=equity(), verdicts=verdict("reject", "It is rejected."))
    own = frame(
        OVERFITTING,
        {"statistic": "dsr", "value": 0.4321, "trials": 432},
        {"statistic": "pbo", "value": None, "trials": 1},
    )
    every = frame(OVERFITTING, {"strategy": EVERY_STRATEGY, "statistic": "spa_p", "value": 0.8765, "trials": 3})
    drawn = frame(
        RESAMPLING,
        {"split": "holdout", "method": "bootstrap", "statistic": "sharpe_5", "value": -1.25},
        {"split": DEVELOPMENT, "method": "bootstrap", "statistic": "sharpe_5", "value": 0.75},
    )
    warehouse.replace(Rows("strategy", NAME), {OVERFITTING: own, RESAMPLING: drawn})
    warehouse.replace(Rows("strategy", EVERY_STRATEGY), {OVERFITTING: every})
    page = page_of(configuration, warehouse)
    titles = [page.text.index(title) for title in ("Verdict", "How this could be wrong", "Performance")]
    assert titles == sorted(titles)
    for shown in ("43.2%", "87.6%", "-1.25", "0.75"):
        assert shown in page.text
    exported = json.loads((configuration.home / "reports" / f"{NAME}.json").read_text())
    assert [row["value"] for row in exported["overfitting"]] == [0.4321, None]
