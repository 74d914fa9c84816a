"""Which protocol goes on after a restore: nothing that can be read is forgotten, and what is lost is on record."""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb
import polars as pl
import pytest

from trading_assets.backups import ledger
from trading_assets.backups.manifest import CopyError, Manifest
from trading_assets.protocol import RETURNS, Protocol
from trading_assets.protocol.protocol import FILE, HEAD_FILE
from trading_assets.warehouse.connection import open_to_write
from trading_assets_tests.backups.worlds import NOON, World, make_world


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make_world(tmp_path)


def choice_of(world: World, manifest: Manifest) -> ledger.Choice:
    return ledger.choose(world.configuration.data, "tiny", world.copy, manifest)


def test_later_protocol_that_can_be_read_is_kept(world: World) -> None:
    manifest = world.back_up()
    world.record("look", "trend")
    choice = choice_of(world, manifest)
    assert (choice.is_kept, choice.lost) == (True, 0)


def test_earlier_protocol_gives_way_to_the_copy_that_goes_on_from_it(world: World) -> None:
    data = world.configuration.data
    shutil.copytree(data, world.folder / "earlier")
    world.record("look", "trend")
    manifest = world.back_up()
    for name in (FILE, HEAD_FILE):
        shutil.copy(world.folder / "earlier" / name, data / name)
    choice = choice_of(world, manifest)
    assert (choice.is_kept, choice.lost) == (False, 0)


def test_damaged_protocol_that_ended_as_the_copy_loses_nothing(world: World) -> None:
    manifest = world.back_up()
    world.protocol.path.write_bytes(b"x" * 5000)
    choice = choice_of(world, manifest)
    assert (choice.is_kept, choice.lost, choice.must_be_told) == (False, 0, False)


def test_damaged_later_protocol_is_lost_only_if_somebody_says_so(world: World) -> None:
    """The head says 5 records, the copy has 3."""
    manifest = world.back_up()
    world.record("look", "trend")
    world.record("result", "trend")
    world.protocol.path.write_bytes(b"x" * 5000)
    choice = choice_of(world, manifest)
    assert (choice.is_kept, choice.lost) == (False, 2)
    with pytest.raises(CopyError, match="newer than the copy: 2 records would be lost"):
        ledger.assert_told(choice, manifest, lose_records=False)
    ledger.assert_told(choice, manifest, lose_records=True)
    (world.configuration.data / HEAD_FILE).write_bytes(b"\0")
    assert choice_of(world, manifest).lost is None


def test_record_whose_head_is_provisional_counts_as_lost(world: World) -> None:
    """A process was killed after its commit, before the head got its name."""
    manifest = world.back_up()
    head = world.configuration.data / HEAD_FILE
    before = head.read_bytes()
    world.record("look", "trend")
    head.rename(head.with_name(f"{HEAD_FILE}.new"))
    head.write_bytes(before)
    world.protocol.path.write_bytes(b"x" * 5000)
    choice = choice_of(world, manifest)
    assert (choice.is_kept, choice.lost, choice.must_be_told) == (False, 1, True)


def test_file_without_a_record_is_no_protocol(world: World) -> None:
    manifest = world.back_up()
    for name in (FILE, HEAD_FILE):
        (world.configuration.data / name).unlink()
    with open_to_write(world.protocol.path, 5):
        pass
    choice = choice_of(world, manifest)
    assert (choice.is_kept, choice.lost) == (False, None)


def test_folder_without_a_protocol_takes_the_copy_and_knows_of_no_number(world: World) -> None:
    manifest = world.back_up()
    for name in (FILE, HEAD_FILE):
        (world.configuration.data / name).unlink()
    choice = choice_of(world, manifest)
    assert (choice.is_kept, choice.lost, choice.must_be_told) == (False, None, False)


def test_another_protocol_is_never_replaced(world: World) -> None:
    manifest = world.back_up()
    for name in (FILE, HEAD_FILE):
        (world.configuration.data / name).unlink()
    world.record("trials", "another")
    with pytest.raises(CopyError, match="another protocol than the copy"):
        choice_of(world, manifest)


def test_prepared_protocol_says_what_is_lost_before_it_is_put_in_place(world: World) -> None:
    manifest = world.back_up()
    world.record("look", "trend")
    world.protocol.path.write_bytes(b"x" * 5000)
    choice, building, data = choice_of(world, manifest), world.folder / "building", world.configuration.data
    ledger.prepared(choice, building, world.copy, manifest, NOON)
    assert [each.kind for each in Protocol(building, "tiny").read()] == ["folder", "import", "trials", "restore"]
    assert ledger.put_in_place(building, data, world.folder / "before", choice)
    assert world.kinds() == ["folder", "import", "trials", "restore"]
    assert world.protocol.read()[-1].payload["lost"] == 1
    assert (world.folder / "before" / FILE).read_bytes() == b"x" * 5000


def test_protocol_whose_chain_is_whole_and_whose_contents_are_not_gives_way(world: World) -> None:
    curve = pl.DataFrame({"session": [NOON.date()], "value": [0.5]})
    world.protocol.append("look", "trend", {}, now=NOON, contents={RETURNS: curve})
    manifest = world.back_up()
    with duckdb.connect(str(world.protocol.path)) as connection:
        connection.execute("DELETE FROM main.returns")
    choice = choice_of(world, manifest)
    assert (choice.is_kept, choice.lost) == (False, 0)
