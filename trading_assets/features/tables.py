"""Tables of the features stage."""

from __future__ import annotations

import polars as pl

from trading_assets.warehouse.table import Column, Table

_SYMBOL = Column(pl.String, "symbol of the instrument")
_SESSION = Column(pl.Date, "session at whose close the row is known")


def _level(description: str) -> Column:
    return Column(pl.Float64, description, nullable=True)


INDICATORS = Table(
    name="features.indicators",
    description="Levels that rules and costs use, on adjusted prices; null until the window is full",
    key=("symbol", "session"),
    columns={
        "symbol": _SYMBOL,
        "session": _SESSION,
        "ma_20": _level("mean close of 20 sessions, adjusted price"),
        "ma_50": _level("mean close of 50 sessions, adjusted price"),
        "ma_200": _level("mean close of 200 sessions, adjusted price"),
        "atr_14": _level("average true range, Wilder, 14 sessions, adjusted price"),
        "atr_14_mean_60": _level("mean of atr_14 over 60 sessions, adjusted price"),
        "roc_60": _level("close over the close 60 sessions before, minus 1, a fraction"),
        "highest_close_20": _level("highest close of the previous 20 sessions, this one excluded, adjusted price"),
        "highest_close_55": _level("highest close of the previous 55 sessions, this one excluded, adjusted price"),
        "adv_20": _level("mean raw dollar volume of 20 sessions, this one included, quote currency"),
        "adx_14": _level("average directional index, Wilder, 14 sessions, 0 to 100"),
    },
    by_month="session",
)

DAILY = Table(
    name="features.daily",
    description="Dimensionless, causal features of a symbol at the close of a session; one column a feature",
    key=("symbol", "session"),
    columns={"symbol": _SYMBOL, "session": _SESSION},
    extra=Column(pl.Float64, "a feature of features.catalog; null where it is undefined", nullable=True),
    by_month="session",
)

OWN_CODE = Table(
    name="features.own_code",
    description="By which code the features of a user's own were computed: one row a month and module",
    key=("session", "module"),
    columns={
        "session": Column(pl.Date, "first day of the month"),
        "module": Column(pl.String, "dotted name of the module, as configured"),
        "code": Column(pl.String, "hash of the module, of what it imports of the user's, and of the files it declares"),
        "open_until": Column(pl.Date, "last session whose bars the code was shown; null: all of them", nullable=True),
    },
)

CATALOG = Table(
    name="features.catalog",
    description="What each column of features.daily is",
    key=("feature",),
    columns={
        "feature": Column(pl.String, "column of features.daily"),
        "name": Column(pl.String, "category.provider.feature"),
        "category": Column(pl.String, "what it describes"),
        "provider": Column(pl.String, "library whose values it has, to the bit; of alternative data its source"),
        "lookback": Column(
            pl.Int64,
            "usable bars before the session that the value depends on; null: recursive, all of them, fading",
            nullable=True,
            at_least=0,
        ),
        "warm_up": Column(pl.Int64, "usable bars before the first value", at_least=0),
        "version": Column(pl.Int64, "rises when the definition changes", at_least=1),
        "description": Column(pl.String, "what it measures"),
        "source": Column(pl.String, "where the formula is from"),
    },
)
