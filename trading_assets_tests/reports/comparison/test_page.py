"""A comparison in words, as a table, and as a page."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from trading_assets.reports.comparison.differences import Comparison
from trading_assets.reports.comparison.opened import open_run, write_page
from trading_assets.reports.comparison.page import chance_rows, headline_rows, sentence_of, write_comparison
from trading_assets.reports.comparison.subjects import compare_subjects, find_subject
from trading_assets.reports.comparison.tidy import ABOUT, SCHEMA, tidy
from trading_assets.warehouse import Warehouse
from trading_assets_tests.reports.comparison.kept_runs import NOON, begun, kept, write_bars, write_results
from trading_assets_tests.reports.pages import Page
from trading_assets_tests.robustness.pipeline import SETTINGS, Experiment

#: A name that is markup, and the start of a formula.
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    configuration = begun(folder)
    kept(configuration, "aaaaaaaa-1")
    stops = {**SETTINGS["strategies"], "unknown": {"type": "equity_momentum", "stop_atr": 3.0}}
    changed = Experiment(folder).write(strategies=stops)
    write_results(Warehouse(changed.warehouse_path), "unknown", shift=0.0003, reason=HOSTILE)
    write_bars(Warehouse(changed.warehouse_path), 11.0)
    kept(changed, "bbbbbbbb-2", NOON + dt.timedelta(hours=1))
    return folder


@pytest.fixture(scope="module")
def comparisons(folder: Path) -> list[Comparison]:
    configuration = Experiment(folder).configuration
    subjects = [find_subject(configuration, name) for name in ("previous", "latest")]
    return compare_subjects(subjects, [], NOON)[0]


def test_what_it_comes_to_is_said_in_sentences(comparisons: list[Comparison]) -> None:
    known, unknown = map(sentence_of, comparisons)
    assert "What differs: the bars." in known and "The returns in development are the same." in known
    assert unknown.startswith("What differs: 1 key of the configuration, the bars.")
    assert "chance alone hardly makes that" in unknown
    assert "Round trips in both: 0; in only one of the two: 2." in unknown
    assert "The first decision that differs is of 2016-01-04, AAA. aaaaaaaa: enter (fast)" in unknown


def test_the_table_has_a_row_for_each_thing_that_is_said(comparisons: list[Comparison]) -> None:
    found = tidy(comparisons)
    assert dict(found.schema) == SCHEMA and set(found["about"]) <= set(ABOUT)
    own = found.filter(strategy="unknown")
    assert own["about"].unique(maintain_order=True).to_list() == [
        "configuration", "data", "metric", "chance", "trade", "decision",
    ]  # fmt: skip
    key = own.filter(about="configuration").row(0, named=True)
    assert (key["name"], key["value_first"], key["value_second"]) == ("strategies.unknown.stop_atr", "2.0", "3.0")
    assert own.filter(about="metric", name="sharpe")["difference"].to_list() == [pytest.approx(0.0003)]
    chance = own.filter(about="chance", name="sharpe").row(0, named=True)
    assert chance["low"] < chance["difference"] < chance["high"]


def test_the_page_shows_all_of_it_and_takes_no_text_for_markup(comparisons: list[Comparison], tmp_path: Path) -> None:
    written = write_comparison(tmp_path, comparisons, ["A remark."])
    assert written == tmp_path / "runs" / "aaaaaaaa-and-bbbbbbbb.html"
    html = written.read_text()
    page = Page(html)
    assert "A remark." in page.text and "strategies.unknown.stop_atr" in page.text and HOSTILE in page.text
    assert "alert(1)</script>" not in html
    assert len(html) < 300_000
    [script] = tmp_path.glob("plotly-*.js")
    assert f'src="../{script.name}"' in html
    drawn = [attributes["id"] for name, attributes in page.elements if attributes.get("class") == "chart"]
    assert len(drawn) == 4


def test_the_tables_of_the_terminal(comparisons: list[Comparison]) -> None:
    assert headline_rows(comparisons[1])["metric"].to_list() == ["sharpe", "trades"]
    assert chance_rows(comparisons[1])["what"].to_list() == ["annual return", "Sharpe ratio"]


def test_the_page_of_a_run_shows_what_it_left_then(folder: Path) -> None:
    """The second run has other parameters, another Sharpe ratio and another reason than the first."""
    configuration = Experiment(folder).configuration
    warehouse = Warehouse(configuration.warehouse_path)
    opened = open_run(warehouse, configuration, "aaaaaaaa-1", "unknown", NOON)
    assert opened is not None
    written = write_page(warehouse, configuration, opened)
    assert written == configuration.home / "reports" / "runs" / "unknown-aaaaaaaa.html"
    page = Page(written.read_text())
    assert "As run aaaaaaaa-1 of 2026-11-03 12:00 UTC left it" in page.text
    assert "its holdout, 2016-12-16 to 2017-06-30, is closed" in page.text
    assert "Every number comes from a synthetic market" in page.text
    decisions = (written.parent / "unknown-aaaaaaaa_decisions.csv").read_text()
    assert "fast" in decisions and "alert" not in decisions
    assert open_run(warehouse, configuration, "aaaaaaaa-1", "none", NOON) is None
