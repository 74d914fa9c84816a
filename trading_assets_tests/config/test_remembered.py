"""The file by which a folder remembers what is worked with in it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from trading_assets.cli import app
from trading_assets.config import CONFIG_VARIABLE, DATA_VARIABLE, ConfigurationError, load_configuration, shipped
from trading_assets.config.chosen_paths import chosen_paths
from trading_assets.config.remembered import FILE, read_remembered, remember
from trading_assets_tests.conftest import TINY


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder of its own, without the variables."""
    monkeypatch.chdir(tmp_path)
    for name in (CONFIG_VARIABLE, DATA_VARIABLE):
        monkeypatch.setenv(name, "")  # restored afterwards, also where a command sets it
    return tmp_path


def test_nothing_is_remembered_at_first(folder: Path) -> None:
    assert read_remembered(folder) is None
    assert chosen_paths() == (shipped("demo.yaml"), Path("data"), False)


def test_what_was_told_once_is_found_again(folder: Path) -> None:
    (folder / "mine.yaml").write_bytes(TINY.read_bytes())
    assert remember(folder, folder / "mine.yaml", folder / "results")
    assert not remember(folder, folder / "mine.yaml", folder / "results")
    assert (folder / FILE).read_text().splitlines()[1:] == ["config: mine.yaml", "data: results"]
    configuration = load_configuration()
    assert (configuration.name, configuration.data) == ("tiny", folder / "results")


@pytest.mark.parametrize("text", ["config\n", "config: \n", "seed: 7\n", "data: x\n- y\n"])
def test_what_is_not_understood_is_named_with_its_line(folder: Path, text: str) -> None:
    (folder / FILE).write_text(text)
    with pytest.raises(ConfigurationError, match=rf"{FILE}, line {len(text.splitlines())}"):
        read_remembered(folder)


def test_bytes_that_are_no_text_are_an_error(folder: Path) -> None:
    (folder / FILE).write_bytes(b"config: \xff\xfe")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        chosen_paths()


def test_a_run_that_is_told_writes_it_and_the_next_command_says_so(folder: Path) -> None:
    """The run itself stops at a month that does not exist."""
    (folder / "mine.yaml").write_bytes(TINY.read_bytes())
    told = CliRunner().invoke(app, ["run", "--config", "mine.yaml", "--data", "results", "--from", "1900-01"])
    assert isinstance(told.exception, ConfigurationError)
    assert FILE in told.stderr and (folder / FILE).exists()
    shown = CliRunner(env={CONFIG_VARIABLE: "", DATA_VARIABLE: ""}).invoke(app, ["config", "show"])
    assert shown.stderr.startswith(f"{FILE}: configuration {folder / 'mine.yaml'}, data {folder / 'results'}")
    assert "name: tiny" in shown.stdout


def test_a_run_that_is_told_of_other_data_keeps_the_configuration(folder: Path) -> None:
    (folder / "mine.yaml").write_bytes(TINY.read_bytes())
    remember(folder, folder / "mine.yaml", folder / "results")
    CliRunner().invoke(app, ["run", "--data", "others", "--from", "1900-01"])
    assert (folder / FILE).read_text().splitlines()[1:] == ["config: mine.yaml", "data: others"]


def test_a_run_that_is_told_of_the_demo_leaves_what_was_remembered(folder: Path) -> None:
    """Its step processes find the demo, too: a configuration that is told comes before one that is remembered."""
    (folder / "mine.yaml").write_bytes(TINY.read_bytes())
    remember(folder, folder / "mine.yaml", folder / "results")
    CliRunner().invoke(app, ["run", "--config", str(shipped("demo.yaml")), "--from", "1900-01"])
    assert os.environ[CONFIG_VARIABLE] == str(shipped("demo.yaml"))
    assert (folder / FILE).read_text().splitlines()[1:] == ["data: results"]
