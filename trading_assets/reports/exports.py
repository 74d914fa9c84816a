"""Tables as files that other programs open: CSV and JSON."""

from __future__ import annotations

import json

import polars as pl

#: A spreadsheet takes a cell that starts with one of these for a formula (OWASP, "CSV injection").
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


def csv_text(frame: pl.DataFrame) -> str:
    """CSV with a header; lists are joined by `;`; text that a spreadsheet would run as a formula gets a leading `'`."""
    return frame.select(_flat(name, dtype) for name, dtype in frame.schema.items()).write_csv()


def json_text(frame: pl.DataFrame) -> str:
    """A JSON array of one object a row; dates are ISO strings, undefined is null."""
    return json.dumps(json.loads(frame.write_json()), indent=1)


def _flat(name: str, dtype: pl.DataType) -> pl.Expr:
    column = pl.col(name)
    if isinstance(dtype, pl.List):
        column = column.list.join(";")
    elif not isinstance(dtype, pl.String):
        return column
    is_formula = pl.any_horizontal(column.str.starts_with(start) for start in FORMULA_STARTS)
    return pl.when(is_formula).then(pl.concat_str(pl.lit("'"), column)).otherwise(column).alias(name)
