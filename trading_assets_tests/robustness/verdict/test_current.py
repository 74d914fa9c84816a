from __future__ import annotations

import datetime as dt
from typing import Any

import duckdb
import polars as pl
import pytest

from trading_assets.protocol import Protocol
from trading_assets.robustness.holdout.ledger import LedgerTamperedError
from trading_assets.robustness.tables import HOLDOUT_LEDGER, HOLDOUT_RESULTS, RESULTS, VERDICTS
from trading_assets.robustness.verdict.criteria import rows
from trading_assets.robustness.verdict.current import CurrentVerdict, VerdictMissingError, current_verdict
from trading_assets.robustness.verdict.no_evidence import waiting
from trading_assets.warehouse import Rows
from trading_assets_tests.conftest import called
from trading_assets_tests.robustness.pipeline import SETTINGS, Experiment


def found(experiment: Experiment, strategy: str = "known") -> CurrentVerdict:
    return current_verdict(experiment.warehouse, experiment.configuration, strategy)


def test_the_verdict_as_it_was_made(finished: Experiment) -> None:
    known = found(finished)
    assert known.criteria.filter(note="not evaluated").is_empty()
    assert known.result in RESULTS and known.explanation.startswith("known: ")
    assert found(finished, "unknown").result == "insufficient_evidence"


@pytest.mark.parametrize("result", RESULTS)
def test_what_is_required_or_better(result: str, finished: Experiment) -> None:
    made = CurrentVerdict(VERDICTS.empty(), result, "", VERDICTS.empty())
    assert made.meets("go") == (result == "go")
    assert made.meets("conditional") == (result in ("go", "conditional"))
    with pytest.raises(ValueError, match="no result is called 'good': expected one of insufficient_evidence, reject"):
        made.meets("good")


def test_no_verdict_and_one_of_another_configuration(experiment: Experiment) -> None:
    experiment.write(risk={"max_positions": 7})
    with pytest.raises(VerdictMissingError, match="configuration has changed"):
        found(experiment)
    experiment.write()
    experiment.warehouse.replace(Rows("strategy", "known"), {VERDICTS: VERDICTS.empty()})
    with pytest.raises(VerdictMissingError, match="none was made"):
        found(experiment)


def test_a_verdict_stands_when_another_strategy_is_registered_and_not_when_one_is_added_or_swept_otherwise(
    experiment: Experiment,
) -> None:
    """A registration makes no trial; what is swept beside a strategy may be among those that its own is deflated by."""
    made = found(experiment).result
    registered = SETTINGS["registration"] | {"unknown": SETTINGS["registration"]["known"]}
    experiment.write(registration=registered)
    assert found(experiment).result == made
    changed: list[dict[str, Any]] = [
        {"strategies": SETTINGS["strategies"] | {"third": {"type": "equity_momentum", "stop_atr": 4.0}}},
        {
            "robustness": SETTINGS["robustness"]
            | {"grids": SETTINGS["robustness"]["grids"] | {"unknown": {"stop_atr": [2.0, 9.0]}}}
        },
    ]
    for changes in changed:
        experiment.write(**changes)
        with pytest.raises(VerdictMissingError, match="other strategies or grids have changed since its trials were"):
            found(experiment)


def test_a_verdict_is_none_where_the_registration_was_taken_away(experiment: Experiment) -> None:
    """Otherwise whatever is changed with it would go unnoticed."""
    experiment.write(registration={}, seed=99)
    with pytest.raises(VerdictMissingError, match="not in this configuration"):
        found(experiment)


def test_a_verdict_is_none_that_is_not_on_record_of_the_look(experiment: Experiment) -> None:
    made = found(experiment).result
    other = "go" if made != "go" else "reject"
    with duckdb.connect(str(experiment.configuration.warehouse_path)) as connection:
        connection.execute(
            f"UPDATE {VERDICTS.name} SET result = '{other}' WHERE kind = 'result' AND strategy = 'known'"
        )
    with pytest.raises(VerdictMissingError, match=f"the warehouse says {other}, and {made} is on record"):
        found(experiment)


def test_a_touched_ledger_stops_it(experiment: Experiment) -> None:
    with duckdb.connect(str(experiment.configuration.warehouse_path)) as connection:
        connection.execute(f"UPDATE {HOLDOUT_LEDGER.name} SET look = 2")
    with pytest.raises(LedgerTamperedError, match="row 1"):
        found(experiment)


def test_the_command_exits_1_unless_the_verdict_is_good_enough(finished: Experiment) -> None:
    config, data = finished.folder / "config.yaml", finished.folder / "data"
    shown = called(config, data, "verdict", "unknown")
    assert shown.returncode == 0 and "insufficient evidence" in shown.stdout
    refused = called(config, data, "verdict", "unknown", "--require", "go")
    assert refused.returncode == 1
    assert "the verdict is insufficient_evidence, go is required" in refused.stderr
    assert called(config, data, "verdict", "nobody").returncode == 2


def test_the_verdict_of_a_strategy_that_waits_is_one_and_none_once_a_look_has_no_result(experiment: Experiment) -> None:
    """A holdout that is not over leaves no results, whatever the configuration is: nothing can be stale."""
    settings = experiment.configuration.robustness.verdict
    told = rows(waiting("known", settings, dt.date(2017, 12, 29))).with_columns(product_version=pl.lit("0.2.0"))
    known = Rows("strategy", "known")
    experiment.warehouse.replace(known, {VERDICTS: told, HOLDOUT_RESULTS: HOLDOUT_RESULTS.empty()})
    shown = found(experiment)
    assert shown.result == "insufficient_evidence" and not shown.meets("conditional")
    experiment.write(risk={"max_positions": 7})
    assert "2017-12-29" in found(experiment).explanation
    protocol = Protocol.of(experiment.configuration)
    last = next(each for each in reversed(protocol.read()) if each.kind == "look")
    payload = {key: value for key, value in last.payload.items() if key != "contents"}
    protocol.append(
        "look", "known", {**payload, "registration_hash": "another", "look": 2}, now=dt.datetime(2030, 1, 1)
    )
    with pytest.raises(VerdictMissingError, match="stopped before it was judged"):
        found(experiment)
