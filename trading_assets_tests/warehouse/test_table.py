"""What `Table` accepts, casts and refuses."""

from __future__ import annotations

import math

import polars as pl
import pytest
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
