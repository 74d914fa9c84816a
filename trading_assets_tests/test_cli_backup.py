"""`trading-assets backup` from a terminal: what is missing is said in one block, and nothing is made."""

from __future__ import annotations

from pathlib import Path

from trading_assets_tests.conftest import TINY, called


def test_nothing_to_copy_or_to_restore_is_one_block(tmp_path: Path) -> None:
    data = tmp_path / "data"
    for command, said in (("backup", "there is no warehouse to copy yet"), ("restore", "this is no copy")):
        done = called(TINY, data, command, str(tmp_path / "copy"))
        assert done.returncode == 1
        assert done.stderr.splitlines()[-3].startswith(f"error: {said}")
        assert "Traceback" not in done.stderr
    assert not (tmp_path / "copy").exists()
