"""What a table promises: its columns, key and rules, stated once.

The pandera contract, the Dagster column schema and the empty frame all come from here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import polars as pl

if TYPE_CHECKING:
    from polars._typing import PolarsDataType


_EXAMPLES = 5  # rows and values that an error shows


class ContractError(Exception):
    """A frame breaks the contract of the table it was to be written to; `str()` lists what failed.

    Attributes
    ----------
    rows
        The first rows that break it, whole; None where no single row is at fault, such as a missing column.
    """

    def __init__(self, message: str, rows: pl.DataFrame | None = None) -> None:
        super().__init__(message)
        self.rows = rows


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Bounds are inclusive. NaN and infinity never pass: what is undefined is null.
    """

    dtype: PolarsDataType
    description: str
    nullable: bool = False
    at_least: float | None = None
    at_most: float | None = None
    above: float | None = None
    one_of: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Table:
    """A table of the warehouse.

    Parameters
    ----------
    name
        ``schema.table``; the schema is the stage.
    key
        Columns that identify a row; unique.
    columns
        In order. A frame may have more only if `extra` is given.
    extra
        Contract of any further column (feature tables gain columns as the catalogue does).
    by_month
        Column of dates by whose months the rows may be kept in files, see `lake`; None: never. For tables that grow
        with symbols times sessions; no ledger has it.
    """

    name: str
    description: str
    key: tuple[str, ...]
    columns: Mapping[str, Column] = field(hash=False)
    extra: Column | None = field(default=None, hash=False)
    by_month: str | None = None

    @property
    def schema(self) -> str:
        """The DuckDB schema, which is the stage."""
        return self.name.split(".")[0]

    def empty(self) -> pl.DataFrame:
        """Return a frame of no rows with the declared columns."""
        return pl.DataFrame(schema={name: column.dtype for name, column in self.columns.items()})

    def conform(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Put the declared columns first, in order, and cast all; absent nullable ones become null.

        Raises
        ------
        ContractError
            A required column is absent or a cast loses values.
        """
        optional = {name for name, column in self.columns.items() if column.nullable}
        absent = [name for name in self.columns if name not in frame.columns and name not in optional]
        if absent:
            raise ContractError(f"{self.name}: missing column{'s' * (len(absent) > 1)} {', '.join(absent)}")
        dtypes = {name: column.dtype for name, column in self.columns.items()}
        if self.extra is not None:
            dtypes |= {name: self.extra.dtype for name in frame.columns if name not in self.columns}
        rest = [name for name in frame.columns if name not in dtypes]
        cut = [
            name
            for name, dtype in dtypes.items()
            if dtype.is_integer() and name in frame.columns and _has_fractions(frame[name])
        ]
        if cut:
            raise ContractError(f"{self.name}: {', '.join(cut)} must be whole numbers")
        own = [
            (pl.col(name) if name in frame.columns else pl.lit(None)).cast(dtype).alias(name)
            for name, dtype in dtypes.items()
        ]
        try:
            return frame.select(*own, *rest)
        except pl.exceptions.InvalidOperationError as error:
            raise ContractError(f"{self.name}: {error}") from None

    def validate(self, frame: pl.DataFrame) -> None:
        """Check an eager frame against the contract (schema and data); pandera tells what is wrong with it.

        Raises
        ------
        ContractError
            Naming each column, rule and up to five offending values, with the first rows that have them.
        """
        if not self._certainly_holds(frame):
            self._explain_faults(frame)

    def _certainly_holds(self, frame: pl.DataFrame) -> bool:
        """Whether one pass finds every rule kept: pandera takes twenty times as long to have nothing to say."""
        contracts = {name: self.columns.get(name, self.extra) for name in frame.columns}
        if not self.columns.keys() <= contracts.keys():
            return False
        broken: list[pl.Expr] = []
        for name, column in contracts.items():
            if column is None or frame.schema[name] != column.dtype:
                return False
            broken += [rule.any() for rule in _broken(pl.col(name), column)]
        if broken and any(frame.select(rule.alias(str(place)) for place, rule in enumerate(broken)).row(0)):
            return False
        return not self.key or bool(frame.select(self.key).is_unique().all())

    def _explain_faults(self, frame: pl.DataFrame) -> None:
        import pandera.polars as pa  # heavy: only where a frame is at fault

        unexpected = [name for name in frame.columns if name not in self.columns]
        if unexpected and self.extra is None:
            raise ContractError(f"{self.name}: unexpected column {', '.join(unexpected)}")
        columns: dict[str, Any] = {name: _pandera_column(pa, column) for name, column in self.columns.items()}
        if self.extra is not None:
            columns |= {name: _pandera_column(pa, self.extra) for name in unexpected}
        schema = pa.DataFrameSchema(columns, unique=list(self.key) or None, strict=True)
        try:
            schema.validate(frame, lazy=True)
        except (pa.errors.SchemaErrors, pa.errors.SchemaError) as error:
            raise ContractError(f"{self.name}: {_summary(error)}", _rows(error, frame)) from None


def _broken(value: pl.Expr, column: Column) -> list[pl.Expr]:
    """Where each rule of a column is broken; null where a value is absent, which only one rule is about."""
    rules = []
    if not column.nullable:
        rules.append(value.is_null())
    if column.at_least is not None:
        rules.append(value < column.at_least)
    if column.at_most is not None:
        rules.append(value > column.at_most)
    if column.above is not None:
        rules.append(value <= column.above)
    if column.one_of is not None:
        rules.append(~value.is_in(list(column.one_of)))
    if column.dtype in (pl.Float64, pl.Float32):
        rules.append(~value.is_finite())
    return rules


def _pandera_column(pa: Any, column: Column) -> Any:
    checks = []
    if column.at_least is not None:
        checks.append(pa.Check.ge(column.at_least))
    if column.at_most is not None:
        checks.append(pa.Check.le(column.at_most))
    if column.above is not None:
        checks.append(pa.Check.gt(column.above))
    if column.one_of is not None:
        checks.append(pa.Check.isin(list(column.one_of)))
    if column.dtype in (pl.Float64, pl.Float32):
        checks.append(pa.Check(_is_finite, name="finite", ignore_na=True))
    return pa.Column(column.dtype, checks=checks, nullable=column.nullable)


def _is_finite(data: Any) -> pl.LazyFrame:
    finite: pl.LazyFrame = data.lazyframe.select(pl.col(data.key).is_finite())
    return finite


def _has_fractions(values: pl.Series) -> bool:
    return values.dtype.is_float() and not (values == values.floor()).all()


def _rows(error: Any, frame: pl.DataFrame) -> pl.DataFrame | None:
    """The first rows that pandera found at fault; None if it names none."""
    cases = getattr(error, "failure_cases", None)
    if not isinstance(cases, pl.DataFrame) or "index" not in cases.columns:
        return None
    places = cases["index"].drop_nulls().unique().sort().head(_EXAMPLES)
    return None if places.is_empty() else frame[places.to_list()]


def _summary(error: Any) -> str:
    cases = getattr(error, "failure_cases", None)
    if not isinstance(cases, pl.DataFrame) or cases.is_empty():
        return str(error).splitlines()[0]
    grouped = cases.group_by("column", "check", maintain_order=True).agg(
        pl.len().alias("rows"), pl.col("failure_case").cast(pl.String).head(_EXAMPLES).alias("examples")
    )
    return "; ".join(
        f"{row['column']}: {row['check']} fails on {row['rows']} rows (e.g. {', '.join(map(str, row['examples']))})"
        for row in grouped.iter_rows(named=True)
    )
