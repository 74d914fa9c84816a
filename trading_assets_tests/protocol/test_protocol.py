"""The protocol in real DuckDB files: what it keeps, what is noticed, and several processes at once."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import polars as pl
import pytest

from trading_assets.protocol import RETURNS, TEXTS, Entry, LedgerTamperedError, Protocol, Record
from trading_assets.protocol.chain import GENESIS
from trading_assets.protocol.head_file import HeadFile
from trading_assets.protocol.protocol import CHAIN
from trading_assets.protocol.tables import VIEWS
from trading_assets.warehouse import ContractError, LockedError, WarehouseError
from trading_assets.warehouse.lock import Patience, file_lock

NOON = dt.datetime(2026, 11, 21, 12, 0, 0, 123456)
MINUTE = dt.timedelta(minutes=1)
CURVE = pl.DataFrame({"session": [dt.date(2020, 1, 2), dt.date(2020, 1, 3)], "value": [0.01, None]})


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four records after that of the folder, two of them with contents."""
    folder = tmp_path_factory.mktemp("data")
    protocol = Protocol(folder, "research")
    text = {TEXTS: pl.DataFrame({"text": ["a long text"]})}
    protocol.append("registration", "trend", {"registration_hash": "r1"}, now=NOON, contents=text)
    protocol.append("look", "trend", {"registration_hash": "r1", "look": 1}, now=NOON + MINUTE)
    protocol.append("exposure", None, {"stage": "backtests"}, now=NOON + 2 * MINUTE, contents={RETURNS: CURVE})
    protocol.append("look", "trend", {"registration_hash": "r2", "look": 2}, now=NOON + 3 * MINUTE)
    return folder


@pytest.fixture
def data(made_once: Path, tmp_path: Path) -> Path:
    """A copy of the data folder: that it can be used is part of each test."""
    shutil.copytree(made_once, tmp_path / "copied")
    return tmp_path / "copied"


@pytest.fixture
def protocol(data: Path) -> Protocol:
    return Protocol(data, "research")


def by_hand(data: Path, *statements: str) -> None:
    with duckdb.connect(str(data / "protocol.duckdb")) as connection:
        for statement in statements:
            connection.execute(statement)


def rows_of(data: Path) -> pl.DataFrame:
    with duckdb.connect(str(data / "protocol.duckdb")) as connection:
        rows: pl.DataFrame = connection.sql("FROM protocol.records ORDER BY row").pl()
    return rows


def test_nothing_is_there_before_the_first_record(tmp_path: Path) -> None:
    assert Protocol(tmp_path, "research").read() == ()
    assert list(tmp_path.iterdir()) == []


def test_the_folder_is_the_first_record(protocol: Protocol) -> None:
    records = protocol.read()
    assert [record.kind for record in records] == ["folder", "registration", "look", "exposure", "look"]
    assert len(records[0].payload["id"]) == 32
    assert (records[0].configuration, records[0].recorded_at) == ("", NOON)
    assert {record.configuration for record in records[1:]} == {"research"}
    assert [record.recorded_at for record in records[1:]] == [NOON + minutes * MINUTE for minutes in range(4)]
    assert records[4].payload == {"registration_hash": "r2", "look": 2}


def test_records_are_chained_and_the_end_is_kept_outside(data: Path) -> None:
    rows = rows_of(data)
    assert rows["previous_hash"].to_list() == [GENESIS, *rows["row_hash"][:-1]]
    head = json.loads((data / "protocol.head").read_text())
    assert head == {"rows": 5, "row_hash": rows["row_hash"][-1], "folder": rows["row_hash"][0]}


def test_two_folders_are_told_apart(tmp_path: Path) -> None:
    ids = set()
    for name in ("a", "b"):
        protocol = Protocol(tmp_path / name, "research")
        protocol.append("look", "trend", {}, now=NOON)
        ids.add(protocol.read()[0].payload["id"])
    assert len(ids) == 2


def test_time_never_goes_back(protocol: Protocol) -> None:
    record = protocol.append("look", "trend", {}, now=NOON - dt.timedelta(days=900))
    assert record.recorded_at == NOON + 3 * MINUTE


