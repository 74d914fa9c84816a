"""The small experiment as the stage has it."""

from __future__ import annotations

from pathlib import Path

import pytest

from trading_assets_tests.robustness import pipeline
from trading_assets_tests.trading.experiment import Experiment


@pytest.fixture
def paper(finished: pipeline.Experiment, tmp_path: Path) -> Experiment:
    """A copy of the finished experiment to change; its holdout was looked at, and its bars end with it."""
    finished.copy_to(tmp_path)
    return Experiment(tmp_path)
