"""The shipped SQL models on small tables worked by hand, and what Dagster sees of them."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import polars as pl
import pytest

from trading_assets.asset_factories.sql_assets import (
    build_sql_assets,
    define_view,
    is_volatile,
    models_folder,
    own_models,
    read_models,
    run_model,
)
from trading_assets.backtests.tables import DECISIONS, EQUITY, FILLS, ORDERS, TRADES
from trading_assets.config import Configuration, ConfigurationError, load_configuration
from trading_assets.features.tables import DAILY, INDICATORS
from trading_assets.market_data.tables import BARS, INSTRUMENTS, QUARANTINE, RAW_BARS, SESSIONS
from trading_assets.models.tables import PREDICTIONS
from trading_assets.strategies.tables import SIGNALS
from trading_assets.warehouse import Column, MissingTableError, StaleInputError, Table, Warehouse, Whole
from trading_assets.warehouse.sql_models import SqlModel, parse_models
from trading_assets_tests.conftest import REPOSITORY, TINY
from trading_assets_tests.warehouse.warehouse_fixtures import day

AUDITED = (TRADES, FILLS, ORDERS, DECISIONS, SIGNALS, INDICATORS, DAILY, PREDICTIONS, BARS, RAW_BARS)
TABLES = {table.name: table for table in (EQUITY, INSTRUMENTS, QUARANTINE, SESSIONS, *AUDITED)}
MODELS = {
    model.name: model
    for model in parse_models(
        read_models(models_folder()), {name: t.columns for name, t in TABLES.items() if t.extra is None}
    )
}


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return Warehouse(tmp_path / "warehouse.duckdb")


def some(table: Table, **values: Any) -> pl.DataFrame:
    """Rows of a table with `values`; every other column holds something that its contract allows."""
    size = len(next(iter(values.values())))
    fillers = {pl.String: "x", pl.Date: day(0), pl.Boolean: False, pl.Datetime: day(0), pl.List: []}

    def filler(column: Column) -> object:
        if column.nullable:
            return None
        allowed = column.one_of[0] if column.one_of else column.at_most
        return fillers.get(column.dtype.base_type(), 1) if allowed is None else allowed

    return pl.DataFrame(
        {
            name: pl.Series(values.get(name, [filler(column)] * size)).cast(column.dtype)
            for name, column in table.columns.items()
        }
    )


def run(warehouse: Warehouse, name: str) -> list[tuple[object, ...]]:
    work, model = warehouse.unit_of_work(), MODELS[name]
    if not model.is_view:
        return run_model(work, model, TABLES).rows()
    rows, columns = define_view(work, model, TABLES)
    found = warehouse.query(f"FROM {name}")
    assert (found.height, found.schema) == (rows, columns.schema)
    return found.rows()


def test_monthly_returns_compound_within_a_month_and_split(warehouse: Warehouse) -> None:
    sessions = [day(0), day(1), day(2), day(40), day(41)]
    frame = some(
        EQUITY,
        strategy=["s"] * 5,
        session=sessions,
        split=["train"] * 4 + ["validation"],
        daily_return=[None, 0.5, -0.5, 0.25, -1.0],
    )
    warehouse.replace(Whole(), {EQUITY: frame})
    assert run(warehouse, "backtests.monthly_returns") == [
        ("s", "train", 2020, 1, 3, -0.25),
        ("s", "train", 2020, 2, 1, 0.25),
        ("s", "validation", 2020, 2, 1, -1.0),
    ]


def test_exit_reasons(warehouse: Warehouse) -> None:
    frame = some(
        TRADES,
        trade_id=["a", "b", "c", "d"],
        strategy=["s"] * 4,
        split=["train"] * 4,
        exit_reason=["stop", "stop", "stop", "rule"],
        pnl=[1.0, 2.0, -4.0, 8.0],
        r_multiple=[0.5, 1.0, -3.0, 2.0],
    )
    warehouse.replace(Whole(), {TRADES: frame})
    assert run(warehouse, "backtests.exit_reasons") == [
        ("s", "train", "rule", 1, 8.0, 2.0),
        ("s", "train", "stop", 3, -1.0, -0.5),
    ]


def test_a_trade_of_a_reused_ticker_leads_back_to_the_bars_of_the_ticker(warehouse: Warehouse) -> None:
    fills = some(FILLS, trade_id=["t"], fill_id=["f"], order_id=["o"], symbol=["A@2016"], session=[day(1)])
    orders = some(ORDERS, order_id=["o"], decision_id=["d"], symbol=["A@2016"])
    decisions = some(DECISIONS, decision_id=["d"], symbol=["A@2016"], session=[day(0)], decision=["enter"])
    raw = some(RAW_BARS, symbol=["A"] * 2, session=[day(0), day(1)], occurrence=[1] * 2, source_line=[7, 8])
    listed = some(INSTRUMENTS, symbol=["A", "A@2016"], tickers=[["A"], ["A"]])
    frames = {FILLS: fills, ORDERS: orders, DECISIONS: decisions, RAW_BARS: raw, INSTRUMENTS: listed}
    warehouse.replace(Whole(), frames)
    run(warehouse, "backtests.trade_audit")
    assert warehouse.query("SELECT decision_line, fill_line FROM backtests.trade_audit").rows() == [(7, 8)]


def test_a_trade_leads_back_to_its_bars(warehouse: Warehouse) -> None:
    """A pair's leg that is held, cut and left, another fill, and neighbours that must not be joined to it."""
    ids = {"trade_id": ["t"] * 2 + ["u"], "fill_id": ["f1", "f2", "f3"], "order_id": ["o1", "o2", "o3"]}
    fills = some(FILLS, **ids, symbol=["A", "A", "B"], session=[day(1), day(5), day(1)])
    orders = some(ORDERS, order_id=["o1", "o2", "o3"], decision_id=["d1", "d2", "d3"], symbol=["A", "A", "B"])
    decisions = some(
        DECISIONS,
        decision_id=["d1", "d2", "d3"],
        strategy=["s"] * 3,
        symbol=["A", "A", "B"],
        pair_id=["p", "p", None],
        session=[day(0), day(4), day(0)],
        decision=["enter", "exit", "enter"],
        target_weight=[0.2, 0.1, None],
        model=["m", None, None],
    )
    signals = some(
        SIGNALS,
        strategy=["s", "s", "s", "other"],
        symbol=["A", "A", "A", "A"],
        pair_id=["p", "p", "q", "p"],
        session=[day(0), day(4), day(0), day(0)],
        action=["enter"] * 4,
        reason=["spread", "rebalance", "wrong pair", "wrong strategy"],
    )
    predictions = some(
        PREDICTIONS, model=["m", "n"], symbol=["A"] * 2, session=[day(0)] * 2, version=["v", "w"], score=[0.75, 0.5]
    )
    raw = some(
        RAW_BARS,
        symbol=["A", "A", "A", "B"],
        session=[day(0), day(0), day(1), day(1)],
        occurrence=[1, 2, 1, 1],
        source_file=["a.csv", "a.csv", "a.csv", "b.csv"],
        source_line=[7, 8, 9, 3],
    )
    daily = some(DAILY, symbol=["A"], session=[day(0)]).with_columns(momentum=0.25)
    trades = some(TRADES, trade_id=["t"], pnl=[-3.0])
    frames = {FILLS: fills, ORDERS: orders, DECISIONS: decisions, SIGNALS: signals, PREDICTIONS: predictions}
    warehouse.replace(Whole(), {**frames, RAW_BARS: raw, DAILY: daily, TRADES: trades})
    assert len(run(warehouse, "backtests.trade_audit")) == 3
    columns = (
        "fill_id, pnl, decision_id, signal_reason, model_version, model_score, json_extract(features, '$.momentum'),"
        " decision_file, decision_line, fill_file, fill_line"
    )
    found = warehouse.query(f"SELECT {columns} FROM backtests.trade_audit ORDER BY fill_id").rows()
    assert found == [
        ("f1", -3.0, "d1", "spread", "v", 0.75, "0.25", "a.csv", 7, "a.csv", 9),
        ("f2", -3.0, "d2", "rebalance", None, None, None, None, None, None, None),
        ("f3", None, "d3", None, None, None, None, None, None, "b.csv", 3),
    ]


