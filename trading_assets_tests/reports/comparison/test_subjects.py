"""What a person names: runs, configurations, strategies; and the list of runs."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from trading_assets.config import Configuration, ConfigurationError
from trading_assets.reports.comparison.subjects import compare_subjects, find_subject, list_runs
from trading_assets.warehouse import Warehouse
from trading_assets_tests.reports.comparison.kept_runs import NOON, begun, kept, write_results
from trading_assets_tests.robustness.pipeline import SETTINGS, Experiment

HOUR = dt.timedelta(hours=1)
STOPS = {**SETTINGS["strategies"], "unknown": {"type": "equity_momentum", "stop_atr": 3.0}}


@pytest.fixture(scope="module")
def two_runs(tmp_path_factory: pytest.TempPathFactory) -> Configuration:
    """Run a1 under one stop, b2 under another, with a better curve of `unknown`."""
    folder = tmp_path_factory.mktemp("runs")
    configuration = begun(folder)
    kept(configuration, "aaaaaaaa-1")
    changed = Experiment(folder).write(strategies=STOPS)
    write_results(Warehouse(changed.warehouse_path), "unknown", shift=0.0003)
    kept(changed, "bbbbbbbb-2", NOON + HOUR)
    return changed


def test_two_runs_are_compared_strategy_by_strategy(two_runs: Configuration) -> None:
    subjects = [find_subject(two_runs, name) for name in ("previous", "latest")]
    assert [each.label for each in subjects] == ["aaaaaaaa", "bbbbbbbb"]
    found, remarks = compare_subjects(subjects, [], NOON)
    closed = "its holdout, 2016-12-16 to 2017-06-30, is closed."
    assert remarks == [f"known: {closed}", f"unknown: {closed}"]
    known, unknown = found
    assert known.metrics["difference"].to_list() == [0.0] * 3 and known.chance["development"].sharpe.value == 0.0
    [key] = unknown.configuration
    assert (key.key, key.left.value, key.right.value) == ("strategies.unknown.stop_atr", "2.0", "3.0")
    assert unknown.chance["development"].sharpe.tells is True and unknown.chance["development"].sessions == 120
    assert unknown.trades["only_in"].to_list() == ["aaaaaaaa", "bbbbbbbb"] and known.common_trades == 1
    assert unknown.decision is None and unknown.data.is_empty() and unknown.code.is_empty()


def test_two_strategies_of_the_latest_run(two_runs: Configuration) -> None:
    subjects = [find_subject(two_runs, name) for name in ("known", "unknown")]
    [found], _ = compare_subjects(subjects, [], NOON)
    assert found.labels == ("known", "unknown")
    keys = {each.key: (each.left.value, each.right.value) for each in found.configuration}
    assert keys["strategies.*.trend_slope"][0] == "-1.0" and keys["strategies.*.stop_atr"] == ("2.5", "3.0")


def test_a_strategy_of_two_runs_and_a_configuration_by_hash_and_file(two_runs: Configuration, tmp_path: Path) -> None:
    one, two = (find_subject(two_runs, name) for name in ("aaaa:unknown", "latest:unknown"))
    [found], _ = compare_subjects([one, two], [], NOON)
    assert found.metrics.filter(metric="sharpe")["difference"].to_list() == [pytest.approx(0.0003)]
    assert find_subject(two_runs, two_runs.hash).run_id == "bbbbbbbb-2"
    file = two_runs.directory / "config.yaml"
    assert find_subject(two_runs, str(file)).run_id == "bbbbbbbb-2"
    other = tmp_path / "other.yaml"
    other.write_text(file.read_text().replace("seed: 5", "seed: 6"))
    with pytest.raises(ConfigurationError, match="no run of this configuration has been kept"):
        find_subject(two_runs, str(other))


@pytest.mark.parametrize(
    ("name", "said"),
    [("latest:none", "has no strategy 'none'"), ("zz", "no kept run 'zz'"), ("2020-01-01", "no run was")],
)
def test_what_is_not_there_is_refused(two_runs: Configuration, name: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        find_subject(two_runs, name)


def test_strategies_that_only_one_run_has_are_told(two_runs: Configuration) -> None:
    subjects = [find_subject(two_runs, name) for name in ("previous", "latest")]
    [only], _ = compare_subjects(subjects, ["known"], NOON)
    assert only.first.row["strategy"] == "known"
    with pytest.raises(ConfigurationError, match="no strategy to compare"):
        compare_subjects(subjects, ["other"], NOON)


def test_the_list_says_what_changed_since_the_run_before(two_runs: Configuration) -> None:
    found = list_runs(two_runs)
    assert found.select("run", "strategy", "changed").rows() == [
        ("bbbbbbbb-2", "known", "nothing"),
        ("bbbbbbbb-2", "unknown", "configuration, results"),
        ("aaaaaaaa-1", "known", "first"),
        ("aaaaaaaa-1", "unknown", "first"),
    ]
    assert list_runs(two_runs, strategy="known", since=dt.date(2026, 11, 4)).is_empty()
