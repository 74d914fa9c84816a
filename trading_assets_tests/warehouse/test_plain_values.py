"""Each output type of DuckDB through a query, the files that are written of it, and a SQL model."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json

import polars as pl
import pytest

from trading_assets.asset_factories.sql_assets import run_model
from trading_assets.reports.exports import csv_text
from trading_assets.warehouse import Rows, Warehouse
from trading_assets.warehouse.plain_values import with_plain_values
from trading_assets.warehouse.sql_models import parse_models
from trading_assets_tests.warehouse.warehouse_fixtures import BARS, bars

MOMENT = dt.datetime(2020, 1, 2, 3, 4, 5)
#: Expression, value in a frame, cell of a CSV, value in JSON (None: as in the frame).
TYPES: dict[str, tuple[object, str, object]] = {
    "true": (True, "true", True),
    "1::TINYINT": (1, "1", 1),
    "18446744073709551615::UBIGINT": (2**64 - 1, str(2**64 - 1), 2**64 - 1),
    "1::UHUGEINT": (1, "1", 1),
    "(2::HUGEINT << 62) * 2": (2.0**64, "1.8446744073709552e+19", 2.0**64),
    "sum(1) OVER ()": (2, "2", 2),
    "1.25::DECIMAL(38, 10)": (1.25, "1.25", 1.25),
    "1.5::FLOAT": (1.5, "1.5", 1.5),
    "'inf'::DOUBLE": (None, "", None),
    "'-inf'::FLOAT": (None, "", None),
    "0.0 / 0": (None, "", None),
    "1::DOUBLE / 0": (None, "", None),
    "DATE 'infinity'": (None, "", None),
    "TIMESTAMP '-infinity'": (None, "", None),
    "NULL": (None, "", None),
    "'x'": ("x", "x", "x"),
    "'\\xAA'::BLOB": ("\\xAA", "\\xAA", "\\xAA"),
    "'101'::BIT": ("101", "101", "101"),
    "123456789012345678901234567890::BIGNUM": ("123456789012345678901234567890",) * 3,
    "'a'::ENUM('a', 'b')": ("a", "a", "a"),
    "union_value(number := 2)": ("2", "2", "2"),
    "{'a': 1}::VARIANT": ("{'a': 1}", "{'a': 1}", "{'a': 1}"),
    "'{\"a\":1}'::JSON": ('{"a":1}', '{"a":1}', '{"a":1}'),
    "'b1f3b7f4-6d5c-4c6e-9f55-1c8b6f7d2e3a'::UUID": ("b1f3b7f4-6d5c-4c6e-9f55-1c8b6f7d2e3a",) * 3,
    "DATE '2020-01-02'": (MOMENT.date(), "2020-01-02", "2020-01-02"),
    "TIME '10:00:00'": (dt.time(10), "10:00:00.000000000", "10:00:00"),
    "'10:00:00+02'::TIMETZ": ("10:00:00+02", "10:00:00+02", "10:00:00+02"),
    "TIMESTAMP '2020-01-02 03:04:05'": (MOMENT, "2020-01-02T03:04:05.000000", "2020-01-02 03:04:05"),
    "TIMESTAMP_S '2020-01-02 03:04:05'": (MOMENT, "2020-01-02T03:04:05.000", "2020-01-02 03:04:05"),
    "TIMESTAMP_NS '2020-01-02 03:04:05'": (MOMENT, "2020-01-02T03:04:05.000000000", "2020-01-02 03:04:05"),
    "TIMESTAMPTZ '2020-01-02 05:04:05+02'": (
        MOMENT.replace(tzinfo=dt.UTC),
        "2020-01-02T03:04:05.000000+0000",
        "2020-01-02T03:04:05+00:00",
    ),
    "INTERVAL 3 DAY": ("3 days", "3 days", "3 days"),
    "TIMESTAMP '2020-01-02' - TIMESTAMP '2020-01-01'": ("1 day", "1 day", "1 day"),
    "[1, 2]": ([1, 2], "1;2", [1, 2]),
    "[1, 2]::INTEGER[2]": ([1, 2], "1;2", [1, 2]),
    "['x', 'y']": (["x", "y"], "x;y", ["x", "y"]),
    "[1.5::DECIMAL(4, 2)]": ([1.5], "1.5", [1.5]),
    "[1::HUGEINT]": ([1], "1", [1]),
    "[INTERVAL 1 DAY]": (["1 day"], "1 day", ["1 day"]),
    "['inf'::DOUBLE, 1]": ([None, 1.0], "1.0", [None, 1.0]),
    "[DATE '2020-01-02']": ([MOMENT.date()], "2020-01-02", ["2020-01-02"]),
    "[NULL]": ([None], "", [None]),
    "[]": ([], "", []),
    "[[1], [2]]": ([[1], [2]], "[[1], [2]]", [[1], [2]]),
    "{'a': 1, 'b': 'x'}": ({"a": 1, "b": "x"}, '{"a": 1, "b": "x"}', {"a": 1, "b": "x"}),
    "{'a': 1.5::DECIMAL(4, 2), 'b': INTERVAL 1 DAY}": (
        {"a": 1.5, "b": "1 day"},
        '{"a": 1.5, "b": "1 day"}',
        {"a": 1.5, "b": "1 day"},
    ),
    "{'a': [{'b': 'nan'::DOUBLE}]}": ({"a": [{"b": None}]}, '{"a": [{"b": null}]}', {"a": [{"b": None}]}),
    "MAP {'a': 1}": ('{"a":1}', '{"a":1}', '{"a":1}'),
    "MAP {'a': 'inf'::DOUBLE, 'b': 1}": ('{"a":null,"b":1.0}',) * 3,
    "MAP {'a': [DATE 'infinity']}": ('{"a":[null]}',) * 3,
    "[MAP {'a': 1}]": (['{"a":1}'], '{"a":1}', ['{"a":1}']),
    "[DATE 'infinity', DATE '2020-01-02']": ([None, MOMENT.date()], "2020-01-02", [None, "2020-01-02"]),
    "[TIMESTAMP '-infinity']::TIMESTAMP[1]": ([None], "", [None]),
    "[[TIMESTAMP_NS 'infinity']]": ([[None]], "[[null]]", [[None]]),
    "{'a': TIMESTAMPTZ 'infinity', 'b c\"d''e': 1}": (
        {"a": None, "b c\"d'e": 1},
        '{"a": null, "b c\\"d\'e": 1}',
        {"a": None, "b c\"d'e": 1},
    ),
    "{'a': [{'b': MAP {'c': [1, NULL]}}, NULL]}": (
        {"a": [{"b": '{"c":[1,null]}'}, None]},
        '{"a": [{"b": "{\\"c\\":[1,null]}"}, null]}',
        {"a": [{"b": '{"c":[1,null]}'}, None]},
    ),
    "row(1, DATE 'infinity')": (
        {"element1": 1, "element2": None},
        '{"element1": 1, "element2": null}',
        {"element1": 1, "element2": None},
    ),
}


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    made = Warehouse(tmp_path_factory.mktemp("types") / "warehouse.duckdb")
    made.replace(Rows("symbol", "A"), {BARS: bars("A", range(2), close=1.0)})
    return made


@pytest.mark.parametrize("expression", TYPES)
def test_every_type_is_the_same_value_in_every_format(warehouse: Warehouse, expression: str) -> None:
    value, cell, in_json = TYPES[expression]
    frame = warehouse.query(f'SELECT {expression} AS "a ""b""" FROM market_data.bars LIMIT 1')
    assert frame.to_series().to_list() == [value]
    assert list(csv.reader(io.StringIO(csv_text(frame))))[1:] == ([[cell]] if cell or value is not None else [[]])
    assert [list(row.values()) for row in json.loads(frame.write_json())] == [[in_json]]
    file = io.BytesIO()
    frame.write_parquet(file)
    assert pl.read_parquet(file.getvalue()).equals(frame)


