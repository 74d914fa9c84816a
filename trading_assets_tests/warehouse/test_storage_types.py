"""Types of SQL that frames or files do not have, as numbers and texts that they have."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from trading_assets.asset_factories.sql_assets import run_model
from trading_assets.warehouse import Rows, Warehouse
from trading_assets.warehouse.sql_models import parse_models
from trading_assets_tests.warehouse.warehouse_fixtures import BARS, bars


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    made = Warehouse(tmp_path / "warehouse.duckdb")
    made.replace(Rows("symbol", "A"), {BARS: bars("A", range(2), close=1.0)})
    return made


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("sum(1)", 1),
        ("sum(1.5::DECIMAL(10, 2))", 1.5),
        ("10::HUGEINT ** 0 + 0", 1),
        ("9223372036854775807::HUGEINT + 1", 9223372036854775808.0),  # 2 ** 63: one more than fits
        ("INTERVAL 3 DAY", "3 days"),
        ("TIMESTAMP '2020-01-02' - TIMESTAMP '2020-01-01'", "1 day"),
        ("NULL", None),
    ],
)
def test_a_query_answers_with_plain_values(warehouse: Warehouse, expression: str, value: object) -> None:
    found = warehouse.query(f"SELECT {expression} AS x")
    assert found["x"].to_list() == [value]
    assert not isinstance(found["x"].dtype, pl.Decimal)


def test_a_model_with_a_column_of_nulls_runs_again_and_again(warehouse: Warehouse) -> None:
    for note in ("NULL", "NULL", "'text'", "NULL", "1"):
        [model] = parse_models({"notes.own": f"SELECT symbol, {note} AS note FROM market_data.bars"}, {})
        run_model(warehouse.unit_of_work(), model, {})
        assert warehouse.query("SELECT DISTINCT note IS NULL AS empty FROM notes.own")["empty"].to_list() == [
            note == "NULL"
        ]
