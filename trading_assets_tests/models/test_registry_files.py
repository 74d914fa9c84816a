"""Artifacts of the registry are held to their hashes, and versions go that nobody needs any more."""

from __future__ import annotations

import shutil
from pathlib import Path

import polars as pl
import pytest

from trading_assets.models.promotion import CHALLENGER, CHAMPION
from trading_assets.models.registry import ARTIFACT_HASH, RegistryError, register
from trading_assets.models.registry_files import (
    AS_REGISTERED,
    EDITED,
    GONE,
    NO_HASH,
    prune_versions,
    verify_artifacts,
    versions_in_use,
)
from trading_assets.models.tables import OUTCOMES, PREDICTIONS
from trading_assets.warehouse import Warehouse, Whole
from trading_assets_tests.models.panels import trained
from trading_assets_tests.models.test_registry import candidate


def states(home: Path) -> dict[str, str]:
    return dict(verify_artifacts(home).select("version", "state").iter_rows())


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A champion, and six challengers after it, the last of which has the alias."""
    for number in range(7):
        register(tmp_path, candidate("m", f"v{number}", 0.60 if number == 0 else 0.70))
    return tmp_path


@pytest.mark.slow
def test_artifacts_are_compared_with_their_hashes(home: Path) -> None:
    from mlflow import MlflowClient

    found = verify_artifacts(home)
    assert found["state"].unique().to_list() == [AS_REGISTERED]
    assert dict(found.filter(pl.col("aliases") != "").select("version", "aliases").iter_rows()) == {
        "v0": CHAMPION,
        "v6": CHALLENGER,
    }
    files = dict(found.select("version", "file").iter_rows())
    Path(files["v1"]).write_bytes(b"treez")
    Path(files["v2"]).unlink()
    client = MlflowClient(f"sqlite:///{home}/tracking.db", f"sqlite:///{home}/tracking.db")
    client.delete_model_version_tag("m", "4", ARTIFACT_HASH)
    others = dict.fromkeys(("v0", "v4", "v5", "v6"), AS_REGISTERED)
    assert states(home) == {**others, "v1": EDITED, "v2": GONE, "v3": NO_HASH}


@pytest.mark.slow
def test_what_is_champion_challenger_in_use_or_new_stays(home: Path) -> None:
    in_use = {"best": {"v2"}}
    would = prune_versions(home, in_use, 2, dry_run=True)
    assert would["version"].to_list() == ["v1", "v3", "v4"]
    assert len(states(home)) == 7
    assert prune_versions(home, in_use, 2, dry_run=False)["version"].to_list() == ["v1", "v3", "v4"]
    assert states(home) == dict.fromkeys(("v0", "v2", "v5", "v6"), AS_REGISTERED)
    assert not any(Path(each).exists() for each in would["file"])
    assert prune_versions(home, in_use, 2, dry_run=False).is_empty()
    # The champion has kept what it is judged by.
    assert register(home, candidate("m", "v9", 0.80)).decided.decision == CHALLENGER


def test_a_folder_without_a_registry_has_no_versions_and_gets_no_file(tmp_path: Path) -> None:
    assert verify_artifacts(tmp_path).is_empty()
    assert prune_versions(tmp_path, {}, 1, dry_run=False).is_empty()
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_registry_is_one_block_at_once(tmp_path: Path) -> None:
    (tmp_path / "tracking.db").write_bytes(b"\x00" * 5000)
    with pytest.raises(RegistryError, match=r"the model registry cannot be read(?s:.*)what to do: restore"):
        verify_artifacts(tmp_path)


def test_versions_in_use_are_those_of_rows(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path / "warehouse.duckdb")
    assert versions_in_use(warehouse) == {}
    tables = trained().tables
    warehouse.replace(Whole(), {PREDICTIONS: tables[PREDICTIONS], OUTCOMES: tables[OUTCOMES]})
    assert versions_in_use(warehouse) == {"model": {trained().version}}


@pytest.mark.slow
def test_a_copied_folder_has_files_of_its_own(home: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """What is pruned in the copy stays in the original, and each is compared with its own files."""
    copy = tmp_path_factory.mktemp("copy") / "home"
    shutil.copytree(home, copy)
    assert prune_versions(copy, {}, 1, dry_run=False).height == 5
    assert set(states(home).values()) == {AS_REGISTERED} and len(states(home)) == 7
    assert set(states(copy)) == {"v0", "v6"}
    files = dict(verify_artifacts(copy).select("version", "file").iter_rows())
    assert all(Path(file).is_relative_to(copy) for file in files.values())
    Path(files["v6"]).write_bytes(b"treez")
    assert (states(copy)["v6"], states(home)["v6"]) == (EDITED, AS_REGISTERED)
