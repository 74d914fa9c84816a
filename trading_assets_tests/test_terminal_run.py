"""What a run is asked for: months of the range, a stage or a strategy."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.asset_checks.asset_check_evaluation import AssetCheckEvaluation
from dagster._core.execution.plan.objects import StepFailureData
from dagster._core.storage.tags import ASSET_PARTITION_RANGE_END_TAG as END
from dagster._core.storage.tags import ASSET_PARTITION_RANGE_START_TAG as START
from dagster_shared.error import SerializableErrorInfo

from trading_assets.config import load_configuration
from trading_assets.definitions import build_definitions
from trading_assets.protocol import Protocol
from trading_assets.terminal_run import (
    UsageError,
    behind_sheets,
    is_interrupted,
    made_stale,
    partition_range,
    problems,
    said_by,
    told_by_an_earlier_run,
)
from trading_assets_tests.conftest import TINY


def test_a_part_brings_the_pages_and_sums_that_follow_from_it(tmp_path: Path) -> None:
    configuration = load_configuration(TINY, tmp_path)
    graph = build_definitions(configuration).resolve_asset_graph()

    def brought(*keys: str) -> set[str]:
        found = made_stale(configuration, graph, {dg.AssetKey(key.split("/")) for key in keys})
        return {key.to_user_string() for key in found}

    of_bars = brought("market_data/bars")
    assert "market_data/quality_summary" in of_bars
    assert not any(key.startswith(("reports", "robustness", "strategies")) for key in of_bars)  # there is no page yet
    sums = {"backtests/exit_reasons", "backtests/monthly_returns", "backtests/trade_audit"}
    own = brought("backtests/ml")
    of_reports = {"reports/ml", "reports/expectations", "reports/index", "reports/archive/run"}
    assert own == sums | of_reports | {"robustness/reality_check"}
    (configuration.home / "reports").mkdir(parents=True)
    (configuration.home / "reports" / "factor.html").touch()
    assert brought("backtests/ml") == own | {"reports/factor"}
    assert {"reports/factor", "reports/index"} <= brought("market_data/bars")
    assert brought("reports/index") == set()


def test_order_sheets_bring_what_a_new_session_changes_and_neither_verdict_nor_page(tmp_path: Path) -> None:
    configuration = load_configuration(TINY, tmp_path)

    def behind(select: str) -> set[str]:
        graph = build_definitions(configuration).resolve_asset_graph()
        found = behind_sheets(graph, graph.materializable_asset_keys, select)
        return {key.to_user_string() for key in found}

    with pytest.raises(UsageError, match="an open account"):
        behind("trading/orders")
    said = {
        "session": "2017-07-03",
        "capital": 1e5,
        "verdict": "reject",
        "plan_hash": "0",
        "by": "ops",
        "mode": "paper",
    }
    opening = {"action": "open", "account": "factor-1", "broker": "simulated", "universe": {}, **said}
    Protocol.of(configuration).append("account", "factor", opening, now=dt.datetime(2017, 7, 1))
    found = behind("trading/orders")
    own = {f"trading/{name}/factor" for name in ("account", "fills", "orders")}
    assert own | {"market_data/raw_bars", "market_data/bars", "features/daily", "models/splits"} <= found
    assert {key.split("/")[0] for key in found} <= {"market_data", "features", "models", "trading"}
    assert behind("trading/orders/factor") == found
    with pytest.raises(UsageError):
        behind("trading/orders/fact")


def test_months_are_the_first_of_each_or_the_ends_of_the_range(tmp_path: Path) -> None:
    configuration = load_configuration(TINY, tmp_path)
    assert partition_range(configuration, None, None) == {START: "2015-01-01", END: "2017-12-01"}
    assert partition_range(configuration, "2016-03", "2016-03") == {START: "2016-03-01", END: "2016-03-01"}


@pytest.mark.parametrize(
    ("first", "last", "message"),
    [
        ("2010-01", None, "no month '2010-01'\\n  expected: YYYY-MM from 2015-01 to 2017-12"),
        (None, "2016-13", "no month '2016-13'"),
        ("2016-5", None, "no month '2016-5'"),
        ("2016-05", "2016-04", "--from 2016-05 is after --to 2016-04"),
    ],
)
def test_months_that_are_none_are_named(tmp_path: Path, first: str | None, last: str | None, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        partition_range(load_configuration(TINY, tmp_path), first, last)


def error_of(name: str, message: str, cause: SerializableErrorInfo | None = None) -> SerializableErrorInfo:
    return SerializableErrorInfo(f"{name}: {message}\n", [], name.rpartition(".")[2], cause)


def test_a_failed_step_says_what_an_error_of_ours_says_and_not_what_that_was_raised_from() -> None:
    of_the_disk = error_of("_duckdb.IOException", 'Could not write file "/d/w": No space left on device')
    ours = error_of("trading_assets.warehouse.errors.WarehouseError", "cannot write\n  file: /d/w", of_the_disk)
    assert (
        said_by([error_of("dagster._core.errors.X", "Error occurred"), ours, of_the_disk])
        == "cannot write\n  file: /d/w"
    )
    assert str(said_by([of_the_disk])).splitlines()[:2] == ["the disk is full", "  where: /d/w"]
    assert said_by([error_of("X", "outer"), error_of("KeyError", "'a'")]) == "KeyError: 'a'"
    assert said_by([]) is None


def test_a_run_that_another_strategy_s_earlier_failure_ends_says_so() -> None:
    """The index is of all strategies: it fails where one has failed, whoever ran."""
    check = AssetCheckEvaluation(
        asset_key=dg.AssetKey(["reports", "index"]),
        check_name="every_strategy_completed",
        passed=False,
        metadata={"error": dg.MetadataValue.text("peek: it looks ahead")},
        blocking=True,
    )
    event = dg.DagsterEvent("ASSET_CHECK_EVALUATION", "everything", event_specific_data=check)
    assert list(problems(event)) == []
    assert list(told_by_an_earlier_run(event)) == ["in an earlier run, peek: it looks ahead"]


def test_a_step_that_ctrl_c_ended_is_no_failure_of_the_step() -> None:
    def failed(error: SerializableErrorInfo) -> dg.DagsterEvent:
        return dg.DagsterEvent("STEP_FAILURE", "everything", event_specific_data=StepFailureData(error, None))  # type: ignore[no-untyped-call]

    interrupt = error_of("dagster._core.errors.DagsterExecutionInterruptedError", "")
    assert is_interrupted(failed(error_of("X", "outer", interrupt)))
    assert not is_interrupted(failed(error_of("X", "outer")))
