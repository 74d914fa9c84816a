"""Rows of the edge-case catalogue that belong to this stage."""

from __future__ import annotations

import duckdb
import pytest

from trading_assets.config.verdict import VerdictThresholds
from trading_assets.robustness.tables import HOLDOUT_LEDGER, VERDICTS
from trading_assets.robustness.verdict.criteria import MAY_BE_ABSENT, judge
from trading_assets_tests.robustness.pipeline import Experiment
from trading_assets_tests.robustness.verdict.test_criteria import GOOD

LEDGER = HOLDOUT_LEDGER.name


@pytest.mark.parametrize(
    ("asset", "statement", "named"),
    [
        ("verdict", f"UPDATE {LEDGER} SET evaluated_at = '2001-01-01'", "row 1 (known, look 1) was edited"),
        ("verdict", f"DELETE FROM {LEDGER}", "row 1 is missing: cut off the end"),
        ("holdout", f"DROP TABLE {LEDGER}", "row 1 is missing: cut off the end"),
    ],
)
def test_ledger_tampered(asset: str, statement: str, named: str, experiment: Experiment) -> None:
    before = experiment.warehouse.fingerprint(VERDICTS)
    with duckdb.connect(str(experiment.configuration.warehouse_path)) as connection:
        connection.execute(statement)
    result = experiment.run(f"robustness/{asset}/known")
    assert not result.success
    failures = [event.step_failure_data.error for event in result.all_events if event.is_step_failure]
    messages = [error.cause.message if error and error.cause else str(error) for error in failures]
    assert len(messages) == 1 and named in messages[0]
    assert experiment.warehouse.fingerprint(VERDICTS) == before


def test_zero_trades() -> None:
    nothing: dict[str, float | None] = dict.fromkeys(GOOD.keys() - MAY_BE_ABSENT)
    assert (
        judge("s", {**nothing, "bets": 0.0, "sessions": 800.0}, VerdictThresholds()).result == "insufficient_evidence"
    )
