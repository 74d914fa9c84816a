"""Assets of the reports stage: a page a strategy, one of all models, the index, and what is kept of the run."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import partial
from typing import Any

import dagster as dg
import polars as pl

from trading_assets import charts
from trading_assets.asset_factories.step_record import Rule, nothing
from trading_assets.asset_factories.table_asset import Step, table_asset
from trading_assets.backtests.tables import RUN_ARCHIVE, RUN_CONFIGURATIONS
from trading_assets.config import Configuration
from trading_assets.protocol import Protocol
from trading_assets.protocol.chronicle import chronicle
from trading_assets.reports.build import (
    index_text,
    verdict_summary,
    write_files,
    write_models,
    write_strategy,
    write_trading,
)
from trading_assets.reports.comparison.keeping import keep_run
from trading_assets.reports.data_docs import build_data_docs
from trading_assets.reports.expectations import evaluate
from trading_assets.reports.notes import outdated
from trading_assets.reports.strategy_page.data import strategy_content
from trading_assets.reports.strategy_page.page import result_of
from trading_assets.reports.strategy_page.performance import development_bands, longest_run, monthly
from trading_assets.reports.strategy_page.section import MODELS_PAGE, TRADING_PAGE
from trading_assets.reports.tables import EXPECTATIONS, INDEX
from trading_assets.trading.opening import open_accounts
from trading_assets.warehouse import Warehouse, Whole

ROBUSTNESS = ("sensitivity", "overfitting", "stress", "resampling", "holdout", "verdict")


def build_assets(configuration: Configuration) -> list[dg.AssetsDefinition]:
    """One page a strategy, one of all models and one of running accounts if there are any, then the index of all."""
    pages = [
        table_asset(
            page,
            stage="reports",
            strategy=name,
            tables=(),
            deps=[
                "market_data/quality_summary",
                f"backtests/{name}",
                "robustness/reality_check",
                *(f"robustness/{kind}/{name}" for kind in ROBUSTNESS),
                f"analytics/{name}",
                "analytics/overlap",
            ],
            kinds=("html", "plotly"),
            rule=Rule(partial(said_beside_tables, name), leaves=partial(files_of_page, name)),
        )
        for name in configuration.strategies
    ]
    holdouts = [f"robustness/holdout/{name}" for name in configuration.strategies]
    expected = table_asset(
        expectations,
        stage="reports",
        tables=(EXPECTATIONS,),
        deps=["market_data/bars", "features/daily", *holdouts],
        kinds=("duckdb", "greatexpectations"),
        rule=Rule(nothing, leaves=has_data_docs),
    )
    own_pages = [f"reports/{name}" for name in configuration.strategies]
    summary = table_asset(
        index,
        stage="reports",
        tables=(INDEX,),
        deps=[*own_pages, "reports/expectations", "market_data/quality_summary"],
        kinds=("html",),
    )
    kept = table_asset(
        keep_run,
        stage="reports",
        name="archive/run",
        tables=(RUN_ARCHIVE, RUN_CONFIGURATIONS),
        deps=["robustness/reality_check", *(f"robustness/verdict/{name}" for name in configuration.strategies)],
        kinds=("duckdb", "parquet"),
    )
    pages += [*_page_of_accounts(configuration), kept]
    if not configuration.models:
        return [*pages, expected, summary]
    of_models = table_asset(
        models,
        stage="reports",
        tables=(),
        deps=[f"models/{name}" for name in configuration.models],
        kinds=("html", "plotly"),
        rule=Rule(nothing, leaves=page_of_models),
    )
    return [*pages, of_models, expected, summary]


def _page_of_accounts(configuration: Configuration) -> list[dg.AssetsDefinition]:
    """The page of running accounts, where one is open: made anew each time, as the record beside its tables grows."""
    names = list(open_accounts(configuration))
    deps = [f"trading/{kind}/{name}" for name in names for kind in ("orders", "divergence")]
    if not names:
        return []
    return [table_asset(trading, stage="reports", tables=(), deps=deps, kinds=("html", "plotly"))]


def said_beside_tables(strategy: str, configuration: Configuration) -> object:
    """Return what the page of a strategy says that is in no table: what is on record of it, and that it is out of date.

    Parameters
    ----------
    strategy, configuration
        Name of the strategy, and the configuration that it is of.
    """
    warehouse = Warehouse(configuration.warehouse_path)
    told = chronicle(Protocol.of(configuration).read(), (configuration.name, strategy))
    with warehouse.held_open():
        return [told.write_csv(), outdated(warehouse, configuration, strategy)]


def files_of_page(strategy: str, configuration: Configuration) -> object:
    """Return the page of a strategy as a hash, and which files are beside it.

    Parameters
    ----------
    strategy, configuration
        See `said_beside_tables`.
    """
    folder = configuration.home / "reports"
    html = folder / f"{strategy}.html"
    page_hash = hashlib.sha256(html.read_bytes()).hexdigest() if html.exists() else None
    others = [*folder.glob(f"{strategy}*"), *folder.glob("*.js")]
    return [page_hash, sorted((each.name, each.stat().st_size) for each in others)]


def page_of_models(configuration: Configuration) -> object:
    """Return the page of the models as a hash."""
    html = configuration.home / "reports" / MODELS_PAGE
    return hashlib.sha256(html.read_bytes()).hexdigest() if html.exists() else None


def has_data_docs(configuration: Configuration) -> object:
    """Return whether there are Data Docs, or none are wanted."""
    wanted = configuration.reports.data_docs
    return wanted and (configuration.home / "reports" / "data_docs" / "index.html").exists()


def page(step: Step) -> Mapping[str, Any]:
    """One page: verdict, limitations, equity, drawdown, monthly returns, trades, sensitivity, stress."""
    content = strategy_content(step.work, step.configuration, step.strategy or "")
    folder = step.configuration.home / "reports"
    write_strategy(folder, content)
    curve = longest_run(content)
    baselines = content.baselines.filter(split=content.longest_split)
    figures = {
        "equity": charts.equity(curve, baselines, content.splits, development_bands(content)),
        "drawdown": charts.drawdown(curve),
        "monthly_returns": charts.monthly_returns(monthly(curve)),
    }
    return {
        "page": dg.MetadataValue.path(str(folder / f"{content.name}.html")),
        "result": result_of(content.status, content.verdicts)[0],
        "synthetic": content.synthetic,
        "notes": "\n".join(content.notes),
        **{name: dg.MetadataValue.md(charts.markdown(figure)) for name, figure in figures.items()},
    }


def models(step: Step) -> Mapping[str, Any]:
    """The page of all models: scores and baselines, reliability, features, shuffled labels, what they took."""
    folder = step.configuration.home / "reports"
    write_models(folder, step.configuration, step.work)
    return {"page": dg.MetadataValue.path(str(folder / MODELS_PAGE))}


def trading(step: Step) -> Mapping[str, Any]:
    """The page of running accounts: equity against the promise, the next orders, differences, live against promise."""
    folder = step.configuration.home / "reports"
    write_trading(folder, step.configuration, step.work)
    return {"page": dg.MetadataValue.path(str(folder / TRADING_PAGE))}


def expectations(step: Step) -> Mapping[str, Any]:
    """What people expect of the tables: the rows that break it, and Great Expectations' Data Docs of it."""
    work = step.work
    with work.held_open() as held:
        results = evaluate(lambda select, reads: held.query(select, reads=list(reads)), held.exists)
    work.replace(Whole(), {EXPECTATIONS: results})
    shown: dict[str, Any] = {"expectations": results.select("table", "expectation", "failing")}
    if step.configuration.reports.data_docs and not results.is_empty():
        page = build_data_docs(results, step.configuration.home / "reports" / "data_docs")
        shown["data docs"] = dg.MetadataValue.path(str(page))
    return shown


def index(step: Step) -> Mapping[str, Any]:
    """The page of all strategies: verdicts and data quality."""
    folder = step.configuration.home / "reports"
    with step.work.held_open():
        summary = verdict_summary(step.configuration, step.work)
        page = index_text(step.configuration, step.work, summary)
    write_files(folder, {"index.html": page})
    rows = summary.select(
        "strategy",
        "result",
        (pl.col("market") == "synthetic").alias("synthetic"),
        (pl.col("strategy") + ".html").alias("path"),
    )
    step.work.replace(Whole(), {INDEX: rows})
    return {"page": dg.MetadataValue.path(str(folder / "index.html")), "verdicts": summary}
