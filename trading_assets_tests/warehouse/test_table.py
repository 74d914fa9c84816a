"""What `Table` accepts, casts and refuses."""

from __future__ import annotations

import math
from collections.abc import Callable

import pandera.polars as pa
import polars as pl
import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from trading_assets.warehouse import Column, ContractError, Table

TABLE = Table(
    name="stage.table",
    description="",
    key=("name",),
    columns={
        "name": Column(pl.String, "", one_of=("a", "b", "c")),
        "count": Column(pl.Int64, "", at_least=0, at_most=9, nullable=True),
        "price": Column(pl.Float64, "", above=0, nullable=True),
    },
)


def frame(**columns: object) -> pl.DataFrame:
    return pl.DataFrame({"name": ["a"], **columns})


def test_conform_orders_casts_and_fills() -> None:
    conformed = TABLE.conform(pl.DataFrame({"price": [1], "name": ["a"]}))
    assert conformed.schema == TABLE.empty().schema
    assert conformed.row(0) == ("a", None, 1.0)


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        ({"count": [10]}, "count"),
        ({"count": [-1]}, "count"),
        ({"price": [0.0]}, "price"),
        ({"price": [math.nan]}, "finite"),
        ({"price": [math.inf]}, "finite"),
        ({"name": ["z"]}, "name"),
        ({"name": [None]}, "name"),
        ({"name": ["a", "a"]}, "name"),
        ({"unheard_of": [1]}, "unexpected column unheard_of"),
    ],
)
def test_validate_refuses(columns: dict[str, list[object]], says: str) -> None:
    with pytest.raises(ContractError, match=says):
        TABLE.validate(TABLE.conform(pl.DataFrame({"name": ["a"] * len(next(iter(columns.values()))), **columns})))


def _no_nan(data: pa.PolarsData) -> pl.LazyFrame:
    told: pl.LazyFrame = data.lazyframe.select(pl.col(data.key or "*").is_not_nan())
    return told


#: The rules of `TABLE` as pandera has them; a float is finite.
PANDERA = pa.DataFrameSchema(
    {
        "name": pa.Column(pl.String, pa.Check.isin(["a", "b", "c"])),
        "count": pa.Column(pl.Int64, pa.Check.in_range(0, 9), nullable=True),
        "price": pa.Column(pl.Float64, [pa.Check.gt(0), pa.Check.lt(math.inf), pa.Check(_no_nan)], nullable=True),
    },
    unique=["name"],
)


def accepts(check: Callable[[pl.DataFrame], object], frame: pl.DataFrame) -> bool:
    try:
        check(frame)
    except (ContractError, pa.errors.SchemaError):
        return False
    return True


ROWS = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "c", "a", "b", "z", None]),
        st.sampled_from([0, 9, 5, None, 1, -1, 10]),
        st.sampled_from([1.0, 1e-300, None, 2.0, 3.0, 0.0, math.nan, math.inf, -1.0]),
    ),
    max_size=3,
)


@settings(max_examples=150)
@drawn(rows=ROWS)
def test_validate_accepts_what_pandera_accepts(rows: list[tuple[object, ...]]) -> None:
    frame = pl.DataFrame(rows, schema=TABLE.empty().schema, orient="row")
    assert accepts(TABLE.validate, frame) == accepts(PANDERA.validate, frame)


def test_validate_refuses_another_type_and_a_missing_column() -> None:
    whole = TABLE.conform(pl.DataFrame({"name": ["a"]}))
    TABLE.validate(whole)
    for other in (whole.with_columns(pl.col("count").cast(pl.Int32)), whole.drop("count")):
        with pytest.raises(ContractError, match="count"):
            TABLE.validate(other)


@pytest.mark.parametrize(
    ("given", "at_fault"),
    [
        ({"name": ["a", "b", "c"], "price": [None, 1.0, -1.0]}, [2]),  # a null before is no row less
        ({"name": ["a", "b", "c"], "price": [math.nan, 1.0, 1.0], "count": [1, 2, 10]}, [0, 2]),
        ({"name": ["a", None, "z"]}, [1, 2]),
        ({"name": ["a", "b", "a", "c"]}, [0, 2]),
        ({"name": ["a"], "unheard_of": [1]}, None),
    ],
)
def test_the_rows_at_fault_are_shown_whole(given: dict[str, list[object]], at_fault: list[int] | None) -> None:
    frame = TABLE.conform(pl.DataFrame(given, strict=False))
    with pytest.raises(ContractError) as raised:
        TABLE.validate(frame)
    if at_fault is None:
        assert raised.value.rows is None
    else:
        assert raised.value.rows is not None
        assert_frame_equal(raised.value.rows, frame[at_fault])


def test_a_handful_of_rows_is_enough() -> None:
    with pytest.raises(ContractError, match="fails on 9 rows") as raised:
        TABLE.validate(TABLE.conform(pl.DataFrame({"name": ["z"] * 9})))
    assert raised.value.rows is not None and raised.value.rows.height == 5


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (pl.DataFrame({"price": [1.0]}), "missing column name"),
        (frame(price=["high"]), "stage.table"),
        (frame(count=[1.5]), "count must be whole numbers"),
    ],
)
def test_conform_refuses(given: pl.DataFrame, says: str) -> None:
    with pytest.raises(ContractError, match=says):
        TABLE.conform(given)


def test_extra_columns_get_their_type_even_where_all_values_are_null() -> None:
    table = Table("s.t", "", ("name",), {"name": Column(pl.String, "")}, extra=Column(pl.Float64, "", nullable=True))
    conformed = table.conform(frame(unknown=[None], whole=[1]))
    table.validate(conformed)
    assert conformed.dtypes == [pl.String, pl.Float64, pl.Float64]