def test_contents_come_back_as_written(protocol: Protocol) -> None:
    records = protocol.read()
    found = protocol.contents(RETURNS, records)
    assert found["record"].to_list() == [4, 4]
    assert found.select("session", "value").equals(CURVE)
    assert protocol.contents(TEXTS, records)["text"].to_list() == ["a long text"]
    assert protocol.contents(TEXTS, records[2:]).is_empty()
    protocol.verify_contents(records)


def test_an_equal_content_is_kept_once_and_found_for_both(protocol: Protocol, data: Path) -> None:
    protocol.append("exposure", "other", {"stage": "models"}, now=NOON, contents={RETURNS: CURVE})
    with duckdb.connect(str(data / "protocol.duckdb")) as connection:
        assert connection.execute("SELECT count(*) FROM protocol.returns").fetchall() == [(2,)]
    assert protocol.contents(RETURNS, protocol.read())["record"].to_list() == [4, 4, 6, 6]


def test_a_decision_sees_what_is_on_record_and_is_written_with_it(protocol: Protocol) -> None:
    def decide(records: Sequence[Record]) -> list[Entry]:
        looks = sum(record.kind == "look" for record in records)
        return [Entry("batch", None, {"size": looks}), Entry("look", "trend", {"look": looks + 1})]

    batch, look = protocol.append_decided(decide, now=NOON)
    assert (batch.row, batch.payload, look.row, look.payload) == (6, {"size": 2}, 7, {"look": 3})
    assert protocol.read()[5:] == (batch, look)


def test_a_decision_for_nothing_writes_nothing(protocol: Protocol, data: Path) -> None:
    head = (data / "protocol.head").read_bytes()
    assert protocol.append_decided(lambda _: [], now=NOON) == ()
    assert (data / "protocol.head").read_bytes() == head


def test_a_refused_decision_writes_nothing(protocol: Protocol) -> None:
    def refuse(records: Sequence[Record]) -> list[Entry]:
        raise RuntimeError("seen already")

    before = protocol.read()
    with pytest.raises(RuntimeError, match="seen already"):
        protocol.append_decided(refuse, now=NOON)
    assert protocol.read() == before


@pytest.mark.parametrize(
    ("payload", "contents", "error"),
    [
        ({"sharpe": float("nan")}, {}, ValueError),
        ({"sharpe": float("inf")}, {}, ValueError),
        ({"contents": {}}, {}, ValueError),
        ({}, {RETURNS: CURVE.with_columns(value=float("nan"))}, ContractError),
        ({}, {RETURNS: CURVE.drop("session")}, ContractError),
    ],
)
def test_what_cannot_be_kept_is_refused(
    protocol: Protocol, payload: dict[str, object], contents: dict[object, pl.DataFrame], error: type[Exception]
) -> None:
    before = protocol.read()
    with pytest.raises(error):
        protocol.append("result", "trend", payload, now=NOON, contents=contents)  # type: ignore[arg-type]
    assert protocol.read() == before


def test_views_say_what_payloads_say(data: Path) -> None:
    with duckdb.connect(str(data / "protocol.duckdb")) as connection:
        looks = connection.execute("SELECT row, subject, registration_hash, look FROM protocol.looks").fetchall()
        for view in VIEWS:
            connection.execute(f"FROM {view}").fetchall()
    assert looks == [(3, "trend", "r1", "1"), (5, "trend", "r2", "2")]


def forged(data: Path, row: int, **changes: object) -> None:
    """Edit a row and put its own hash right."""
    values = {**rows_of(data).row(row - 1, named=True), **changes}
    sets = ", ".join(f"{name} = '{value}'" for name, value in changes.items())
    by_hand(data, f"UPDATE protocol.records SET {sets}, row_hash = '{CHAIN.row_hash(values)}' WHERE row = {row}")


def sql(*statements: str) -> Callable[[Path], None]:
    return lambda data: by_hand(data, *statements)


def removed(*names: str) -> Callable[[Path], None]:
    def remove(data: Path) -> None:
        for name in names:
            (data / name).unlink()

    return remove


def written(text: str) -> Callable[[Path], None]:
    def write(data: Path) -> None:
        (data / "protocol.head").write_text(text)

    return write


def another_folders_head(data: Path) -> None:
    other = Protocol(data.parent / "other", "research")
    for _ in range(4):
        other.append("look", "trend", {}, now=NOON)
    shutil.copy(data.parent / "other" / "protocol.head", data)


def directory_for(name: str) -> Callable[[Path], None]:
    def put(data: Path) -> None:
        (data / name).unlink()
        (data / name).mkdir()

    return put


