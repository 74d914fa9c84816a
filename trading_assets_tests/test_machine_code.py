"""Compiling once for all test processes: each entry point is run by one of them, and all wait for it."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from trading_assets_tests.machine_code import compile_once


def test_two_share_the_work_and_both_wait_for_all_of_it(tmp_path: Path) -> None:
    """Locks are of open files, so two threads meet as two processes do."""
    runs: list[str] = []

    def compile_(name: str) -> None:
        time.sleep(0.05)
        runs.append(name)

    work = {name: (lambda name=name: compile_(name)) for name in ("a", "b", "c")}

    def process() -> tuple[list[str], list[str]]:
        return compile_once(tmp_path, work), list(runs)

    with ThreadPoolExecutor(2) as pool:
        (one, seen), (other, seen_too) = [future.result() for future in [pool.submit(process) for _ in range(2)]]
    assert sorted(runs) == sorted([*one, *other]) == ["a", "b", "c"]
    assert sorted(seen) == sorted(seen_too) == ["a", "b", "c"]
    assert compile_once(tmp_path, work) == []
