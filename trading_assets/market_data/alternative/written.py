"""Publications on record as they are written, and compared before anything is made of them."""

from __future__ import annotations

from trading_assets.asset_factories.table_asset import Step
from trading_assets.config import Configuration
from trading_assets.market_data.tables import PUBLICATIONS
from trading_assets.protocol import Protocol
from trading_assets.protocol.written_rows import assert_read_as_written, hash_whole, record_written
from trading_assets.warehouse import UnitOfWork

ASSET = "market_data/publications"


def record_publications(step: Step) -> None:
    """Put on record what a step has written of `market_data.publications`."""
    rows = hash_whole(PUBLICATIONS, step.work.written[PUBLICATIONS])
    record_written(Protocol.of(step.configuration), ASSET, [rows], step.now)


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
