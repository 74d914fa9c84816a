"""What a model learns from and is scored on, as it is read from the warehouse; and what models left there."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence

import polars as pl

from trading_assets.config import Configuration
from trading_assets.features.tables import DAILY
from trading_assets.market_data.tables import BARS, UNIVERSE
from trading_assets.models.entries import primary_entries
from trading_assets.models.on_record import hash_of_model
from trading_assets.models.run import samples_and_folds
from trading_assets.models.samples import Samples
from trading_assets.models.splits import Fold
from trading_assets.models.tables import EXPLANATIONS, FOLDS, METRICS, PREDICTIONS
from trading_assets.protocol.row_hashes import WrittenRows
from trading_assets.warehouse import Rows, Warehouse
from trading_assets.warehouse.by_symbol import read_by_symbol

#: Tables that a model has rows in, and a champion rows of its own.
OF_SCORES = (PREDICTIONS, FOLDS, METRICS, EXPLANATIONS)
_OF_SYMBOLS = "list_contains(?, symbol) AND session < ?"
#: Samples and folds of a model, and the bars of its universe that they are of.
Learnt = tuple[Samples, list[Fold], pl.DataFrame]


def samples_of(warehouse: Warehouse, configuration: Configuration, name: str, until: dt.date) -> Learnt:
    """Return samples and folds of a model, and the bars that they are of.

    Parameters
    ----------
    warehouse, configuration, name
        Where they are read, the configuration, and the name of the model.
    until
        First session that may not be seen; the end of time: all may.
    """
    bars = _bars(warehouse, configuration, name, until)
    batches = read_by_symbol(warehouse, DAILY, where=_OF_SYMBOLS, parameters=[_symbols(bars), until])
    # In single precision, as a model takes them: half of what they are as stored.
    features = pl.concat((each.cast({pl.Float64: pl.Float32}) for each in batches), rechunk=True)
    return _learnt(warehouse, configuration, name, bars, features, until)


def labels_of(warehouse: Warehouse, configuration: Configuration, name: str, until: dt.date) -> Learnt:
    """Return labels and folds of a model, without its features, and the bars that they are of.

    Parameters
    ----------
    warehouse, configuration, name, until
        As `samples_of` takes them.
    """
    bars = _bars(warehouse, configuration, name, until)
    keys = warehouse.read(DAILY, columns=["symbol", "session"], where=_OF_SYMBOLS, parameters=[_symbols(bars), until])
    return _learnt(warehouse, configuration, name, bars, keys, until)


def hashes_of_scores(held: Warehouse, names: Sequence[str]) -> Iterator[WrittenRows]:
    """Yield the hashes of the rows that models or champions have in `OF_SCORES` now."""
    for name in names:
        for table in OF_SCORES:
            yield hash_of_model(table, held.read_or_empty(table, rows=Rows("model", name)), name)


def _bars(warehouse: Warehouse, configuration: Configuration, name: str, until: dt.date) -> pl.DataFrame:
    settings = configuration.models[name]
    of_label = ["adj_high", "adj_low", "flags"] if settings.label == "triple_barrier" else []
    return warehouse.read(
        BARS,
        columns=["symbol", "asset_class", "session", "adj_open", "adj_close", *of_label],
        where="(asset_class = ? OR symbol = ?) AND session < ?",
        parameters=[settings.universe, configuration.benchmarks.get(settings.universe), until],
    )


def _symbols(bars: pl.DataFrame) -> list[str]:
    return bars["symbol"].unique().sort().to_list()


def _learnt(
    warehouse: Warehouse,
    configuration: Configuration,
    name: str,
    bars: pl.DataFrame,
    features: pl.DataFrame,
    until: dt.date,
) -> Learnt:
    settings, universe = configuration.models[name], warehouse.read(UNIVERSE)
    benchmark = configuration.benchmarks.get(settings.universe)
    entries = None
    if settings.primary is not None:
        entries = primary_entries(warehouse, configuration, settings.primary, until)
    samples, folds = samples_and_folds(
        settings, bars=bars, features=features, universe=universe, benchmark=benchmark, entries=entries
    )
    return samples, folds, bars.filter(asset_class=settings.universe)
