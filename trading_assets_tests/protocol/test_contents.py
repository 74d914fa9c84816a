"""The hash of a content: of its values alone, and of all of them."""

from __future__ import annotations

import datetime as dt
import hashlib
import struct
from collections.abc import Callable

import polars as pl
import pytest

from trading_assets.protocol.contents import content_hash, content_rows
from trading_assets.protocol.tables import RETURNS

FRAME = pl.DataFrame(
    {
        "text": ["a", None, "bc"],
        "number": [1.5, None, -0.0],
        "count": [1, 2, 3],
        "session": [dt.date(1970, 1, 2), dt.date(1999, 1, 1), None],
        "returns": [[0.5], [], None],
    },
    schema_overrides={"returns": pl.List(pl.Float32)},
)


def test_hash_is_that_of_the_bytes_written_out() -> None:
    """One column `x` of 1.5 and null: height, name, type, which are null (bits from the left: 01), then 1.5."""
    parts = [b"2", b"x", b"Float64", bytes([0b01000000]), struct.pack("<d", 1.5)]
    expected = hashlib.sha256(b"".join(len(part).to_bytes(8, "little") + part for part in parts)).hexdigest()
    assert content_hash(pl.DataFrame({"x": [1.5, None]})) == expected


def test_hash_does_not_depend_on_how_a_frame_came_about() -> None:
    parts = pl.concat([FRAME[:1], FRAME[1:]], rechunk=False)
    assert content_hash(parts) == content_hash(FRAME.clone()) == content_hash(FRAME[::-1][::-1])


def test_a_column_of_nulls_says_nothing() -> None:
    assert content_hash(FRAME.with_columns(new=pl.lit(None, pl.String))) == content_hash(FRAME)


CHANGES: dict[str, Callable[[pl.DataFrame], pl.DataFrame]] = {
    "order": lambda frame: frame[::-1],
    "a row less": lambda frame: frame[:2],
    "a number": lambda frame: frame.with_columns(pl.col("number").replace(1.5, 1.5000000000000002)),
    "the sign of zero": lambda frame: frame.with_columns(pl.col("number").replace(-0.0, 0.0) + 0.0),
    "a null": lambda frame: frame.with_columns(pl.col("number").fill_null(1.5)),
    "where the null is": lambda frame: frame.with_columns(number=pl.Series([None, 1.5, -0.0])),
    "text moved over": lambda frame: frame.with_columns(text=pl.Series(["ab", None, "c"])),
    "an empty list": lambda frame: frame.with_columns(returns=pl.Series([[0.5], None, []], dtype=pl.List(pl.Float32))),
    "a value moved over": lambda frame: frame.with_columns(
        returns=pl.Series([[], [0.5], None], dtype=pl.List(pl.Float32))
    ),
    "a date": lambda frame: frame.with_columns(pl.col("session").dt.offset_by("1d")),
    "a name": lambda frame: frame.rename({"count": "counts"}),
    "a type": lambda frame: frame.with_columns(pl.col("count").cast(pl.Int32)),
}


@pytest.mark.parametrize("change", CHANGES)
def test_hash_changes_with_every_value(change: str) -> None:
    assert content_hash(CHANGES[change](FRAME)) != content_hash(FRAME)


def test_rows_are_numbered_and_named_by_their_hash() -> None:
    frame = pl.DataFrame({"session": [dt.date(2020, 1, 2), dt.date(2020, 1, 3)], "value": [0.5, None]})
    found, rows = content_rows(RETURNS, frame)
    assert rows["content"].to_list() == [found, found]
    assert rows["position"].to_list() == [0, 1]
    assert content_hash(rows.drop("content", "position")) == found
