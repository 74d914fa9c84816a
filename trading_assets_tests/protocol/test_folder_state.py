"""What is said of a data folder."""

from __future__ import annotations

import datetime as dt

from trading_assets.protocol import Record
from trading_assets.protocol.folder_state import folder_state

NOON = dt.datetime(2026, 11, 21, 12)


def record(row: int, kind: str, configuration: str = "a", **payload: object) -> Record:
    return Record(row, kind, NOON + dt.timedelta(minutes=row), configuration, None, payload, "h")


def test_an_empty_folder() -> None:
    assert folder_state([]) == ["The data folder has nothing on record yet."]


def test_records_are_counted_by_kind_and_since_the_export() -> None:
    records = [record(1, "folder", "", id="f"), record(2, "look"), record(3, "export"), record(4, "look")]
    assert folder_state(records) == [
        "Folder f: on record since 2026-11-21 12:01 UTC, 4 records (export 1, look 2).",
        "Exported on 2026-11-21 12:03 UTC; 1 records since.",
    ]


def test_a_refused_import_is_said_until_it_is_made_good() -> None:
    records = [record(1, "folder", "", id="f"), record(2, "import", "b", file="b/w", refused="row 3 was edited")]
    assert folder_state(records)[2:] == ["Refused: b/w: row 3 was edited"]
    assert folder_state([*records, record(3, "import", "b", file="b/w")])[2:] == []
