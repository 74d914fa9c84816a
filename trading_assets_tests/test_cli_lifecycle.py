"""`trading-assets lifecycle`: a table of what is done, and a dry run that does nothing."""

from __future__ import annotations

import os
import time
from pathlib import Path

import yaml

from trading_assets_tests.conftest import TINY, called


def test_a_dry_run_says_what_a_run_does(tmp_path: Path) -> None:
    keys = yaml.safe_load(TINY.read_text()) | {"lifecycle": {"log_days": 10}}
    config, data = tmp_path / "aged.yaml", tmp_path / "data"
    config.write_text(yaml.safe_dump(keys))
    log = data / keys["name"] / "logs" / "records.jsonl.3"
    log.parent.mkdir(parents=True)
    log.write_text("{}\n")
    os.utime(log, (time.time() - 11 * 86_400,) * 2)
    asked = called(config, data, "lifecycle", "--dry-run", "--format", "csv")
    assert asked.returncode == 0, asked.stderr
    assert asked.stdout.splitlines() == [
        "action,what,age_days,bytes,why,done",
        f"remove,{log},11.0,3,lifecycle.log_days: 10,not done: dry run",
    ]
    assert log.exists()
    assert called(config, data, "lifecycle", "--format", "csv").stdout.splitlines()[1].endswith(",removed")
    assert not log.exists()
    assert called(config, data, "lifecycle").stdout == "nothing is old\n"
