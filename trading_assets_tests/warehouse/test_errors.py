from __future__ import annotations

from trading_assets.warehouse import errors
from trading_assets.warehouse.errors import WarehouseError, block


def test_a_block_has_a_line_for_each_row_that_is_not_empty() -> None:
    assert block("no table", read_at=3, hint="", expected="a name") == "no table\n  read at: 3\n  expected: a name"


def test_every_error_is_one_of_the_warehouse() -> None:
    found = [each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, Exception)]
    assert len(found) == 6
    assert all(issubclass(each, WarehouseError) for each in found)
