"""The commands of a configuration take it as every other command does, and by its name alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from trading_assets.cli import app
from trading_assets.config import CONFIG_VARIABLE, DATA_VARIABLE, ConfigurationError
from trading_assets_tests.conftest import TINY

UNTOLD = {CONFIG_VARIABLE: "", DATA_VARIABLE: ""}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with one configuration of files, without the variables."""
    monkeypatch.chdir(tmp_path)
    for name in UNTOLD:
        monkeypatch.setenv(name, "")  # restored afterwards, also where a command sets it
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep/mine.yaml").write_bytes(TINY.read_bytes())
    (tmp_path / "deep/A.csv").write_text("Date,Open,High,Low,Close,Volume\n2024-01-02,1,2,1,2,100\n")
    return tmp_path


def output(*arguments: str) -> str:
    done = CliRunner(env=UNTOLD).invoke(app, ["config", *arguments])
    assert done.exit_code == 0, done.output
    return done.stdout


def fault(*arguments: str) -> str:
    done = CliRunner(env=UNTOLD).invoke(app, ["config", *arguments])
    assert isinstance(done.exception, ConfigurationError), done.output
    return str(done.exception)


@pytest.mark.parametrize("command", ["check", "show"])
def test_file_and_option_mean_the_same_and_two_files_are_an_error(folder: Path, command: str) -> None:
    (folder / "other.yaml").write_bytes(TINY.read_bytes())
    by_name = output(command, "deep/mine.yaml", "--data", "results")
    assert output(command, "--config", "deep/mine.yaml", "--data", "results") == by_name
    assert output(command, "deep/../deep/mine.yaml", "--config", str(folder / "deep/mine.yaml")).strip()
    said = fault(command, "deep/mine.yaml", "--config", "other.yaml")
    assert said.splitlines()[:3] == [
        "two configurations are named",
        "  FILE: deep/mine.yaml",
        "  --config: other.yaml",
    ]


def test_a_file_comes_before_the_environment(folder: Path) -> None:
    done = CliRunner(env={CONFIG_VARIABLE: "no.yaml"}).invoke(app, ["config", "show", "deep/mine.yaml"])
    assert yaml.safe_load(done.stdout)["name"] == "tiny"


def test_show_says_where_data_are(folder: Path) -> None:
    done = CliRunner(env=UNTOLD).invoke(app, ["config", "show"])
    assert done.stderr.splitlines()[0].startswith("the shipped demo, data data")


def test_init_writes_where_either_says(folder: Path) -> None:
    assert "run --config a.yaml --data d" in output("init", "--config", "a.yaml", "--data", "d")
    assert "run --config b.yaml" in output("init", "b.yaml")
    assert (folder / "a.yaml").read_bytes() == (folder / "b.yaml").read_bytes()
    assert "two configurations" in fault("init", "a.yaml", "--config", "c.yaml")
    assert not (folder / "c.yaml").exists()


def test_detect_looks_at_the_files_of_a_configuration(folder: Path) -> None:
    assert fault("detect", "--config", "deep/mine.yaml").startswith("the configuration tiny reads no files")
    values = yaml.safe_load(TINY.read_text())
    values["market_data"] = [{"source": "files", "path": "*.csv", "symbol_from": "filename", "asset_class": "equity"}]
    values |= {"strategies": {"mine": {"type": "factor"}}, "registration": {}, "benchmarks": {"equity": "A"}}
    values["universe"] = {"equity": "all"}
    (folder / "deep/files.yaml").write_text(yaml.safe_dump(values))
    assert output("detect", "--config", "deep/files.yaml", "--data", "d").startswith("A.csv")
    assert output("detect", "A.csv", "--config", "deep/files.yaml").startswith("A.csv")
    assert output("detect", "deep/A.csv", "--config", "deep/files.yaml").startswith("deep/A.csv")
    assert "no file matches 'A.csv'" in fault("detect", "A.csv")


def test_detect_says_where_keys_for_a_layout_of_ones_own_are_tried(folder: Path) -> None:
    (folder / "eigen.csv").write_text("Tag;Auf;Zu\n02.01.09;1,5;2,5\n")
    said = fault("detect", "eigen.csv")
    assert "no column for" in said and "then: ask `trading-assets config check`, which reads with your keys" in said
    assert "config check" not in fault("detect", "nothing.csv")


def test_diff_prints_both_values_with_their_places_and_exits_by_the_answer(folder: Path) -> None:
    (folder / "deep/over.yaml").write_text("extends: mine.yaml\nseed: 99\n")
    done = CliRunner(env=UNTOLD).invoke(app, ["config", "diff", "deep/mine.yaml", "deep/over.yaml"])
    assert done.exit_code == 1
    lines = done.stdout.splitlines()
    assert lines[0] == "seed"
    assert lines[1].endswith("(default)") or "deep/mine.yaml, line " in lines[1]
    assert lines[2:] == ["  + 99   (deep/over.yaml, line 2)", "1 key differs"]
    assert output("diff", "deep/mine.yaml", "deep/mine.yaml") == "no difference\n"
    alone = CliRunner(env=UNTOLD).invoke(app, ["config", "diff", "deep/over.yaml", "--config", "deep/mine.yaml"])
    assert (alone.exit_code, alone.stdout) == (1, done.stdout)


def test_migrate_renames_in_every_file_and_says_where(folder: Path) -> None:
    (folder / "deep/over.yaml").write_text("extends: mine.yaml\nquality: {releases: r.csv}  # kept\n")
    dry = CliRunner(env=UNTOLD).invoke(app, ["config", "migrate", "deep/over.yaml", "--dry-run"])
    assert dry.exit_code == 1
    assert "deep/over.yaml, line 2: quality.releases is overrides since 0.2.0" in dry.stdout
    assert "releases" in (folder / "deep/over.yaml").read_text()
    assert output("migrate", "deep/over.yaml") == dry.stdout
    assert (folder / "deep/over.yaml").read_text() == "extends: mine.yaml\nquality: {overrides: r.csv}  # kept\n"
    assert output("migrate", "deep/over.yaml") == "deep/over.yaml: nothing to rename\n"


def test_schema_is_json_and_init_writes_it_beside_the_configuration(folder: Path) -> None:
    output("init", "deep/new.yaml")
    beside = (folder / "deep/trading_assets.schema.json").read_text()
    assert json.loads(beside) == json.loads(output("schema"))
    assert (
        (folder / "deep/new.yaml").read_text().startswith("# yaml-language-server: $schema=trading_assets.schema.json")
    )


def test_a_schema_that_is_there_stays_and_is_told_of(folder: Path) -> None:
    output("init", "first.yaml")
    schema = folder / "trading_assets.schema.json"
    assert CliRunner(env=UNTOLD).invoke(app, ["config", "init", "second.yaml"]).stderr == ""
    schema.write_text("{}")
    done = CliRunner(env=UNTOLD).invoke(app, ["config", "init", "third.yaml"])
    assert (done.exit_code, schema.read_text()) == (0, "{}")
    assert "trading_assets.schema.json is there, and stays" in done.stderr
    assert "config schema" in done.stderr


def test_a_schema_that_cannot_be_written_is_no_failure_of_the_configuration(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trading_assets.config.schema.SCHEMA_FILE", "longer" * 50)
    done = CliRunner(env=UNTOLD).invoke(app, ["config", "init", "mine.yaml"])
    assert done.exit_code == 0, done.exception
    assert "wrote mine.yaml" in done.stdout
    assert (folder / "mine.yaml").exists()
    assert "which editors alone read (File name too long): `trading-assets config schema`" in done.stderr
