"""Pages of what there is: no trades, no tables, a failed strategy, hostile names."""

from __future__ import annotations

import csv
import html
import json
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from trading_assets.backtests.tables import DECISIONS, METRICS
from trading_assets.config import Configuration
from trading_assets.reports import build_reports, verdict_summary
from trading_assets.reports.assets import build_assets
from trading_assets.reports.tables import INDEX
from trading_assets.warehouse import Warehouse
from trading_assets_tests.reports.pages import NAME, Page, equity, fail, fill, frame, trade, verdict

HOSTILE = [
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "../../x",
    "'; DROP TABLE bars; --",
    '" onmouseover="alert(1)',
    "<img src=x onerror=alert(1)>",
    "{{ 7 * 7 }}",
    "=cmd|' /C calc'!A0",
]


def page_of(configuration: Configuration, warehouse: Warehouse) -> Page:
    [_, path] = build_reports(configuration, warehouse, [NAME])
    return Page(path.read_text(encoding="utf-8"))


def result_in_summary(configuration: Configuration, warehouse: Warehouse) -> str:
    return str(verdict_summary(configuration, warehouse).filter(strategy=NAME)["result"].item())


def test_missing_tables(configuration: Configuration, warehouse: Warehouse) -> None:
    page = page_of(configuration, warehouse)
    assert "no verdict yet" in page.text
    assert "has not been materialised" in page.text
    assert set(verdict_summary(configuration, warehouse)["result"]) == {"none"}


def test_zero_trades(configuration: Configuration, warehouse: Warehouse) -> None:
    metrics = frame(METRICS, {"metric": "trades", "value": 0.0}, {"metric": "win_rate", "value": None})
    fill(warehouse, equity=equity(), metrics=metrics, verdicts=verdict("insufficient_evidence", "No trades."))
    page = page_of(configuration, warehouse)
    assert "No trade: no signal passed every test." in page.text
    assert "insufficient evidence" in page.text and "No trades." in page.text
    assert "nan" not in page.text.lower().split()
    exported = configuration.home / "reports" / f"{NAME}_trades.csv"
    assert len(exported.read_text().splitlines()) == 1


def test_a_failed_strategy_says_so_above_everything(configuration: Configuration, warehouse: Warehouse) -> None:
    fill(warehouse)
    fail(warehouse, "ValueError: <b>no rules</b> today")
    page = page_of(configuration, warehouse)
    assert page.text.index("The strategy failed") < page.text.index("Verdict\n")
    assert "ValueError: <b>no rules</b> today" in page.text  # as text, not as an element
    assert result_in_summary(configuration, warehouse) == "failed"


def test_hostile_input_is_shown_as_text(configuration: Configuration, warehouse: Warehouse) -> None:
    decisions = [
        {"decision_id": name, "symbol": name, "moment": "close", "decision": "reject", "reason": name}
        for name in HOSTILE
    ]
    fill(
        warehouse,
        equity=equity(),
        trades=pl.concat(trade(name, trade_id=name, exit_reason=name) for name in HOSTILE),
        decisions=frame(DECISIONS, *decisions),
    )
    fail(warehouse, "; ".join(HOSTILE))
    page = page_of(configuration, warehouse)
    for name in HOSTILE:
        assert page.text.count(name) >= 5, name  # symbol, exit reason (in two tables), rejection, status
    assert page.count("img") == 0
    assert "alert(1)" not in page.code
    marked = [name for name in HOSTILE if "<" in name]
    assert not any(name in script for script in page.scripts for name in marked), "none can end the script"
    held = page.charts["holdings-0"]["data"][0]["y"]
    assert {html.unescape(symbol) for symbol in held} == set(HOSTILE)
    assert not any("<" in symbol for symbol in held), "Plotly would take it for markup"
    assert not any(name.startswith("on") for _, attributes in page.elements for name in attributes)
    assert all((configuration.home / "reports" / link).exists() for link in page.links if link != "index.html")
    exported = json.loads((configuration.home / "reports" / f"{NAME}.json").read_text())
    assert {row["symbol"] for row in exported["trades"]} == set(HOSTILE)


def test_hostile_input_leaves_no_file_outside_of_the_reports(
    configuration: Configuration, warehouse: Warehouse, tmp_path: Path
) -> None:
    fill(warehouse, equity=equity(), trades=trade("../../x"))
    before = files(tmp_path)
    page_of(configuration, warehouse)
    assert all(path.parent == configuration.home / "reports" for path in files(tmp_path) - before)


def test_exports_hold_the_tables(configuration: Configuration, warehouse: Warehouse) -> None:
    fill(warehouse, equity=equity(), trades=trade("AAA", pnl=-1 / 3))
    page = page_of(configuration, warehouse)
    folder = configuration.home / "reports"
    assert all((folder / link).exists() for link in page.links)
    with (folder / f"{NAME}_trades.csv").open(newline="") as file:
        [row] = csv.DictReader(file)
    assert (row["symbol"], float(row["pnl"])) == ("AAA", -1 / 3)
    assert pl.read_csv(folder / f"{NAME}_equity.csv")["equity"].to_list() == equity()["equity"].to_list()


def test_the_same_tables_make_the_same_bytes(configuration: Configuration, warehouse: Warehouse) -> None:
    fill(warehouse, equity=equity(), trades=trade("AAA"))
    contents = []
    for _ in range(2):
        build_reports(configuration, warehouse, [NAME])
        contents.append({path: path.read_bytes() for path in (configuration.home / "reports").iterdir()})
    assert contents[0] == contents[1]


@pytest.mark.parametrize("filled", [False, True], ids=["missing_tables", "zero_trades"])
@pytest.mark.slow
def test_assets_write_pages_and_the_index(configuration: Configuration, warehouse: Warehouse, filled: bool) -> None:
    if filled:
        fill(warehouse, equity=equity())
    result = dg.materialize(
        build_assets(configuration), resources={"configuration": configuration, "warehouse": warehouse}
    )
    assert result.success
    index = warehouse.read(INDEX)
    assert index["strategy"].to_list() == sorted(configuration.strategies)
    pages = [*index["path"], "models.html"]
    for name in pages:
        assert (configuration.home / "reports" / name).exists()
    page = Page((configuration.home / "reports" / "index.html").read_text(encoding="utf-8"))
    assert sorted(page.links) == sorted(pages)
    [materialisation] = result.asset_materializations_for_node(f"reports__{NAME}")
    assert "image/png" in str(materialisation.metadata["equity"].value)


def files(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file()}
