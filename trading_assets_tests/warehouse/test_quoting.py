"""Names in SQL."""

from __future__ import annotations

import duckdb
import pytest

from trading_assets.warehouse.quoting import quote


@pytest.mark.parametrize("name", ["close", "select", "a b", 'say "no"', '"', "x'; DROP TABLE t; --"])
def test_duckdb_takes_a_quoted_name_for_what_it_is(name: str) -> None:
    assert duckdb.connect().sql(f"SELECT 1 AS {quote(name)}").columns == [name]
