"""Publications on record as they are written, and compared before anything is made of them."""

from __future__ import annotations

import polars as pl

from trading_assets.asset_factories.table_asset import Step
from trading_assets.config import Configuration
from trading_assets.market_data.tables import PUBLICATIONS, REWRITTEN_PUBLICATIONS
from trading_assets.protocol import Protocol
from trading_assets.protocol.written_rows import (
    ALL,
    EditedRowsError,
    assert_read_as_written,
    hash_whole,
    is_as_written,
    last_written,
    record_written,
)
from trading_assets.warehouse import UnitOfWork

ASSET = "market_data/publications"
#: Part under which rows are on record that are about to be appended: a step may be killed before they are there.
_ANNOUNCED = "announced"


class EditedHistoryError(EditedRowsError):
    """What was told of rewritten publications is not what the product wrote, and cannot be made anew."""

    def __init__(self) -> None:
        Exception.__init__(
            self,
            f"rows of {REWRITTEN_PUBLICATIONS.name} were edited after they were written\n"
            f"  expected: the rows that {ASSET} appended, by their hashes on record\n"
            "  what to do: restore the warehouse from before the edit; no run can make these rows anew",
        )


def record_publications(step: Step, told: pl.DataFrame) -> None:
    """Put on record what a step has written of `market_data.publications`.

    Parameters
    ----------
    step
        Step that has written them.
    told
        All rows of `market_data.rewritten_publications`, those of this step among them.
    """
    rows = [hash_whole(PUBLICATIONS, step.work.written[PUBLICATIONS]), hash_whole(REWRITTEN_PUBLICATIONS, told)]
    record_written(Protocol.of(step.configuration), ASSET, rows, step.now)


def announce_rewritten(step: Step, told: pl.DataFrame) -> None:
    """Put on record what all rows of `market_data.rewritten_publications` will be once those of a step are appended.

    Parameters
    ----------
    step, told
        As `record_publications` takes them.
    """
    rows = hash_whole(REWRITTEN_PUBLICATIONS, told, _ANNOUNCED)
    record_written(Protocol.of(step.configuration), ASSET, [rows], step.now)


def assert_rewritten_as_written(configuration: Configuration, told: pl.DataFrame) -> None:
    """Check what earlier deliveries said of rewritten publications, before it is held against another one.

    A step that was killed has announced rows, and has appended them or not: both are as written until another one is
    through. Where nothing is on record an earlier version wrote them.

    Raises
    ------
    EditedHistoryError
        They are not the rows that the product wrote.
    """
    on_record = last_written(configuration)
    if ALL not in on_record.get(REWRITTEN_PUBLICATIONS.name, {}):
        return
    parts = (hash_whole(REWRITTEN_PUBLICATIONS, told, part) for part in (ALL, _ANNOUNCED))
    if not any(is_as_written(each, on_record) for each in parts):
        raise EditedHistoryError


def assert_publications_as_written(configuration: Configuration, work: UnitOfWork) -> None:
    """Check the publications before a step reads them.

    Raises
    ------
    EditedRowsError
        They are not those that the product wrote.
    """
    assert_read_as_written(
        configuration, work, lambda held, _: [hash_whole(PUBLICATIONS, held.read_or_empty(PUBLICATIONS))]
    )