def test_a_view_shows_what_its_tables_hold_now(warehouse: Warehouse) -> None:
    view = "backtests.trade_audit"
    assert run(warehouse, view) == []
    warehouse.replace(Whole(), {FILLS: some(FILLS, fill_id=["f"])})
    assert warehouse.query(f"SELECT fill_id FROM {view}").rows() == [("f",)]
    wider = FILLS.empty().with_columns(note=pl.lit(None, pl.String))
    more = Table(FILLS.name, "", (), {**FILLS.columns, "note": Column(pl.String, "", nullable=True)})
    warehouse.replace(Whole(), {more: wider})
    assert warehouse.query(f"FROM {view}").is_empty()


def test_a_view_takes_the_place_of_a_table(warehouse: Warehouse) -> None:
    old = Table("backtests.trade_audit", "", (), {"n": Column(pl.Int64, "")})
    warehouse.replace(Whole(), {old: pl.DataFrame({"n": [1]})})
    assert run(warehouse, old.name) == []
    assert run(warehouse, old.name) == []


def test_quality_summary_counts_each_reason(warehouse: Warehouse) -> None:
    quarantined = some(
        QUARANTINE,
        symbol=["A", "A", "B"],
        asset_class=["equity"] * 3,
        source=["files"] * 3,
        session=[day(0), day(1), day(2)],
        reasons=[["invalid_ohlc", "future_bar"], ["invalid_ohlc"], ["invalid_ohlc"]],
    )
    flagged = some(BARS, symbol=["A", "C"], asset_class=["equity"] * 2, session=[day(3), day(4)], flags=[[], ["stale"]])
    instruments = some(INSTRUMENTS, symbol=["A", "C"], asset_class=["equity"] * 2, source=["files", "sample"])
    warehouse.replace(Whole(), {QUARANTINE: quarantined, BARS: flagged, INSTRUMENTS: instruments})
    assert run(warehouse, "market_data.quality_summary") == [
        ("files", "equity", "quarantined", "future_bar", 1, 1, day(0), day(0)),
        ("files", "equity", "quarantined", "invalid_ohlc", 3, 2, day(0), day(2)),
        ("sample", "equity", "flagged", "stale", 1, 1, day(4), day(4)),
    ]


