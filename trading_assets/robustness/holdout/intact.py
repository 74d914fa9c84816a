"""Check that what a verdict rests on is what was written: protocol, ledgers, and a look behind every result."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import polars as pl

from trading_assets.config import Configuration
from trading_assets.protocol import LedgerTamperedError, Protocol, Record, assert_imported
from trading_assets.protocol.earlier_ledgers import LEDGER
from trading_assets.protocol.head_file import HeadFile
from trading_assets.robustness.holdout.record_look import verified_ledger
from trading_assets.robustness.holdout.upgrade_ledger import verified_upgrades
from trading_assets.robustness.tables import HOLDOUT_RESULTS
from trading_assets.warehouse import Warehouse
from trading_assets.warehouse.errors import block


@dataclass(frozen=True)
class OnRecord:
    """What is on record of a configuration, verified.

    Attributes
    ----------
    records
        The protocol of the data folder.
    ledger, upgrades
        Rows of `robustness.holdout_ledger` and `robustness.registration_upgrades`.
    """

    records: tuple[Record, ...]
    ledger: pl.DataFrame
    upgrades: pl.DataFrame


def verified_record(warehouse: Warehouse, configuration: Configuration) -> OnRecord:
    """Return what is on record of a configuration, after every check of it.

    Raises
    ------
    LedgerTamperedError
        A chain is not what was once written, an earlier ledger was refused, or a result has no look.
    """
    records = Protocol.of(configuration).read()
    assert_imported(records, configuration.name)
    with warehouse.held_open():
        ledger = verified_ledger(warehouse, HeadFile(configuration.home / "ledger.head", LEDGER))
        upgrades = verified_upgrades(warehouse, configuration)
        results = warehouse.read_or_empty(HOLDOUT_RESULTS)
    _assert_seen(results, records, ledger, configuration.name)
    return OnRecord(records, ledger, upgrades)


def _assert_seen(results: pl.DataFrame, records: tuple[Record, ...], ledger: pl.DataFrame, configuration: str) -> None:
    """Check that no holdout has results of a look that is not on record."""
    looks = Counter(each.subject for each in records if (each.kind, each.configuration) == ("look", configuration))
    in_ledger = Counter(ledger["strategy"].to_list())
    for strategy, look in results.select("strategy", "look").iter_rows():
        known = max(looks[strategy], in_ledger[strategy])
        if look > known:
            raise LedgerTamperedError(
                block(
                    f"the protocol was tampered with: the holdout of {strategy} has results of look {look},"
                    f" and {known} looks are on record",
                    table=HOLDOUT_RESULTS.name,
                    expected="a look on record before each result",
                    what_to_do="restore protocol.duckdb and protocol.head from a backup; no verdict is made until then",
                )
            )
