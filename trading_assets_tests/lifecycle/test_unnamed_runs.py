"""Runs of the registry that no version names go, with rows and files; the others stay, and can be read."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from trading_assets.config import Configuration
from trading_assets.lifecycle.unnamed_runs import unnamed_runs
from trading_assets.models.registry import database_of
from trading_assets_tests.backups.worlds import World
from trading_assets_tests.lifecycle.homes import DAY, NOW

_TABLES = """
    CREATE TABLE runs (run_uuid TEXT PRIMARY KEY, start_time BIGINT);
    CREATE TABLE params (key TEXT, run_uuid TEXT);
    CREATE TABLE model_versions (name TEXT, version INTEGER, run_id TEXT);
"""


@pytest.fixture
def configuration(tmp_path: Path) -> Configuration:
    """Tables by the names and columns of mlflow's: an old run with a version, an old one without, a young one."""
    found = World(tmp_path).configuration
    found.home.mkdir(parents=True)
    with closing(sqlite3.connect(database_of(found.home))) as connection, connection:
        connection.executescript(_TABLES)
        for name, days in (("named", 90), ("left", 90), ("young", 3)):
            connection.execute("INSERT INTO runs VALUES (?, ?)", [name, int((NOW - days * DAY) * 1000)])
            connection.execute("INSERT INTO params VALUES ('trees', ?)", [name])
            folder = found.home / "artifacts" / name / "artifacts"
            folder.mkdir(parents=True)
            (folder / "model.ubj").write_bytes(b"12345")
        connection.execute("INSERT INTO model_versions VALUES ('m', 1, 'named')")
    return found


def rows(configuration: Configuration, table: str) -> list[str]:
    with closing(sqlite3.connect(database_of(configuration.home))) as connection:
        return [
            name for (name,) in connection.execute(f"SELECT run_uuid FROM {table} ORDER BY ALL".replace("ALL", "1"))
        ]


def test_an_old_run_without_a_version_goes_with_its_rows_and_files(configuration: Configuration) -> None:
    (found,) = unnamed_runs(configuration, NOW)
    assert (found.what, found.age_days, found.size) == ("run left of the registry", 90, 5)
    assert found.act() == "removed"
    assert rows(configuration, "runs") == rows(configuration, "params") == ["named", "young"]
    assert sorted(path.name for path in (configuration.home / "artifacts").iterdir()) == ["named", "young"]
    assert list(unnamed_runs(configuration, NOW)) == []


def test_a_run_that_a_version_names_meanwhile_stays(configuration: Configuration) -> None:
    (found,) = unnamed_runs(configuration, NOW)
    with closing(sqlite3.connect(database_of(configuration.home))) as connection, connection:
        connection.execute("INSERT INTO model_versions VALUES ('m', 2, 'left')")
    assert found.act() == "kept: a version names it"
    assert "left" in rows(configuration, "runs")


def test_without_a_registry_there_is_none(tmp_path: Path) -> None:
    assert list(unnamed_runs(World(tmp_path).configuration, NOW)) == []


@pytest.mark.slow
def test_the_tables_are_those_of_mlflow(tmp_path: Path) -> None:
    """A version is pruned, which leaves its run; the champion can be read after that has gone."""
    from trading_assets.models.registry import register
    from trading_assets.models.registry_files import prune_versions, verify_artifacts
    from trading_assets_tests.models.test_registry import candidate

    found = World(tmp_path).configuration
    for number in range(3):
        register(found.home, candidate("m", f"v{number}", 0.60 if number == 0 else 0.70))
    later = NOW + 100_000 * DAY
    assert list(unnamed_runs(found, later)) == []
    assert prune_versions(found.home, {}, 1, dry_run=False).height == 1
    (left,) = unnamed_runs(found, later)
    left.act()
    assert list(unnamed_runs(found, later)) == []
    assert verify_artifacts(found.home)["state"].unique().to_list() == ["as registered"]
    assert register(found.home, candidate("m", "v3", 0.59)).number == 4