def test_incomplete_sessions_counts_live_symbols_without_a_bar(warehouse: Warehouse) -> None:
    """A lives for five sessions with a hole, B from the second to the third; the fourth is nobody's but A's."""
    instruments = some(
        INSTRUMENTS,
        symbol=["A", "B"],
        calendar=["24/7"] * 2,
        first_session=[day(0), day(1)],
        last_session=[day(4), day(2)],
    )
    bars = some(BARS, symbol=["A", "A", "A", "B", "B"], session=[day(0), day(1), day(4), day(1), day(2)])
    sessions = some(SESSIONS, calendar=["24/7"] * 6, session=[day(n) for n in range(6)])
    warehouse.replace(Whole(), {SESSIONS: sessions, BARS: bars, INSTRUMENTS: instruments})
    assert run(warehouse, "market_data.incomplete_sessions") == [("24/7", day(2), 2, 1), ("24/7", day(3), 1, 1)]


@pytest.mark.parametrize("name", sorted(MODELS))
def test_tables_that_are_not_written_yet_count_as_empty(warehouse: Warehouse, name: str) -> None:
    other = next(table for table in TABLES.values() if table.name not in MODELS[name].dependencies)
    warehouse.replace(Whole(), {other: other.empty()})
    assert run(warehouse, name) == []
    assert warehouse.query(f"FROM {name}").is_empty()


@pytest.mark.parametrize("name", sorted(MODELS))
def test_any_duckdb_shell_runs_them_to_the_same_bits(warehouse: Warehouse, name: str) -> None:
    returns = [0.1 / (number + 3) for number in range(500)]
    frame = some(EQUITY, strategy=["s"] * 500, session=[day(n) for n in range(500)], daily_return=returns)
    warehouse.replace(Whole(), {table: table.empty() for table in TABLES.values() if table is not EQUITY})
    warehouse.replace(Whole(), {EQUITY: frame})
    ours = run(warehouse, name)
    with duckdb.connect(warehouse.path, read_only=True) as shell:
        assert shell.execute(MODELS[name].sql).fetchall() == ours


