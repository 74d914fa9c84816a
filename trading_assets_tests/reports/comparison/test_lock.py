"""The holdout of an archived run follows today's lock, and whoever looks is on record."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from trading_assets.backtests.tables import METRICS, RUN_ARCHIVE
from trading_assets.config import Configuration
from trading_assets.models.tables import SPLITS
from trading_assets.protocol import Protocol
from trading_assets.reports.comparison.lock import STAGE, may_be_shown
from trading_assets.reports.comparison.opened import open_run
from trading_assets.reports.comparison.subjects import list_runs
from trading_assets.robustness.tables import VERDICTS
from trading_assets.warehouse import Warehouse, Whole
from trading_assets_tests.reports.comparison.kept_runs import NOON, SPANS, begun, kept, look, rows_of, write_results


@pytest.fixture
def looked_at(tmp_path: Path) -> Configuration:
    """Run r1 was kept after a look at the holdout of `known`, whose Sharpe ratio is 2."""
    configuration = begun(tmp_path)
    write_results(Warehouse(configuration.warehouse_path), "known", holdout=2.0)
    look(configuration, "known")
    kept(configuration, "r1")
    return configuration


def splits_of(configuration: Configuration) -> list[str]:
    opened = open_run(Warehouse(configuration.warehouse_path), configuration, "r1", "known", NOON)
    assert opened is not None
    return opened.rows(METRICS)["split"].unique().sort().to_list()


def exposures(configuration: Configuration) -> list[dict[str, Any]]:
    records = Protocol.of(configuration).read()
    return [dict(each.payload) for each in records if each.kind == "exposure" and each.payload["stage"] == STAGE]


def test_a_holdout_that_is_open_is_shown_and_counts_as_seen_once(looked_at: Configuration) -> None:
    assert splits_of(looked_at) == ["development", "holdout"]
    assert splits_of(looked_at) == ["development", "holdout"]
    [seen] = exposures(looked_at)
    assert (seen["start"], seen["end"], seen["symbols"]) == ("2016-12-16", "2017-06-30", ["AAA"])


def test_a_holdout_that_was_closed_again_is_not(looked_at: Configuration) -> None:
    closed = looked_at.model_copy(update={"registration": {}})
    warehouse = Warehouse(closed.warehouse_path)
    assert splits_of(closed) == ["development"]
    opened = open_run(warehouse, closed, "r1", "known", NOON)
    assert opened is not None and opened.rows(VERDICTS).is_empty()
    assert opened.shown.why == "its holdout, 2016-12-16 to 2017-06-30, is closed"
    assert exposures(closed) == []


def test_a_holdout_that_was_registered_and_never_looked_at_is_not(tmp_path: Path) -> None:
    """Rows of a holdout without a look on record are no reason to show them: somebody may have put them there."""
    configuration = begun(tmp_path)
    write_results(Warehouse(configuration.warehouse_path), "known", holdout=2.0)
    kept(configuration, "r1")
    assert splits_of(configuration) == ["development"]
    assert exposures(configuration) == []


def test_a_holdout_that_nobody_looked_at_stays_closed_when_splits_have_none_any_more(tmp_path: Path) -> None:
    """Nothing is locked under the new splits; what was not opened under the old ones stays closed in their runs."""
    configuration = begun(tmp_path)
    warehouse = Warehouse(configuration.warehouse_path)
    write_results(warehouse, "known", holdout=2.0)
    kept(configuration, "r1")
    rows = [{"split": name, "start": SPANS[name].start, "end": SPANS[name].end} for name in ("train", "validation")]
    warehouse.replace(Whole(), {SPLITS: rows_of(SPLITS, *rows)})
    assert splits_of(configuration) == ["development"]
    look(configuration, "known")
    assert splits_of(configuration) == ["development", "holdout"]


def test_development_that_lies_in_what_is_locked_now_is_not_shown(looked_at: Configuration) -> None:
    """The holdout begins a month earlier now: the last month of validation of then is in it."""
    warehouse = Warehouse(looked_at.warehouse_path)
    earlier = dt.date(2016, 11, 16)
    spans = {**SPANS, "holdout": SPANS["holdout"].model_copy(update={"start": earlier})}
    rows = [{"split": name, "start": span.start, "end": span.end} for name, span in spans.items()]
    warehouse.replace(Whole(), {SPLITS: rows_of(SPLITS, *rows)})
    row = warehouse.read(RUN_ARCHIVE).filter(strategy="known").row(0, named=True)
    shown = may_be_shown(warehouse, looked_at, row)
    assert (shown.development, shown.holdout) == (False, False)
    assert "goes into what is the locked holdout now" in shown.why
    opened = open_run(warehouse, looked_at, "r1", "known", NOON)
    assert opened is not None and opened.rows(METRICS).is_empty()
    assert list_runs(looked_at)["sharpe"].to_list() == [None, None]


def test_an_archive_beside_a_protocol_that_lacks_the_look_is_closed(looked_at: Configuration, tmp_path: Path) -> None:
    other = looked_at.model_copy(update={"name": "copied"})
    row = Warehouse(looked_at.warehouse_path).read(RUN_ARCHIVE).filter(strategy="known").row(0, named=True)
    assert not may_be_shown(Warehouse(looked_at.warehouse_path), other, row).holdout
