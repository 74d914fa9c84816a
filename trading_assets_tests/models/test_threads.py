from __future__ import annotations

import numpy as np
import threadpoolctl

from trading_assets.models.threads import one_thread


def test_linear_algebra_has_one_thread_within_and_its_own_after() -> None:
    np.linalg.inv(np.eye(3))  # loads the library
    before = [pool["num_threads"] for pool in threadpoolctl.threadpool_info()]
    with one_thread():
        assert {pool["num_threads"] for pool in threadpoolctl.threadpool_info()} == {1}
    assert [pool["num_threads"] for pool in threadpoolctl.threadpool_info()] == before


def test_libraries_that_are_named_are_loaded_before_and_held() -> None:
    with one_thread("sklearn.linear_model"):
        held = {pool["num_threads"] for pool in threadpoolctl.threadpool_info()}
    assert held == {1}
