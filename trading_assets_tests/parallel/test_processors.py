"""How many processors a computation may use."""

from __future__ import annotations

import os
import subprocess
import sys
from threading import Thread

import pytest

from trading_assets.parallel.processors import granted, processors

SHOW = "from trading_assets.parallel.processors import processors; print(processors())"


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity on this system")
def test_a_process_that_may_run_on_one_processor_has_one() -> None:
    one = min(os.sched_getaffinity(0))
    shown = subprocess.run(
        [sys.executable, "-c", SHOW],
        preexec_fn=lambda: os.sched_setaffinity(0, {one}),
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stdout == "1\n"


def test_what_is_granted_holds_within_and_in_this_thread_alone() -> None:
    usual, seen = processors(), []
    with granted(7):
        other = Thread(target=lambda: seen.append(processors()))
        other.start()
        other.join()
        assert processors() == 7
    assert processors() == usual
    assert seen == [usual]
