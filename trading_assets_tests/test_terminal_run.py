"""What a run is asked for: months of the range, a stage or a strategy."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest
from dagster._core.storage.tags import ASSET_PARTITION_RANGE_END_TAG as END
from dagster._core.storage.tags import ASSET_PARTITION_RANGE_START_TAG as START

from trading_assets.config import load_configuration
from trading_assets.definitions import build_definitions
from trading_assets.terminal_run import UsageError, made_stale, partition_range
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
    assert own == sums | {"robustness/reality_check", "reports/ml", "reports/expectations", "reports/index"}
    (configuration.home / "reports").mkdir(parents=True)
    (configuration.home / "reports" / "factor.html").touch()
    assert brought("backtests/ml") == own | {"reports/factor"}
    assert {"reports/factor", "reports/index"} <= brought("market_data/bars")
    assert brought("reports/index") == set()


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
