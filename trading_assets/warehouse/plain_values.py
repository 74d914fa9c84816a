"""Types of SQL that frames and files lack, or write otherwise from format to format, as values that all of them have.

| in SQL | in a frame, a file, a table of a SQL model |
|---|---|
| DECIMAL, HUGEINT, UHUGEINT (a sum of integers is one) | an integer where all values fit, else a float |
| infinity, NaN; DATE and TIMESTAMP 'infinity', in lists, structs and values of maps too | null: what is undefined |
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
    made = _plain(quoted, type_, 0)
    return quoted if made == quoted else f"{made} AS {quoted}"


def _plain(value: str, type_: Any, depth: int) -> str:
    """Return the SQL of a plain value of the SQL of a value: that itself if it is one.

    Parameters
    ----------
    depth
        Of the lists, structs and maps that the value is in; 0 for a column. It names what a list is gone through by.
    """
    kind = type_.id
    if kind == "map":
        return _map_as_json(value, type_, depth)
    if kind in _WITH_INFINITIES or (depth > 0 and kind in ("float", "double")):  # those of a column: see below
        return f"CASE WHEN isfinite({value}) THEN {value} END"
    if kind in _AS_TEXT or (depth > 0 and kind == "null"):
        return f"CAST({value} AS VARCHAR)"
    if kind in ("list", "array"):
        inner = type_.children[0][1]
        as_list = f"CAST({value} AS {inner}[])" if kind == "array" else value
        return _transformed(as_list, inner, depth)
    if kind in ("struct", "tuple"):
        return _plain_struct(value, type_, depth)
    return value


def _transformed(values: str, inner: Any, depth: int) -> str:
    """Return the SQL of a list whose values are plain."""
    element = f"element_{depth}"
    made = _plain(element, inner, depth + 1)
    return values if made == element else f"list_transform({values}, lambda {element}: {made})"


def _plain_struct(value: str, type_: Any, depth: int) -> str:
    fields = []
    for place, (name, inner) in enumerate(type_.children, start=1):
        # a tuple, `row(1, 'x')`, has fields without names, found by their places; they are named as frames name them
        field = f"struct_extract({value}, '{name.replace(chr(39), chr(39) * 2)}')" if name else f"{value}[{place}]"
        fields.append((name or f"element{place}", field, _plain(field, inner, depth + 1)))
    if all(field == made for _, field, made in fields):
        return value
    packed = ", ".join(f"{quote(name)} := {made}" for name, _, made in fields)
    return f"CASE WHEN {value} IS NOT NULL THEN struct_pack({packed}) END"


def _map_as_json(value: str, type_: Any, depth: int) -> str:
    """JSON has no infinity: the values of a map are made plain before they are written."""
    values = f"map_values({value})"
    made = _transformed(values, dict(type_.children)["value"], depth + 1)
    plain = value if made == values else f"map(map_keys({value}), {made})"
    return f"CAST(to_json({plain}) AS VARCHAR)"


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
