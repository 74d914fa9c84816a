"""From a damaged warehouse to a verified one: a run of the demo is copied, damaged, restored, verified, by the clock.

Run by `python -m trading_assets_tests.benchmarks.restore_drill [DATA]`, which prints minutes and writes them into
docs/operations.md. DATA is a data folder that has a run of the demo, and is left as it is; without it the demo is run.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

from trading_assets.backups.copying import make_copy
from trading_assets.backups.restoring import restore_copy
from trading_assets.backups.verification import differences_to_copy, faults_of_home
from trading_assets.config import Configuration, load_configuration
from trading_assets_tests.benchmarks.table import REPOSITORY, replaced

DEMO = REPOSITORY / "trading_assets" / "config" / "demo.yaml"
PAGE, MEASURED = REPOSITORY / "docs" / "operations.md", REPOSITORY / "docs" / "restore_drill.json"
MARKS = ("<!-- restore drill: written by `make restore-drill` -->", "<!-- /restore drill -->")
_MIB, _DAMAGE = 2**20, b"\xff" * 200_000
_Made = TypeVar("_Made")


@dataclass(frozen=True)
class Drill:
    """What was restored, and how long each part took.

    Attributes
    ----------
    mib, tables, records
        Size of what was there, tables of its warehouse, and records of its protocol.
    damaged
        Files that were damaged, within the data folder.
    named
        Faults that were found before the restore.
    copy_seconds
        Of the copy, which was made before.
    look_seconds, restore_seconds, verify_seconds
        From the damage to its faults, to the copy in its place, and to everything verified and as in the copy.
    cores, load
        Processors of the machine, and how many processes wanted one (the average of five minutes).
    """

    mib: float
    tables: int
    records: int
    damaged: tuple[str, ...]
    named: int
    copy_seconds: float
    look_seconds: float
    restore_seconds: float
    verify_seconds: float
    cores: int
    load: float

    @property
    def minutes(self) -> float:
        """From the first look at what is damaged to the last one at what is verified."""
        return (self.look_seconds + self.restore_seconds + self.verify_seconds) / 60


def drill(configuration: Configuration, file: Path, copy: Path, now: dt.datetime) -> Drill:
    """Copy a home, damage it, restore it and verify it; whatever is not as it was is an error.

    Parameters
    ----------
    configuration, file
        Configuration with a home, which is damaged, and its file.
    copy, now
        Where the copy is made, and its time, UTC.

    Raises
    ------
    AssertionError
        The damage was not seen, or what was restored is not what was copied.
    """
    manifest, copying = _timed(lambda: make_copy(configuration, file, copy, now))
    size = sum(path.stat().st_size for path in configuration.home.rglob("*") if path.is_file()) / _MIB
    damaged = damage(configuration)
    named, looking = _timed(lambda: faults_of_home(configuration))
    assert named, f"nobody noticed the damage of {', '.join(damaged)}"
    restored, restoring = _timed(lambda: restore_copy(configuration, copy, now))
    assert restored.choice.lost == 0, restored.choice
    left, verifying = _timed(
        lambda: [*faults_of_home(configuration), *differences_to_copy(configuration, copy, manifest)]
    )
    assert not left, left
    return Drill(
        mib=round(size, 1),
        tables=len(manifest.tables),
        records=manifest.records,
        damaged=damaged,
        named=len(named),
        copy_seconds=round(copying, 2),
        look_seconds=round(looking, 2),
        restore_seconds=round(restoring, 2),
        verify_seconds=round(verifying, 2),
        cores=os.cpu_count() or 1,
        load=round(os.getloadavg()[1], 1),
    )


def damage(configuration: Configuration) -> tuple[str, ...]:
    """Overwrite the middle of the warehouse, of the protocol and of a model, where there is one; return which."""
    models = sorted(path for path in (configuration.home / "artifacts").rglob("*") if path.is_file())
    found = [configuration.warehouse_path, configuration.data / "protocol.duckdb", *models[:1]]
    for path in found:
        with path.open("r+b") as file:
            file.seek(path.stat().st_size // 3)
            file.write(_DAMAGE[: max(path.stat().st_size // 3, 1)])
    return tuple(str(path.relative_to(configuration.data)) for path in found)


def written_page(page: str, measured: Drill) -> str:
    """Return the page of operations with the figures of a drill between its marks."""
    what = f"{measured.mib:.0f} MiB, {measured.tables} tables, {measured.records} records"
    said = (
        f"From a damaged warehouse to a verified one: **{measured.minutes:.2f} minutes** on {measured.cores} cores "
        f"that {measured.load:.0f} processes wanted, after a run of the demo ({what}). "
        f"{len(measured.damaged)} files were overwritten in the middle: {', '.join(measured.damaged)}.\n\n"
        "| | seconds |\n|---|---|\n"
        f"| the copy, made before | {measured.copy_seconds:.1f} |\n"
        f"| a look that names the damage | {measured.look_seconds:.1f} |\n"
        f"| restore | {measured.restore_seconds:.1f} |\n"
        f"| everything verified, and as in the copy | {measured.verify_seconds:.1f} |"
    )
    return replaced(page, *MARKS, said)


def stored() -> Drill:
    """Return the drill that the page shows."""
    values = json.loads(MEASURED.read_text(encoding="utf-8"))
    return Drill(**{**values, "damaged": tuple(values["damaged"])})


def _timed(work: Callable[[], _Made]) -> tuple[_Made, float]:
    begun = time.perf_counter()
    return work(), time.perf_counter() - begun


def main(given: Path | None) -> None:
    """Make the drill, print it, and write it into the page."""
    with tempfile.TemporaryDirectory(prefix="restore-drill-") as folder:
        data, now = Path(folder) / "data", dt.datetime.now(dt.UTC).replace(tzinfo=None)
        if given is None:
            command = [sys.executable, "-m", "trading_assets.cli", "run", "--config", str(DEMO), "--data", str(data)]
            subprocess.run(command, check=True)
        else:
            shutil.copytree(given, data, ignore=shutil.ignore_patterns("dagster_home"))
        measured = drill(load_configuration(DEMO, data), DEMO, Path(folder) / "copy", now)
    print(f"from damaged to verified: {measured.minutes:.2f} minutes")
    MEASURED.write_text(json.dumps(asdict(measured), indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(written_page(PAGE.read_text(encoding="utf-8"), measured), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if sys.argv[1:] else None)
