"""The UI finds configuration, data folder and assets without a checkout."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from trading_assets.cli import app
from trading_assets.cli_ui import FILE, WORKSPACE, lacks, prepare_home, ui_command
from trading_assets.config import CONFIG_VARIABLE, DATA_VARIABLE, load_configuration
from trading_assets_tests.conftest import REPOSITORY, TINY


def test_a_home_is_made_as_a_run_makes_it_and_says_where_the_assets_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "workspace.yaml").write_text("load_from: [{python_module: of_the_user}]\n")
    workspace = prepare_home(load_configuration(TINY, tmp_path / "data"))
    assert (workspace.parent, workspace.read_text()) == (tmp_path / "home", WORKSPACE)
    assert "of_the_user" in (tmp_path / "home" / "workspace.yaml").read_text()  # other projects share the home
    assert yaml.safe_load((tmp_path / "home" / "dagster.yaml").read_text())["nux"] == {"enabled": False}
    assert lacks(tmp_path / "home") == []
    assert any((tmp_path / "home" / "history").iterdir())  # the databases are there before two processes start


def test_a_home_that_somebody_edited_is_left_and_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    home = prepare_home(load_configuration(TINY, tmp_path / "data")).parent
    assert (home / "dagster.yaml").read_text() == "telemetry: {enabled: false}\n"
    first, *rest = lacks(home)
    assert "dagster.yaml was edited, and is left as it is" in first
    assert "  run_monitoring.enabled: a run that does not start, or takes longer than its job may, is not ended" in rest


def test_a_checkout_says_the_same_to_plain_dagster() -> None:
    assert (REPOSITORY / "workspace.yaml").read_text() == WORKSPACE
    assert "dagster dev" not in (REPOSITORY / "Makefile").read_text()  # `make ui` is the command


@pytest.mark.parametrize(("port", "said"), [(None, "--host 127.0.0.1"), (3456, "--host 127.0.0.1 --port 3456")])
def test_a_port_is_asked_for_only_where_it_was_named(tmp_path: Path, port: int | None, said: str) -> None:
    command = " ".join(ui_command(tmp_path / "workspace.yaml", "127.0.0.1", port))
    assert command.endswith(f" -m dagster dev --workspace {tmp_path}/workspace.yaml {said}")


def test_services_find_a_home_that_a_command_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in (("DAGSTER_HOME", "home"), (CONFIG_VARIABLE, ""), (DATA_VARIABLE, "")):
        monkeypatch.setenv(name, str(tmp_path / value) if value else "")
    done = CliRunner().invoke(app, ["ui", "--prepare", "--config", str(TINY), "--data", str(tmp_path / "data")])
    assert done.exit_code == 0, done.output
    assert done.stdout.strip().endswith(str(tmp_path / "home" / FILE))
    assert (tmp_path / "home" / FILE).read_text() == WORKSPACE
    assert "It lacks" not in done.stderr
    (tmp_path / "home" / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    done = CliRunner().invoke(app, ["ui", "--prepare", "--config", str(TINY), "--data", str(tmp_path / "data")])
    assert "It lacks\n  run_monitoring.enabled: " in done.stderr  # services start without this command
