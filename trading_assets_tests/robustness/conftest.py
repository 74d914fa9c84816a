from __future__ import annotations

from pathlib import Path

import pytest

from trading_assets_tests.robustness.pipeline import Experiment


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Experiment:
    """The small experiment after a whole run; not to be changed."""
    experiment = Experiment(tmp_path_factory.mktemp("small"))
    experiment.write()
    assert experiment.run().success
    return experiment


@pytest.fixture
def experiment(finished: Experiment, tmp_path: Path) -> Experiment:
    """A copy of it to change."""
    return finished.copy_to(tmp_path)
