"""A process is known again, and no other one is taken for it."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from trading_assets.runs.processes import ONE_MACHINE, _seconds, read_mark, spoke_at, state_of, this_process


def test_this_process_is_alive_and_its_mark_survives_a_tag() -> None:
    mark = this_process()
    assert mark.pid == os.getpid()
    assert read_mark(str(mark)) == mark
    assert state_of(mark) == "alive"


def test_a_process_that_was_killed_is_gone_before_and_after_its_parent_looks() -> None:
    told = "from trading_assets.runs.processes import this_process; print(this_process(), flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", told], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        mark = read_mark(process.stdout.readline().strip())
        assert mark is not None
        assert (mark.pid, state_of(mark)) == (process.pid, "alive")
        assert spoke_at(process.pid, time.time()) == "alive"
        process.kill()
        until = time.monotonic() + 10
        while state_of(mark) != "gone" and time.monotonic() < until:
            time.sleep(0.01)
        assert state_of(mark) == "gone", "a zombie: nobody has asked for its exit code yet"
    assert state_of(mark) == "gone"
    assert spoke_at(mark.pid, time.time()) == "gone"


def test_a_number_that_was_given_again_is_another_process() -> None:
    mark = this_process()
    assert state_of(mark._replace(start="1")) == "gone"
    assert spoke_at(os.getpid(), time.time() - 7 * 86_400) == "gone", "it said that before this process was there"


def test_a_machine_that_was_started_anew_has_none_of_its_processes() -> None:
    assert state_of(this_process()._replace(boot="another")) == "gone"


def test_nothing_is_said_of_another_machine_or_container() -> None:
    assert state_of(this_process()._replace(place="elsewhere/pid:[1]", pid=1)) == "unknown"


def test_where_all_containers_are_one_machine_a_name_space_that_is_another_is_gone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The daemon's container was made anew: the run that was in the last one would hold up the pool for ever."""
    mark = this_process()
    before = mark._replace(place=mark.place.partition("/")[0] + "/pid:[1]")
    assert state_of(before) == "unknown"
    monkeypatch.setenv(ONE_MACHINE, "1")
    assert state_of(before) == "gone"
    assert state_of(mark) == "alive"
    assert state_of(mark._replace(place="elsewhere/pid:[1]")) == "unknown"


@pytest.mark.parametrize("text", ["", "a b", "place boot number start"])
def test_a_text_that_is_no_mark_is_none(text: str) -> None:
    assert read_mark(text) is None


def test_a_start_of_several_words_is_read_whole() -> None:
    """As `ps` writes it where there is no /proc: `Mon Nov 30 23:10:10 2026`."""
    mark = this_process()._replace(boot="", start="Mon Nov 30 23:10:10 2026")
    assert read_mark(str(mark)) == mark


@pytest.mark.parametrize(("clock", "seconds"), [("00:07", 7), ("01:02:03", 3723), ("2-00:00:01", 172_801)])
def test_the_age_that_ps_tells_is_read(clock: str, seconds: int) -> None:
    assert _seconds(clock) == seconds
