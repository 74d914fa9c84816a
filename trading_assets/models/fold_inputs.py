"""Rows that a fold scores, read for a part of its sessions alone and held to what is on record of them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from trading_assets.config import Configuration
from trading_assets.config.models import WalkForward
from trading_assets.features.tables import DAILY
from trading_assets.market_data.derived_columns import OF_BARS
from trading_assets.market_data.tables import BARS, UNIVERSE
from trading_assets.market_data.universe import membership
from trading_assets.models.entries import primary_entries
from trading_assets.models.families.interface import Days, Features
from trading_assets.models.samples import matrix_of
from trading_assets.protocol.row_hashes import WrittenRows
from trading_assets.protocol.written_rows import OnRecord, assert_read_as_written, hash_by_month
from trading_assets.warehouse import UnitOfWork, Warehouse
from trading_assets.warehouse.slices import last_of_month


@dataclass(frozen=True)
class FoldInputs:
    """What a model is given of some sessions.

    Attributes
    ----------
    keys
        symbol, session of each row, by these.
    columns
        Names of the features that there are, sorted: those of `features`.
    features
        (rows, features) float32; a missing value is NaN, and no row has none.
    session
        (rows,) days since 1970-01-01.
    """

    keys: pl.DataFrame
    columns: tuple[str, ...]
    features: Features
    session: Days

    def of(self, names: tuple[str, ...]) -> Features:
        """Return the features of some names, in their order.

        Raises
        ------
        KeyError
            One of them is not there.
        """
        places = {name: place for place, name in enumerate(self.columns)}
        return self.features if names == self.columns else self.features[:, [places[name] for name in names]]


def inputs_of_sessions(
    warehouse: Warehouse, configuration: Configuration, settings: WalkForward, first: dt.date, last: dt.date
) -> FoldInputs:
    """Return the rows that a model scores on some sessions: members of its universe with a bar and any feature.

    Of a model with a primary no more than the entries of that one.

    Parameters
    ----------
    warehouse, configuration
        Where the rows are, and what is on record of them.
    settings
        Section of the model, of which the universe counts.
    first, last
        Sessions from and to, inclusive.

    Raises
    ------
    EditedRowsError
        Bars or features of these months are not those that the product wrote.
    """
    # Hashes are of whole months.
    inside = "session >= ? AND session <= ?"
    bounds = (first.replace(day=1), last_of_month(last))

    def rows_of(held: Warehouse, _: OnRecord) -> Iterator[WrittenRows]:
        yield hash_by_month(BARS, held.read(BARS, where=inside, parameters=bounds), first, last, OF_BARS)
        yield hash_by_month(DAILY, held.read(DAILY, where=inside, parameters=bounds), first, last)

    assert_read_as_written(configuration, UnitOfWork(warehouse.path, wait_seconds=warehouse.wait_seconds), rows_of)
    with warehouse.held_open() as held:
        bars = held.read(
            BARS,
            columns=["symbol", "session"],
            where=f"asset_class = ? AND {inside}",
            parameters=[settings.universe, first, last],
        )
        features = held.read(DAILY, where=inside, parameters=[first, last])
        universe = held.read(UNIVERSE)
        if settings.primary is not None:
            entries = primary_entries(held, configuration, settings.primary)
            bars = bars.join(entries.keys, on=["symbol", "session"], how="semi")
    return scored_rows(bars, features, universe)


def scored_rows(bars: pl.DataFrame, features: pl.DataFrame, universe: pl.DataFrame) -> FoldInputs:
    """Return the rows of features that a model scores, as `samples_and_folds` and `Samples.scorable` tell them.

    Parameters
    ----------
    bars
        symbol, session of the bars of the model's universe.
    features
        Rows of `features.daily`.
    universe
        Rows of `market_data.universe`.
    """
    columns = tuple(sorted(set(features.columns) - {"symbol", "session"}))
    members = features.filter(membership(features, universe)).with_row_index("row")
    rows = bars.sort("symbol", "session").join(
        members.select("symbol", "session", "row"), on=["symbol", "session"], how="inner", maintain_order="left"
    )
    matrix = matrix_of(members, columns, rows["row"])
    known = ~np.isnan(matrix).all(axis=1)
    keys = rows.select("symbol", "session").filter(pl.Series(known))
    return FoldInputs(keys, columns, matrix[known], keys["session"].cast(pl.Int32).to_numpy())