RECORDS = "protocol.records"
LAST = "row 5 (look, research, trend)"
TAMPERING: dict[str, tuple[Callable[[Path], None], str]] = {
    "value edited": (sql(f"UPDATE {RECORDS} SET subject = 'x' WHERE row = 5"), "row 5 (look, research, x) was edited"),
    "kind edited": (sql(f"UPDATE {RECORDS} SET kind = 'export' WHERE row = 3"), "row 3 (export, research, trend) was"),
    "time moved": (sql(f"UPDATE {RECORDS} SET recorded_at = recorded_at - INTERVAL 1 DAY WHERE row = 1"), "row 1"),
    "edited with its own hash": (lambda data: forged(data, 3, payload="{}"), "row 3 was edited or replaced: row 4"),
    "last edited with its own hash": (lambda data: forged(data, 5, payload="{}"), f"{LAST} was edited or replaced"),
    "first deleted": (sql(f"DELETE FROM {RECORDS} WHERE row = 1"), "row 1 is missing"),
    "middle deleted": (sql(f"DELETE FROM {RECORDS} WHERE row = 3"), "row 3 is missing"),
    "cut off": (sql(f"DELETE FROM {RECORDS} WHERE row > 3"), "rows 4 to 5 are missing"),
    "emptied": (sql(f"DELETE FROM {RECORDS}"), "all rows were deleted"),
    "dropped": (sql(f"DROP TABLE {RECORDS} CASCADE"), "main.records is gone"),
    "database deleted": (removed("protocol.duckdb"), "protocol.duckdb is gone"),
    "head deleted": (removed("protocol.head"), "protocol.head is missing"),
    "head zeroed": (written("\0" * 180), "cannot be read"),
    "head emptied": (written(""), "cannot be read"),
    "head a list": (written("[5]"), "cannot be read"),
    "head of a list": (written(json.dumps({"rows": [5], "row_hash": "f" * 64})), "rows is not a count"),
    "head of negative rows": (written(json.dumps({"rows": -1, "row_hash": "f" * 64})), "rows is not a count"),
    "head of NaN": (written('{"rows": NaN, "row_hash": "' + "f" * 64 + '"}'), "rows is not a count"),
    "head of 1e400": (written('{"rows": 1e400, "row_hash": "' + "f" * 64 + '"}'), "rows is not a count"),
    "head of many digits": (written('{"rows": ' + "9" * 900 + ', "row_hash": ""}'), "rows is not a count"),
    "head without a hash": (written('{"rows": 5, "row_hash": 7}'), "row_hash is not a hash"),
    "head nested deep": (written("[" * 990), "cannot be read"),
    "head huge": (written(" " * 2_000_000), "it has more than 1000 bytes"),
    "head a folder": (directory_for("protocol.head"), "cannot be read"),
    "head of another folder": (another_folders_head, "protocol.head is the head of another folder's protocol"),
    "head of zero rows": (written(json.dumps({"rows": 0, "row_hash": GENESIS})), "was added by hand"),
    "year 0": (sql(f"UPDATE {RECORDS} SET recorded_at = '0001-01-01 (BC)' WHERE row = 2"), "holds what was never"),
    "infinite time": (sql(f"UPDATE {RECORDS} SET recorded_at = 'infinity' WHERE row = 2"), "out of all time"),
    "number turned text": (
        sql(f"ALTER TABLE {RECORDS} ALTER row TYPE VARCHAR", f"UPDATE {RECORDS} SET row = 'x' WHERE row = '2'"),
        "holds what was never written",
    ),
    "number turned list": (
        sql(f"ALTER TABLE {RECORDS} ALTER row TYPE BIGINT[] USING [row]"),
        "holds what was never written",
    ),
}


@pytest.mark.parametrize("kind", TAMPERING)
def test_tampering_is_detected_and_named(kind: str, protocol: Protocol, data: Path) -> None:
    tamper, named = TAMPERING[kind]
    if "DROP" in kind or kind in ("dropped", "number turned text", "number turned list"):
        by_hand(data, *(f"DROP VIEW {view}" for view in VIEWS))
    tamper(data)
    with pytest.raises(LedgerTamperedError) as found:
        protocol.read()
    assert named in str(found.value)
    head = data / "protocol.head"
    before = head.read_bytes() if head.is_file() else None
    with pytest.raises(LedgerTamperedError):
        protocol.append("look", "other", {}, now=NOON)
    assert (head.read_bytes() if head.is_file() else None) == before


