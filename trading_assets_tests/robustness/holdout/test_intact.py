"""A result without a look is named, whichever of the two was removed."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl
import pytest

from trading_assets.config import Configuration, load_configuration
from trading_assets.protocol import Entry, LedgerTamperedError, Protocol
from trading_assets.protocol.earlier_ledgers import LEDGER
from trading_assets.protocol.head_file import HeadFile
from trading_assets.robustness.holdout.intact import verified_record
from trading_assets.robustness.holdout.ledger import Look
from trading_assets.robustness.holdout.record_look import record_look
from trading_assets.robustness.tables import HOLDOUT_RESULTS
from trading_assets.warehouse import Rows, Warehouse
from trading_assets_tests.conftest import TINY

NOON = dt.datetime(2026, 11, 21, 12)


@pytest.fixture
def configuration(tmp_path: Path) -> Configuration:
    return load_configuration(TINY, tmp_path)


def with_results(configuration: Configuration, look: int) -> Warehouse:
    """A warehouse whose holdout rows come from a look of this number."""
    row = {
        "strategy": "trend",
        "registration_hash": "r1",
        "config_hash": "c1",
        "look": look,
        "start": dt.date(2020, 1, 2),
        "end": dt.date(2020, 12, 31),
    }
    warehouse = Warehouse(configuration.warehouse_path)
    warehouse.replace(
        Rows("strategy", "trend"), {HOLDOUT_RESULTS: pl.DataFrame([row], schema=HOLDOUT_RESULTS.empty().schema)}
    )
    return warehouse


def test_nothing_on_record_and_no_result_is_intact(configuration: Configuration) -> None:
    found = verified_record(Warehouse(configuration.warehouse_path), configuration)
    assert (found.records, found.ledger.height, found.upgrades.height) == ((), 0, 0)


def test_results_of_a_look_in_the_protocol_are_intact(configuration: Configuration) -> None:
    Protocol.of(configuration).append("look", "trend", {"registration_hash": "r1", "look": 1}, now=NOON)
    assert len(verified_record(with_results(configuration, 1), configuration).records) == 2


def test_results_of_a_look_of_an_earlier_version_are_intact(configuration: Configuration) -> None:
    warehouse = with_results(configuration, 1)
    record_look(warehouse, HeadFile(configuration.home / "ledger.head", LEDGER), Look("trend", "r1", "c1", NOON))
    assert verified_record(warehouse, configuration).ledger.height == 1


@pytest.mark.parametrize("kept", ["nothing", "the look of another strategy", "the look of another configuration"])
def test_results_without_their_look_are_named(configuration: Configuration, kept: str) -> None:
    if kept == "the look of another strategy":
        Protocol.of(configuration).append("look", "other", {"look": 1}, now=NOON)
    elif kept == "the look of another configuration":
        entry = Entry("look", "trend", {"look": 1}, configuration="another")
        Protocol.of(configuration).append_decided(lambda _: [entry], now=NOON)
    warehouse = with_results(configuration, 1)
    with pytest.raises(LedgerTamperedError, match=r"trend has results of look 1,\s+and 0 looks are on record"):
        verified_record(warehouse, configuration)


def test_results_of_a_later_look_than_is_on_record_are_named(configuration: Configuration) -> None:
    Protocol.of(configuration).append("look", "trend", {"look": 1}, now=NOON)
    with pytest.raises(LedgerTamperedError, match="results of look 2"):
        verified_record(with_results(configuration, 2), configuration)


def test_a_protocol_that_was_deleted_under_results_blocks_the_configuration(configuration: Configuration) -> None:
    """Somebody removes protocol and head to look anew: the next record finds results, and refuses the warehouse."""
    with_results(configuration, 1)
    protocol = Protocol.of(configuration)
    protocol.append("exposure", None, {}, now=NOON)
    with pytest.raises(LedgerTamperedError, match="has results of look 1 at its holdout, and 0 are on record"):
        verified_record(Warehouse(configuration.warehouse_path), configuration)
