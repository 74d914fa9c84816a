"""The trail: each thing entered once, in a chain; whole after kills, and after two processes at once."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from trading_assets.protocol import Protocol
from trading_assets.trading.audit_trail.monthly_files import TrailBrokenError, months_on, trail_folder
from trading_assets.trading.audit_trail.tables import AUDIT_TRAIL
from trading_assets.trading.audit_trail.trail import enter, read_trail
from trading_assets.trading.audit_trail.verification import verify_trail
from trading_assets.trading.halt import halt, resume
from trading_assets_tests.conftest import REPOSITORY
from trading_assets_tests.trading.audit_trail.events_of_a_week import ACCOUNT, DAY, NOW, STRATEGY, fill, place, send


def test_what_happened_is_entered_once_and_says_all_that_was_known(tmp_path: Path) -> None:
    warehouse, configuration = place(tmp_path)
    send(warehouse, 1)
    assert enter(warehouse, configuration, STRATEGY, NOW) == 1
    assert enter(warehouse, configuration, STRATEGY, NOW) == 0
    send(warehouse, 1, "accepted")
    fill(warehouse, 1)
    halt(configuration, by="ops", reason="the feed is down", now=NOW)
    assert enter(warehouse, configuration, STRATEGY, NOW) == 3
    found = read_trail(configuration)
    assert found["entry"].to_list() == [1, 2, 3, 4]
    assert found["event"].to_list() == ["intended", "halt", "accepted", "fill"]
    assert found["session"].to_list() == [DAY, None, DAY, DAY]
    assert found["account"].to_list() == [ACCOUNT, None, ACCOUNT, ACCOUNT]
    said = [json.loads(text) for text in found["detail"]]
    assert (said[1]["by"], said[1]["reason"]) == ("ops", "the feed is down")
    assert (said[3]["price"], said[3]["quantity"], said[3]["fee"]) == (50.25, 10.0, 0.5)
    assert warehouse.read(AUDIT_TRAIL).equals(found)


def test_each_entry_has_the_hash_of_the_one_before(tmp_path: Path) -> None:
    """The hash is SHA-256 of the JSON list of all other columns, written out here by hand."""
    warehouse, configuration = place(tmp_path)
    for number in (1, 2):
        send(warehouse, number)
    enter(warehouse, configuration, STRATEGY, NOW)
    previous = "0" * 64
    for row in read_trail(configuration).iter_rows(named=True):
        assert row["previous_hash"] == previous
        values = [row["entry"], row["recorded_at"].isoformat(), row["event"], row["strategy"], row["account"]]
        values += [row["session"].isoformat(), row["symbol"], row["reference"], row["detail"], previous]
        previous = hashlib.sha256(json.dumps(values, separators=(",", ":")).encode()).hexdigest()
        assert row["entry_hash"] == previous


def test_a_month_has_a_file_of_its_own_and_time_never_goes_back(tmp_path: Path) -> None:
    warehouse, configuration = place(tmp_path)
    for number, now in ((1, NOW), (2, NOW + dt.timedelta(days=1)), (3, NOW)):
        send(warehouse, number)
        enter(warehouse, configuration, STRATEGY, now)
    months = months_on(Protocol.of(configuration).read(), configuration.name)
    assert [(month.month, month.first, month.last) for month in months] == [("2017-07", 1, 1), ("2017-08", 2, 3)]
    found = read_trail(configuration)
    assert found["recorded_at"].to_list() == [NOW, NOW + dt.timedelta(days=1), NOW + dt.timedelta(days=1)]
    assert read_trail(configuration, first=DAY)["entry"].to_list() == [2, 3]
    assert read_trail(configuration, last=NOW.date())["entry"].to_list() == [1]
    assert read_trail(configuration, strategy="wide").is_empty()


def test_words_for_all_are_on_the_trail_of_each_strategy(tmp_path: Path) -> None:
    warehouse, configuration = place(tmp_path)
    halt(configuration, by="ops", reason="why", now=NOW)
    resume(configuration, by="ops", reason="over", now=NOW)
    send(warehouse, 1)
    enter(warehouse, configuration, STRATEGY, NOW)
    assert read_trail(configuration, strategy="wide")["event"].to_list() == ["halt", "resume"]
    assert read_trail(configuration, strategy=STRATEGY).height == 3


def test_nothing_is_entered_on_a_trail_that_is_damaged(tmp_path: Path) -> None:
    warehouse, configuration = place(tmp_path)
    send(warehouse, 1)
    enter(warehouse, configuration, STRATEGY, NOW)
    [path] = trail_folder(configuration).rglob("*.parquet")
    path.unlink()
    send(warehouse, 2)
    with pytest.raises(TrailBrokenError, match="entries 1 to 1 are missing"):
        enter(warehouse, configuration, STRATEGY, NOW)


def test_the_copy_of_an_earlier_warehouse_is_brought_up_to_date(tmp_path: Path) -> None:
    """A warehouse that is made anew gets all entries again: the files are what is kept."""
    warehouse, configuration = place(tmp_path)
    send(warehouse, 1)
    enter(warehouse, configuration, STRATEGY, NOW)
    configuration.warehouse_path.unlink()
    send(warehouse, 2)
    enter(warehouse, configuration, STRATEGY, NOW)
    assert warehouse.read(AUDIT_TRAIL)["reference"].to_list() == ["order-1/intended", "order-2/intended"]
    found = verify_trail(warehouse, configuration)
    assert found.lost == ("trading.submissions has lost the row of entry 1 (intended order-1/intended)",)


def _started(folder: Path, first: int, count: int) -> subprocess.Popen[str]:
    module = "trading_assets_tests.trading.audit_trail.events_of_a_week"
    return subprocess.Popen(
        [sys.executable, "-m", module, str(folder), str(first), str(count)],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
def test_an_append_that_is_killed_leaves_the_old_or_the_new(tmp_path: Path) -> None:
    """Killed eight times at random moments: the trail verifies each time, and nothing is entered twice or lost."""
    draws, (warehouse, configuration) = random.Random(7), place(tmp_path)
    for life in range(8):
        process = _started(tmp_path, 100 * life, 100)
        assert process.stdout is not None
        for _ in range(draws.randint(2, 4)):  # orders that it has begun
            assert process.stdout.readline()
        time.sleep(draws.uniform(0.0, 0.2))
        process.send_signal(signal.SIGKILL)
        process.wait()
        found = verify_trail(warehouse, configuration)
        assert found.broken is None
    enter(warehouse, configuration, STRATEGY, NOW)
    assert verify_trail(warehouse, configuration).is_sound
    sent = warehouse.query("SELECT client_order_id || '/intended' AS name FROM trading.submissions")["name"]
    assert sorted(read_trail(configuration)["reference"]) == sorted(sent)
    assert sent.len() >= 8


@pytest.mark.slow
def test_two_processes_that_enter_at_once_make_one_chain(tmp_path: Path) -> None:
    warehouse, configuration = place(tmp_path)
    both = [_started(tmp_path, first, 6) for first in (0, 100)]
    assert [process.wait(timeout=120) for process in both] == [0, 0]
    found = verify_trail(warehouse, configuration)
    assert (found.entries, found.is_sound) == (12, True)
