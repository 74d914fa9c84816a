"""Warehouses of earlier versions: verified, imported once, and refused by name where they were tampered with."""

from __future__ import annotations

import datetime as dt
import lzma
import shutil
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from trading_assets.protocol import TEXTS, LedgerTamperedError, Protocol, Record, assert_imported, trials_on
from trading_assets.protocol.earlier_ledgers import HOLDOUT_LEDGER, REGISTRATIONS
from trading_assets.protocol.earlier_ledgers import LEDGER as CHAIN
from trading_assets.protocol.head_file import HeadFile
from trading_assets.protocol.trials_table import TRIALS
from trading_assets.robustness.holdout.ledger import Look
from trading_assets.robustness.holdout.record_look import record_look
from trading_assets.warehouse import Warehouse
from trading_assets_tests.robustness.holdout.old_warehouse import SOURCE, STRATEGIES

NOON = dt.datetime(2026, 11, 30, 12)


@pytest.fixture(scope="module")
def old_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The warehouse of ten looks that version 0.1.0 left, its schema brought up to date; of its trials a few."""
    home = tmp_path_factory.mktemp("old") / "upgrade"
    home.mkdir()
    (home / "warehouse.duckdb").write_bytes(lzma.decompress((SOURCE / "warehouse.duckdb.xz").read_bytes()))
    shutil.copy(SOURCE / "ledger.head", home)
    Warehouse(home / "warehouse.duckdb").exists(TRIALS.name)
    with duckdb.connect(str(home / "warehouse.duckdb")) as connection:
        (unused,) = connection.execute(
            "SELECT list(DISTINCT schema_name || '.' || table_name) FROM duckdb_tables()"
            " WHERE schema_name IN ('market_data', 'models', 'backtests')"
        ).fetchall()[0]
        for table in unused:
            connection.execute(f"DROP TABLE {table}")
        connection.execute(
            f"DELETE FROM {TRIALS.name} WHERE trial NOT IN (SELECT min(trial) FROM {TRIALS.name} GROUP BY strategy)"
        )
    return home


@pytest.fixture
def data(old_home: Path, tmp_path: Path) -> Path:
    shutil.copytree(old_home, tmp_path / "upgrade")
    return tmp_path


def tampered(data: Path, *statements: str) -> None:
    with duckdb.connect(str(data / "upgrade" / "warehouse.duckdb")) as connection:
        for statement in statements:
            connection.execute(statement)


def of_kind(records: tuple[Record, ...], kind: str) -> list[Record]:
    return [record for record in records if record.kind == kind]


@pytest.mark.parametrize("configuration", ["upgrade", "another"])
def test_ledger_and_trials_are_imported_before_the_first_record(data: Path, configuration: str) -> None:
    warehouse = Warehouse(data / "upgrade" / "warehouse.duckdb")
    ledger, registrations = warehouse.read(HOLDOUT_LEDGER), warehouse.read(REGISTRATIONS)
    protocol = Protocol(data, configuration)
    protocol.append("exposure", None, {}, now=NOON)
    records = protocol.read()
    kinds = ["folder", "import", *["registration"] * len(STRATEGIES), *["look"] * len(STRATEGIES), "exposure"]
    assert [record.kind for record in records] == kinds
    assert {record.configuration for record in records[1:-1]} == {"upgrade"}
    assert_imported(records, "upgrade")
    said = records[1].payload
    assert (said["file"], said["rows"]) == ("upgrade/warehouse.duckdb", 10)
    assert said["row_hash"] == ledger["row_hash"][-1]
    looks = of_kind(records, "look")
    assert [look.subject for look in looks] == ledger["strategy"].to_list()
    assert [look.payload["registration_hash"] for look in looks] == ledger["registration_hash"].to_list()
    times = [dt.datetime.fromisoformat(look.payload["imported"]["evaluated_at"]) for look in looks]
    assert times == ledger["evaluated_at"].to_list()
    texts = protocol.contents(TEXTS, records)["text"]
    assert set(texts) == set(registrations["content"])
    trials = trials_on(protocol).drop("configuration").sort("trial", "strategy")
    assert trials.equals(warehouse.read(TRIALS).sort("trial", "strategy"))
    protocol.verify_contents(records)


def test_a_second_record_imports_nothing(data: Path) -> None:
    protocol = Protocol(data, "upgrade")
    protocol.append("exposure", None, {}, now=NOON)
    before = len(protocol.read())
    Protocol(data, "another").append("exposure", None, {}, now=NOON)
    assert [record.kind for record in protocol.read()[before:]] == ["exposure"]


def test_the_warehouse_stays_as_it_was(data: Path) -> None:
    before = (data / "upgrade" / "warehouse.duckdb").read_bytes()
    Protocol(data, "upgrade").append("exposure", None, {}, now=NOON)
    assert (data / "upgrade" / "warehouse.duckdb").read_bytes() == before


def emptied_without_its_head(data: Path) -> None:
    tampered(data, f"DELETE FROM {HOLDOUT_LEDGER.name}")
    (data / "upgrade" / "ledger.head").unlink()


def no_database(data: Path) -> None:
    (data / "upgrade" / "warehouse.duckdb").write_bytes(b"\0" * 20_000)


LEDGER = HOLDOUT_LEDGER.name
TAMPERING: dict[str, tuple[Callable[[Path], None], str]] = {
    "row edited": (lambda data: tampered(data, f"UPDATE {LEDGER} SET override = 'x' WHERE row = 3"), "row 3"),
    "cut off": (lambda data: tampered(data, f"DELETE FROM {LEDGER} WHERE row > 7"), "rows 8 to 10 are missing"),
    "emptied without its head": (emptied_without_its_head, "has results of look 1 at its holdout, and 0 are on record"),
    "head deleted": (lambda data: (data / "upgrade" / "ledger.head").unlink(), "ledger.head is missing"),
    "registration edited": (
        lambda data: tampered(data, f"UPDATE {REGISTRATIONS.name} SET content = '{{}}' WHERE strategy = 'pairs'"),
        "a registration of pairs was edited",
    ),
    "registration at infinity": (
        lambda data: tampered(data, f"UPDATE {REGISTRATIONS.name} SET recorded_at = 'infinity' WHERE strategy = 'ml'"),
        "a recorded_at of a registration is out of all time",
    ),
    "no database": (no_database, "cannot"),
}


@pytest.mark.parametrize("kind", TAMPERING)
def test_a_tampered_warehouse_is_named_and_blocks_its_configuration_alone(data: Path, kind: str) -> None:
    tamper, named = TAMPERING[kind]
    tamper(data)
    other = Protocol(data, "another")
    for _ in range(2):
        other.append("exposure", None, {}, now=NOON)
    records = other.read()
    assert [record.kind for record in records] == ["folder", "import", "exposure", "exposure"]
    assert (records[1].configuration, records[1].payload["file"]) == ("upgrade", "upgrade/warehouse.duckdb")
    assert named in records[1].payload["refused"]
    assert trials_on(other).is_empty()
    assert_imported(records, "another")
    with pytest.raises(LedgerTamperedError, match=named):
        assert_imported(records, "upgrade")


def test_a_restored_warehouse_is_imported(data: Path) -> None:
    head = data / "upgrade" / "ledger.head"
    text = head.read_bytes()
    head.unlink()
    protocol = Protocol(data, "upgrade")
    protocol.append("exposure", None, {}, now=NOON)
    head.write_bytes(text)
    protocol.append("exposure", None, {}, now=NOON)
    records = protocol.read()
    assert_imported(records, "upgrade")
    assert len(of_kind(records, "look")) == len(STRATEGIES)
    assert ["refused" in record.payload for record in of_kind(records, "import")] == [True, False]


def test_what_an_earlier_version_adds_later_is_imported_then(data: Path) -> None:
    """Somebody goes back to an earlier version, looks again, and comes back."""
    protocol = Protocol(data, "upgrade")
    protocol.append("exposure", None, {}, now=NOON)
    head = HeadFile(data / "upgrade" / "ledger.head", CHAIN)
    look = Look("pairs", "r9", "config", NOON, override="another calendar")
    record_look(Warehouse(data / "upgrade" / "warehouse.duckdb"), head, look)
    before = len(protocol.read())
    protocol.append("exposure", None, {}, now=NOON)
    added = protocol.read()[before:]
    assert [(record.kind, record.subject) for record in added] == [
        ("import", None),
        ("look", "pairs"),
        ("exposure", None),
    ]
    assert added[1].payload["override"] == "another calendar"


def test_the_copy_of_a_look_on_record_is_no_further_look(data: Path) -> None:
    """The warehouse keeps a copy of each look for SQL, after it is on record."""
    protocol = Protocol(data, "upgrade")
    look = protocol.append("look", "pairs", {"registration_hash": "r9", "look": 2, "override": "x"}, now=NOON)
    before = len(protocol.read())
    head = HeadFile(data / "upgrade" / "ledger.head", CHAIN)
    for registration in ("r9", "written otherwise"):
        copy = Look("pairs", registration, "config", look.recorded_at, override=f"for {registration}")
        record_look(Warehouse(data / "upgrade" / "warehouse.duckdb"), head, copy)
    protocol.append("exposure", None, {}, now=NOON)
    assert [record.kind for record in protocol.read()[before:]] == ["exposure"]
