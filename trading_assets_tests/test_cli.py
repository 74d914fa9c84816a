"""Bad input: one clear block, the exit code of the contract, the warehouse untouched."""

from __future__ import annotations

import io
from pathlib import Path

import polars as pl
import pytest
from rich.console import Console
from typer.testing import CliRunner

from trading_assets.cli import app
from trading_assets.cli_output import print_frame
from trading_assets.config import CONFIG_VARIABLE, DATA_VARIABLE, ConfigurationError
from trading_assets.project import Project
from trading_assets_tests.conftest import TINY, called, command_line
from trading_assets_tests.end_to_end.experiments import changed
from trading_assets_tests.end_to_end.readme import readme_strategies


def test_bad_config_exits_2_and_touches_nothing(tmp_path: Path) -> None:
    done = command_line(changed(tmp_path, sed=1), tmp_path / "data", "run")
    assert done.returncode == 2
    assert "unknown key 'sed'" in done.stderr and "did you mean 'seed'?" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "data").exists()


def test_config_check_tells_usable_from_unusable(tmp_path: Path) -> None:
    assert called(TINY, tmp_path, "config", "check", str(TINY)).returncode == 0
    assert called(TINY, tmp_path, "config", "check", str(changed(tmp_path, seed="x"))).returncode == 2


def test_config_init_writes_a_valid_template_once(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    assert called(TINY, tmp_path, "config", "init", str(path)).returncode == 0
    assert called(TINY, tmp_path, "config", "check", str(path)).returncode == 0
    again = called(TINY, tmp_path, "config", "init", str(path))
    assert again.returncode == 2 and "exists" in again.stderr


def test_config_show_prints_what_config_check_accepts(tmp_path: Path) -> None:
    shown = called(TINY, tmp_path, "config", "show")
    path = tmp_path / "shown.yaml"
    path.write_text(shown.stdout)
    assert called(TINY, tmp_path, "config", "check", str(path)).returncode == 0


@pytest.mark.slow
def test_benchmark_missing(tmp_path: Path) -> None:
    done = command_line(
        changed(tmp_path, benchmarks={"equity": "NOSUCH"}), tmp_path / "data", "run", "--select", "market_data"
    )
    assert done.returncode == 1
    assert "NOSUCH" in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "data" / "tiny" / "warehouse.duckdb").exists()


def test_unknown_selection_and_month(tmp_path: Path) -> None:
    for arguments, expected in (
        (("--select", "feature"), "a stage"),
        (("--from", "2010-01"), "from 2015-01 to 2017-12"),
        (("--from", "2016-13"), "YYYY-MM"),
        (("--from", "2016-05", "--to", "2016-04"), "after"),
    ):
        done = called(TINY, tmp_path / "data", "run", *arguments)
        assert done.returncode == 2, done.stdout + done.stderr
        assert expected in done.stderr
    assert not (tmp_path / "data" / "tiny").exists()


def test_a_run_checks_its_inputs_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(CONFIG_VARIABLE, str(TINY))
    monkeypatch.setenv(DATA_VARIABLE, str(tmp_path / "data"))
    checked = []

    def counted(project: Project) -> None:
        checked.append(project.file)
        check_inputs(project)

    check_inputs = Project.check_inputs
    monkeypatch.setattr(Project, "check_inputs", counted)
    done = CliRunner().invoke(app, ["run", "--select", "nothing"])
    assert isinstance(done.exception, ConfigurationError) and "nothing" in str(done.exception)
    assert checked == [TINY]


def test_a_query_of_a_table_that_is_not_there(tmp_path: Path) -> None:
    done = called(TINY, tmp_path / "data", "sql", "SELECT * FROM market_data.bars")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("columns", "as_records"), [(3, False), (30, True)])
def test_rows_with_more_columns_than_fit_are_printed_one_below_the_other(columns: int, as_records: bool) -> None:
    frame = pl.DataFrame({f"name_{number}": [1234.5, None] for number in range(columns)} | {"hash": ["0" * 64, "x"]})
    written = io.StringIO()
    print_frame(frame, Console(width=80, file=written))
    shown = written.getvalue()
    assert ("row 2" in shown) is as_records
    assert shown.count("1234.5") == columns
    assert shown.count("0" * 64) == as_records


FAILING = '''
"""A strategy whose code raises."""
import polars as pl
from trading_assets.config.strategies import OrderParameters
from trading_assets.strategies.rules import Rules

class Parameters(OrderParameters):
    stop_atr: float = 2.0
    capacity: float = 0.01

GRID = {}

def rules(parameters):
    raise RuntimeError("no rules today")
'''


@pytest.mark.slow
def test_a_strategy_that_fails_leaves_those_of_the_readme_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my_strategies").mkdir()
    (tmp_path / "my_strategies" / "__init__.py").touch()
    (tmp_path / "my_strategies" / "broken.py").write_text(FAILING)
    for name, text in zip(("dip", "monthly"), readme_strategies(), strict=True):
        (tmp_path / "my_strategies" / f"{name}.py").write_text(text)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    config = changed(
        tmp_path,
        as_of="2016-12-30",
        market_data=[{"source": "synthetic", "asset_class": "equity", "symbols": ["AAA", "BBB", "CCC"]}],
        benchmarks={"equity": "SPX"},
        splits={
            "train": ["2016-01-04", "2016-05-31"],
            "validation": ["2016-06-01", "2016-08-31"],
            "holdout": ["2016-09-01", "2016-12-30"],
        },
        strategies={
            "broken": {"type": "my_strategies.broken", "universe": "equity"},
            "dip": {"type": "my_strategies.dip", "universe": "equity", "depth": 0.04},
            "monthly": {"type": "my_strategies.monthly", "universe": "equity"},
        },
        registration={},
        models={},
        robustness={"resamples": 20, "permutations": 20, "cross_validation_blocks": 4, "look_ahead_cuts": 1},
    )
    done = command_line(config, tmp_path / "data", "run")
    assert done.returncode == 1
    assert "no rules today" in done.stderr
    count = "SELECT DISTINCT strategy FROM backtests.equity WHERE positions > 0 ORDER BY strategy"
    traded = called(config, tmp_path / "data", "sql", count, "--format", "csv")
    assert traded.stdout.split() == ["strategy", "dip", "monthly"]
    assert "failed" in (tmp_path / "data" / "tiny" / "reports" / "broken.html").read_text(encoding="utf-8")
