"""The verdict in a sentence with its reasons, and six numbers with their doubt."""

from __future__ import annotations

import dataclasses
import math

import polars as pl
import pytest

from trading_assets.backtests.tables import METRICS
from trading_assets.config import Configuration
from trading_assets.reports.strategy_page.data import StrategyContent, strategy_content
from trading_assets.reports.strategy_page.first_screen import Fact, facts, summary
from trading_assets.robustness.tables import RESAMPLING, VERDICTS
from trading_assets.warehouse import Warehouse
from trading_assets_tests.reports.pages import NAME, equity, fill, frame

ROWS: list[dict[str, object]] = [
    {"kind": "evidence", "criterion": "bets", "value": 39.0, "side": "at least", "threshold": 30.0, "passed": True},
    {"kind": "rejection", "criterion": "calmar", "value": 0.67, "side": "at least", "threshold": 1.0, "passed": False},
    {"kind": "rejection", "criterion": "dsr", "value": None, "side": "at least", "threshold": 0.95, "passed": False},
    {"kind": "rejection", "criterion": "pbo", "value": None, "side": "at most", "threshold": 0.5, "passed": None},
    {"kind": "primary", "criterion": "drawdown", "value": 0.2, "side": "below", "threshold": 0.15, "passed": False},
    {"kind": "cap", "criterion": "at_best_conditional", "passed": False, "note": "it may be one of survivors"},
]
VERDICT = frame(VERDICTS, *({"position": place, **row} for place, row in enumerate(ROWS)))


def test_a_rejection_names_what_must_hold_and_does_not() -> None:
    found = summary("reject", "", VERDICT)
    assert found.sentence == "It is rejected: 2 of the 3 things that must hold do not."
    assert found.reasons == [
        "Return a year over the deepest fall (Calmar ratio): 0.67, needed is at least 1.",
        "Probability that there is skill, after all that was tried (deflated Sharpe ratio): undefined, "
        "needed is at least 95.0%.",
    ]


def test_what_keeps_from_a_go() -> None:
    assert summary("conditional", "", VERDICT).reasons == [
        "Probability that the parameters were picked by luck (of backtest overfitting): not evaluated, needed is "
        "at most 50.0%.",
        "Deepest fall from a peak: 20.0%, needed is below 15.0%.",
        "It may be one of survivors.",
    ]


def test_a_go_names_what_did_not_hold_and_need_not() -> None:
    row = {"position": 9, "kind": "stress", "criterion": "slippage_3x_calmar", "value": 0.5}
    rows = pl.concat([VERDICT, frame(VERDICTS, {**row, "side": "above", "threshold": 1.0, "passed": False})])
    [reason] = summary("go", "", rows).reasons
    assert reason == (
        "Calmar ratio at three times the slippage: 0.50, needed is above 1 "
        "(one of the stress criteria: not each has to hold)."
    )
    assert "all that must hold does" in summary("go", "", rows).sentence


def test_evidence_that_was_not_evaluated_is_a_reason() -> None:
    row = {"position": 0, "kind": "evidence", "criterion": "bets", "side": "at least", "threshold": 30.0}
    rows = frame(VERDICTS, {**row, "value": None, "passed": None})
    assert summary("insufficient_evidence", "", rows).reasons == [
        "Independent bets in the holdout: not evaluated, needed is at least 30."
    ]


def test_what_has_no_verdict_says_why() -> None:
    assert summary("failed", "It failed.", VERDICT.clear()).sentence == "It failed."


@pytest.fixture
def content(configuration: Configuration, warehouse: Warehouse) -> StrategyContent:
    fill(warehouse, equity=equity(), verdicts=VERDICT)
    return strategy_content(warehouse, configuration, NAME)


def with_metrics(content: StrategyContent, split: str) -> list[Fact]:
    values = {"sharpe": 1.5, "annual_return": 0.1, "volatility": 0.2, "sessions": 1_008.0, "periods_per_year": 252.0}
    metrics = frame(METRICS, *({"split": split, "metric": name, "value": value} for name, value in values.items()))
    drawn = {"sharpe_5": -0.25, "sharpe_95": 2.5, "drawdown_95": 0.08}
    resampled = [
        {"split": split, "method": "bootstrap", "statistic": name, "value": value} for name, value in drawn.items()
    ]
    return facts(dataclasses.replace(content, metrics=metrics, resampling=frame(RESAMPLING, *resampled)))


def test_each_number_has_its_doubt(content: StrategyContent) -> None:
    found = {fact.label: (fact.value, fact.doubt) for fact in with_metrics(content, "holdout")}
    assert found["Sharpe ratio"] == ("1.50", "-0.25 to 2.50 in 90 % of resamples")
    # Four years: 1.645 x 20 % / 2.
    assert found["return a year"] == (
        "10.0%",
        f"give or take {1.645 * 0.2 / math.sqrt(4):.1%} (90 %, were days independent)",
    )
    assert found["deepest fall"] == ("–", "more than 8.0% in 1 resample of 20")
    assert found["return over deepest fall"] == ("–", "")
    assert found["trades"] == ("–", "39 independent bets")
    assert len(found) == 6


def test_before_the_look_numbers_are_those_of_train_and_validation(content: StrategyContent) -> None:
    found = {fact.label: (fact.value, fact.doubt) for fact in with_metrics(content, "development")}
    assert found["Sharpe ratio"] == ("1.50", "-0.25 to 2.50 in 90 % of resamples")
    assert found["trades"] == ("–", "")  # the bets are of the holdout
