"""All that touches DuckDB: declared tables, one transaction a write, and no lock held over a computation."""

from trading_assets.warehouse.errors import (
    LockedError,
    MissingTableError,
    SchemaVersionError,
    StaleInputError,
    WarehouseError,
)
from trading_assets.warehouse.slices import Rows, Sessions, Slice, Whole
from trading_assets.warehouse.table import Column, ContractError, Table
from trading_assets.warehouse.warehouse import UnitOfWork, Warehouse

__all__ = [
    "Column",
    "ContractError",
    "LockedError",
    "MissingTableError",
    "Rows",
    "SchemaVersionError",
    "Sessions",
    "Slice",
    "StaleInputError",
    "Table",
    "UnitOfWork",
    "Warehouse",
    "WarehouseError",
    "Whole",
]
