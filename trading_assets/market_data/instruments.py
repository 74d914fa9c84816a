"""The table of instruments: what each symbol is, and how long it has been there."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from trading_assets.market_data.lives import NO_LIVES, by_life
from trading_assets.market_data.reference.delistings import NO_DELISTINGS
from trading_assets.market_data.tables import INSTRUMENTS
from trading_assets.market_data.universe import Memberships, UniverseError


def instruments(
    kinds: pl.DataFrame,
    spans: pl.DataFrame,
    universe: pl.DataFrame,
    memberships: Memberships,
    sectors: Mapping[str, str],
    symbology: pl.DataFrame,
    lives: pl.DataFrame = NO_LIVES,
    delistings: pl.DataFrame = NO_DELISTINGS,
) -> pl.DataFrame:
    """Return rows of `tables.INSTRUMENTS`: one for each symbol received, whether or not a bar of it is usable.

    Parameters
    ----------
    kinds
        symbol, asset_class, calendar, source: all that came of the universe and the benchmarks.
    spans
        symbol, first_session, last_session of its usable bars.
    universe
        Spells.
    memberships
        May record delistings.
    sectors
        Symbol -> sector.
    symbology
        Rows of `symbology.read_symbology`; they may record delistings, too.
    lives
        Rows of `lives.find_lives`: instruments that took over a ticker. What names the ticker holds for each of them; a
        delisting is that of the one that had the ticker then.
    delistings
        Rows of `delistings.recorded_delistings`. The date of a row goes before those of the other tables.

    Raises
    ------
    UniverseError
        A symbol has two asset classes or calendars: bars are told apart by symbol alone.
    """
    kinds = kinds.sort("symbol", "source")
    clashing = kinds.unique(["symbol", "asset_class", "calendar"]).filter(pl.col("symbol").is_duplicated())
    if not clashing.is_empty():
        symbol = clashing["symbol"].sort()[0]
        both = kinds.filter(pl.col("symbol") == symbol).select("source", "asset_class", "calendar").rows()
        raise UniverseError(
            f"symbol {symbol!r} comes as two instruments: {' and '.join(' '.join(row) for row in both)}\n"
            "  expected: one asset class and one calendar for a symbol\n  do: rename it in one of the sources"
        )
    return (
        kinds.unique("symbol", keep="first", maintain_order=True)
        .join(spans, on="symbol", how="left")
        .join(delisted(memberships, symbology, lives, delistings), on="symbol", how="left")
        .join(_names(symbology), on="symbol", how="left")
        .join(lives.select("symbol", "ticker"), on="symbol", how="left")
        .with_columns(
            synthetic=pl.col("source") == "synthetic",
            tickers=pl.coalesce("tickers", pl.concat_list(pl.coalesce("ticker", "symbol"))),
            in_universe=pl.col("symbol").is_in(universe["symbol"].unique().implode()),
            sector=pl.coalesce("ticker", "symbol").replace_strict(dict(sectors), default=None, return_dtype=pl.String),
        )
        .select(*INSTRUMENTS.columns)
        .sort("symbol")
    )


def _names(symbology: pl.DataFrame) -> pl.DataFrame:
    return (
        symbology.sort("symbol", "start")
        .group_by("symbol")
        .agg(pl.col("ticker").unique(maintain_order=True).alias("tickers"))
    )


def delisted(
    memberships: Memberships, symbology: pl.DataFrame, lives: pl.DataFrame, delistings: pl.DataFrame
) -> pl.DataFrame:
    """Return the endings on record: symbol, and the columns of `tables.INSTRUMENTS` on when, at which value, and why.

    Parameters
    ----------
    memberships, symbology
        Tables of members and of tickers; a date of a delisting may be in either.
    lives
        Which life of a ticker each symbol is.
    delistings
        symbol, session, value, unit, reason, exchange of the file of delistings: where it names a symbol, it decides.
    """
    empty = pl.DataFrame(schema={"symbol": pl.String, "delisted": pl.Date})
    tables = [*memberships.values(), symbology]
    parts = [table.select("symbol", "delisted").drop_nulls() for table in tables]
    dates = by_life(pl.concat([empty, *parts]), lives, "delisted").group_by("symbol").agg(pl.col("delisted").max())
    recorded = by_life(delistings, lives).sort("symbol", "session").unique("symbol", keep="last")
    recorded = recorded.select(
        "symbol",
        pl.col("session").alias("delisted"),
        *(pl.col(name).alias(f"delisting_{name}") for name in ("value", "unit", "reason")),
        "exchange",
    )
    others = dates.join(recorded, on="symbol", how="anti")
    return pl.concat([recorded, others], how="diagonal").sort("symbol")


def spelled_alike(symbols: pl.Series) -> list[str]:
    """Return the first symbols that differ by their case alone."""
    lowered = symbols.str.to_lowercase()
    alike = symbols.filter(lowered.is_duplicated()).sort()
    return alike.filter(alike.str.to_lowercase() == alike[0].lower()).to_list() if len(alike) else []
