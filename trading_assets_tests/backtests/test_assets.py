"""The assets of strategies and backtests in a real run on a real warehouse, one failing strategy among them."""

from __future__ import annotations

import datetime as dt
import shutil
from dataclasses import replace
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

import trading_assets.backtests.assets
import trading_assets.backtests.checks
import trading_assets.strategies.assets
from trading_assets.backtests.assets import open_spans
from trading_assets.backtests.backtest import backtest, prepare
from trading_assets.backtests.tables import (
    BASELINES,
    DECISIONS,
    EQUITY,
    FILLS,
    METRICS,
    ORDERS,
    RUN_TABLES,
    RUNS,
    TRADES,
)
from trading_assets.config import Configuration
from trading_assets.features.tables import DAILY, INDICATORS
from trading_assets.market_data.tables import BARS, INSTRUMENTS, QUARANTINE, SESSIONS, UNIVERSE
from trading_assets.models.tables import SPLITS
from trading_assets.reports.trade_explanation.audit_trail import read_evidence
from trading_assets.reports.trade_explanation.cash_flows import cash_flows
from trading_assets.strategies.evaluation.inputs import read_frames
from trading_assets.strategies.tables import SIGNALS, STATUS, TARGET_WEIGHTS
from trading_assets.warehouse import Warehouse, Whole
from trading_assets_tests.backtests.frames import frames, loaded, weekdays
from trading_assets_tests.narrow import as_date, as_number

DAYS = weekdays(400)
TRAIN, VALIDATION = (DAYS[100], DAYS[249]), (DAYS[250], DAYS[329])
BROKEN, BROKE = "trading_assets_tests.backtests.broken_strategy", "ZeroDivisionError: no rules today"
BRITTLE, BRITTLE_AT = "trading_assets_tests.strategies.brittle_strategy", DAYS[200]


def small(tmp_path: Path) -> Configuration:
    strategies = {
        "breakout": {"type": "equity_momentum"},
        "broken": {"type": BROKEN, "fails": True},
        "brittle": {"type": BRITTLE, "session": BRITTLE_AT, "symbol": "CCC"},
        "steady": {"type": BRITTLE, "symbol": "nobody"},
        "blend": {"type": "ensemble", "members": ["breakout", "steady"]},
        "weak_blend": {"type": "ensemble", "members": ["breakout", "broken"]},
    }
    return loaded(tmp_path, strategies=strategies)


def fill(warehouse: Warehouse) -> None:
    tables = frames(400)
    splits = pl.DataFrame(
        {
            "split": ["train", "validation", "holdout"],
            "start": [TRAIN[0], VALIDATION[0], DAYS[330]],
            "end": [TRAIN[1], VALIDATION[1], DAYS[399]],
            "warm_up_sessions": 100,
        }
    )
    warehouse.replace(
        Whole(),
        {
            BARS: tables.bars,
            QUARANTINE: tables.quarantine,
            SESSIONS: tables.sessions,
            INSTRUMENTS: tables.instruments,
            UNIVERSE: tables.universe,
            INDICATORS: tables.indicators,
            DAILY: tables.indicators.select("symbol", "session"),
            SPLITS: splits,
        },
    )


def materialise(configuration: Configuration) -> dg.ExecuteInProcessResult:
    stages = (trading_assets.strategies.assets, trading_assets.backtests.assets)
    own = [asset for stage in stages for asset in stage.build_assets(configuration)]
    checks = trading_assets.backtests.checks.build_checks(configuration)
    resources = {"configuration": configuration, "warehouse": Warehouse(configuration.warehouse_path)}
    return dg.materialize([*own, *checks], resources=resources, raise_on_error=False)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Configuration, dg.ExecuteInProcessResult]:
    settings = small(tmp_path_factory.mktemp("data"))
    fill(Warehouse(settings.warehouse_path))
    return settings, materialise(settings)


def read(settings: Configuration, table: object) -> pl.DataFrame:
    return Warehouse(settings.warehouse_path).read(table)  # type: ignore[arg-type]


