"""Files of the trail: what a later append has taken the place of is removed, what nobody else has is not."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from trading_assets.protocol import Protocol
from trading_assets.protocol.chain import GENESIS
from trading_assets.trading.audit_trail.monthly_files import (
    end_of,
    first_wrong,
    month_of,
    months_on,
    remove_superseded,
    trail_folder,
    unnamed_files,
)
from trading_assets.trading.audit_trail.trail import enter, read_trail
from trading_assets_tests.trading.audit_trail.events_of_a_week import NOW, STRATEGY, place, send


def test_only_what_a_live_file_begins_with_is_removed(tmp_path: Path) -> None:
    """After an earlier protocol is restored its trail is shorter: the longer file stays, nobody deletes entries."""
    warehouse, configuration = place(tmp_path)
    protocol, root = Protocol.of(configuration), trail_folder(configuration)
    for number in (1, 2):
        send(warehouse, number)
        enter(warehouse, configuration, STRATEGY, NOW)
    before = [*months_on(protocol.read()[:-1], configuration.name)]
    after = [*months_on(protocol.read(), configuration.name)]
    assert [end_of(months)[0] for months in ([], before, after)] == [0, 1, 2]
    assert end_of([])[1] == GENESIS
    remove_superseded(root, before)
    assert [path.name for path in unnamed_files(root, before)] == [after[0].file]
    remove_superseded(root, after)
    assert [path.name for path in root.rglob("*.parquet")] == [after[0].file]


def test_an_entry_that_was_added_is_told(tmp_path: Path) -> None:
    warehouse, configuration = place(tmp_path)
    for number in (1, 2, 3):
        send(warehouse, number)
        enter(warehouse, configuration, STRATEGY, NOW)
    [month] = months_on(Protocol.of(configuration).read()[:-1], configuration.name)
    rows = read_trail(configuration)
    assert (month.first, month.last, month.month) == (1, 2, month_of(NOW))
    assert first_wrong(rows, month) == "entry 3 was added by hand"
    assert first_wrong(rows.head(2), month) is None
    assert first_wrong(pl.DataFrame(), month) == "entries 1 to 2 cannot be read"
