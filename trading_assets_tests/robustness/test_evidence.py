"""What a verdict reads is on record as it was written, of the code and data that are judged, or there is no verdict."""

from __future__ import annotations

import datetime as dt

import duckdb
import pytest

from trading_assets.asset_factories.table_asset import Step
from trading_assets.protocol import Protocol
from trading_assets.robustness.evidence import OF_ASSETS, last_evidence, not_on_record, record_evidence
from trading_assets.robustness.verdict.assets import assert_evidence
from trading_assets.robustness.verdict.statistics import EvidenceMissingError
from trading_assets.strategies.evaluation.on_record import evaluated_state
from trading_assets_tests.robustness.pipeline import SETTINGS, Experiment

OTHER = "its rows are of other code, data or settings than those of today"


def step_of(experiment: Experiment, strategy: str = "known") -> Step:
    work = experiment.warehouse.unit_of_work()
    return Step(experiment.configuration, work, None, strategy, "run", dt.datetime(2030, 1, 1), None)


def causes(experiment: Experiment) -> dict[str, str | None]:
    """Why the rows of each asset are no evidence."""
    step = step_of(experiment)
    records, state = Protocol.of(experiment.configuration).read(), evaluated_state(step)
    return {asset: not_on_record(step, asset, records, state) for asset in OF_ASSETS}


def execute(experiment: Experiment, statement: str) -> None:
    with duckdb.connect(str(experiment.configuration.warehouse_path)) as connection:
        connection.execute(statement)


def test_rows_of_a_run_are_evidence_and_their_record_is_there_before_the_result(finished: Experiment) -> None:
    assert causes(finished) == dict.fromkeys(OF_ASSETS)
    records = Protocol.of(finished.configuration).read()
    result = next(each for each in records if each.kind == "result")
    for asset in OF_ASSETS:
        found = last_evidence(records, ("small", "known"), asset)
        assert found is not None and found.row < result.row
    assert last_evidence(records, ("small", "unknown"), "look_ahead") is None  # nobody judges it
    step = step_of(finished, "unknown")
    assert not_on_record(step, "look_ahead", records, evaluated_state(step)) == "its rows are not on record"


@pytest.mark.parametrize(
    ("statement", "asset", "table"),
    [
        ("UPDATE robustness.look_ahead SET rows = 7 WHERE strategy = 'known'", "look_ahead", "robustness.look_ahead"),
        ("DELETE FROM robustness.look_ahead WHERE strategy = 'known'", "look_ahead", "robustness.look_ahead"),
        (
            "UPDATE robustness.overfitting SET value = 0.99 WHERE strategy = 'known' AND statistic = 'dsr'",
            "overfitting",
            "robustness.overfitting",
        ),
        (
            "UPDATE robustness.stress SET value = 3.0 WHERE strategy = 'known' AND split = 'holdout'",
            "holdout",
            "robustness.stress",
        ),
        (
            "UPDATE robustness.resampling SET value = 1.0 WHERE strategy = 'known' AND split = 'holdout'",
            "holdout",
            "robustness.resampling",
        ),
        (
            "UPDATE backtests.equity SET equity = 2 * equity WHERE strategy = 'known' AND split = 'holdout'",
            "holdout",
            "backtests.equity",
        ),
    ],
)
def test_rows_that_a_hand_edits_are_noticed(experiment: Experiment, statement: str, asset: str, table: str) -> None:
    execute(experiment, statement)
    others = {name: None for name in OF_ASSETS if name != asset}
    assert causes(experiment) == {**others, asset: f"rows of {table} are not those that it wrote"}
    with pytest.raises(EvidenceMissingError, match=table):
        assert_evidence(step_of(experiment), Protocol.of(experiment.configuration).read())


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE market_data.bars SET volume = volume * 2 WHERE symbol = 'BBB' AND session = '2015-03-04'",
        "UPDATE market_data.instruments SET sector = 'banks' WHERE symbol = 'AAA'",
    ],
)
def test_rows_of_other_data_are_no_evidence(experiment: Experiment, statement: str) -> None:
    execute(experiment, statement)
    assert causes(experiment) == dict.fromkeys(OF_ASSETS, OTHER)


def test_rows_of_other_settings_are_no_evidence_until_their_asset_ran_again(experiment: Experiment) -> None:
    """Recording what stands there is what an asset does when it is done; the others are still of before."""
    known = {**SETTINGS["strategies"]["known"], "stop_atr": 2.25}
    experiment.write(strategies={**SETTINGS["strategies"], "known": known})
    assert causes(experiment) == dict.fromkeys(OF_ASSETS, OTHER)
    record_evidence(step_of(experiment), "look_ahead")
    assert causes(experiment) == {"look_ahead": None, "overfitting": OTHER, "holdout": OTHER}
    records = Protocol.of(experiment.configuration).read()
    record_evidence(step_of(experiment), "look_ahead")
    assert len(Protocol.of(experiment.configuration).read()) == len(records)  # the very same is written once


OWN = """
from trading_assets.strategies.equity_momentum import Parameters, rules
{more}
"""


def test_an_audit_of_an_own_module_that_was_edited_since_is_no_evidence(
    experiment: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Clean when it is audited, another one when it is judged; what it imports of the user's counts as well."""
    strategies = {**SETTINGS["strategies"], "known": {"type": "own_rules.main"}}
    monkeypatch.syspath_prepend(str(experiment.folder))
    package = experiment.folder / "own_rules"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "limits.py").write_text("STOP = 2.0\n")
    (package / "main.py").write_text(OWN.format(more="from own_rules.limits import STOP"))
    experiment.write(strategies=strategies, robustness={})
    record_evidence(step_of(experiment), "look_ahead")
    assert causes(experiment)["look_ahead"] is None
    for file, more in (("limits.py", "STOP = 2.5\n"), ("main.py", OWN.format(more="STOP = 2.0"))):
        before = (package / file).read_text()
        (package / file).write_text(more)
        experiment.write(strategies=strategies, robustness={})
        assert causes(experiment)["look_ahead"] == OTHER, file
        with pytest.raises(EvidenceMissingError, match="look_ahead"):
            assert_evidence(step_of(experiment), Protocol.of(experiment.configuration).read())
        (package / file).write_text("# A comment is no change.\n" + before)
        experiment.write(strategies=strategies, robustness={})
        assert causes(experiment)["look_ahead"] is None
