"""Where the kernel cannot restrict what a module reads, that is said."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from trading_assets.sandbox import process
from trading_assets.sandbox.landlock import version
from trading_assets.strategies.evaluation.enforcement import unenforced_reads
from trading_assets.strategies.interface.resolved import configured_strategy
from trading_assets_tests.backtests.frames import loaded

TEXT = """
import polars as pl
from trading_assets.strategies import TargetWeightParameters

class Parameters(TargetWeightParameters):
    capacity: float = 0.01
    members: tuple[str, ...] = ()

def target_weights(parameters, panel): ...
"""


@pytest.mark.parametrize("restricted", [True, False])
def test_what_could_not_be_enforced_is_said_of_members_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, restricted: bool
) -> None:
    name = f"free_{restricted}".lower()
    (tmp_path / f"{name}_pack").mkdir()
    (tmp_path / f"{name}_pack/own.py").write_text(TEXT)
    monkeypatch.syspath_prepend(str(tmp_path))
    if not restricted:
        monkeypatch.setattr(process, "RESTRICTED", False)
    strategies = {"inner": {"type": f"{name}_pack.own"}, "outer": {"type": f"{name}_pack.own", "members": ["inner"]}}
    experiment = loaded(tmp_path, strategies=strategies | {"shipped": {"type": "equity_momentum"}})
    found = [unenforced_reads(experiment, configured_strategy(experiment, each)) for each in ("outer", "shipped")]
    if restricted and version():
        assert found == [[], []]
    else:
        [sentence] = found[0]
        assert sentence.startswith(f"reads of {name}_pack.own could not be enforced on this platform")
        assert found[1] == []
    assert not [each for each in sys.modules if each.startswith(name)]
