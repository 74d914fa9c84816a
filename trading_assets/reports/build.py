"""From the warehouse to files. A file is replaced whole or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl

from trading_assets.backtests.tables import METRICS
from trading_assets.config import Configuration
from trading_assets.reports.exports import csv_text, json_text
from trading_assets.reports.index_page import index_page
from trading_assets.reports.models_page import models_content, models_page
from trading_assets.reports.notes import notes_of, resolved_from
from trading_assets.reports.strategy_page.data import (
    StrategyContent,
    quality_counts,
    read_outcome,
    strategy_content,
)
from trading_assets.reports.strategy_page.drawing import shared_script
from trading_assets.reports.strategy_page.page import result_of, single_file_page, strategy_page
from trading_assets.reports.strategy_page.section import MODELS_PAGE, TRADING_PAGE
from trading_assets.reports.tables import EXPECTATIONS
from trading_assets.reports.trading_page import trading_content, trading_page
from trading_assets.trading.opening import open_accounts
from trading_assets.warehouse import Rows, Warehouse

SUMMARY_METRICS = ("annual_return", "sharpe", "max_drawdown", "trades")
EXPORTED = (
    "equity",
    "metrics",
    "trades",
    "excursions",
    "fills",
    "orders",
    "decisions",
    "liquidation_plan",
    "sensitivity",
    "choices",
    "stress",
    "stress_equity",
    "breakdown",
    "overfitting",
    "resampling",
)
MACHINE_READABLE = ("verdicts", "metrics", "stress", "breakdown", "overfitting", "resampling", "trades")


def build_reports(configuration: Configuration, warehouse: Warehouse, strategies: Sequence[str]) -> list[Path]:
    """Write the pages and exports of some strategies, and the index of all.

    Parameters
    ----------
    configuration, warehouse
        Configuration whose data folder the pages go to, and the warehouse that they show.
    strategies
        Names of the strategies whose pages are written.

    Returns
    -------
    The pages' paths, the index first.
    """
    folder = configuration.home / "reports"
    pages = []
    for name in strategies:
        write_strategy(folder, strategy_content(warehouse, configuration, name))
        pages.append(folder / f"{name}.html")
    if configuration.models:
        write_models(folder, configuration, warehouse)
    if open_accounts(configuration):
        write_trading(folder, configuration, warehouse)
    with warehouse.held_open():
        page = index_text(configuration, warehouse, verdict_summary(configuration, warehouse))
    write_files(folder, {"index.html": page})
    return [folder / "index.html", *pages]


def build_single_files(configuration: Configuration, warehouse: Warehouse, strategies: Sequence[str]) -> list[Path]:
    """Write the pages of some strategies as files that need no other one, in place of those of a run.

    Parameters
    ----------
    configuration, warehouse, strategies
        See `build_reports`.
    """
    folder = configuration.home / "reports"
    pages = {f"{name}.html": single_file_page(strategy_content(warehouse, configuration, name)) for name in strategies}
    write_files(folder, pages)
    return [folder / name for name in pages]


def write_strategy(folder: Path, content: StrategyContent) -> None:
    """Write the page of a strategy, what it draws with, and its tables as CSV and JSON."""
    tables = {f"{content.name}_{table}.csv": csv_text(getattr(content, table)) for table in EXPORTED}
    machine_readable = {table: json.loads(json_text(getattr(content, table))) for table in MACHINE_READABLE}
    write_files(
        folder,
        {
            **tables,
            f"{content.name}.json": json.dumps(machine_readable, indent=1),
            **_shared_with(folder),
            f"{content.name}.html": strategy_page(content),
        },
    )


def write_models(folder: Path, configuration: Configuration, warehouse: Warehouse) -> None:
    """Write the page of all models, and what it draws with.

    Parameters
    ----------
    folder
        Folder of the pages.
    configuration, warehouse
        Configuration of the models, and the warehouse that has what they left.
    """
    text = models_page(configuration.name, _subtitle(configuration), models_content(configuration, warehouse))
    write_files(folder, {**_shared_with(folder), MODELS_PAGE: text})


def write_trading(folder: Path, configuration: Configuration, warehouse: Warehouse) -> None:
    """Write the page of running accounts, and what it draws with.

    Parameters
    ----------
    folder
        Folder of the pages.
    configuration, warehouse
        Configuration of the accounts, and the warehouse that has what they published.
    """
    text = trading_page(configuration.name, trading_content(configuration, warehouse))
    write_files(folder, {**_shared_with(folder), TRADING_PAGE: text})


def _subtitle(configuration: Configuration) -> str:
    sources = ", ".join(f"{source.asset_class} from {source.source}" for source in configuration.market_data)
    return f"{sources} · seed {configuration.seed}"


def _shared_with(folder: Path) -> dict[str, str]:
    """The script that all pages of a folder draw with, unless it is there."""
    name, script = shared_script()
    there = folder / name
    is_whole = there.exists() and there.stat().st_size == len(script.encode())
    return {} if is_whole else {name: script}


def index_text(configuration: Configuration, warehouse: Warehouse, verdicts: pl.DataFrame) -> str:
    """Return the index page.

    Parameters
    ----------
    configuration, warehouse
        Configuration of today, and the warehouse.
    verdicts
        What `verdict_summary` says of them.
    """
    has_docs = (configuration.home / "reports" / "data_docs" / "index.html").exists()
    expected = (
        warehouse.read_or_empty(EXPECTATIONS)
        .sort("place")
        .select("table", "text", "failing", examples=pl.col("examples").replace("[]", ""))
    )
    return index_page(
        configuration.name,
        _subtitle(configuration),
        verdicts,
        [(name, *remarks_on(configuration, warehouse, name)) for name in configuration.strategies],
        quality_counts(warehouse),
        expected,
        data_docs="data_docs/index.html" if has_docs else None,
        models=MODELS_PAGE if configuration.models else None,
        accounts=TRADING_PAGE if open_accounts(configuration) else None,
    )


def verdict_summary(configuration: Configuration, warehouse: Warehouse) -> pl.DataFrame:
    """Return a row for each strategy: market, result, and headline metrics of the latest split that may be shown."""
    rows = []
    for name in configuration.strategies:
        metrics = warehouse.read_or_empty(METRICS, rows=Rows("strategy", name))
        split = "holdout" if "holdout" in metrics["split"] else "validation"
        result = result_of(*read_outcome(warehouse, name))[0]
        if result == "failed":
            metrics = metrics.clear()  # what is left of a run that cannot be believed is no headline
        own = dict(metrics.filter(pl.col("split") == split).select("metric", "value").iter_rows())
        strategy = resolved_from(warehouse, configuration, name)
        synthetic = strategy is not None and strategy.instruments["synthetic"].any()
        rows.append(
            {
                "strategy": name,
                "market": "synthetic" if synthetic else "real",
                "result": result,
                "split": split,
                **{metric: own.get(metric) for metric in SUMMARY_METRICS},
            }
        )
    return pl.DataFrame(rows, schema_overrides=dict.fromkeys(SUMMARY_METRICS, pl.Float64))


def remarks_on(configuration: Configuration, warehouse: Warehouse, name: str) -> tuple[str, list[str]]:
    """Return the verdict on a strategy in words, and what has to be read beside its numbers.

    Parameters
    ----------
    configuration, warehouse
        Configuration of today, and the warehouse.
    name
        Name of the strategy.
    """
    explanation = result_of(*read_outcome(warehouse, name))[1].removeprefix(f"{name}: ")
    return explanation, notes_of(warehouse, configuration, name)


def write_files(folder: Path, files: Mapping[str, str]) -> None:
    """Write each file beside its place, then move it there."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        partial = folder / f".{name}.{os.getpid()}.partial"
        try:
            partial.write_text(text, encoding="utf-8")
            partial.replace(folder / name)
        finally:
            partial.unlink(missing_ok=True)
