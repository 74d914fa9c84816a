"""A process that ends at once has done all that one does at its end, but for taking itself apart."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

_PROGRAM = """
import atexit, sys, threading, time
from trading_assets.process_end import end_after

class Loaded:
    def __del__(self):
        print("taken apart")

loaded = Loaded()
atexit.register(print, "registered")
def late():
    time.sleep(0.1)
    print("thread")

def work():
    threading.Thread(target=late).start()
    print("work")
    {end}
end_after(work)
"""


def ended(end: str) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-c", _PROGRAM.format(end=end)]
    return subprocess.run(program, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("end", "code"), [("return", 0), ("sys.exit()", 0), ("sys.exit(3)", 3), ("raise SystemExit(True)", 1)]
)
def test_threads_end_and_registered_functions_are_called_but_nothing_is_taken_apart(end: str, code: int) -> None:
    found = ended(end)
    assert (found.stdout.split("\n"), found.stderr) == (["work", "thread", "registered", ""], "")
    assert found.returncode == code


def test_an_error_ends_as_in_any_program() -> None:
    found = ended("raise KeyError('why')")
    assert found.stdout.split("\n") == ["work", "thread", "registered", "taken apart", ""]
    assert "KeyError: 'why'" in found.stderr
    assert found.returncode == 1


def test_words_in_place_of_a_code_are_printed() -> None:
    found = ended("sys.exit('no such thing')")
    assert (found.stderr, found.returncode) == ("no such thing\n", 1)


@pytest.mark.parametrize("ending", ["end_after(work)", "work()"])
def test_what_nobody_reads_any_more_ends_as_in_any_program(ending: str) -> None:
    program = _PROGRAM.format(end="return").replace("end_after(work)", ending)
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    command, pipe = [sys.executable, "-c", program], subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, env=buffered) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        said = process.stderr.read().decode()
    assert "BrokenPipeError" in said
    assert process.returncode == 120
