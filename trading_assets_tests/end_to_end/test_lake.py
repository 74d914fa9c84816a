"""A run whose wide tables are in files leaves what a run inside of the database leaves, and either takes over."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from trading_assets_tests.conftest import TINY, Experiment
from trading_assets_tests.end_to_end.experiments import CIRCUMSTANCES, LEDGERS, changed, fingerprint, run
from trading_assets_tests.warehouse.lake.lake_fixtures import files_of, live_files

IN_FILES = {"market_data.raw_bars", "market_data.bars", "features.daily", "features.indicators"}


def _kinds(experiment: Experiment) -> dict[str, str]:
    """Whether each name is a table or a view."""
    query = "SELECT table_schema || '.' || table_name, table_type FROM information_schema.tables"
    return dict(experiment.warehouse.query(f"{query} WHERE table_schema NOT IN ('meta', 'main')").rows())


#: Tables that a run adds to that computes nothing.
OF_EVERY_RUN = {"monitoring.run_metrics", "backtests.run_archive", "backtests.run_configurations"}


def _contents(experiment: Experiment, *, of_one_run: bool) -> dict[str, str]:
    """Hash of the rows of all tables and views; of another run without its ledgers and circumstances.

    What steps took is noted by a run that computes nothing, too, and what it was configured with.
    """
    found = {}
    for name in sorted(_kinds(experiment)):
        rows = experiment.warehouse.query(f"FROM {name} ORDER BY ALL")
        if name not in (OF_EVERY_RUN if of_one_run else LEDGERS):
            found[name] = fingerprint(rows if of_one_run else rows.drop(CIRCUMSTANCES & set(rows.columns)))
    return found


def _in_files(experiment: Experiment) -> set[str]:
    return {".".join(path.parts[:2]) for path in files_of(experiment.warehouse)}


@pytest.mark.slow
def test_a_run_with_a_lake_leaves_the_same_tables_and_one_without_takes_over(tiny: Experiment, tmp_path: Path) -> None:
    lake = run(changed(tmp_path, warehouse={"lake": True}), tmp_path / "data")
    assert _in_files(lake) == IN_FILES
    assert {path.name for path in files_of(lake.warehouse)} == live_files(lake.warehouse).keys()
    before = _contents(lake, of_one_run=True)
    assert _contents(lake, of_one_run=False) == _contents(tiny, of_one_run=False)
    assert {name for name, kind in _kinds(lake).items() if _kinds(tiny)[name] != kind} == IN_FILES
    # In the same folder: what a configuration stands beside is a part of what its steps follow from.
    plain = run(Path(shutil.copy(TINY, tmp_path / "plain.yaml")), tmp_path / "data")
    assert _kinds(plain) == _kinds(tiny)
    assert _contents(plain, of_one_run=True) == before, "nothing was computed again"
    assert not (plain.warehouse.path.parent / "lake").exists()


@pytest.mark.slow
def test_a_warehouse_without_a_lake_is_carried_over_and_back(tiny: Experiment, tmp_path: Path) -> None:
    shutil.copytree(tiny.data, tmp_path / "data")
    config = changed(tmp_path, warehouse={"lake": True})
    lake = run(config, tmp_path / "data")
    assert _in_files(lake) == IN_FILES
    assert _contents(lake, of_one_run=False) == _contents(tiny, of_one_run=False)
    times = {path: (lake.warehouse.path.parent / "lake" / path).stat().st_mtime_ns for path in files_of(lake.warehouse)}
    again = run(config, tmp_path / "data", "--recompute")
    assert _contents(again, of_one_run=False) == _contents(tiny, of_one_run=False)
    for path, time in times.items():
        assert (again.warehouse.path.parent / "lake" / path).stat().st_mtime_ns == time, "the same rows, the same file"
