"""Who computes parts under a configuration."""

from __future__ import annotations

import pytest

from trading_assets.parallel.configured import workers_of
from trading_assets.parallel.workers import IN_PROCESS, IN_THREADS
from trading_assets_tests.backtests.frames import configuration


@pytest.mark.parametrize("executor", ["in_process", "multiprocess"])
def test_without_dask_this_process_works(executor: str) -> None:
    assert workers_of(configuration().model_copy(update={"executor": executor})) is IN_PROCESS
    own = configuration().model_copy(update={"executor": executor})
    assert workers_of(own, otherwise=IN_THREADS) is IN_THREADS
