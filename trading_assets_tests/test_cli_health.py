"""`trading-assets health` as a user types it: in words, as JSON, as a page, by its exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from trading_assets_tests.conftest import TINY, Experiment, called


@pytest.mark.slow
def test_health_before_the_first_run_and_after_it(tmp_path: Path, tiny: Experiment) -> None:
    before = called(TINY, tmp_path, "health")
    assert before.returncode == 0 and "nothing has run yet" in before.stdout
    after = called(TINY, tiny.data, "health", "--json")
    said = json.loads(after.stdout)
    assert (after.returncode, said["well"], said["configuration"]) == (0, True, "tiny")
    states = {each["item"]: each for each in said["items"]}
    assert states["last run"]["detail"].startswith("everything ") and states["last run"]["state"] == "ok"
    made, of_all = states["assets fresh"]["detail"].split(" of ")
    assert made == of_all and int(made) > 40


@pytest.mark.slow
def test_a_damaged_warehouse_is_wrong_and_the_page_says_so(tmp_path: Path) -> None:
    home = tmp_path / "tiny"
    home.mkdir()
    (home / "warehouse.duckdb").write_bytes(b"no database")
    done = called(TINY, tmp_path, "health")
    assert done.returncode == 1 and "error" in done.stdout