def test_the_run_goes_on_and_every_blocking_check_passes(done: tuple[Configuration, dg.ExecuteInProcessResult]) -> None:
    _, result = done
    assert result.success
    failed = [
        (check.asset_key.to_user_string(), check.check_name)
        for check in result.get_asset_check_evaluations()
        if not check.passed
    ]
    assert sorted(failed) == [
        (f"{stage}/{strategy}", "completed")
        for stage in ("backtests", "strategies")
        for strategy in ("brittle", "broken", "weak_blend")
    ]


def test_each_span_is_run_on_its_own_and_nothing_passes_validation(
    done: tuple[Configuration, dg.ExecuteInProcessResult],
) -> None:
    settings, _ = done
    equity = read(settings, EQUITY)
    spans = {
        split: (rows["session"].min(), rows["session"].max())
        for (split,), rows in equity.filter(strategy="breakout").group_by("split")
    }
    assert spans == {"train": TRAIN, "validation": VALIDATION, "development": (TRAIN[0], VALIDATION[1])}
    assert set(equity.group_by("split").agg(pl.col("equity").first())["equity"]) == {100_000.0}
    assert as_date(read(settings, TRADES)["exit_session"].max()) <= VALIDATION[1]
    assert read(settings, TRADES).height > 5
    assert set(read(settings, METRICS)["split"]) == {"train", "validation", "development"}
    assert set(read(settings, BASELINES)["baseline"]) == {"cash", "benchmark", "exposure_matched", "equal_weight"}


def test_the_tables_are_what_backtest_returns(done: tuple[Configuration, dg.ExecuteInProcessResult]) -> None:
    settings, _ = done
    warehouse = Warehouse(settings.warehouse_path)
    prepared = prepare(settings, read_frames(warehouse, settings, "breakout"))
    result = backtest(prepared, *TRAIN, split="train")
    for table, rows in result.by_table().items():
        assert read(settings, table).filter(strategy="breakout", split="train").equals(rows), table.name


def test_a_strategy_that_fails_is_on_record_and_has_no_rows(
    done: tuple[Configuration, dg.ExecuteInProcessResult],
) -> None:
    settings, _ = done
    status = {row["asset"]: (row["status"], row["error"]) for row in read(settings, STATUS).iter_rows(named=True)}
    assert status["strategies/breakout"] == status["backtests/breakout"] == ("ok", None)
    assert status["strategies/broken"] == ("failed", BROKE)
    assert status["backtests/broken"][1] is not None
    assert status["backtests/broken"][1].startswith("UpstreamFailedError: strategies/broken failed: ZeroDivisionError")
    for table in (SIGNALS, TARGET_WEIGHTS, *RUN_TABLES):
        assert {"breakout"} <= set(read(settings, table)["strategy"]) <= {"breakout", "steady", "blend"}, table.name
    assert set(read(settings, EQUITY)["strategy"]) == {"breakout", "steady", "blend"}
    runs = dict(read(settings, RUNS).select("strategy", "status").iter_rows())
    failed = dict.fromkeys(("brittle", "broken", "weak_blend"), "failed")
    assert runs == {**dict.fromkeys(("breakout", "steady", "blend"), "ok"), **failed}
    assert status["strategies/weak_blend"][1] == f"UpstreamFailedError: strategies/broken failed: {BROKE}"


def test_a_failure_names_its_session_and_symbol(done: tuple[Configuration, dg.ExecuteInProcessResult]) -> None:
    settings, _ = done
    [row] = read(settings, STATUS).filter(asset="strategies/brittle").iter_rows(named=True)
    assert (row["session"], row["symbol"]) == (BRITTLE_AT, "CCC")
    assert row["error"] == f"ArithmeticError: this bar is too much (at session {BRITTLE_AT}, symbol CCC)"


