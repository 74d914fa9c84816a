"""A warehouse of two strategies, written by hand, whose runs are kept."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Mapping
from pathlib import Path

import polars as pl

from trading_assets.asset_factories.table_asset import Step
from trading_assets.backtests.tables import DECISIONS, DEVELOPMENT, EQUITY, HOLDOUT, METRICS, TRADES
from trading_assets.config import Configuration
from trading_assets.config.sections import Interval
from trading_assets.market_data.tables import BARS, INSTRUMENTS
from trading_assets.models.tables import SPLITS
from trading_assets.protocol import Protocol
from trading_assets.reports.comparison.keeping import keep_run
from trading_assets.robustness.tables import VERDICTS
from trading_assets.strategies.tables import STATUS
from trading_assets.warehouse import Rows, Table, Warehouse, Whole
from trading_assets_tests.robustness.pipeline import Experiment

#: As `pipeline.SETTINGS` has them.
SPANS = {
    "train": Interval(start=dt.date(2016, 1, 4), end=dt.date(2016, 8, 31)),
    "validation": Interval(start=dt.date(2016, 9, 1), end=dt.date(2016, 12, 15)),
    "holdout": Interval(start=dt.date(2016, 12, 16), end=dt.date(2017, 6, 30)),
}
NOON = dt.datetime(2026, 11, 3, 12)
DAYS = [dt.date(2016, 1, 4) + dt.timedelta(days=number) for number in range(120)]


def rows_of(table: Table, *rows: Mapping[str, object]) -> pl.DataFrame:
    """Rows of a table: what is not said is null, 0, or empty."""
    plain: dict[object, object] = {pl.String: "", pl.Float64: 0.0, pl.Int64: 0, pl.Boolean: False, pl.Date: DAYS[0]}
    full = [
        {
            name: row.get(name, None if column.nullable else (column.one_of or [plain.get(column.dtype)])[0])
            for name, column in table.columns.items()
        }
        for row in rows
    ]
    return pl.DataFrame(full, schema=table.empty().schema)


def begun(folder: Path, **changes: object) -> Configuration:
    """A configuration whose splits, instruments and bars are there."""
    experiment = Experiment(folder)
    configuration = experiment.write(**changes)
    splits = [
        {"split": name, "start": span.start, "end": span.end, "warm_up_sessions": 0} for name, span in SPANS.items()
    ]
    instrument = {"symbol": "AAA", "asset_class": "equity", "calendar": "XNYS", "in_universe": True}
    instrument |= {"first_session": DAYS[0], "last_session": DAYS[-1]}
    warehouse = Warehouse(configuration.warehouse_path)
    warehouse.replace(Whole(), {SPLITS: rows_of(SPLITS, *splits)})
    warehouse.replace(Whole(), {INSTRUMENTS: rows_of(INSTRUMENTS, {**instrument, "synthetic": True})})
    write_bars(warehouse, 10.0)
    for name in configuration.strategies:
        write_results(warehouse, name)
    return configuration


def write_bars(warehouse: Warehouse, close: float, in_holdout: float = 10.0) -> None:
    """Bars of three months, the last of which closes as said, and one of the holdout."""
    prices = {name: 10.0 for name in BARS.columns if BARS.columns[name].dtype == pl.Float64}
    rows = [{"symbol": "AAA", "asset_class": "equity", "session": day, **prices, "flags": []} for day in DAYS[:80]]
    rows[-1]["close"] = close
    rows.append({**rows[0], "session": SPANS["holdout"].start, "close": in_holdout})
    warehouse.replace(Whole(), {BARS: rows_of(BARS, *rows)})


def returns_of(shift: float = 0.0) -> list[float]:
    """A return of each day, none of them zero."""
    return [0.001 * ((number * 37) % 11 - 5) + shift for number in range(len(DAYS))]


def write_results(
    warehouse: Warehouse, name: str, *, shift: float = 0.0, reason: str = "fast", holdout: float | None = None
) -> None:
    """What a backtest leaves: a curve, a trade, a decision a month; and what a look at the holdout does."""
    splits = [DEVELOPMENT, *([HOLDOUT] if holdout is not None else [])]
    equity, level = [], 100.0
    for day, change in zip(DAYS, returns_of(shift), strict=True):
        level *= 1 + change
        own = {"strategy": name, "session": day, "equity": level, "cash": 1.0, "daily_return": change}
        equity += [{**own, "split": split} for split in splits]
    sharpe = {DEVELOPMENT: 1.0 + shift, HOLDOUT: holdout}
    metrics = [
        {"strategy": name, "split": split, "metric": metric, "value": value}
        for split in splits
        for metric, value in (("sharpe", sharpe[split]), ("periods_per_year", 252.0), ("trades", 1.0))
    ]
    trade = {"strategy": name, "symbol": "AAA", "split": DEVELOPMENT, "asset_class": "equity", "side": "long"}
    decision = {"strategy": name, "split": DEVELOPMENT, "symbol": "AAA", "moment": "close", "detail": "{}"}
    decisions = [
        {**decision, "decision_id": f"{name}-{day}", "session": day, "decision": "enter", "reason": reason}
        for day in DAYS[::30]
    ]
    verdict = {"strategy": name, "kind": "result", "criterion": "result", "result": "reject"}
    status = {"asset": f"backtests/{name}", "strategy": name, "stage": "backtests", "status": "ok"}
    warehouse.replace(
        Rows("strategy", name),
        {
            EQUITY: rows_of(EQUITY, *equity),
            METRICS: rows_of(METRICS, *metrics),
            TRADES: rows_of(TRADES, {**trade, "trade_id": f"{name}-1", "entry_session": DAYS[3 + int(shift * 1e4)]}),
            DECISIONS: rows_of(DECISIONS, *decisions),
            VERDICTS: rows_of(VERDICTS, verdict),
        },
    )
    warehouse.replace(Rows("asset", f"backtests/{name}"), {STATUS: rows_of(STATUS, status)})


def kept(configuration: Configuration, run_id: str, at: dt.datetime = NOON) -> None:
    """Keep what stands in the warehouse as a run."""
    work = Warehouse(configuration.warehouse_path).unit_of_work()
    keep_run(Step(configuration, work, None, None, run_id, at, logging.getLogger(__name__)))


def look(configuration: Configuration, strategy: str) -> None:
    """Put a look at the holdout of a strategy on record."""
    payload = {
        "stage": "holdout",
        "start": SPANS["holdout"].start.isoformat(),
        "end": SPANS["holdout"].end.isoformat(),
        "symbols": ["AAA"],
        "registration_hash": "r",
        "look": 1,
    }
    Protocol.of(configuration).append("look", strategy, payload, now=NOON)
