"""`trading-assets runs`, `compare` and `report --run` as a user types them."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest

from trading_assets_tests.conftest import TINY, Experiment, called
from trading_assets_tests.reports.comparison.kept_runs import NOON, begun, kept


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli")
    configuration = begun(folder)
    for number, run in enumerate(("aaaaaaaa-1", "bbbbbbbb-2", "cccccccc-3")):
        kept(configuration, run, NOON + dt.timedelta(hours=number))
    return folder


def test_runs_are_listed_the_newest_first(folder: Path) -> None:
    where = (folder / "config.yaml", folder / "data")
    shown = called(*where, "runs")
    assert shown.returncode == 0 and shown.stdout.index("cccccccc") < shown.stdout.index("aaaaaaaa")
    rows = json.loads(called(*where, "runs", "--last", "1", "--strategy", "known", "--format", "json").stdout)
    assert [(row["run"], row["changed"], row["sharpe"]) for row in rows] == [("cccccccc-3", "nothing", 1.0)]


def test_runs_are_compared_in_words_as_csv_and_as_a_page(folder: Path) -> None:
    where = (folder / "config.yaml", folder / "data")
    shown = called(*where, "compare", "previous", "latest", "aaaa", "--page", "--strategy", "known")
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.count("Nothing differs: configuration, bars, code") == 2
    assert shown.stdout.strip().endswith("bbbbbbbb-and-cccccccc-and-aaaaaaaa.html")
    csv = called(*where, "compare", "known", "unknown", "--format", "csv")
    assert csv.stdout.startswith("first,second,strategy,about,split,name,value_first,value_second,difference,low,high")


def test_a_page_of_an_earlier_run_is_written(folder: Path) -> None:
    done = called(folder / "config.yaml", folder / "data", "report", "--run", "previous", "--strategy", "unknown")
    assert done.returncode == 0 and done.stdout.strip().endswith("reports/runs/unknown-bbbbbbbb.html")


@pytest.mark.parametrize(
    "arguments", [("compare", "latest"), ("compare", "latest", "nothing"), ("report", "--run", "x")]
)
def test_what_cannot_be_compared_is_wrong_usage(folder: Path, arguments: tuple[str, ...]) -> None:
    done = called(folder / "config.yaml", folder / "data", *arguments)
    assert done.returncode == 2 and done.stderr.startswith("error:")


def test_before_the_first_run_there_is_nothing(folder: Path, tmp_path: Path) -> None:
    done = called(folder / "config.yaml", tmp_path, "runs")
    assert done.returncode == 0 and "no run has been kept" in done.stdout


@pytest.mark.slow
def test_a_whole_run_is_kept(tiny: Experiment) -> None:
    rows = json.loads(called(TINY, tiny.data, "runs", "--format", "json").stdout)
    assert {row["strategy"] for row in rows} == {"equity_momentum", "crypto_momentum", "ml", "factor"}
    assert {(row["status"], row["changed"]) for row in rows} == {("ok", "first")}
