"""The site of the expectations says what was found."""

from __future__ import annotations

from pathlib import Path

import pytest

from trading_assets.reports.data_docs import build_data_docs
from trading_assets.reports.expectations import EXPECTATIONS
from trading_assets.warehouse import Warehouse, Whole
from trading_assets_tests.reports.test_expectations import BROKEN, results, sound


@pytest.mark.slow
def test_data_docs_say_what_was_found(tmp_path: Path) -> None:
    made = Warehouse(tmp_path / "warehouse.duckdb")
    made.replace(Whole(), {**sound(), **BROKEN["cash_is_never_negative"][0]})
    folder = tmp_path / "data_docs"
    folder.mkdir()
    (folder / "old.html").write_text("gone after")
    page = build_data_docs(results(made), folder)
    assert page == folder / "index.html" and not (folder / "old.html").exists()
    validated = {
        ".".join(path.relative_to(folder / "validations").parts[:2]) for path in folder.glob("validations/**/*.html")
    }
    assert validated == {expectation.table for expectation in EXPECTATIONS}
    equity = next(path.read_text() for path in folder.glob("expectations/backtests/equity.html"))
    assert "No strategy owes cash: there is no leverage." in equity
    # The library is asked again where something else was found, or the site is not there as it was left.
    mark = folder / "mark"
    mark.touch()
    assert build_data_docs(results(made), folder) == page and mark.exists()
    made.replace(Whole(), sound())
    build_data_docs(results(made), folder)
    assert not mark.exists()
    assert [path for path in tmp_path.iterdir() if path.name.endswith(".partial")] == []
