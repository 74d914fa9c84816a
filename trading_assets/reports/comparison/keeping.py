"""The end of a run: what it left of each strategy is kept, each table once as long as its rows are the same."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import polars as pl

from trading_assets import __version__
from trading_assets.asset_factories.step_identity import own_code
from trading_assets.asset_factories.table_asset import Step
from trading_assets.backtests.archive.frames import FrameStore
from trading_assets.backtests.archive.kept import (
    OPEN,
    Kept,
    KeptRows,
    KeptTable,
    commits_of,
    keep,
    kept_of,
    kept_text,
    last_commit,
)
from trading_assets.backtests.archive.record import add_run, retire
from trading_assets.backtests.tables import DEVELOPMENT, METRICS, RUN_ARCHIVE, RUN_TABLES, RUNS
from trading_assets.cli_version import commit
from trading_assets.config import Configuration
from trading_assets.config.canonical import canonical, digest
from trading_assets.config.differences import texts_of
from trading_assets.market_data.tables import BARS, INSTRUMENTS
from trading_assets.models.splits import development, spans_of
from trading_assets.models.tables import SPLITS
from trading_assets.reports.notes import notes_of, resolved_from
from trading_assets.robustness import tables as robustness
from trading_assets.sources_hash import product_hash
from trading_assets.strategies.evaluation.failure import cause_of_failure
from trading_assets.strategies.tables import STATUS
from trading_assets.warehouse import Rows, Warehouse
from trading_assets.warehouse.versions import Versions

#: What is kept, of each strategy; metrics before what is of the holdout if they have rows of it.
KEPT_TABLES = (
    *(KeptTable(table) for table in (METRICS, *(each for each in RUN_TABLES if each is not METRICS))),
    *(
        KeptTable(table)
        for table in (
            robustness.STRESS,
            robustness.STRESS_EQUITY,
            robustness.BREAKDOWN,
            robustness.RESAMPLING,
            robustness.BANDS,
            robustness.SENSITIVITY,
            robustness.SENSITIVITY_SUMMARY,
            robustness.CHOICES,
            robustness.HEATMAPS,
            robustness.OVERFITTING,
            robustness.LOGITS,
            STATUS,
        )
    ),
    *(KeptTable(table, judges=True) for table in (robustness.HOLDOUT_RESULTS, robustness.VERDICTS)),
    KeptTable(SPLITS, by_strategy=False),
    KeptTable(INSTRUMENTS, by_strategy=False),
)
#: Names under which hashes of the bars by symbol and month, and what has to be read beside the numbers, are kept.
BARS_BY_MONTH, NOTES = "market_data.bars_by_month", "reports.notes"
#: Metrics of development that a row has.
HEADLINE = ("trades", "total_return", "sharpe", "max_drawdown")
_OF_A_STRATEGY = (
    "strategy",
    "status",
    "backtest_run",
    "strategy_hash",
    "data_hash",
    "symbols",
    "development_end",
    "holdout_start",
    "holdout_end",
    *HEADLINE,
)


def keep_run(step: Step) -> Mapping[str, Any]:
    """What the run left of each strategy, kept: configuration, metrics, equity, trades, decisions."""
    warehouse, configuration = step.work.aside(), step.configuration
    store = FrameStore(warehouse.path)
    text = canonical({"values": texts_of(configuration), "configuration": configuration.model_dump(mode="json")})
    common = {
        "run_id": step.run_id,
        "archived_at": step.now,
        "config_hash": configuration.hash,
        "config": digest(text),
        "product_version": __version__,
        "commit": commit(),
        "code": _code_of(configuration),
    }
    with store.held():
        with warehouse.held_open() as held:
            last = _last_rows(held)
            commits = commits_of(held, [*(each.table.name for each in KEPT_TABLES), BARS.name])
            bars = _bars_by_month(held, store, commits, next((kept_of(each["tables"]) for each in last.values()), {}))
            rows = [
                common | _row(held, store, configuration, name, last.get(name), bars, commits)
                for name in configuration.strategies
            ]
        add_run(warehouse, pl.DataFrame(rows, schema=RUN_ARCHIVE.empty().schema), {str(common["config"]): text})
        gone = retire(warehouse, store, configuration.runs, step.now)
    return {"strategies": len(rows), "runs retired": len(gone)}


def _code_of(configuration: Configuration) -> str:
    own: Mapping[str, str] = {}
    with suppress(LookupError):  # of a platform that does not tell what they read
        own = own_code(configuration)
    return digest([product_hash(), own])


def _last_rows(warehouse: Warehouse) -> dict[str, dict[str, Any]]:
    """Rows of the run that was kept last, by strategy."""
    newest = f"archived_at = (SELECT max(archived_at) FROM {RUN_ARCHIVE.name})"
    return {row["strategy"]: row for row in warehouse.read_or_empty(RUN_ARCHIVE, where=newest).iter_rows(named=True)}


def _row(
    warehouse: Warehouse,
    store: FrameStore,
    configuration: Configuration,
    name: str,
    last: Mapping[str, Any] | None,
    bars: KeptRows,
    commits: Mapping[str, Versions],
) -> dict[str, Any]:
    """What is said of a strategy alone: as it was said last, if nobody has written to its tables since."""
    before = kept_of(last["tables"]) if last is not None else {}
    kept = keep(warehouse, store, KEPT_TABLES, name, before, commits) | {BARS_BY_MONTH: bars}
    # By what is in the tables, not by commits: a step that runs each time, as the verdict, writes the same rows again.
    changed = {each for each in kept if each not in before or before[each].files != kept[each].files}
    is_same = last is not None and not changed - {each.table.name for each in KEPT_TABLES if each.judges}
    if last is None or not is_same or last["config_hash"] != configuration.hash:
        said = _said_of(warehouse, configuration, name)
    else:
        said = {each: last[each] for each in _OF_A_STRATEGY}
    if is_same and not changed and NOTES in before:
        kept[NOTES] = before[NOTES]
    else:
        kept[NOTES] = _notes(warehouse, store, configuration, name)
    return {**said, "tables": kept_text(kept)}


def _said_of(warehouse: Warehouse, configuration: Configuration, name: str) -> dict[str, Any]:
    own = Rows("strategy", name)
    runs = warehouse.read_or_empty(RUNS, where="strategy = ?", parameters=[name]).sort("finished_at").tail(1)
    run = runs.row(0, named=True) if runs.height else {}
    has_failed = cause_of_failure(warehouse.read_or_empty(STATUS, rows=own)) is not None
    metrics = warehouse.read_or_empty(METRICS, rows=own).filter(split=DEVELOPMENT)
    headline = dict(metrics.select("metric", "value").iter_rows())
    spans = spans_of(warehouse.read_or_empty(SPLITS))
    holdout = spans.get("holdout")
    strategy = resolved_from(warehouse, configuration, name)
    return {
        "strategy": name,
        "status": "failed" if has_failed else "ok" if metrics.height else "none",
        "backtest_run": run.get("run_id"),
        "strategy_hash": configuration.hash_for(name),
        "data_hash": run.get("data_hash"),
        "symbols": sorted(strategy.symbols) if strategy is not None else [],
        "development_end": development(spans).end if spans else None,
        "holdout_start": holdout.start if holdout else None,
        "holdout_end": holdout.end if holdout else None,
        **{metric: headline.get(metric) for metric in HEADLINE},
    }


def _notes(warehouse: Warehouse, store: FrameStore, configuration: Configuration, name: str) -> KeptRows:
    """What has to be read beside the numbers."""
    notes = pl.DataFrame({"note": notes_of(warehouse, configuration, name)}, schema={"note": pl.String})
    return KeptRows(0, {OPEN: store.put(NOTES, notes)} if notes.height else {}, notes.height)


def _bars_by_month(warehouse: Warehouse, store: FrameStore, commits: Mapping[str, Versions], before: Kept) -> KeptRows:
    """Hashes of the bars of each symbol and month up to validation, of which a comparison tells whether they differ.

    Later ones would tell a rerun that the holdout has changed, where nobody has opened it.
    """
    number = last_commit(commits[BARS.name], None)
    if BARS_BY_MONTH in before and before[BARS_BY_MONTH].commit == number:
        return before[BARS_BY_MONTH]
    spans = spans_of(warehouse.read_or_empty(SPLITS))
    if not spans or not warehouse.exists(BARS.name):
        return KeptRows(number, {}, 0)
    priced = "open, high, low, close, volume, split_ratio, cash_dividend, forward_factor"
    rows = warehouse.query(
        f"SELECT symbol, date_trunc('month', session)::DATE AS month, count(*) AS bars, "
        f"CAST(sum(hash(session, {priced})) % 9007199254740881 AS BIGINT) AS content FROM {BARS.name} "
        "WHERE session <= ? GROUP BY ALL ORDER BY symbol, month",
        [development(spans).end],
        reads=[BARS.name],
    )
    return KeptRows(number, {OPEN: store.put(BARS_BY_MONTH, rows)} if rows.height else {}, rows.height)