def test_a_table_neither_written_nor_declared_is_missing(warehouse: Warehouse) -> None:
    warehouse.replace(Whole(), {EQUITY: EQUITY.empty()})
    with pytest.raises(MissingTableError, match=r"backtests\.trades"):
        run_model(warehouse.unit_of_work(), MODELS["backtests.exit_reasons"], {})


def test_input_replaced_meanwhile_is_noticed(warehouse: Warehouse) -> None:
    warehouse.replace(Whole(), {TRADES: TRADES.empty()})
    work = warehouse.unit_of_work()
    work.exists(TRADES.name)
    warehouse.replace(Whole(), {TRADES: TRADES.empty()})
    with pytest.raises(StaleInputError):
        run_model(work, MODELS["backtests.exit_reasons"], TABLES)


def test_dagster_sees_lineage_and_the_run_writes_the_table(warehouse: Warehouse) -> None:
    warehouse.replace(Whole(), {TRADES: TRADES.empty()})
    writers = {"backtests.trades": [dg.AssetKey(["backtests", "a"]), dg.AssetKey(["backtests", "b"])]}
    configuration = load_configuration(TINY)
    assets = build_sql_assets(configuration, writers, TABLES)
    by_key = {asset.key.to_user_string(): asset for asset in assets}
    assert sorted(by_key) == [
        "backtests/exit_reasons",
        "backtests/monthly_returns",
        "backtests/trade_audit",
        "market_data/incomplete_sessions",
        "market_data/quality_summary",
    ]
    spec = by_key["backtests/exit_reasons"].get_asset_spec()
    assert [dep.asset_key for dep in spec.deps] == writers["backtests.trades"]
    assert spec.group_name == "backtests"
    assert spec.kinds == {"duckdb", "sql"}
    lineage = spec.metadata["dagster/column_lineage"].deps_by_column
    assert [(dep.asset_key, dep.column_name) for dep in lineage["exit_reason"]] == [
        (key, "exit_reason") for key in writers["backtests.trades"]
    ]
    assert all(asset.backfill_policy == dg.BackfillPolicy.single_run() for asset in assets)

    result = dg.materialize(assets, resources={"warehouse": warehouse, "configuration": configuration})
    assert result.success
    metadata = result.asset_materializations_for_node("backtests__exit_reasons")[0].metadata
    assert metadata["dagster/row_count"].value == 0
    schema = metadata["dagster/column_schema"].value
    assert isinstance(schema, dg.TableSchema)
    assert [(column.name, column.description) for column in schema.columns][-2:] == [
        ("pnl", "net of costs, quote currency"),
        ("mean_r_multiple", "mean of pnl over initial risk"),
    ]
    assert warehouse.exists("backtests.exit_reasons")


def test_own_models_may_read_shipped_columns(warehouse: Warehouse, tmp_path: Path) -> None:
    folder = tmp_path / "sql" / "reports"
    folder.mkdir(parents=True)
    (folder / "winners.sql").write_text("SELECT * FROM reports.reasons WHERE pnl > 0")
    (folder / "reasons.sql").write_text("SELECT exit_reason, pnl FROM backtests.trades")
    frame = some(TRADES, exit_reason=["stop"], pnl=[1.0])
    warehouse.replace(Whole(), {TRADES: frame})
    assets = build_sql_assets(load_configuration(TINY), {}, TABLES, folder=folder.parent)
    assert dg.materialize(assets, resources={"warehouse": warehouse, "configuration": None}).success
    assert warehouse.query("FROM reports.winners").rows() == [("stop", 1.0)]


@pytest.mark.acceptance
def test_the_installed_package_brings_its_models(tmp_path: Path) -> None:
    """As the wheel lays them out: inside the package."""
    shutil.copytree(REPOSITORY / "trading_assets", tmp_path / "trading_assets")
    shutil.copytree(REPOSITORY / "dbt_like_sql", tmp_path / "trading_assets" / "dbt_like_sql")
    files = list((REPOSITORY / "dbt_like_sql").rglob("*.sql"))
    code = (
        "from trading_assets.asset_factories.sql_assets import *; "
        "print(models_folder(), len(read_models(models_folder())))"
    )
    printed = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    ).stdout
    assert printed.split() == [str(tmp_path / "trading_assets" / "dbt_like_sql"), str(len(files))]