@pytest.mark.slow
def test_a_model_takes_every_type_one_after_the_other_and_each_twice(warehouse: Warehouse) -> None:
    """A column that was a number yesterday and is a list today cannot be cast; a column that was left out is gone."""
    for place, (expression, (value, _, _)) in enumerate(TYPES.items()):
        more = ", 1 AS more" if place % 2 else ""
        [model] = parse_models({"notes.own": f"SELECT symbol, {expression} AS note{more} FROM market_data.bars"}, {})
        for _ in range(2):
            run_model(warehouse.unit_of_work(), model, {})
            assert warehouse.query("SELECT note FROM notes.own LIMIT 1")["note"].to_list() == [value], expression
        assert warehouse.query("FROM notes.own LIMIT 0").columns == ["symbol", "note", *(["more"] if more else [])]


def test_integers_that_do_not_fit_make_floats_of_the_whole_column() -> None:
    """2 ** 63 is one more than fits; integers below it stay."""
    column = pl.Series("x", ["1", str(2**63)]).cast(pl.Decimal(38, 0))
    assert with_plain_values(column.to_frame())["x"].to_list() == [1.0, 2.0**63]
    assert with_plain_values(column.head(1).to_frame())["x"].to_list() == [1]
    assert with_plain_values(column.head(1).to_frame()).schema["x"] == pl.Int64
