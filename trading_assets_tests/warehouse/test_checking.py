"""The order of a frame is that of a sort, and a frame that has it is not copied."""

from __future__ import annotations

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from trading_assets.warehouse.checking import in_order

LINES = st.lists(st.tuples(st.sampled_from(["a", "b", "B", None]), st.one_of(st.none(), st.integers(0, 2))), max_size=8)


@given(lines=LINES, key=st.sampled_from([(), ("text",), ("text", "number"), ("number", "text")]))
def test_rows_come_as_a_stable_sort_puts_them_with_nulls_last(
    lines: list[tuple[str | None, int | None]], key: tuple[str, ...]
) -> None:
    schema = {"text": pl.String, "number": pl.Int64}
    rows = pl.DataFrame(lines, schema=schema, orient="row").with_row_index("place")
    expected = rows.sort(key, nulls_last=True, maintain_order=True) if key else rows
    found = in_order(rows, key)
    assert found.equals(expected)
    assert (found is rows) == rows.equals(expected)