def test_model_is_a_value() -> None:
    assert all(isinstance(model, SqlModel) and model.description for model in MODELS.values())
    assert all(all(model.columns.values()) for model in MODELS.values())


def beside(folder: Path, name: str, sql: str) -> Configuration:
    """The tiny configuration with a model in a folder beside it."""
    file = folder / "dbt_like_sql" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(sql)
    return load_configuration(Path(shutil.copy(TINY, folder / "config.yaml")), folder / "data")


def test_a_model_of_the_page_beside_the_configuration_is_a_table(tmp_path: Path) -> None:
    """Three trades, which earned 5, 20 and -1."""
    page = (REPOSITORY / "docs" / "how-to.md").read_text(encoding="utf-8")
    [sql] = re.findall(r"```sql\n(.*?)```", page, flags=re.DOTALL)
    [name] = re.findall(r"`dbt_like_sql/(\w+/\w+\.sql)`", page)
    configuration = beside(tmp_path, name, sql)
    warehouse = Warehouse(tmp_path / "warehouse.duckdb")
    pnl, splits = [5.0, 20.0, -1.0, 5.0], ["development", "development", "development", "train"]
    trades = some(TRADES, trade_id=["a", "b", "c", "d"], pnl=pnl, strategy=["s"] * 4, split=splits)
    warehouse.replace(Whole(), {TRADES: trades})
    key = dg.AssetKey(["research", "best_trades"])
    assets = [asset for asset in build_sql_assets(configuration, {}, TABLES) if asset.key == key]
    resources = {"configuration": configuration, "warehouse": warehouse}
    assert dg.materialize(assets, resources=resources).success
    assert warehouse.query("SELECT pnl FROM research.best_trades")["pnl"].to_list() == [20.0, 5.0, -1.0]


@pytest.mark.parametrize(
    ("name", "sql", "said"),
    [
        ("robustness/trials.sql", "SELECT 1 AS x", "robustness is a schema of the house"),
        ("main/versions.sql", "SELECT 1 AS x", "main is a schema of the house"),
        *(
            (f"{schema}/commits.sql", "SELECT 1 AS x", f"{schema} is a schema of the house")
            for schema in ("meta", "information_schema", "pg_catalog", "temp", "system", "protocol")
        ),
        ("research/Best.sql", "SELECT 1 AS x", r"research\.Best is no name of a table"),
        ("research/best.sql", "DROP TABLE backtests.trades", "not a query"),
        ("research/best.sql", "SELECT * FROM 'secret.csv'", "tables named schema.table"),
    ],
)
def test_a_model_that_cannot_be_one_is_refused(tmp_path: Path, name: str, sql: str, said: str) -> None:
    configuration = beside(tmp_path, name, sql)
    with pytest.raises(ConfigurationError, match=said) as caught:
        build_sql_assets(configuration, {}, TABLES)
    assert str(tmp_path) in str(caught.value)


def test_a_copy_of_a_shipped_model_beside_the_configuration_is_none_of_ones_own(tmp_path: Path) -> None:
    configuration = beside(tmp_path, "research/one.sql", "SELECT 1 AS x")
    shutil.copytree(models_folder(), tmp_path / "dbt_like_sql", dirs_exist_ok=True)
    assert list(own_models(configuration)) == ["research.one"]


@pytest.mark.parametrize(
    ("sql", "volatile"),
    [
        ("SELECT now() AS t", True),
        ("SELECT *, current_date AS day FROM a.b", True),
        ("SELECT session - CURRENT_TIMESTAMP FROM a.b", True),
        ("SELECT * FROM a.b USING SAMPLE 10", True),
        ("SELECT * FROM a.b ORDER BY random()", True),
        ("SELECT known, average, unrandomised FROM a.b", False),
    ],
)
def test_a_model_that_the_clock_or_chance_decides_is_computed_each_time(sql: str, volatile: bool) -> None:
    assert is_volatile(sql) is volatile
