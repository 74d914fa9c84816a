"""Features of all symbols, some symbols at a time: what is held at once does not grow with the market.

What a symbol's own bars say is computed symbols by symbols and put aside, then the cross-sections year by year, then
both are joined symbols by symbols.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence

import polars as pl

from trading_assets.config.sections import AssetClass
from trading_assets.features.daily import cross_section, members_of, of_symbols, with_cross_section
from trading_assets.features.feature import Feature
from trading_assets.warehouse.put_aside import PutAside

_ROWS, _MEMBERS, _CROSS_SECTIONS = "rows", "members", "cross-sections"


def stream_features(
    batches: Iterable[pl.DataFrame],
    of_benchmarks: pl.DataFrame,
    benchmarks: Mapping[AssetClass, str],
    features: Sequence[Feature],
    *,
    universe: pl.DataFrame | None,
    span: tuple[dt.date, dt.date],
    aside: PutAside,
) -> Iterator[pl.DataFrame]:
    """Yield the rows of `daily.daily_features` of some sessions, batch by batch, the same to the bit.

    Parameters
    ----------
    batches
        Bars, as `daily_features` takes them, all of some symbols at a time.
    of_benchmarks
        The bars of the benchmarks, which the other symbols are compared with.
    benchmarks, features, universe
        As `daily_features` takes them; no feature is of a user's own.
    span
        First and last session of the rows. A cross-section is of one session, so it knows no other.
    aside
        Where rows wait.
    """
    sizes: list[dict[object, int]] = []
    for number, bars in enumerate(batches):
        own = bars["symbol"].unique()
        others = of_benchmarks.filter(~pl.col("symbol").is_in(own.implode()))
        rows = of_symbols(pl.concat([bars, others]), own.to_list(), benchmarks, features, span)
        del bars
        members = members_of(rows, features, universe)
        sizes.append({})
        for (year,), some in members.group_by(pl.col("session").dt.year(), maintain_order=True):
            sizes[-1][year] = some.height
            aside.put((_MEMBERS, year), some)
        aside.put((_ROWS, number), rows)
    for year in {year: None for each in sizes for year in each}:
        of_year = cross_section(pl.concat(aside.take((_MEMBERS, year))), features)
        first = 0
        for number, of_batch in enumerate(sizes):
            height = of_batch.get(year, 0)
            if height:
                aside.put((_CROSS_SECTIONS, number), of_year.slice(first, height))
            first += height
    for number in range(len(sizes)):
        [rows] = aside.take((_ROWS, number))
        found = [*aside.take((_CROSS_SECTIONS, number))]
        yield with_cross_section(rows, pl.concat(found) if found else _none(rows, features), features)


def _none(rows: pl.DataFrame, features: Sequence[Feature]) -> pl.DataFrame:
    """No rows of a cross-section: none of the symbols is a member then."""
    return cross_section(members_of(rows.clear(), features, None), features)