def test_an_ensemble_holds_what_its_members_hold(done: tuple[Configuration, dg.ExecuteInProcessResult]) -> None:
    """At every session its weight of a symbol is a share of each member's, the shares no more than 1 in all."""
    settings, _ = done
    weights = read(settings, TARGET_WEIGHTS)
    symbols = {name: set(weights.filter(strategy=name)["symbol"]) for name in ("breakout", "steady", "blend")}
    assert symbols["blend"] == symbols["breakout"] | symbols["steady"]
    own = as_number(weights.filter(strategy="blend")["target_weight"].max())
    assert 0 < own < as_number(weights["target_weight"].max())
    first = {name: as_date(weights.filter(strategy=name)["session"].min()) for name in symbols}
    assert first["blend"] == min(first["breakout"], first["steady"])


def test_ids_are_unique_over_all_strategies_and_splits(done: tuple[Configuration, dg.ExecuteInProcessResult]) -> None:
    settings, _ = done
    for table, column in ((TRADES, "trade_id"), (FILLS, "fill_id"), (ORDERS, "order_id"), (DECISIONS, "decision_id")):
        ids = read(settings, table)[column]
        assert ids.len() > 10
        assert ids.is_unique().all(), table.name


def test_every_profit_follows_from_fills_and_bars(done: tuple[Configuration, dg.ExecuteInProcessResult]) -> None:
    """The arithmetic of `explain` ends at the number of the trade."""
    settings, _ = done
    warehouse = Warehouse(settings.warehouse_path)
    trades = read(settings, TRADES).filter(split="development")
    assert trades.height > 5
    for trade_id, pnl in trades.select("trade_id", "pnl").gather_every(trades.height // 5).iter_rows():
        flows = cash_flows(read_evidence(warehouse, settings, trade_id))
        assert flows["amount"].sum() == pytest.approx(pnl, rel=1e-9, abs=1e-6), trade_id


@pytest.mark.slow
def test_a_second_run_writes_the_same_rows_and_another_run(
    done: tuple[Configuration, dg.ExecuteInProcessResult], tmp_path: Path
) -> None:
    tables = (SIGNALS, TARGET_WEIGHTS, STATUS, *RUN_TABLES)
    once = Warehouse(done[0].warehouse_path)
    before = {table.name: once.fingerprint(table) for table in tables}
    shutil.copytree(done[0].data, tmp_path, dirs_exist_ok=True)
    settings = small(tmp_path)
    warehouse = Warehouse(settings.warehouse_path)
    assert [each.read(RUNS).filter(strategy="breakout").height for each in (once, warehouse)] == [1, 1]
    assert materialise(settings).success
    assert {table.name: warehouse.fingerprint(table) for table in tables} == before
    assert warehouse.read(RUNS).filter(strategy="breakout").height == 2
    same = warehouse.read(RUNS).filter(strategy="breakout").select("data_hash", "config_hash", "sharpe")
    assert same.unique().height == 1


def test_what_comes_later_changes_no_earlier_row(tmp_path: Path) -> None:
    """Append invariance, over every table of a backtest of a span that has ended."""
    settings, tables, cut = loaded(tmp_path), frames(400), dt.date(2002, 1, 15)
    names = ("bars", "indicators", "sessions")
    short = replace(tables, **{name: getattr(tables, name).filter(pl.col("session") <= cut) for name in names})
    results = [backtest(prepare(settings, each), TRAIN[0], cut, split="train") for each in (short, tables)]
    for (table, short_rows), rows in zip(results[0].by_table().items(), results[1].by_table().values(), strict=True):
        assert short_rows.equals(rows), table.name
    assert results[0].trades.height > 3


def test_without_a_validation_span_all_is_train() -> None:
    """A validation of proportion 0 has no row in `models.splits`; that is no failure of the strategy."""
    splits = pl.DataFrame({"split": ["train", "holdout"], "start": [TRAIN[0], DAYS[330]], "end": [TRAIN[1], DAYS[399]]})
    spans = {name: (span.start, span.end) for name, span in open_spans(splits).items()}
    assert spans == {"train": TRAIN, "development": TRAIN}