CONTENTS: dict[str, tuple[str, str]] = {
    "edited": ("UPDATE protocol.returns SET value = 0.02 WHERE position = 0", "rows of main.returns were edited"),
    "filled": ("UPDATE protocol.returns SET value = 0.0 WHERE value IS NULL", "rows of main.returns were edited"),
    "moved": ("UPDATE protocol.returns SET position = 1 - position", "rows of main.returns were edited"),
    "deleted": ("DELETE FROM protocol.returns", "rows of main.returns were deleted"),
    "renamed": ("UPDATE protocol.texts SET content = 'x'", "rows of main.texts were deleted"),
    "added": ("INSERT INTO protocol.texts VALUES ('x', 0, 'y')", "main.texts has rows that no record names"),
    "dropped": ("DROP TABLE protocol.returns", "rows of main.returns were deleted"),
}


@pytest.mark.parametrize("kind", CONTENTS)
def test_tampered_contents_are_detected_and_named(kind: str, protocol: Protocol, data: Path) -> None:
    statement, named = CONTENTS[kind]
    by_hand(data, statement)
    with pytest.raises(LedgerTamperedError, match=named):
        protocol.verify_contents(protocol.read())


@pytest.mark.parametrize("name", ["protocol.duckdb", "protocol.duckdb.lock", "protocol.duckdb.queue"])
def test_a_directory_in_the_place_of_a_file_is_one_block(protocol: Protocol, data: Path, name: str) -> None:
    directory_for(name)(data)
    with pytest.raises(WarehouseError, match=r"protocol\.duckdb"):
        protocol.read()


def test_a_file_that_is_no_database_is_one_block(protocol: Protocol, data: Path) -> None:
    (data / "protocol.duckdb").write_bytes(b"\0" * 50_000)
    with pytest.raises(WarehouseError, match=r"file: .*protocol\.duckdb"):
        protocol.append("look", "trend", {}, now=NOON)


def test_a_head_of_another_system_of_files_is_settled_once(protocol: Protocol, data: Path) -> None:
    """Killed after the commit, before the rename: both files are there, and the provisional one is right."""
    before = (data / "protocol.head").read_bytes()
    protocol.append("look", "trend", {}, now=NOON)
    (data / "protocol.head").rename(data / "protocol.head.new")
    (data / "protocol.head").write_bytes(before)
    assert len(protocol.read()) == 6
    assert json.loads((data / "protocol.head").read_text())["rows"] == 6
    assert not (data / "protocol.head.new").exists()


def test_a_commit_that_fails_leaves_a_head_that_is_true_either_way(protocol: Protocol, data: Path) -> None:
    """Before the commit the old head is true, after it the new one: an error does not tell which it was."""
    before, head = rows_of(data), HeadFile(data / "protocol.head", CHAIN)
    after = pl.concat([before, CHAIN.link(before, {**before.row(-1, named=True), "subject": "other"})])
    with pytest.raises(KeyboardInterrupt), head.moved_to(after):
        raise KeyboardInterrupt
    head.verify(before)
    head.verify(after)
    assert json.loads((data / "protocol.head").read_text())["rows"] == 6


def append_many(data: Path, configuration: str) -> None:
    protocol = Protocol(data, configuration)
    for number in range(4):
        protocol.append("exposure", None, {"number": number}, now=NOON, contents={RETURNS: CURVE})


def test_configurations_that_write_at_once_make_one_chain(tmp_path: Path) -> None:
    """The first records of all, from three writers: one folder, each record once, none lost.

    The lock keeps threads apart as it keeps processes apart.
    """
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(append_many, [tmp_path] * 3, "abc"))
    records = Protocol(tmp_path, "a").read()
    assert [record.kind for record in records].count("folder") == 1
    for name in "abc":
        assert [record.payload["number"] for record in records if record.configuration == name] == [0, 1, 2, 3]


def test_waiting_is_bounded(data: Path) -> None:
    impatient = Protocol(data, "research", wait_seconds=0.05)
    locked = file_lock(data / "protocol.duckdb", exclusive=True, patience=Patience(1))
    with locked, pytest.raises(LockedError, match="gave up after waiting"):
        impatient.append("look", "trend", {}, now=NOON)
