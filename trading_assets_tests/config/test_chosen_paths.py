"""Which configuration and data folder are meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from trading_assets.config import CONFIG_VARIABLE, DATA_VARIABLE, shipped
from trading_assets.config.chosen_paths import chosen_paths
from trading_assets.config.remembered import remember


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder of its own, without the variables."""
    monkeypatch.chdir(tmp_path)
    for name in (CONFIG_VARIABLE, DATA_VARIABLE):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def test_the_shipped_demo_and_a_folder_beside_are_meant_where_nothing_is_said(folder: Path) -> None:
    assert chosen_paths() == (shipped("demo.yaml"), Path("data"), False)
    assert shipped("demo.yaml").read_text(encoding="utf-8").count("name: demo") == 1


def test_what_is_given_comes_before_the_environment_and_that_before_what_is_remembered(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remember(folder, folder / "remembered.yaml", folder / "remembered")
    assert chosen_paths() == (folder / "remembered.yaml", folder / "remembered", True)
    monkeypatch.setenv(DATA_VARIABLE, "of_environment")
    assert chosen_paths() == (folder / "remembered.yaml", Path("of_environment"), True)
    assert chosen_paths(Path("given.yaml"), Path("given")) == (Path("given.yaml"), Path("given"), False)
