"""Types of SQL that frames and files lack, or write otherwise from format to format, as values that all of them have.

| in SQL | in a frame, a file, a table of a SQL model |
|---|---|
| DECIMAL, HUGEINT, UHUGEINT (a sum of integers is one) | an integer where all values fit, else a float |
| infinity, NaN; DATE and TIMESTAMP 'infinity' | null: what is undefined |
| INTERVAL, BLOB, BIT, BIGNUM, UNION, VARIANT, ENUM, TIME WITH TIME ZONE | text as DuckDB writes it |
| MAP | JSON text |
| an array of a fixed length | a list |
| TIMESTAMP WITH TIME ZONE | in UTC |
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import polars as pl

from trading_assets.warehouse.quoting import quote

if TYPE_CHECKING:
    from polars._typing import PolarsDataType

_AS_TEXT = frozenset(
    {"interval", "blob", "bit", "bignum", "union", "variant", "enum", "geometry", "time with time zone", "map"}
)
_WITH_INFINITIES = frozenset(
    {"date", "timestamp", "timestamp with time zone", "timestamp_s", "timestamp_ms", "timestamp_ns"}
)


def plain_expressions(columns: Sequence[str], types: Sequence[Any]) -> str | None:
    """Return the SELECT list that gives columns types which frames have; None if they all do.

    Parameters
    ----------
    columns
        Names, unique.
    types
        `duckdb.sqltypes.DuckDBPyType` of each.
    """
    made = [_expression(name, type_) for name, type_ in zip(columns, types, strict=True)]
    return ", ".join(made) if made != [quote(name) for name in columns] else None


def _expression(name: str, type_: Any) -> str:
    quoted = quote(name)
    if type_.id == "map":
        return f"CAST(to_json({quoted}) AS VARCHAR) AS {quoted}"
    if type_.id in _WITH_INFINITIES:
        return f"CASE WHEN isfinite({quoted}) THEN {quoted} END AS {quoted}"
    plain = _plain_type(type_)
    return quoted if plain == str(type_) else f"CAST({quoted} AS {plain}) AS {quoted}"


def _plain_type(type_: Any, *, is_inner: bool = False) -> str:
    """Return the SQL of the type that a type is cast to: its own if frames have it."""
    if type_.id in _AS_TEXT or (is_inner and type_.id == "null"):
        return "VARCHAR"
    if type_.id in ("list", "array"):
        return f"{_plain_type(type_.children[0][1], is_inner=True)}[]"
    if type_.id == "struct":
        fields = [(name, inner, _plain_type(inner, is_inner=True)) for name, inner in type_.children]
        if all(plain == str(inner) for _, inner, plain in fields):
            return str(type_)
        return f"STRUCT({', '.join(f'{quote(name)} {plain}' for name, _, plain in fields)})"
    return str(type_)


def with_plain_values(frame: pl.DataFrame) -> pl.DataFrame:
    """Return a frame without decimals, infinities and time zones other than UTC, inside lists and structs too."""
    changed = []
    for column in frame.iter_columns():
        if _has(column.dtype, pl.Decimal):
            column = _without_decimals(column)
        if _has(column.dtype, pl.Float32, pl.Float64):
            column = column.to_frame().select(_finite(pl.col(column.name), column.dtype)).to_series()
        if isinstance(column.dtype, pl.Datetime) and column.dtype.time_zone is not None:
            column = column.dt.convert_time_zone("UTC")
        changed.append(column)
    return frame.with_columns(changed) if changed else frame


def _has(dtype: PolarsDataType, *wanted: type[pl.DataType]) -> bool:
    if isinstance(dtype, pl.List | pl.Array):
        return _has(dtype.inner, *wanted)
    if isinstance(dtype, pl.Struct):
        return any(_has(field.dtype, *wanted) for field in dtype.fields)
    return isinstance(dtype, wanted)


def _without_decimals(column: pl.Series) -> pl.Series:
    try:
        return column.cast(_number(column.dtype, pl.Int64()))
    except pl.exceptions.InvalidOperationError:  # a whole number that no integer holds
        return column.cast(_number(column.dtype, pl.Float64()))


def _number(dtype: PolarsDataType, whole: pl.DataType) -> PolarsDataType:
    if isinstance(dtype, pl.Decimal):
        return whole if dtype.scale == 0 else pl.Float64()
    if isinstance(dtype, pl.List):
        return pl.List(_number(dtype.inner, whole))
    if isinstance(dtype, pl.Struct):
        return pl.Struct([pl.Field(each.name, _number(each.dtype, whole)) for each in dtype.fields])
    return dtype


def _finite(value: pl.Expr, dtype: PolarsDataType) -> pl.Expr:
    """Return an expression of the values with null for what is not finite."""
    if isinstance(dtype, pl.Float32 | pl.Float64):
        return pl.when(value.is_finite()).then(value)
    if isinstance(dtype, pl.List) and _has(dtype, pl.Float32, pl.Float64):
        return value.list.eval(_finite(pl.element(), dtype.inner))
    if isinstance(dtype, pl.Struct) and _has(dtype, pl.Float32, pl.Float64):
        fields = [_finite(value.struct.field(each.name), each.dtype).alias(each.name) for each in dtype.fields]
        return pl.when(value.is_not_null()).then(value.struct.with_fields(fields))
    return value
