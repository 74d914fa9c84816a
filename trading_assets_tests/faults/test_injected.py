"""What docs/durability.md promises, with a fault of the system at each call that writes, syncs, renames or removes.

After each: tables are those of before or of after, the protocol is whole, and the next run completes with equal bits.
"""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from trading_assets_tests.conftest import REPOSITORY
from trading_assets_tests.faults import small_run
from trading_assets_tests.faults.injected import FAULTS

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() != "x86_64", reason="calls fail by ptrace of Linux on x86-64"
)


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder of which a run goes on."""
    folder = tmp_path_factory.mktemp("begun")
    small_run.begin(folder / "data")
    return folder


@pytest.fixture(scope="module")
def states(begun: Path, tmp_path_factory: pytest.TempPathFactory) -> list[small_run.State]:
    """Before the run, and after each version of it without a fault."""
    folder = tmp_path_factory.mktemp("after")
    shutil.copytree(begun, folder, dirs_exist_ok=True)
    found = [small_run.state_of(folder / "data")]
    for number in small_run.WRITTEN:
        small_run.write(folder / "data", number)
        found.append(small_run.state_of(folder / "data"))
    return found


def faulty(begun: Path, kept: Path, fault: str, first: int, step: int) -> list[Path]:
    """Folders that are left by runs whose calls `first`, `first` + `step`, ... failed."""
    command = [sys.executable, "-m", "trading_assets_tests.faults.injected", str(begun), str(kept), fault]
    done = subprocess.run(
        [*command, str(first), str(step)], cwd=REPOSITORY, capture_output=True, text=True, timeout=3000, check=False
    )
    if "Operation not permitted" in done.stderr:
        pytest.skip("this machine lets no process trace another")
    assert done.returncode == 0, done.stderr
    return sorted(path for path in kept.iterdir() if path.is_dir())


def hold_to_promise(folder: Path, states: list[small_run.State]) -> None:
    """Each table and ledger is of one version, none is ahead of one that is written before it; then all is made good.

    A commit whose answer was lost may be there: who hears of an error asks again.
    """
    ended = folder.with_name(f"{folder.name}.ended").read_text()
    assert not ended.startswith("signal"), f"{folder.name}: {ended}"
    data = folder / "data"
    reached = []
    for name, seen in small_run.state_of(data).items():
        versions = [number for number, state in enumerate(states, start=1) if state[name] == seen]
        assert len(versions) == 1, f"{folder.name}: {name} is of no version"
        reached += versions
    assert reached == sorted(reached, reverse=True), folder.name
    assert reached[0] - reached[-1] <= 1, folder.name
    if ended == "done":
        assert reached[-1] == len(states), folder.name
    elif ended != "killed":
        assert ended.startswith(("trading_assets.warehouse.errors.", "builtins.OSError")), f"{folder.name}: {ended}"
    small_run.go_on(data)
    assert small_run.state_of(data) == {**states[-1]}, folder.name


@pytest.mark.slow
@pytest.mark.parametrize(("fault", "first"), [("kill", 5), ("EIO", 11), ("ENOSPC", 17), ("full", 23)])
def test_some_faults_lose_nothing(
    begun: Path, states: list[small_run.State], tmp_path: Path, fault: str, first: int
) -> None:
    left = faulty(begun, tmp_path, fault, first, 61)
    assert len(left) >= 4
    for folder in left:
        hold_to_promise(folder, states)


@pytest.mark.acceptance
@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_no_fault_at_any_call_loses_anything(
    begun: Path, states: list[small_run.State], tmp_path: Path, fault: str
) -> None:
    left = faulty(begun, tmp_path, fault, 1, 1)
    assert len(left) >= 250
    calls = {folder.name.split("_")[1] for folder in left}
    assert {"openat", "pwrite64", "write", "fsync", "rename"} <= calls
    for folder in left:
        hold_to_promise(folder, states)
        shutil.rmtree(folder)
