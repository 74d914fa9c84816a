"""Whether what a strategy reads is what the product wrote: see `protocol.written_rows`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence

from trading_assets.asset_factories.table_asset import Step
from trading_assets.config import Configuration
from trading_assets.features.tables import DAILY, INDICATORS
from trading_assets.market_data.alternative.written import assert_publications_as_written
from trading_assets.market_data.derived_columns import derived_on_record, span_of
from trading_assets.models.tables import METRICS, PREDICTIONS, REGIMES
from trading_assets.protocol.made_under import assert_made_under, settings_of_scores, settings_of_strategy
from trading_assets.protocol.row_hashes import WrittenRows
from trading_assets.protocol.written_rows import (
    OnRecord,
    assert_as_written,
    assert_read_as_written,
    hash_whole,
    last_written,
    months_on_record,
)
from trading_assets.strategies.evaluation.failure import strategy_of
from trading_assets.strategies.evaluation.fingerprint import providers_behind
from trading_assets.strategies.interface.resolved import ConfiguredStrategy, configured_strategy
from trading_assets.strategies.tables import TARGET_WEIGHTS
from trading_assets.warehouse import Rows, Warehouse


def assert_inputs_as_written(step: Step) -> None:
    """Check the rows that a strategy reads.

    Raises
    ------
    EditedRowsError
        Naming the table, and what makes its rows anew.
    OutdatedRowsError
        Scores of its model, or weights of a member, were made under other settings than those of today.
    """
    configuration = step.configuration
    strategy, made = configured_strategy(configuration, strategy_of(step)), span_of(configuration)
    assert_read_as_written(configuration, step.work, lambda held, on_record: _inputs(held, strategy, on_record, made))
    if providers_behind(configuration, strategy.name):
        assert_publications_as_written(configuration, step.work)
    on_record = last_written(configuration)
    if strategy.model in configuration.score_names:
        assert_made_under(settings_of_scores(configuration, strategy.model), on_record)
    for member in strategy.members:
        assert_made_under(settings_of_strategy(configuration, member), on_record)


def assert_rows_as_written(step: Step, written: Sequence[WrittenRows]) -> None:
    """Check rows that a step of a strategy has read.

    Raises
    ------
    EditedRowsError
        See `assert_inputs_as_written`.
    """
    on_record = last_written(step.configuration)
    for rows in written:
        assert_as_written(rows, on_record)


def is_behind_a_registration(configuration: Configuration, name: str) -> bool:
    """Return whether a strategy is registered, or one that is made of it is."""
    return any(name in configuration.behind(each) for each in configuration.registration)


def _inputs(
    warehouse: Warehouse,
    strategy: ConfiguredStrategy,
    on_record: OnRecord,
    made: tuple[dt.date, dt.date],
) -> Iterator[WrittenRows]:
    """Hashes of the rows of each table that a strategy reads, as they are now."""
    end = dt.date.max
    yield from derived_on_record(warehouse, on_record, end, made=made)
    yield months_on_record(warehouse, INDICATORS, on_record, end, made=made)
    if strategy.features:
        yield months_on_record(warehouse, DAILY, on_record, end, strategy.features, made=made)
    if strategy.model:
        own = Rows("model", strategy.model)
        for table in (PREDICTIONS, METRICS):
            yield hash_whole(table, warehouse.read_or_empty(table, rows=own), strategy.model)
    for member in strategy.members:
        yield hash_whole(TARGET_WEIGHTS, warehouse.read_or_empty(TARGET_WEIGHTS, rows=Rows("strategy", member)), member)
    if strategy.members:
        yield hash_whole(REGIMES, warehouse.read_or_empty(REGIMES))
