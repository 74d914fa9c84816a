"""Which rows are kept, and in which part."""

from __future__ import annotations

from pathlib import Path

import pytest

from trading_assets.backtests.archive.frames import FrameStore
from trading_assets.backtests.archive.kept import (
    LOCKED,
    OPEN,
    KeptRows,
    KeptTable,
    commits_of,
    keep,
    kept_of,
    kept_text,
    restored,
)
from trading_assets.backtests.tables import METRICS
from trading_assets.robustness.tables import HOLDOUT_RESULTS, VERDICTS
from trading_assets.warehouse import Rows, Warehouse
from trading_assets_tests.reports.comparison.kept_runs import rows_of

TABLES = (KeptTable(METRICS), KeptTable(VERDICTS, judges=True))


def metric(split: str, value: float) -> dict[str, object]:
    return {"strategy": "a", "split": split, "metric": "sharpe", "value": value}


def kept_now(warehouse: Warehouse, store: FrameStore, before: dict[str, KeptRows]) -> dict[str, KeptRows]:
    with store.held():
        names = [each.table.name for each in TABLES]
        return keep(warehouse, store, TABLES, "a", before, commits_of(warehouse, names))


def test_what_a_look_has_shown_is_a_part_of_its_own_and_so_is_the_verdict_on_it(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path / "warehouse.duckdb")
    store, own = FrameStore(warehouse.path), Rows("strategy", "a")
    verdict = rows_of(VERDICTS, {"strategy": "a", "kind": "result", "result": "reject"})
    warehouse.replace(own, {METRICS: rows_of(METRICS, metric("development", 1.0)), VERDICTS: verdict})
    before = kept_now(warehouse, store, {})
    assert {name: set(each.files) for name, each in before.items()} == {METRICS.name: {OPEN}, VERDICTS.name: {OPEN}}

    seen = rows_of(METRICS, metric("development", 1.0), metric("holdout", 2.0), metric("full", 1.5))
    warehouse.replace(own, {METRICS: seen, VERDICTS: verdict})
    after = kept_now(warehouse, store, before)
    assert set(after[METRICS.name].files) == {OPEN, LOCKED} and set(after[VERDICTS.name].files) == {LOCKED}
    assert after[METRICS.name].files[OPEN] == before[METRICS.name].files[OPEN]  # development is not stored twice
    shown = restored(store, after, METRICS, with_locked=False)
    assert shown["split"].to_list() == ["development"]
    assert restored(store, after, VERDICTS, with_locked=False).is_empty()
    assert restored(store, after, METRICS, with_locked=True)["value"].sort().to_list() == [1.0, 1.5, 2.0]


def test_a_table_that_nobody_has_written_to_is_not_read_again(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path / "warehouse.duckdb")
    store = FrameStore(warehouse.path)
    warehouse.replace(Rows("strategy", "a"), {METRICS: rows_of(METRICS, metric("development", 1.0))})
    number = commits_of(warehouse, [METRICS.name])[METRICS.name][("strategy", "a", "a")]
    known = {METRICS.name: KeptRows(number, {OPEN: "as it was"}, 1)}
    assert kept_now(warehouse, store, known)[METRICS.name] is known[METRICS.name]
    warehouse.replace(Rows("strategy", "a"), {METRICS: rows_of(METRICS, metric("development", 2.0))})
    assert kept_now(warehouse, store, known)[METRICS.name].commit > number


@pytest.mark.parametrize("kept", [{}, {"a.b": KeptRows(3, {OPEN: "x", LOCKED: "y"}, 7)}])
def test_the_text_of_what_is_kept_says_all_of_it(kept: dict[str, KeptRows]) -> None:
    assert kept_of(kept_text(kept)) == kept


def test_a_verdict_that_stands_longer_than_the_metrics_of_the_holdout_is_locked_by_itself(tmp_path: Path) -> None:
    """A strategy that was changed after its look has metrics of development alone, beside the numbers of the look."""
    warehouse, own = Warehouse(tmp_path / "warehouse.duckdb"), Rows("strategy", "a")
    numbers = {"strategy": "a", "kind": "rejection", "criterion": "sharpe", "value": 2.5}
    look = rows_of(HOLDOUT_RESULTS, {"strategy": "a", "registration_hash": "r", "look": 1})
    warehouse.replace(
        own,
        {
            METRICS: rows_of(METRICS, metric("development", 1.0)),
            VERDICTS: rows_of(VERDICTS, numbers),
            HOLDOUT_RESULTS: look,
        },
    )
    tables = (*TABLES, KeptTable(HOLDOUT_RESULTS, judges=True))
    store, commits = FrameStore(warehouse.path), commits_of(warehouse, [each.table.name for each in tables])
    with store.held(), warehouse.held_open() as held:
        found = keep(held, store, tables, "a", {}, commits)
    assert {name: set(each.files) for name, each in found.items()} == {
        METRICS.name: {OPEN}, VERDICTS.name: {LOCKED}, HOLDOUT_RESULTS.name: {LOCKED},
    }  # fmt: skip
