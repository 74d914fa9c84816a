"""Tables as files that other programs open: CSV and JSON."""

from __future__ import annotations

import json

import polars as pl

#: A spreadsheet takes a cell that starts with one of these for a formula (OWASP, "CSV injection").
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


def csv_text(frame: pl.DataFrame) -> str:
    """Return CSV with a header.

    The values of a list are joined by `;`, what is nested deeper is JSON text; text that a spreadsheet would run as a
    formula gets a leading `'`.
    """
    flat = frame.with_columns(_as_json(column) for column in frame.iter_columns() if _is_deep(column.dtype))
    return flat.select(_flat(name, dtype) for name, dtype in flat.schema.items()).write_csv()


def _is_deep(dtype: pl.DataType) -> bool:
    return isinstance(dtype, pl.Struct) or (isinstance(dtype, pl.List) and dtype.inner.is_nested())


def _as_json(column: pl.Series) -> pl.Series:
    texts = [None if value is None else json.dumps(value, default=str) for value in column.to_list()]
    return pl.Series(column.name, texts, dtype=pl.String)


def json_text(frame: pl.DataFrame) -> str:
    """Return a JSON array of one object a row; dates are ISO strings, undefined is null."""
    return json.dumps(json.loads(frame.write_json()), indent=1)


def _flat(name: str, dtype: pl.DataType) -> pl.Expr:
    column = pl.col(name)
    if isinstance(dtype, pl.List):
        column = column.cast(pl.List(pl.String)).list.join(";")
    elif not isinstance(dtype, pl.String):
        return column
    is_formula = pl.any_horizontal(column.str.starts_with(start) for start in FORMULA_STARTS)
    return pl.when(is_formula).then(pl.concat_str(pl.lit("'"), column)).otherwise(column).alias(name)
