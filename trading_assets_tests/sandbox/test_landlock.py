"""What the kernel refuses to a process that restricted itself."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from trading_assets.sandbox.landlock import version

needs_landlock = pytest.mark.skipif(version() == 0, reason="a kernel without Landlock")

PROGRAM = """
import sys
from pathlib import Path
from trading_assets.sandbox import landlock
allowed, scratch, refused = map(Path, sys.argv[1:])
landlock.restrict([allowed, Path("/no/such/file")], [scratch])
print(allowed.read_text())
(scratch / "written").write_text("x")
for attempt in (refused.read_text, lambda: list(refused.parent.iterdir()), lambda: allowed.write_text("y")):
    try:
        attempt()
    except PermissionError:
        print("refused")
"""

THREADS = """
import threading
from trading_assets.sandbox import landlock
threading.Thread(target=threading.Event().wait, daemon=True).start()
try:
    landlock.restrict([], [])
except OSError as error:
    print(error)
"""


def run(program: str, *arguments: Path) -> list[str]:
    done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return done.stdout.splitlines()


@needs_landlock
def test_what_is_not_allowed_is_refused(tmp_path: Path) -> None:
    allowed, scratch, refused = tmp_path / "allowed", tmp_path / "scratch", tmp_path / "refused"
    allowed.write_text("seen")
    refused.write_text("secret")
    scratch.mkdir()
    assert run(PROGRAM, allowed, scratch, refused) == ["seen", "refused", "refused", "refused"]
    assert allowed.read_text() == "seen"
    assert (scratch / "written").exists()


@needs_landlock
def test_a_process_with_threads_is_not_called_restricted() -> None:
    """Only the thread that asks is restricted, and what it starts from then on."""
    assert run(THREADS) == ["threads that are already running would not be restricted"]
